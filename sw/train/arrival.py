"""What arrives at a population through all projections, with as little work as possible: trains of spikes that meet the same weights are added up first,
and convolutions that differ only by their delay, a kernel over time, are one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import torch

from .delays import Delays
from .projection import TrainableProjection
from .synapses import Convolved, Synapses, delayed

Train = tuple[str, Delays | None]
"""Spikes by source, and the delays that they have had already."""


@dataclass
class _Tap:
    """Synapses with one set of weights that all trains reach ``steps`` steps later."""

    synapses: Synapses
    weights: torch.Tensor
    steps: int
    trains: list[Train] = field(default_factory=list)

    @property
    def kind(self) -> Any:
        return self.synapses.connection, self.weights.shape, tuple(self.trains)


def arriving(projections: Iterable[tuple[TrainableProjection, torch.Tensor]], sent: Mapping[str, torch.Tensor]) -> list[torch.Tensor]:
    """Parts (batch, time, target) of the synaptic input of one population, to be added up.

    Parameters
    ----------
    projections : with the weights that they have in this pass.
    sent : spikes (batch, time, neuron) by source.
    """
    found, taps = [], dict[Any, _Tap]()
    for p, weights in projections:
        after = p.delays.after
        if after is None:
            found.append(p.synaptic_input(sent[p.source], weights))
        else:
            base, steps = after
            key = id(p.weight), p.connection, p.synapses.source, steps
            taps.setdefault(key, _Tap(p.synapses, weights, steps)).trains.append((p.source, base))
    kernels: dict[Any, list[_Tap]] = {}
    for tap in taps.values():
        kernels.setdefault(tap.kind, []).append(tap)
    trains: dict[Train, torch.Tensor] = {}
    for same in kernels.values():
        for train in same[0].trains:
            if train not in trains:
                source, base = train
                trains[train] = sent[source] if base is None else base.trains(sent[source])
        spikes = [trains[train] for train in same[0].trains]
        found += _through(sorted(same, key=lambda tap: tap.steps), sum(spikes[1:], spikes[0]))
    return found


def _through(taps: list[_Tap], spikes: torch.Tensor) -> list[torch.Tensor]:
    """Synaptic input from the same spikes through each of the taps, in the order of their delays."""
    synapses, gaps = taps[0].synapses, {b.steps - a.steps for a, b in pairwise(taps)}
    if len(gaps) == 1 and 0 not in gaps and isinstance(synapses, Convolved) and synapses.line is not None:
        return [synapses.over_time(spikes, [tap.weights for tap in taps], taps[0].steps, gaps.pop())]
    return [delayed(tap.synapses, spikes, tap.weights, tap.steps) for tap in taps]
