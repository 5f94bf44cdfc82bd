"""The verdict on an import: equal to the framework, refused by name, or wrong in silence. Independent of the import's own check."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

import lifline
from lifline.arch.errors import LiflineError
from lifline.convert.floating.evaluate import evaluate

from .entry import Entry, evaluating, first, spikes

SEED, SAMPLE_SEED, TEST_SEED = 7, 11, 23
Importer = Callable[..., Any]


@dataclass(frozen=True)
class Verdict:
    """What came of one import.

    Attributes
    ----------
    outcome : "equal", "refused", "silent" (imported, and differs), "untyped" (another exception than lifline's own), or "vacuous" (the framework's
        output says nothing, so that nothing is shown: a mistake of the corpus).
    detail : the error's message, or how much differs.
    layers : hidden layers of neurons that were compared, too.
    """

    entry: Entry
    outcome: str
    detail: str = ""
    layers: int = 0

    @property
    def refused_wrongly(self) -> bool:
        return self.outcome == "refused" and self.entry.expected == "equal"

    @property
    def good(self) -> bool:
        return self.outcome in ("equal", "refused") and not self.refused_wrongly and (self.entry.expected, self.outcome) != ("refused", "equal")


def new(entry: Entry) -> nn.Module:
    torch.manual_seed(SEED)
    return evaluating(entry.make())


def framework_run(entry: Entry, net: nn.Module, x: torch.Tensor) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Outputs (batch, time, values), and those of its layers of neurons, by name."""
    calls: dict[str, list[torch.Tensor]] = {}

    def watch(name: str) -> Callable[..., None]:
        return lambda module, inputs, output: calls.setdefault(name, []).append(first(output).detach().clone())

    handles = [m.register_forward_hook(watch(name)) for name, m in net.named_modules() if name and entry.framework.spiking(m)]
    torch.manual_seed(SEED)
    try:
        with torch.no_grad():
            y = (entry.run or entry.framework.run)(net, x.clone())
    finally:
        for handle in handles:
            handle.remove()
    layers = {name: by_step(values, *x.shape[:2]) for name, values in calls.items()}
    return flat(y), {name: flat(values) for name, values in layers.items() if values is not None}


def by_step(calls: list[torch.Tensor], steps: int, batch: int) -> torch.Tensor | None:
    """What a layer gave as (time, batch, ...): called once a step, once, or once for each item; None if it is called otherwise."""
    shape = tuple(calls[0].shape[:2])
    if len(calls) == steps and shape[0] == batch:
        return torch.stack(calls)
    if len(calls) == 1 and shape in ((steps, batch), (batch, steps)):
        return calls[0] if shape == (steps, batch) else calls[0].swapaxes(0, 1)
    if len(calls) == batch and shape == (1, steps):
        return torch.cat(calls).swapaxes(0, 1)
    return None


def flat(y: torch.Tensor) -> np.ndarray:
    return y.detach().numpy().swapaxes(0, 1).reshape(y.shape[1], y.shape[0], -1)


def judge(entry: Entry, importer: Importer | None = None, **options: Any) -> Verdict:
    """Import one network and compare it with its framework on random spikes that the import has not seen.

    ``importer`` stands in for lifline's, and ``options`` are further arguments of it.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _judge(entry, importer or getattr(lifline, entry.framework.importer), options)


def _judge(entry: Entry, importer: Importer, options: dict[str, Any]) -> Verdict:
    x = spikes(entry.shape, TEST_SEED)
    if entry.sampled:
        options = options | {"sample": (entry.sample or entry.framework.sample)(spikes(entry.shape, SAMPLE_SEED))}
    y, layers = framework_run(entry, new(entry), x)
    net = new(entry)
    try:
        network = importer(net, **entry.options, **options)
        result = evaluate(network, x.numpy().swapaxes(0, 1), record="all")
    except LiflineError as error:
        return Verdict(entry, "refused", str(error))
    except Exception as error:  # whatever it is, it is not what a user should see
        return Verdict(entry, "untyped", f"{type(error).__name__}: {error}")
    if len(np.unique(y)) < 2:
        return Verdict(entry, "vacuous", "the framework's output is constant")
    output = result.output.reshape(*result.output.shape[:2], -1)
    if output.shape != y.shape:
        return Verdict(entry, "silent", f"output {output.shape} instead of {y.shape}")
    wrong = int((~(np.abs(output - y) <= entry.tolerance)).sum())
    if wrong:
        return Verdict(entry, "silent", f"{wrong:,} of {y.size:,} values of the output differ")
    compared = 0
    for name, expected in layers.items():
        found = result.spikes.get(name)
        if found is None or found.reshape(*found.shape[:2], -1).shape != expected.shape:
            continue
        compared += 1
        found = found.reshape(expected.shape)
        if (expected != np.round(expected)).any():  # graded spikes: the framework scales what leaves the layer
            found, expected = found != 0, expected != 0
        wrong = int((found != expected).sum())
        if wrong:
            return Verdict(entry, "silent", f"{wrong:,} spikes of layer `{name}` differ")
    return Verdict(entry, "equal", f"{compared} layers", compared)


def tally(verdicts: Iterable[Verdict]) -> dict[str, int]:
    """Counts by outcome, and of networks that ought to import but are refused, or to be refused but import."""
    verdicts = list(verdicts)
    counts = Counter(v.outcome for v in verdicts)
    return {
        "corpus": len(verdicts),
        **{outcome: counts[outcome] for outcome in ("equal", "refused", "silent", "untyped", "vacuous")},
        "refused_wrongly": sum(v.refused_wrongly for v in verdicts),
        "imported_wrongly": sum(v.outcome == "equal" and v.entry.expected == "refused" for v in verdicts),
    }
