"""Twin of dense issue: all entries of the window for one block after the other, and a swap after each."""

from __future__ import annotations

from lifline.arch.kernel import kernel

from .entries import Entries


class Dense:
    """A swap hands the sums of a block to the drain, which needs a window's cycles for them; the next ones accumulate meanwhile."""

    issued: bool
    """everything has been issued"""
    since_swap: int
    """cycles until the next swap may come"""
    block: int
    """blocks that have been issued"""
    full: bool
    """the sums may be full: a swap comes before the next entry"""

    swap: bool
    """wire: the sums of a block are complete"""
    partial: bool
    """wire: the sums of a part of a block are"""
    issue: bool
    """wire: an entry is used"""
    empty: bool
    """wire: there is nothing to issue"""


@kernel(forceinline=True)
def show(dense: Dense, entries: Entries, enable: bool, window: int, drain: int) -> None:
    """What dense issue shows in this cycle."""
    scanned = entries.rows_done != 0
    at_end = scanned and entries.pointer == entries.end_even
    running, may_swap = enable and not dense.issued, dense.since_swap == 0
    dense.empty = scanned and entries.end_even == 0
    dense.swap = running and at_end and not dense.empty and may_swap
    dense.partial = running and not at_end and dense.full and entries.available and may_swap
    dense.issue = running and not at_end and not dense.full and entries.available and dense.since_swap <= window - drain


@kernel(forceinline=True)
def step(dense: Dense, enable: bool, next_pointer: int, blocks: int, window: int, chunk: int) -> None:
    """The end of a cycle. ``next_pointer``: of the list."""
    if dense.since_swap != 0:
        dense.since_swap -= 1
    if enable and dense.empty:
        dense.issued = True
    if dense.swap:
        dense.block += 1
        dense.issued = dense.block == blocks
    if dense.swap or dense.partial:
        dense.since_swap = window - 1
        dense.full = False
    if dense.issue:
        dense.full = chunk != 0 and next_pointer % chunk == 0
