"""A march test: every bit of a memory as 0 and as 1, and every address apart from every other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lifline.arch.config import Config
from lifline.arch.frame import MAX_WORDS
from lifline.arch.layout import WORD_BITS
from lifline.arch.maps import TABLES
from lifline.arch.records import INPUT_BITS
from lifline.arch.registers import Space, address

from .link import Link

Words = NDArray[np.uint32]
PASSES = 10
"""Times that every word crosses the link."""


@dataclass(frozen=True)
class HostMemory:
    """A memory as the host sees it: ``words`` words of ``bits`` bits; what is read has its highest bit in all bits above, if ``signed``."""

    space: Space
    words: int
    bits: int
    signed: bool = False

    @property
    def name(self) -> str:
        """For messages."""
        return f"{self.space.name.lower()} memory"


def host_memories(config: Config) -> list[HostMemory]:
    """Every memory that the host can write, the output, which it only reads, left out."""
    weight_slices = max(config.weight_word_bits // WORD_BITS, 1)
    maps = [HostMemory(Space.MAPS, TABLES * config.map_words, WORD_BITS)] if config.map_words else []
    return [
        HostMemory(Space.PROGRAM, config.program_words, WORD_BITS),
        HostMemory(Space.WEIGHTS, config.weight_words * weight_slices, min(config.weight_word_bits, WORD_BITS)),
        HostMemory(Space.NEURONS, config.neuron_words * config.multipliers, config.state_bits, signed=True),
        HostMemory(Space.DELAYS, config.delay_entries, max(config.max_delay.bit_length(), 1)),
        HostMemory(Space.RINGS, config.ring_words, WORD_BITS),
        HostMemory(Space.INPUT, config.input_words, INPUT_BITS),
        *maps,
    ]


def march(link: Link, memory: HostMemory) -> str | None:
    """Write and read a memory up and down, with patterns that differ from word to word and their complements; what is wrong, in words, or None.

    Every element reads what the one before it wrote, as many words at a time as a frame holds, and writes something else in their place. It ends with zeros.

    Raises
    ------
    LinkError, DeviceError   as :class:`~lifline.driver.link.Link`.
    """
    ones = np.uint32((1 << memory.bits) - 1)
    first, second = (_pattern(memory.words, seed) & ones for seed in (1, 2))
    zeros = np.zeros(memory.words, np.uint32)
    elements = [(None, first, 1), (first, first ^ ones, 1), (first ^ ones, second, -1), (second, second ^ ones, -1), (second ^ ones, zeros, 1), (zeros, None, 1)]
    wrong = np.zeros(memory.words, bool)
    stuck = [np.full(memory.words, ones), np.full(memory.words, ones)]  # bits that were never 1, never 0
    example: tuple[int, int, int] | None = None
    for expected, written, direction in elements:
        for part in _blocks(memory.words, direction):
            where = address(memory.space, part.start)
            if expected is not None:
                found = _narrow(link.read(where, part.stop - part.start), memory)
                stuck[0][part] &= ~found
                stuck[1][part] &= found
                differs = found != expected[part]
                if differs.any() and example is None:
                    k = int(np.flatnonzero(differs)[0])
                    example = part.start + k, int(expected[part][k]), int(found[k])
                wrong[part] |= differs
            if written is not None:
                link.write(where, written[part])
    if example is None:
        return None
    word, sent, back = example
    digits = -(-memory.bits // 4)
    return (
        f"{int(wrong.sum())} of {memory.words} words of the {memory.name} are wrong, the first one at {word}: "
        f"{sent:#0{digits + 2}x} was written, {back:#0{digits + 2}x} is read{_stuck_bits(stuck, wrong)}"
    )


def _pattern(words: int, seed: int) -> Words:
    """A number for every address, different from those of its neighbours."""
    return np.random.default_rng(seed).integers(0, 1 << 32, words, dtype=np.uint32)


def _blocks(words: int, direction: int) -> Iterator[slice]:
    starts = range(0, words, MAX_WORDS)
    for start in starts if direction > 0 else reversed(starts):
        yield slice(start, min(start + MAX_WORDS, words))


def _narrow(words: Words, memory: HostMemory) -> Words:
    """The bits that the memory has; words whose other bits are not as they should be come back inverted, so that they count as wrong."""
    ones = np.uint32((1 << memory.bits) - 1)
    bits = words & ones
    above = np.where(bits >> np.uint32(memory.bits - 1) == 1, ~ones, np.uint32(0)) if memory.signed else np.uint32(0)
    return np.where(words & ~ones == above, bits, bits ^ ones)


def _stuck_bits(stuck: list[Words], wrong: NDArray[np.bool_]) -> str:
    """Bits that have one value in all wrong words, in words."""
    said = []
    for value, words in enumerate(stuck):
        always = int(np.bitwise_and.reduce(words[wrong]))
        bits = [str(bit) for bit in range(WORD_BITS) if always >> bit & 1]
        if bits:
            said.append(f"; bit {', '.join(bits)} is always {value}")
    return "".join(said)
