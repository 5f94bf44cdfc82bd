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
    added: int
    """entries since the last swap"""

    swap: bool
    """wire: the sums of a block are complete"""
    partial: bool
    """wire: the sums of a part of a block are"""
    issue: bool
    """wire: an entry is used"""
    empty: bool
    """wire: there is nothing to issue"""


@kernel(forceinline=True)
def show(dense: Dense, at_end: bool, empty: bool, available: bool, enable: bool, window: int, drain: int) -> None:
    """What dense issue shows in this cycle. ``at_end``: no entry of the block is left. ``empty``: nor was there one of any block. ``available``: one is in hand."""
    running, may_swap = enable and not dense.issued, dense.since_swap == 0
    dense.empty = at_end and empty
    dense.swap = running and at_end and not empty and may_swap
    dense.partial = running and not at_end and dense.full and available and may_swap
    dense.issue = running and not at_end and not dense.full and available and dense.since_swap <= window - drain


@kernel(forceinline=True)
def show_listed(dense: Dense, entries: Entries, enable: bool, window: int, drain: int) -> None:
    """The same, of a pass that goes through all of its entries for every block."""
    at_end = entries.rows_done != 0 and entries.pointer == entries.end_even
    show(dense, at_end, entries.end_even == 0, entries.available, enable, window, drain)


@kernel(forceinline=True)
def step(dense: Dense, enable: bool, last: bool, window: int, chunk: int) -> None:
    """The end of a cycle. ``last``: no block follows."""
    if dense.since_swap != 0:
        dense.since_swap -= 1
    if enable and dense.empty:
        dense.issued = True
    if dense.swap:
        dense.block += 1
        dense.issued = last
    if dense.issue:
        dense.added += 1
        dense.full = dense.added == chunk
    if dense.swap or dense.partial:
        dense.since_swap = window - 1
        dense.full, dense.added = False, 0
