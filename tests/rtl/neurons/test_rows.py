"""Rows and addresses of a population, one step after the other."""

from __future__ import annotations

import random

import pytest

from lifline.arch.config import preset
from lifline.rtl.neurons.rows import Rows

from ..bench import simulate

CONFIG = preset("tiny")


def expected(rows: int, row_words: int, base: int, prologue: int, period: tuple[int, int], steps: int) -> list[tuple[bool, int, bool, int, int]]:
    """(inside, row, last, address, phase) after ``load`` and after every ``advance``; ``period`` in rows, and its words."""
    phases = [base - (row % period[0] + 1) * period[1] for row in range(rows)]
    walk = [(True, row, row == rows - 1, base + prologue + row * row_words, phases[row]) for row in range(rows)] * steps
    return ([(False, 0, rows == 1, base, phases[0])] if prologue else []) + walk


@pytest.mark.parametrize("prologue", [0, 3])
@pytest.mark.parametrize("rows", [1, 2, 7, CONFIG.max_rows])
def test_rows_come_in_order_and_begin_again(rows: int, prologue: int) -> None:
    dut, rng = Rows(CONFIG), random.Random(rows)
    layout = dut.population

    async def bench(ctx):
        for base, row_words, period in ((5, 2, (1, 3)), (40, 1, (3, 2)), (63, 3, (2, 15)), (60, 2, (rows, 1)), (9, 1, (4, 2)), (0, 3, (2047, 0))):
            ctx.set(layout.population_0, {"rows": rows, "neuron_base": base})
            ctx.set(layout.population_3, {"period_words": period[1]})
            ctx.set(layout.population_5, {"row_words": row_words, "period_rows": period[0]})
            ctx.set(layout.population_1.prologue, prologue)
            ctx.set(dut.load, 1)
            await ctx.tick()
            ctx.set(dut.load, 0)
            steps = expected(rows, row_words, base, prologue, period, steps=3)
            for inside, row, last, address, phase in steps[: rng.randint(len(steps) - rows, len(steps))]:  # a load may come anywhere
                for _ in range(rng.choice([0, 0, 1, 3])):
                    await ctx.tick()
                shown = ctx.get(dut.inside), ctx.get(dut.row), ctx.get(dut.last), ctx.get(dut.address)
                assert shown == (inside, row, last, address)
                assert not inside or ctx.get(dut.phase) == phase
                ctx.set(dut.advance, 1)
                await ctx.tick()
                ctx.set(dut.advance, 0)

    simulate(dut, bench)
