"""When spikes are routed, alone: once for each step that needs it, and never while something else goes first."""

from __future__ import annotations

import random
from typing import Any

import pytest

from lifline.arch.config import ceil_div, preset
from lifline.arch.limits import RING_BITS
from lifline.rtl.control.routes import Routes

from ..bench import simulate

TINY = preset("tiny")


@pytest.mark.parametrize("record_rows", [0, 1, 1 << 4], ids=["nothing-recorded", "state-recorded", "counts-compared"])
@pytest.mark.parametrize("recurrent", [False, True])
@pytest.mark.parametrize("needed", [False, True])
def test_every_step_is_routed_once_when_nothing_is_in_the_way(needed: bool, recurrent: bool, record_rows: int) -> None:
    """Whether the next step is scanned is asked only where that scan does not wait for these spikes."""
    rng, dut = random.Random(needed), Routes(TINY)

    async def body(ctx: Any) -> None:
        ctx.set(dut.needed, needed)
        ctx.set(dut.recurrent, recurrent)
        ctx.set(dut.record_rows, record_rows)
        await ctx.tick().repeat(2)
        assert ctx.get(dut.overlap) == (record_rows == 0)
        waits = coming = False
        routed = completed = 0
        for _ in range(3000):
            inputs = {name: rng.random() < 0.8 for name in ("allowed", "scanned", "settled")}
            inputs |= {name: rng.random() < 0.2 for name in ("scan_busy", "recorder_busy", "router_busy")}
            complete = coming and not waits and rng.random() < 0.3
            ending = not coming and not waits and rng.random() < 0.3
            begin = rng.random() < 0.02
            for name, value in (inputs | {"complete": complete, "ending": ending, "begin": begin}).items():
                ctx.set(getattr(dut, name), value)
            recorded = record_rows == 0 or (inputs["settled"] and not inputs["recorder_busy"])
            scanned = inputs["scanned"] or recurrent
            goes = waits and recorded and inputs["allowed"] and scanned and not inputs["scan_busy"] and not inputs["router_busy"]
            assert (ctx.get(dut.go), ctx.get(dut.recorded), ctx.get(dut.coming)) == (goes, recorded, coming)
            assert ctx.get(dut.free) == (not waits and not inputs["router_busy"])
            await ctx.tick()
            routed, completed = routed + goes, completed + complete
            waits = (complete and needed or waits and not goes) and not begin
            coming = ending or coming and not complete
        assert completed > 100 and (routed > 50) == needed

    simulate(dut, body)


@pytest.mark.parametrize("record_spikes", [False, True])
def test_room_is_reserved_for_all_words_of_spikes(record_spikes: bool) -> None:
    """Two words each, and for two steps where those overlap: they do not where that is more than there is."""
    config = TINY.replace(max_neurons=192, output_words=16)
    dut = Routes(config)

    async def body(ctx: Any) -> None:
        ctx.set(dut.record_spikes, record_spikes)
        for record_rows in (0, 1):
            ctx.set(dut.record_rows, record_rows)
            for rows in range(1, config.max_rows + 1):
                ctx.set(dut.rows, rows)
                await ctx.tick()
                words = ceil_div(rows * config.multipliers, RING_BITS)
                overlap = not record_rows and not (record_spikes and 4 * words > config.output_words)
                assert ctx.get(dut.overlap) == overlap
                assert ctx.get(dut.reserve) == (record_spikes * 2 * words * (2 if overlap else 1)) <= config.output_words

    simulate(dut, body)
