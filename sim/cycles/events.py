"""Twin of event issue: every entry of a step's list goes through all blocks."""

from __future__ import annotations

from lifline.arch.kernel import kernel

from .entries import Entries
from .slots import Slots, on_its_way


class Events:
    """One block per cycle, unless its slot is still on its way from its last use."""

    active: bool
    """an entry is in hand"""
    block: int
    """the block that it is at"""

    added: int
    """wire: one more than the block that is used; zero if none is"""
    last: bool
    """wire: the last use of the entry in hand"""
    at_end: bool
    """wire: the step's list has come to its end"""
    done: bool
    """wire: this step is complete, and its slots can be read in the order of blocks, from two cycles later on"""
    take: bool
    """wire: an entry is taken from the list"""


@kernel(forceinline=True)
def show(events: Events, slots: Slots, entries: Entries, current_step: int, base: int, enable: bool, blocks: int) -> None:
    """What event issue shows in this cycle. ``base``: slot of block 0 in this step."""
    end = entries.end_odd if current_step & 1 else entries.end_even
    issue = events.active and not on_its_way(slots, base + events.block)
    events.added = events.block + 1 if issue else 0
    events.last = events.added == blocks
    events.at_end = entries.rows_done > current_step and entries.pointer == end
    unsettled = events.added == 1 or events.added == 2 or slots.before == base + 1
    events.done = events.at_end and (not events.active or events.last) and not unsettled
    events.take = enable and (not events.active or events.last) and entries.available and not events.at_end


@kernel(forceinline=True)
def step(events: Events) -> None:
    """The end of a cycle."""
    if events.take:
        events.active, events.block = True, 0
    elif events.last:
        events.active = False
    elif events.added:
        events.block += 1
