"""How many presynaptic neurons a scan finds active."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lifline.arch.config import ceil_div
from lifline.arch.kernel import kernel
from lifline.arch.limits import RING_BITS


def entries(
    spikes: NDArray[np.uint8], first: int, delays: NDArray[np.int64], time: int, count: int, active: NDArray[np.int64], *, lanes: int, listed: bool
) -> NDArray[np.int64]:
    """What the list gets from ``count`` steps, neurons or blocks of ``lanes`` of them: by scan and word, into ``active``; what is returned, only if ``listed``,
    is one after the other. See :func:`active_neurons`, :func:`order_of_entries` and :func:`order_of_neurons`."""
    if lanes > 1:
        order = np.zeros(count * ceil_div(len(delays), lanes), np.int64)
        return order[: blocks_of_entries(spikes, first, delays, time, count, lanes, active, order)]
    active_neurons(spikes, first, delays, time, count, active)
    order = np.zeros(int(active.sum()) if listed else 0, np.int64)
    if len(order):
        (order_of_neurons if len(active) == 1 else order_of_entries)(spikes, first, delays, time, count, order)
    return order


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


@kernel()
def blocks_of_entries(
    spikes: NDArray[np.uint8], first: int, delays: NDArray[np.int64], time: int, count: int, lanes: int, active: NDArray[np.int64], order: NDArray[np.int64]
) -> int:
    """Blocks of ``lanes`` presynaptic neurons with an arrival: like :func:`active_neurons` per scan and word, which ends at the end of a block, one scan per step, and
    one by one, like :func:`order_of_entries`. ``order`` has room for all of them; how many they are."""
    found = 0
    for step in range(time, time + count):
        last = -1
        for j in range(len(delays)):
            if j // lanes != last and step >= delays[j] and spikes[step - delays[j], first + j]:
                last = j // lanes
                order[found] = last
                found += 1
                active[step - time, j // RING_BITS] += 1
    return found


@kernel()
def order_of_neurons(
    spikes: NDArray[np.uint8], first: int, delays: NDArray[np.int64], time: int, count: int, order: NDArray[np.int64]
) -> None:
    """Those that have an arrival in any of the steps, each once, lowest first."""
    found = 0
    for j in range(len(delays)):
        for t in range(max(time - delays[j], 0), time + count - delays[j]):
            if spikes[t, first + j]:
                order[found] = j
                found += 1
                break
