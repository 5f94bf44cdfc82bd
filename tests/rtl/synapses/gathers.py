"""Geometries of gather passes as Python sees them, by the definition of a convolution, and as tables and words."""

from __future__ import annotations

import random
from dataclasses import dataclass

from lifline.arch.config import Config
from lifline.arch.limits import RING_BITS
from lifline.arch.maps import TABLES
from lifline.arch.program import GATHER_3, GATHER_4, GATHER_5, GATHER_6, GATHER_7

from .walks import MapWord, Pair

NOTHING = MapWord(0, 0, 0, False)


@dataclass(frozen=True)
class Gathered:
    """A convolution of a source (height, width, channels), position by position, onto ``rows`` rows of target positions from ``top`` on, each of ``groups`` blocks.

    Kernels are [group][y][x][channel]. ``first`` : first words in tables 1 and 2.
    """

    source: tuple[int, int, int]
    kernel: Pair
    groups: int = 1
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    top: int = 0
    rows: int | None = None
    first: Pair = (0, 0)

    @property
    def fan_in(self) -> int:
        height, width, channels = self.source
        return height * width * channels

    @property
    def positions(self) -> Pair:
        whole = [(size + 2 * pad - taps) // stride + 1 for size, pad, taps, stride in zip(self.source, self.padding, self.kernel, self.stride, strict=False)]
        return (whole[0] - self.top if self.rows is None else self.rows), whole[1]

    @property
    def all_blocks(self) -> int:
        height, width = self.positions
        return height * width * self.groups

    @property
    def weight_words(self) -> int:
        return self.kernel[0] * self.kernel[1] * self.groups * self.source[2]

    def covered(self, axis: int, at: int) -> tuple[int, range]:
        """Where the kernel of a target position begins along an axis, and the source positions that it covers."""
        begin = (at + (0 if axis else self.top)) * self.stride[axis] - self.padding[axis]
        return begin, range(max(begin, 0), min(begin + self.kernel[axis], self.source[axis]))

    def reached(self, index: int) -> list[Pair]:
        """Weight words and blocks, by definition."""
        _, width, channels = self.source
        channel, x, y = index % channels, index // channels % width, index // channels // width
        found = []
        height, columns = self.positions
        for row in range(height):
            top, ys = self.covered(0, row)
            for column in range(columns):
                left, xs = self.covered(1, column)
                if y in ys and x in xs:
                    found += [
                        (((group * self.kernel[0] + y - top) * self.kernel[1] + x - left) * channels + channel, (row * columns + column) * self.groups + group)
                        for group in range(self.groups)
                    ]
        return found

    @property
    def row_step(self) -> int:
        return (self.kernel[1] - self.source[1]) * self.source[2]

    def table(self, axis: int) -> tuple[MapWord, ...]:
        """Word by word, of table 2 (rows, axis 0) or 1 (columns)."""
        _, width, channels = self.source
        words = []
        for at in range(self.positions[axis]):
            begin, inside = self.covered(axis, at)
            if axis:
                words.append(MapWord(-begin * channels, inside.start, len(inside) - 1, True) if inside else NOTHING)
            else:
                weight = inside.start * self.row_step - begin * self.kernel[1] * channels
                words.append(MapWord(weight, inside.start * width, len(inside) - 1, True) if inside else NOTHING)
        return tuple(words)

    def tables(self) -> list[tuple[int, tuple[MapWord, ...]]]:
        """Of every table the first word and the words."""
        return [(0, ()), (self.first[0], self.table(1)), (self.first[1], self.table(0))]

    def program_words(self, clear_words: int = 1) -> list[int]:
        """Words 3 and further ones of the pass."""
        return [
            GATHER_3.pack(clear_words=clear_words, channels=self.source[2], reserved=0),
            GATHER_4.pack(groups=self.groups, columns=self.positions[1], reserved=0),
            GATHER_5.pack(unused=0, table_1=self.first[0], table_2=self.first[1], reserved=0),
            GATHER_6.pack(group_step=self.kernel[0] * self.kernel[1] * self.source[2], row_step=self.row_step),
            GATHER_7.pack(row_positions=self.source[1], reserved=0),
        ]

    def segments(self, entries: list[int]) -> list[list[tuple[int, int]]]:
        """Of every block the parts of a list of active ``entries`` that reach it: first entry and length, none of them empty."""
        _, width, channels = self.source
        pointer = [sum(index < p * channels for index in entries) for p in range(self.source[0] * width + 1)]
        blocks = []
        for row in range(self.positions[0]):
            for column in range(self.positions[1]):
                xs = self.covered(1, column)[1]
                bounds = [(pointer[y * width + xs.start], pointer[y * width + xs.stop]) for y in self.covered(0, row)[1]] if xs else []
                blocks += [[(low, high - low) for low, high in bounds if high > low]] * self.groups
        return blocks


def drawn(config: Config, rng: random.Random, *, blocks: int) -> Gathered:
    """A small one whose targets take at most ``blocks`` blocks."""
    while True:
        kernel, stride = ((rng.randint(1, 4), rng.randint(1, 4)) for _ in range(2))
        source = rng.randint(1, 8), rng.randint(1, 8), rng.choice([1, 1, 2, 3, 5])
        padding = rng.randrange(4), rng.randrange(4)
        first = rng.randrange(config.map_words // 2), rng.randrange(config.map_words // 2)
        chosen = Gathered(source, kernel, rng.choice([1, 1, 2, 3]), stride, padding, first=first)
        if min(chosen.positions) < 1 or chosen.fan_in > min(config.dense_fan_in, config.list_entries - 1) or chosen.weight_words >= config.weight_words:
            continue
        top = rng.choice([0, rng.randrange(chosen.positions[0])])
        band = Gathered(source, kernel, chosen.groups, stride, padding, top, rng.randint(1, chosen.positions[0] - top), first)
        if band.all_blocks <= blocks:
            return band


def words_of(fan_in: int) -> int:
    """Source words of so many neurons."""
    return -(-fan_in // RING_BITS)


__all__ = ["TABLES", "Gathered", "drawn", "words_of"]
