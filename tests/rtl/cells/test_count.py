"""Counting bits and finding the lowest one, against Python's integers."""

from __future__ import annotations

import random

import pytest
from amaranth.hdl import Module, Signal

from lifline.rtl.cells.count import at_most_one, at_most_two, index_of, index_of_missing, lowest_bit, only_lowest, population_count

from ..bench import evaluate


def words(width: int, rng: random.Random) -> list[int]:
    """Every word with one bit, with all, and random ones of every density."""
    sparse = [sum(1 << k for k in rng.sample(range(width), rng.randint(1, width))) for _ in range(300)]
    return [0, (1 << width) - 1, *(1 << k for k in range(width)), *sparse]


@pytest.mark.parametrize("width", [4, 8, 32])
def test_lowest_bit_and_count(width: int) -> None:
    m = Module()
    pending, number = Signal(width), Signal(range(width + 1))
    position, rest = lowest_bit(m, pending)
    m.d.comb += number.eq(population_count(list(pending)))

    async def body(ctx):
        for word in words(width, random.Random(width)):
            ctx.set(pending, word)
            assert ctx.get(number) == word.bit_count()
            assert ctx.get(rest) == word & (word - 1 if word else 0)
            if word:
                assert ctx.get(position) == (word & -word).bit_length() - 1

    evaluate(m, body)


def test_every_byte_has_at_most_one_bit_or_two_or_more_and_a_lowest_one() -> None:
    m = Module()
    byte, single, double, lowest = Signal(8), Signal(), Signal(), Signal(8)
    m.d.comb += [single.eq(at_most_one(byte)), double.eq(at_most_two(byte)), lowest.eq(only_lowest(byte))]

    async def body(ctx):
        for word in range(256):
            ctx.set(byte, word)
            assert ctx.get(single) == (word.bit_count() <= 1)
            assert ctx.get(double) == (word.bit_count() <= 2)
            assert ctx.get(lowest) == word & -word

    evaluate(m, body)


def test_index_of_the_missing_bit_and_of_the_only_one() -> None:
    m = Module()
    bits, index, of_one = Signal(4), Signal(2), Signal(2)
    m.d.comb += [index.eq(index_of_missing(bits)), of_one.eq(index_of(bits))]

    async def body(ctx):
        for missing in range(4):
            ctx.set(bits, 0b1111 & ~(1 << missing))
            assert ctx.get(index) == missing
            ctx.set(bits, 1 << missing)
            assert ctx.get(of_one) == missing
        ctx.set(bits, 0b1111)
        assert ctx.get(index) == 0
        ctx.set(bits, 0)
        assert ctx.get(of_one) == 0

    evaluate(m, body)
