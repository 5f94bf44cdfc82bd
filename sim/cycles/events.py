"""Twin of event issue: every entry of a step's list goes through all blocks."""

from __future__ import annotations

from lifline.arch.kernel import kernel
from lifline.arch.timing import ACCUMULATE_SPACING

from .entries import Entries


class Events:
    """An entry takes as many cycles as there are blocks, but at least the spacing that protects a slot's read-modify-write."""

    active: bool
    """an entry is in hand"""
    block: int
    """cycles since it was taken: the block, if there is such a one"""

    last: bool
    """wire: the last cycle of the entry in hand"""
    at_end: bool
    """wire: the step's list has come to its end"""
    done: bool
    """wire: this step is complete"""
    take: bool
    """wire: an entry is taken from the list"""


@kernel(forceinline=True)
def show(events: Events, entries: Entries, current_step: int, enable: bool, blocks: int) -> None:
    """What event issue shows in this cycle."""
    end = entries.end_odd if current_step & 1 else entries.end_even
    events.last = events.active and events.block == max(blocks, ACCUMULATE_SPACING) - 1
    events.at_end = entries.rows_done > current_step and entries.pointer == end
    events.done = events.at_end and (not events.active or events.last)
    events.take = enable and (not events.active or events.last) and entries.available and not events.at_end


@kernel(forceinline=True)
def step(events: Events) -> None:
    """The end of a cycle."""
    if events.take:
        events.active, events.block = True, 0
    elif events.last:
        events.active = False
    elif events.active:
        events.block += 1
