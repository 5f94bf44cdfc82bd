"""Twin of the pointers of a gather pass: how many of them are there, and which entries wait for theirs."""

from __future__ import annotations

from numpy import int64
from numpy.typing import NDArray

from lifline.arch.kernel import kernel

from .entries import Entries


class Pointers:
    """One pointer per cycle. What they say is known beforehand, but not when they are there."""

    known: int
    """pointers that are there"""
    first: int
    """the first presynaptic neuron of the position whose pointer is next"""
    waiting: bool
    """an entry's pointers are not all there"""
    held: int
    """the entry"""
    more: bool
    """another entry waits behind it"""
    behind: int
    """that one"""


@kernel(forceinline=True)
def step(pointers: Pointers, entries: Entries, entry_valid: bool, order: NDArray[int64], channels: int, depth: int) -> None:
    """The end of a cycle. ``order``: active neurons as they come. ``depth``: pointers that there can be."""
    there = pointers.waiting or entry_valid
    comes = order[entries.written] if entry_valid else 0
    index = pointers.held if pointers.waiting else comes
    following = pointers.first + channels
    counts = there and index < following
    advances = index >= pointers.first if there else entries.rows_done != 0
    if advances:
        pointers.first = following
        pointers.known = min(pointers.known + 1, depth)
    if pointers.waiting:
        if counts:
            pointers.held = pointers.behind if pointers.more else comes
            pointers.waiting = pointers.more or entry_valid
            pointers.more = False
        elif entry_valid:
            pointers.behind, pointers.more = comes, True
    elif entry_valid and not counts:
        pointers.held, pointers.waiting = comes, True
