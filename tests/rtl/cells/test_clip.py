"""Saturation with a lower clamp, every total and floor of a small width, against the arithmetic of ``arch``."""

from __future__ import annotations

import pytest
from amaranth.hdl import Module, Signal, signed

from lifline.arch.arithmetic import saturate
from lifline.rtl.cells.clip import clipped

from ..bench import evaluate


@pytest.mark.parametrize(("total_bits", "state_bits"), [(7, 4), (5, 4), (6, 3)])
def test_every_total_and_floor(total_bits: int, state_bits: int) -> None:
    m = Module()
    total, floor = Signal(signed(total_bits)), Signal(signed(state_bits))
    result, saturated = clipped(m, total, floor, state_bits, "total")
    limit = (1 << state_bits - 1) - 1

    async def bench(ctx):
        for value in range(-(1 << total_bits - 1), 1 << total_bits - 1):
            expected = saturate(value, state_bits)
            for lowest in range(-limit, limit + 1):
                ctx.set(total, value)
                ctx.set(floor, lowest)
                assert ctx.get(result) == max(expected, lowest)
                assert ctx.get(saturated) == (expected != value)

    evaluate(m, bench)
