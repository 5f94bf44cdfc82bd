"""How many presynaptic neurons a scan finds active."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lifline.arch.kernel import kernel
from lifline.arch.limits import RING_BITS


@kernel()
def active_neurons(
    spikes: NDArray[np.uint8], first: int, delays: NDArray[np.int64], time: int, count: int, active: NDArray[np.int64]
) -> None:
    """Count, per scan and word of 32 presynaptic neurons, those with an arrival.

    ``spikes`` (time, neuron) since the last reset; ``delays`` in steps of the neurons from ``first`` on. ``active`` (scan,
    word) is zero before. One scan per step ``time .. time + count - 1``, or a single one for all of them.
    """
    together = len(active) == 1
    for j in range(len(delays)):
        for t in range(max(time - delays[j], 0), time + count - delays[j]):
            if spikes[t, first + j]:
                if together:
                    active[0, j // RING_BITS] += 1
                    break
                active[t + delays[j] - time, j // RING_BITS] += 1


@kernel()
def order_of_entries(
    spikes: NDArray[np.uint8], first: int, delays: NDArray[np.int64], time: int, count: int, order: NDArray[np.int64]
) -> None:
    """The same neurons one by one, step by step, each by its number counted from ``first``."""
    found = 0
    for step in range(time, time + count):
        for j in range(len(delays)):
            if step >= delays[j] and spikes[step - delays[j], first + j]:
                order[found] = j
                found += 1
