"""Geometries of mapped passes as Python sees them, and a model of the walk's cycles."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from lifline.arch.config import Config
from lifline.arch.maps import MAP, TABLES, reciprocal
from lifline.arch.program import PASS_3, PASS_4, PASS_5, PASS_6, PASS_7, PASS_8
from lifline.arch.timing import WALK_STAGES

Pair = tuple[int, int]


@dataclass(frozen=True)
class MapWord:
    """Of a table; ``count`` is repetitions less one."""

    weight: int
    slot: int
    count: int
    exists: bool

    def pack(self) -> int:
        wrapped = {part: getattr(self, part) % (1 << MAP[part].width) for part in ("weight", "slot")}
        return MAP.pack(**wrapped, count=self.count, exists=self.exists)


@dataclass(frozen=True)
class Geometry:
    """Three tables, of which ``first`` are the first words, one word for every digit; steps (weight, slot) of the three loops."""

    tables: tuple[tuple[MapWord, ...], ...]
    first: tuple[int, ...]
    steps: tuple[Pair, ...]

    @property
    def fan_in(self) -> int:
        a, b, c = map(len, self.tables)
        return a * b * c

    def digits(self, index: int) -> tuple[int, int, int]:
        first, second = len(self.tables[0]), len(self.tables[1])
        return index % first, index // first % second, index // first // second

    def visits(self, config: Config, index: int, base: int = 0) -> list[Pair]:
        """Weight words, without the pass's base, and slots."""
        words = [table[digit] for table, digit in zip(self.tables, self.digits(index), strict=True)]
        if not all(word.exists for word in words):
            return []
        weight, slot = sum(word.weight for word in words), base + sum(word.slot for word in words)
        found = []
        for c in range(words[2].count + 1):
            for b in range(words[1].count + 1):
                for a in range(words[0].count + 1):
                    moved = [sum(n * step[part] for n, step in zip((a, b, c), self.steps, strict=True)) for part in range(2)]
                    found.append(((weight + moved[0]) % config.weight_words, (slot + moved[1]) % config.slot_words))
        return found

    def program_words(self) -> list[int]:
        """Words 3 and further ones of the pass."""
        words = []
        for k, word in enumerate((PASS_3, PASS_4)):
            factor, shift = reciprocal(len(self.tables[k]))
            words.append(word.pack(**{f"reciprocal_{k}": factor, f"shift_{k}": shift, f"radix_{k}": len(self.tables[k])}))
        words.append(PASS_5.pack(**{f"table_{k}": first for k, first in enumerate(self.first)}, reserved=0))
        return words + [
            word.pack(weight_step=weight, slot_step=slot) for word, (weight, slot) in zip((PASS_6, PASS_7, PASS_8), self.steps, strict=True)
        ]

    def memory(self, config: Config, rng: random.Random) -> list[list[int]]:
        """What the table memories hold; words that are nobody's are noise."""
        memory = [[rng.getrandbits(32) for _ in range(config.map_words)] for _ in range(TABLES)]
        for table, first, words in zip(memory, self.first, self.tables, strict=True):
            table[first : first + len(words)] = [word.pack() for word in words]
        return memory


def drawn(config: Config, rng: random.Random, *, fan_in: int | None = None, most: int = 4, missing: float = 0.1) -> Geometry:
    """A geometry with up to ``fan_in`` indices, of which each visits at most ``most`` cubed pairs."""
    limit = min(fan_in or config.mapped_fan_in, config.mapped_fan_in)
    radices: list[int] = []
    for _ in range(TABLES):
        radices.append(rng.choice([1, 2, 3, 5, rng.randint(1, config.map_words), config.map_words]))
        radices[-1] = max(min(radices[-1], limit, config.map_words), 1)
        limit //= radices[-1]
    rng.shuffle(radices)

    def word() -> MapWord:
        count = rng.choice([0, 0, 1, rng.randrange(most)])
        return MapWord(rng.randrange(config.weight_words), rng.randrange(config.slot_words), count, rng.random() >= missing)

    def step() -> Pair:
        return rng.choice([0, 1, -1, rng.randint(-999, 999)]), rng.choice([0, 1, 1, -1, 3, rng.randint(-99, 99)])

    return Geometry(
        tuple(tuple(word() for _ in range(radix)) for radix in radices),
        tuple(rng.randrange(config.map_words - radix + 1) for radix in radices),
        tuple(step() for _ in range(TABLES)),
    )


@dataclass(frozen=True)
class Convolution:
    """Of a source (channels, height, width) in its network's order; targets stand position by position, ``blocks`` each; kernels [y][x][block][channel]."""

    source: tuple[int, int, int]
    kernel: Pair
    blocks: int = 1
    stride: Pair = (1, 1)
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)
    first: tuple[int, int, int] = (0, 0, 0)

    @property
    def fan_in(self) -> int:
        channels, height, width = self.source
        return channels * height * width

    @property
    def positions(self) -> Pair:
        return tuple(  # type: ignore[return-value]
            (size + 2 * pad - away * (taps - 1) - 1) // stride + 1
            for size, pad, away, taps, stride in zip(self.source[1:], self.padding, self.dilation, self.kernel, self.stride, strict=True)
        )

    @property
    def all_blocks(self) -> int:
        height, width = self.positions
        return height * width * self.blocks

    @property
    def weight_words(self) -> int:
        return self.kernel[0] * self.kernel[1] * self.blocks * self.source[0]

    def taps(self, axis: int, at: int) -> list[Pair]:
        """Taps and target positions that a source position reaches along an axis."""
        found = []
        for tap in range(self.kernel[axis]):
            target, rest = divmod(at + self.padding[axis] - tap * self.dilation[axis], self.stride[axis])
            if not rest and 0 <= target < self.positions[axis]:
                found.append((tap, target))
        return found

    def reached(self, index: int) -> list[Pair]:
        """Weight words and blocks, by definition."""
        channels, height, width = self.source
        x, y, channel = index % width, index // width % height, index // width // height
        return [
            (((ky * self.kernel[1] + kx) * self.blocks + block) * channels + channel, (ty * self.positions[1] + tx) * self.blocks + block)
            for ky, ty in self.taps(0, y)
            for kx, tx in self.taps(1, x)
            for block in range(self.blocks)
        ]

    def tables(self) -> list[tuple[int, tuple[MapWord, ...]]]:
        """Of every table the first word and the words."""
        geometry = self.geometry()
        return list(zip(geometry.first, geometry.tables, strict=True))

    def program_words(self) -> list[int]:
        """Words 3 and further ones of the pass."""
        return self.geometry().program_words()

    def geometry(self) -> Geometry:
        """The same as tables and steps: x, y, channel."""
        channels, height, width = self.source
        tables, steps = [], []
        for axis, size in ((1, width), (0, height)):
            apart = self.stride[axis] // math.gcd(self.stride[axis], self.dilation[axis])  # taps between two that reach something
            weights = self.blocks * channels * (1 if axis else self.kernel[1])
            slots = self.blocks * (1 if axis else self.positions[1])
            steps.append((weights * apart, -slots * (self.dilation[axis] * apart // self.stride[axis])))
            reached = [self.taps(axis, at) for at in range(size)]
            tables.append(tuple(MapWord(t[0][0] * weights, t[0][1] * slots, len(t) - 1, True) if t else MapWord(0, 0, 0, False) for t in reached))
        tables.append(tuple(MapWord(channel, 0, self.blocks - 1, True) for channel in range(channels)))
        return Geometry(tuple(tables), self.first, (*steps, (channels, 1)))


def drawn_convolution(config: Config, rng: random.Random, *, blocks: int, first: int = 0) -> Convolution:
    """A small one whose targets take at most ``blocks`` blocks, and its tables begin at ``first``."""
    while True:
        kernel, stride, dilation = ((rng.randint(1, 4), rng.randint(1, 4)) for _ in range(3))
        padding = rng.randrange(3), rng.randrange(3)
        source = rng.choice([1, 1, 2, 3, 5]), rng.randint(1, 7), rng.randint(1, 7)
        chosen = Convolution(source, kernel, rng.choice([1, 1, 2, 3]), stride, padding, dilation, (first, first, first))
        if min(chosen.positions) >= 1 and chosen.all_blocks <= blocks and chosen.fan_in <= config.mapped_fan_in:
            return chosen


class WalkModel:
    """The stages of a walk, each with the pairs of the index that it holds, cycle by cycle."""

    DROPPED = 5
    """Stage (from 1) behind which an index that reaches nothing is not found any more."""

    def __init__(self) -> None:
        self.stages: list[list[Pair] | None] = [None] * WALK_STAGES
        self.waiting: list[Pair] | None = None  # before the first stage
        self.left: list[Pair] = []  # pairs in the loops, the one that is shown first

    @property
    def busy(self) -> bool:
        return bool(self.left) or any(stage is not None for stage in (self.waiting, *self.stages))

    def cycle(self, offered: list[Pair] | None, takes: bool) -> tuple[bool, Pair | None]:
        """``offered``: pairs of an index that may be taken; ``takes``: whoever is behind the walk takes a pair. Whether the index was taken, and the pair."""
        shown = self.left[0] if self.left else None
        if takes:
            del self.left[:1]
        moves = not self.left
        if moves:
            self.left, self.stages[-1] = self.stages[-1] or [], None
        for k in range(WALK_STAGES - 1, 0, -1):  # a stage that is empty by now takes from the one behind it
            if self.stages[k] is None:
                held, self.stages[k - 1] = self.stages[k - 1], None
                self.stages[k] = None if k == self.DROPPED and held == [] else held
        taken = self.waiting is None and offered is not None
        if taken:
            self.waiting = offered
        if self.stages[0] is None:
            self.stages[0], self.waiting = self.waiting, None
        return taken, shown if takes else None
