"""The gather of a pass: for every block of its target the places of its source that add to it, and their weight words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from .walk import Start


@dataclass(frozen=True)
class Gather:
    """Two tables, one word for every row and one for every block column of the target, and the steps between what they do not name.

    Blocks count groups of channels first, then columns, then rows. ``slot`` of a table's word is a source position, ``count`` how many rows or columns of
    the kernel lie inside the pass's source; None where none does.

    Attributes
    ----------
    columns, rows : tables.   groups : blocks of one target position.   channels : places of one source position.
    group_step, row_step : weight words from a group to the next, and from a row of the kernel to the next, beside those that places count.
    row_positions : source positions from a row of the kernel to the next.   offset : weight words that are added to all, so that no table holds a negative one.
    """

    columns: tuple[Start | None, ...]
    rows: tuple[Start | None, ...]
    groups: int
    channels: int
    group_step: int
    row_step: int
    row_positions: int
    offset: int
    names: ClassVar[tuple[str, str]] = "source positions of a pass", "rows or columns of a kernel"
    """What slots and counts of its tables are."""

    @property
    def tables(self) -> tuple[tuple[Start | None, ...], ...]:
        """By the number of the memory that holds it; the first one holds nothing."""
        return (), self.columns, self.rows

    @property
    def reached(self) -> int:
        """Blocks that something can reach."""
        return self.groups * sum(row is not None for row in self.rows) * sum(column is not None for column in self.columns)

    def segments(self, block: int) -> Iterator[tuple[int, int, int]]:
        """First place, places, and weight word of the first place, counted from the pass's first, of everything that adds to a block."""
        position, group = divmod(block, self.groups)
        line, place = divmod(position, len(self.columns))
        row, column = self.rows[line], self.columns[place]
        if row is None or column is None:
            return
        for k in range(row.count):
            first = (row.slot + column.slot + k * self.row_positions) * self.channels
            yield first, column.count * self.channels, self.offset + first + row.weight + column.weight + k * self.row_step + group * self.group_step
