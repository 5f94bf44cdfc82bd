"""Twin of the slots, in event mode: which of them are on their way back into the memory."""

from __future__ import annotations

from lifline.arch.kernel import kernel


class Slots:
    """The last uses that end with a write: an event adds, the last row of an update clears. Each is one more than the slot's number, or zero."""

    before: int
    """of the cycle before"""
    twice_before: int
    """of the one before that"""
    thrice_before: int
    """and of the one before that: a use in this cycle would collide with its write, or read what is not there yet, as with the other two"""


@kernel(forceinline=True)
def on_its_way(slots: Slots, slot: int) -> bool:
    """Whether ``slot`` must not be used in this cycle."""
    return slots.before == slot + 1 or slots.twice_before == slot + 1 or slots.thrice_before == slot + 1


@kernel(forceinline=True)
def step(slots: Slots, base: int, added: int, cleared: int) -> None:
    """The end of a cycle. ``base``: slot of block 0. ``added``, ``cleared``: blocks that are used in this cycle, each one more than its number, or zero."""
    used = added + cleared  # never both
    slots.before, slots.twice_before, slots.thrice_before = (base + used if used else 0), slots.before, slots.twice_before
