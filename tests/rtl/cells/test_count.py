"""Counting bits and finding the lowest one, against Python's integers."""

from __future__ import annotations

import random

import pytest
from amaranth.hdl import Module, Signal
from amaranth.sim import Simulator

from lifline.rtl.cells.count import lowest_bit, population_count


def words(width: int, rng: random.Random) -> list[int]:
    """Every word with one bit, with all, and random ones of every density."""
    sparse = [sum(1 << k for k in rng.sample(range(width), rng.randint(1, width))) for _ in range(300)]
    return [0, (1 << width) - 1, *(1 << k for k in range(width)), *sparse]


@pytest.mark.parametrize("carry_chain", [True, False])
@pytest.mark.parametrize("width", [4, 8, 32])
def test_lowest_bit_and_count(width: int, carry_chain: bool) -> None:
    m = Module()
    pending, number = Signal(width), Signal(range(width + 1))
    position, rest = lowest_bit(m, pending, carry_chain=carry_chain)
    m.d.comb += number.eq(population_count(list(pending)))

    async def body(ctx):
        for word in words(width, random.Random(width)):
            ctx.set(pending, word)
            assert ctx.get(number) == word.bit_count()
            assert ctx.get(rest) == word & (word - 1 if word else 0)
            if word:
                assert ctx.get(position) == (word & -word).bit_length() - 1

    simulator = Simulator(m)
    simulator.add_testbench(body)
    simulator.run()
