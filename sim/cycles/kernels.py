"""What the kernel of every block of a gather pass covers: the tables, read once for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lifline.arch.config import Config
from lifline.arch.maps import MAP
from lifline.arch.program import GATHER_WORDS

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Covers:
    """Of the blocks of a gather pass.

    Attributes
    ----------
    kernels : (block, 3), first source position, columns and rows of what a kernel covers; without columns it covers nothing.
    channels : presynaptic neurons of a position.   row_positions : positions from a source row to the next.
    """

    kernels: Ints
    channels: int
    row_positions: int

    def pointers(self, order: Ints, depth: int) -> Ints:
        """By position, how many of the active neurons ``order`` come before it."""
        return np.searchsorted(order, np.arange(depth + 1, dtype=np.int64) * self.channels)

    def entries(self, pointers: Ints) -> int:
        """Weight words that are read: for every block those of the active neurons that reach it."""
        total = 0
        for k in range(int(self.kernels[:, 2].max(initial=0))):
            position, columns, rows = self.kernels[(self.kernels[:, 1] > 0) & (self.kernels[:, 2] > k)].T
            first = position + k * self.row_positions
            total += int((pointers[first + columns] - pointers[first]).sum())
        return total


NONE = Covers(np.zeros((1, 3), np.int64), 1, 0)
"""Of a pass that does not gather."""


def covers(words: Sequence[int], image: NDArray[np.uint32], blocks: int, config: Config) -> Covers:
    """Of a pass with the program words ``words`` behind those of every pass, and the memory of maps."""
    fields = {name: value for layout, word in zip(GATHER_WORDS, words, strict=True) for name, value in layout.unpack(word).items()}
    position, _ = np.divmod(np.arange(blocks), fields["groups"])
    row, column = np.divmod(position, fields["columns"])
    found = []
    for table, digit in ((1, column), (2, row)):
        place = table * config.map_words + (fields[f"table_{table}"] + digit) % config.map_words
        found.append({field.name: image[place].astype(np.int64) >> offset & (1 << field.width) - 1 for offset, field in MAP})
    columns, rows = found
    exists = (columns["exists"] & rows["exists"]) != 0
    kernels = np.stack([(columns["slot"] + rows["slot"]) % config.list_entries, columns["count"] + 1, rows["count"] + 1], axis=1)
    return Covers(np.where(exists[:, None], kernels, 0), fields["channels"], fields["row_positions"])
