"""Twin of the drain: the dense sums of a block go into its slots, step by step; and of the slots' write pipeline."""

from __future__ import annotations

from lifline.arch.kernel import kernel
from lifline.arch.timing import ACCUMULATE_SPACING

from .dense import Dense

WRITES = (1 << (ACCUMULATE_SPACING - 1)) - 1
"""Slot writes on their way, one bit each."""


class Drain:
    """One slot per cycle."""

    draining: bool
    """sums go into a slot"""
    step: int
    """that of this step"""
    writes: int
    """bit ``k``: a slot was read ``k + 1`` cycles ago, and will be written: with a sum, or with zero"""

    done: bool
    """wire: the window is complete"""


@kernel(forceinline=True)
def show(drain: Drain, issued: bool, empty: bool, count: int) -> None:
    """What the drain shows in this cycle. ``issued``, ``empty``: dense issue has ended, or had nothing to do."""
    written = count >= ACCUMULATE_SPACING or drain.writes == 0  # the first step is read first; its sum has arrived
    drain.done = issued and (empty or (not drain.draining and written))


@kernel(forceinline=True)
def step(drain: Drain, dense: Dense, count: int, cleared: int) -> None:
    """The end of a cycle. ``cleared``: one more than the block whose slot the update clears, or zero."""
    drain.writes = (drain.writes << 1 | (drain.draining or cleared != 0)) & WRITES
    if drain.draining:
        if drain.step == count - 1:
            drain.draining = False
        drain.step += 1
    if dense.swap or dense.partial:
        drain.draining, drain.step = True, 0
