"""The framework's network and the imported one on the same inputs, compared layer by layer and step by step."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.utils._pytree import tree_leaves

from lifline.arch.errors import ConversionError

from ..floating.evaluate import evaluate
from ..floating.network import FloatNetwork
from ..frameworks.torch_layers import Framework
from .index import ITEM, Roles
from .values import wrapped

if TYPE_CHECKING:
    from .network import Followed

STEPS = 40
"""Steps of the runs that are compared, where the sample does not say."""
RATES = (0.3, 0.7, 0.1, 1.0)
"""Rates of the random input spikes, one after the other, until every layer has fired."""
TOLERANCE = 1e-4
"""Largest difference between membranes of read-outs, relative to the largest of them; spikes must be equal."""

ROUNDING = 64 * float(np.finfo(np.float32).eps)
"""Share of the largest membrane that rounding sums in another order may change."""


@dataclass(frozen=True)
class Way:
    """How the network takes steps: one ``step`` per call, or all of them in a call, along the leading axis ``time``, or with one ``static`` input."""

    kind: str
    time: int | None
    steps: int


def compare_with(net: nn.Module, framework: Framework, followed: Followed, network: FloatNetwork, sample: Any) -> list[str]:
    """Notes on what the comparison did not show.

    Raises
    ------
    ConversionError   naming the layer that differs, the first step and the number of values.
    """
    way = _way(followed)
    if way.kind == "loop" and sample is None and _takes(net, framework, followed, way, STEPS):
        way = Way(way.kind, way.time, STEPS)
    generator = torch.Generator().manual_seed(11)
    layers = {layer.name for layer in followed.layers}
    silent = {p.name for p in network.populations if p.name in layers and p.neurons is not None and p.neurons.threshold is not None}
    notes: list[str] = []
    inputs = [_random(followed, way, rate, generator) for rate in RATES]
    if sample is not None:
        own = followed.sample
        inputs.insert(0, own.expand(way.steps, *own.shape) if way.kind == "step" else own)
    for x in inputs:
        if not silent and x is not inputs[0]:
            break
        fired, note = _compare(net, framework, followed, network, way, x)
        silent -= fired
        notes += [note] if note and note not in notes else []
    if silent:
        notes.append(f"{', '.join(f'`{name}`' for name in sorted(silent))} did not fire in the comparison with the framework, so that nothing is known of what they would do")
    return notes


def _way(followed: Followed) -> Way:
    follower, layers = followed.follower, followed.layers
    calls = {len(layer.calls) for layer in layers}
    sequences = {followed.spiking[layer.name].time_axis is not None for layer in layers}
    if len(sequences) > 1 or len(calls) > 1:
        raise ConversionError("some layers of neurons take one step in a call and some take several; run all of them step by step, or all of them at once")
    count = calls.pop()
    if sequences.pop():
        if count != 1:
            raise ConversionError("a layer of neurons that takes all steps in one call is called several times")
        layer = layers[0]
        axis = followed.spiking[layer.name].time_axis
        assert axis is not None
        role = layer.calls[0].roles[axis]
        joined = followed.spiking[layer.name].steps
        if role == ITEM or len(role) != 1:
            raise ConversionError(f"layer `{layer.name}` runs over axis {axis} of its input, which is not the time axis of the sample")
        size = follower.lead_sizes[role[0]]
        return Way("sequence", role[0], size if joined is None else joined(size))
    if follower.selected:
        (axis, *more) = sorted(follower.selected)
        if more or count != follower.lead_sizes[axis]:
            raise ConversionError(f"the network takes {count} of the {follower.lead_sizes[axis]} positions along an axis of its input; a loop over time must take every step")
        return Way("loop", axis, count)
    return Way("static", None, count) if count > 1 else Way("step", None, STEPS)


def _random(followed: Followed, way: Way, rate: float, generator: torch.Generator) -> torch.Tensor:
    shape = list(followed.sample.shape)
    if way.kind == "step":
        shape = [way.steps, *shape]
    elif way.kind == "loop":
        assert way.time is not None
        shape[way.time] = way.steps
    return (torch.rand(shape, generator=generator) < rate).to(followed.sample)


def _takes(net: nn.Module, framework: Framework, followed: Followed, way: Way, steps: int) -> bool:
    """Whether the network's loop runs over as many steps as it is given."""
    assert way.time is not None
    shape = list(followed.sample.shape)
    shape[way.time] = steps
    try:
        found = _run(net, framework, followed, way, torch.zeros(shape).to(followed.sample))
    except Exception:  # the network's own forward: it takes just as many steps as its sample had
        return False
    return all(len(calls) == steps for calls in found.values())


def _run(net: nn.Module, framework: Framework, followed: Followed, way: Way, x: torch.Tensor) -> dict[str, list[torch.Tensor]]:
    """What every layer of neurons gave, call by call."""
    found: dict[str, list[torch.Tensor]] = {layer.name: [] for layer in followed.layers}
    framework.reset(net)

    def recorded(name: str, module: nn.Module) -> Any:
        busy = [False]
        shown = followed.spiking[name].shown

        def make(forward: Any) -> Any:
            def call(*args: Any, **kwargs: Any) -> Any:
                if busy[0]:
                    return forward(*args, **kwargs)
                busy[0] = True
                try:
                    output = forward(*args, **kwargs)
                finally:
                    busy[0] = False
                tensors = [t for t in tree_leaves(output) if isinstance(t, torch.Tensor)]
                found[name].append((tensors[0] if shown is None else shown(module, tensors)).detach().clone())
                return output

            return call

        return make

    modules = {layer.name: net if layer.module is followed.follower.net else net.get_submodule(layer.name) for layer in followed.layers}
    with ExitStack() as stack, torch.no_grad():
        for name, module in modules.items():
            stack.callback(wrapped(module, recorded(name, module)))
        if way.kind != "step":
            net(x)
            return found
        state: Any = None
        for step in x:
            output = net(step, state) if framework.carries and state is not None else net(step)
            state = output[1] if framework.carries and isinstance(output, tuple) and len(output) > 1 else None
    return found


def _by_item(tensor: NDArray[Any], roles: Roles, lead_sizes: list[int], time: int | None, steps: int) -> NDArray[Any]:
    """(batch, *item), or (batch, time, *item) with a time axis among the leading ones."""
    sizes: list[int] = []
    names: list[Any] = []
    for n, role in zip(tensor.shape, roles, strict=True):
        if role == ITEM:
            sizes.append(n)
            names.append(ITEM)
        else:
            sizes += [lead_sizes[a] for a in role] or [1]
            names += list(role) or [-1]
    whole = tensor.reshape(sizes)
    leading = sorted((k for k, name in enumerate(names) if name != ITEM), key=lambda k: names[k])
    whole = whole.transpose(*leading, *(k for k, name in enumerate(names) if name == ITEM))
    item = whole.shape[len(leading) :]
    if time is None:
        return whole.reshape(-1, *item)
    place = [names[k] for k in leading].index(time)
    whole = np.moveaxis(whole, place, len(leading) - 1)
    return whole.reshape(-1, steps, *item)  # a joined axis of items and steps falls apart here


@dataclass(frozen=True)
class _Difference:
    """Values of one layer that differ, (batch, time, *shape), and which of them may be rounding: the membrane equals the threshold, or a multiple of it."""

    name: str
    wrong: NDArray[np.bool_]
    tie: NDArray[np.bool_]

    @property
    def first(self) -> int:
        return int(np.flatnonzero(self.wrong.any(axis=tuple(k for k in range(self.wrong.ndim) if k != 1)))[0])

    def steps(self) -> NDArray[np.int64]:
        """First step that differs, by item; the number of steps where none does."""
        flat = np.any(self.wrong.reshape(*self.wrong.shape[:2], -1), axis=2)
        return np.where(np.any(flat, axis=1), np.argmax(flat, axis=1), self.wrong.shape[1])


def _compare(
    net: nn.Module, framework: Framework, followed: Followed, network: FloatNetwork, way: Way, x: torch.Tensor
) -> tuple[set[str], str]:
    """Layers that fired; and a note, if the order of rounding alone makes a difference."""
    differences, fired = _differences(net, framework, followed, network, way, x)
    if not differences:
        return fired, ""
    worst = differences[0]
    where = f"{int(worst.wrong.sum()):,} of {worst.wrong.size:,} values, first in step {worst.first}"
    if _rounding_only(differences):
        return fired, (
            f"layer `{worst.name}` differs from {framework.name}'s in {where}: there the membranes equal the threshold up to single-precision rounding, and sums are "
            "rounded in another order"
        )
    raise ConversionError(
        f"layer `{worst.name}` of the imported network differs from {framework.name}'s: {where}. The network computes something that the import did not see; "
        "`check=False` imports it all the same"
    )


def _rounding_only(differences: list[_Difference]) -> bool:
    """Whether, in every item, all values that differ first are ties; what follows from them may differ as it will."""
    first = np.min([d.steps() for d in differences], axis=0)
    settled = np.zeros(len(first), np.bool_)
    for difference in differences:  # in the order of computation
        own = (difference.steps() == first) & (first < difference.wrong.shape[1]) & ~settled
        for item in np.flatnonzero(own):
            wrong = difference.wrong[item, first[item]]
            if not difference.tie[item, first[item]][wrong].all():
                return False
        settled |= own
    return True


def _differences(
    net: nn.Module, framework: Framework, followed: Followed, network: FloatNetwork, way: Way, x: torch.Tensor
) -> tuple[list[_Difference], set[str]]:
    """Layers that differ, in the order of computation; and the layers that fired."""
    found = _run(net, framework, followed, way, x)
    sizes = list(followed.follower.lead_sizes)
    if way.kind == "loop" and way.time is not None:
        sizes[way.time] = way.steps
    leads = x.ndim - len(followed.item) - (way.kind == "step")
    roles: Roles = tuple((k,) for k in range(leads)) + (ITEM,) * len(followed.item)
    values = x.detach().cpu().numpy()
    if way.kind == "step":
        given = np.stack([_by_item(v, roles, sizes, None, 1) for v in values], axis=1)
    elif way.kind == "static":
        given = np.repeat(_by_item(values, roles, sizes, None, 1)[:, None], way.steps, axis=1)
    else:
        given = _by_item(values, roles, sizes, way.time, way.steps)
    ours = evaluate(network, given.reshape(*given.shape[:2], *followed.item), record="all", crossings=True)
    differences, fired = [], set()
    for layer in (la for name in network.order for la in followed.layers if la.name == name):
        model, call = followed.spiking[layer.name], layer.calls[0]
        outputs = [t.cpu().numpy() for t in found[layer.name]]
        if way.kind == "sequence":
            theirs = _by_item(outputs[0], call.roles, sizes, way.time, way.steps)
        else:
            theirs = np.stack([_by_item(o, call.roles, sizes, None, 1) for o in outputs], axis=1)
        threshold = model.neurons.threshold
        mine = ours.v[layer.name] if threshold is None else ours.spikes[layer.name]
        if model.scale is not None:
            mine = mine * np.asarray(model.scale, mine.dtype)
        theirs = theirs.reshape(mine.shape)
        wrong = np.abs(mine - theirs) > (TOLERANCE * max(float(np.abs(theirs).max()), 1e-30) if threshold is None else 0)
        if wrong.any():
            differences.append(_Difference(layer.name, wrong, np.zeros_like(wrong) if threshold is None else _ties(ours.crossing[layer.name], threshold)))
        if threshold is not None and theirs.any():
            fired.add(layer.name)
    return differences, fired


def _ties(crossing: NDArray[Any], threshold: NDArray[Any]) -> NDArray[np.bool_]:
    multiples = np.maximum(np.rint(crossing / np.where(threshold == 0, 1, threshold)), 1)
    size = np.maximum(np.abs(multiples * threshold), float(np.abs(crossing).max()))
    return np.abs(crossing - multiples * threshold) <= ROUNDING * size
