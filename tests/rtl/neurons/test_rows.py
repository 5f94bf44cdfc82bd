"""Rows and addresses of a population, one step after the other."""

from __future__ import annotations

import random

import pytest

from lifline.arch.config import preset
from lifline.rtl.neurons.rows import Rows

from ..bench import simulate

CONFIG = preset("tiny")


def expected(rows: int, row_words: int, base: int, prologue: int, steps: int) -> list[tuple[bool, int, bool, int]]:
    """(inside, row, last, address) after ``load`` and after every ``advance``."""
    walk = [(True, row, row == rows - 1, base + prologue + row * row_words) for row in range(rows)] * steps
    return ([(False, 0, rows == 1, base)] if prologue else []) + walk


@pytest.mark.parametrize("prologue", [0, 3])
@pytest.mark.parametrize("rows", [1, 2, 7, CONFIG.max_rows])
def test_rows_come_in_order_and_begin_again(rows: int, prologue: int) -> None:
    dut, rng = Rows(CONFIG), random.Random(rows)
    layout = dut.population

    async def bench(ctx):
        for base, row_words in ((5, 2), (0, 1), (9, 3)):
            ctx.set(layout.population_0, {"rows": rows, "neuron_base": base})
            ctx.set(layout.population_5, {"row_words": row_words})
            ctx.set(layout.population_1.prologue, prologue)
            ctx.set(dut.load, 1)
            await ctx.tick()
            ctx.set(dut.load, 0)
            steps = expected(rows, row_words, base, prologue, steps=3)
            for inside, row, last, address in steps[: rng.randint(len(steps) - rows, len(steps))]:  # a load may come anywhere
                for _ in range(rng.choice([0, 0, 1, 3])):
                    await ctx.tick()
                shown = ctx.get(dut.inside), ctx.get(dut.row), ctx.get(dut.last), ctx.get(dut.address)
                assert shown == (inside, row, last, address)
                ctx.set(dut.advance, 1)
                await ctx.tick()
                ctx.set(dut.advance, 0)

    simulate(dut, bench)
