"""Compiled loops of the golden model for projections that do not connect everything: windows and lists of synapses.

As in :mod:`~lifline.sim.golden.kernels`: ``fired`` (batch, depth + time, neuron), ``x`` (batch, time, neuron), steps ``start..stop-1``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lifline.arch.kernel import kernel

from .kernels import Ints, arriving, room_for

PLACE_BITS, PLACE_MASK = 32, (1 << 32) - 1
TOGETHER = 4
"""Runs of a window that are listed at once."""


class Window(NamedTuple):
    """Where the spikes of a source go that is seen through a window, in runs: neighbours in the target that take neighbours among the weights.

    The target is (row, column, channel), the weights are flat. A place is one number, target << 32 | weight, so that places add up.

    ``position, first`` (source,): a source's position, and the place that those of its position are relative to. ``runs`` (position,): how many there
    are; ``places`` (position, most runs, to a multiple of :data:`TOGETHER`): where each begins; ``lengths`` (position, most runs): how many values it
    has. ``length``: that number if it is the same for all, else 0.
    """

    position: Ints
    first: Ints
    runs: Ints
    places: Ints
    lengths: Ints
    length: int


@kernel(inline="always")
def listed_runs(window: Window, active: NDArray[np.uint32], count: int, listed: Ints) -> int:
    """List the places of all runs of ``count`` active neurons; returns how many there are.

    It lists as many for each as a neuron can have, and the next ones over those that are none: faster than to ask each time how many there are.
    """
    places, runs = window.places, np.uint64(0)
    for k in range(count):
        position, first = window.position[active[k]], window.first[active[k]]
        place0, place1, place2, place3 = places[position, 0], places[position, 1], places[position, 2], places[position, 3]
        listed[runs], listed[runs + np.uint64(1)] = place0 + first, place1 + first
        listed[runs + np.uint64(2)], listed[runs + np.uint64(3)] = place2 + first, place3 + first
        for more in range(TOGETHER, places.shape[1]):
            listed[runs + np.uint64(more)] = places[position, more] + first
        runs += window.runs[position]
    return int(np.int64(runs))


@kernel()
def accumulate_window(
    fired: NDArray[np.uint8], depth: int, delays: Ints, levels: int, weights: Ints, window: Window, x: Ints, start: int, stop: int
) -> None:
    """:func:`~lifline.sim.golden.kernels.accumulate` through a window; ``weights`` are already shifted, and ``x`` is in the order that :class:`Window` describes."""
    batch, _, sources = fired.shape
    found = room_for(sources)
    active = found.active
    listed = np.empty((sources + 1) * window.places.shape[1], np.int64)
    for b in range(batch):
        for t in range(start, stop):
            values = x[b, t]
            for level in range(1, levels + 1):
                count = arriving(fired, b, depth + t, delays, level, found)
                if count == 0:
                    break
                if window.length:
                    for r in range(listed_runs(window, active, count, listed)):
                        added, w = values[listed[r] >> PLACE_BITS :], weights[listed[r] & PLACE_MASK :]
                        for n in range(window.length):
                            added[n] += w[n]
                    continue
                for k in range(count):
                    position, first = window.position[active[k]], window.first[active[k]]
                    for r in range(window.runs[position]):
                        place = window.places[position, r] + first
                        added, w = values[place >> PLACE_BITS :], weights[place & PLACE_MASK :]
                        for n in range(window.lengths[position, r]):
                            added[n] += w[n]


@kernel()
def accumulate_sparse(
    fired: NDArray[np.uint8], depth: int, delays: Ints, levels: int, begins: Ints, targets: Ints, weights: Ints, x: Ints, start: int, stop: int
) -> None:
    """:func:`~lifline.sim.golden.kernels.accumulate` of the synapses ``begins[j]..begins[j+1]-1`` of every source ``j``; ``weights`` are already shifted."""
    batch, _, sources = fired.shape
    found = room_for(sources)
    active = found.active
    for b in range(batch):
        for t in range(start, stop):
            values = x[b, t]
            for level in range(1, levels + 1):
                count = arriving(fired, b, depth + t, delays, level, found)
                if count == 0:
                    break
                for j in active[:count]:
                    for k in range(begins[j], begins[j + 1]):
                        values[targets[k]] += weights[k]
