"""The walk of a pass: three digits of an entry's index, a table for each, and three nested loops over weight words and slots."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar


@dataclass(frozen=True)
class Start:
    """A word of a table: what is added to the address of the first weight word and of the first slot, and how often the digit's loop runs."""

    weight: int
    slot: int
    count: int


@dataclass(frozen=True)
class Digit:
    """One digit of an entry's index.

    Attributes
    ----------
    radix : values it can have; of the last digit it means nothing, it is what is left.
    table : by value; None where nothing is reached. Entries never have values behind the table's end: no neuron is there.
    weight_step, slot_step : from one turn of its loop to the next.
    """

    radix: int
    table: tuple[Start | None, ...]
    weight_step: int
    slot_step: int


STILL = Digit(1, (Start(0, 0, 1),), 0, 0)
"""Of one value, which adds nothing."""


@dataclass(frozen=True)
class Walk:
    """The digits, the one that changes fastest with the index first; its loop is the innermost.

    ``lanes`` : presynaptic neurons that an index stands for: one, or a block of them, each of which adds to the lane that it is in.
    """

    digits: tuple[Digit, Digit, Digit]
    lanes: int = 1
    names: ClassVar[tuple[str, str]] = "blocks", "blocks that one neuron reaches along an axis"
    """What slots and counts of its tables are."""

    @property
    def tables(self) -> tuple[tuple[Start | None, ...], ...]:
        """By digit."""
        return tuple(digit.table for digit in self.digits)

    @classmethod
    def of(cls, digit: Digit, table: int = 2) -> Walk:
        """With one digit for the whole index, in that table."""
        digits = [STILL] * 3
        digits[table] = digit
        return cls((digits[0], digits[1], digits[2]))

    @property
    def only(self) -> Digit | None:
        """The digit of a walk that has one for the whole index, which can be in any table; else None."""
        moving = [digit for digit in self.digits if digit is not STILL]
        return moving[0] if len(moving) == 1 else None

    def behind(self, turns: int) -> Walk:
        """The walk of entries whose index is counted from a later value of the last digit on."""
        first, second, third = self.digits
        return Walk((first, second, replace(third, table=third.table[turns:])), self.lanes)

    def starts(self, index: int) -> list[Start] | None:
        """The three table words of an entry, or None if it reaches nothing."""
        first, second, third = self.digits
        values = index % first.radix, index // first.radix % second.radix, index // first.radix // second.radix
        found = [digit.table[value] for digit, value in zip((first, second, third), values, strict=True)]
        return [start for start in found if start is not None] if None not in found else None

    def visits(self, index: int) -> Iterator[tuple[int, int]]:
        """Weight word, counted from the first of the pass, and slot of every block that an entry adds to."""
        starts = self.starts(index)
        if starts is None:
            return
        weight, slot = sum(start.weight for start in starts), sum(start.slot for start in starts)
        first, second, third = self.digits
        for c in range(starts[2].count):
            for b in range(starts[1].count):
                for a in range(starts[0].count):
                    yield (
                        weight + a * first.weight_step + b * second.weight_step + c * third.weight_step,
                        slot + a * first.slot_step + b * second.slot_step + c * third.slot_step,
                    )
