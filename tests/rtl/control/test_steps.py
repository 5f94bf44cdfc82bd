"""Steps and scans of a pass alone: which rows are scanned, in which order, and never further ahead than the next step."""

from __future__ import annotations

import random
from typing import Any

import pytest

from lifline.arch.config import preset
from lifline.rtl.control.steps import Steps

from ..bench import simulate

TINY = preset("tiny")


def test_a_pass_of_a_loop_scans_the_row_of_its_step_a_cycle_later() -> None:
    dut = Steps(TINY)

    async def body(ctx: Any) -> None:
        ctx.set(dut.looping, 1)
        ctx.set(dut.count, 1)
        for rows in range(TINY.window, TINY.max_ring_rows + 1):
            for head in range(rows):
                for first in range(TINY.window):
                    for signal, value in ((dut.ring_rows, rows), (dut.head, head), (dut.first, first), (dut.begin, 1)):
                        ctx.set(signal, value)
                    await ctx.tick()
                    ctx.set(dut.begin, 0)
                    ctx.set(dut.ring_rows, 1)  # taken with `begin`
                    assert not ctx.get(dut.scan_start) and ctx.get(dut.last)
                    await ctx.tick()
                    assert ctx.get(dut.scan_start) and ctx.get(dut.scan_row) == (head + first) % rows
                    await ctx.tick()
                    assert not ctx.get(dut.scan_start) and ctx.get(dut.step) == 0

    simulate(dut, body)


@pytest.mark.parametrize(("dense", "may_go_ahead"), [(False, True), (False, False), (True, True)], ids=["event", "event-large-source", "dense"])
@pytest.mark.parametrize("seed", range(5))
def test_rows_are_scanned_in_order_one_step_ahead_if_that_is_allowed(seed: int, dense: bool, may_go_ahead: bool) -> None:
    rng, dut = random.Random(seed), Steps(TINY)

    async def body(ctx: Any) -> None:
        for _ in range(30):
            count, rows = rng.randint(1, TINY.window), rng.randint(TINY.window, TINY.max_ring_rows)
            head = rng.randrange(rows)
            ctx.set(dut.ahead, may_go_ahead)
            for signal, value in ((dut.count, count), (dut.dense, dense), (dut.ring_rows, rows), (dut.head, head), (dut.rows_done, 0)):
                ctx.set(signal, value)
            await ctx.tick().repeat(2)
            ctx.set(dut.begin, 1)
            await ctx.tick()
            ctx.set(dut.begin, 0)
            ctx.set(dut.ring_rows, rng.getrandbits(4))  # taken with `begin`
            ctx.set(dut.head, rng.getrandbits(4))
            expected = [head] if dense else [(head + step) % rows for step in range(count)]
            scans: list[int] = []
            may_scan = False
            step = done = left = 0
            for _ in range(400):
                ahead = 1 if dense else min(step + 1 + may_go_ahead, count)
                assert (ctx.get(dut.step), ctx.get(dut.last)) == (step, step == count - 1)
                assert ctx.get(dut.scanned) == (done == ahead)
                if ctx.get(dut.scan_start):
                    assert not left and (may_scan or not scans)
                    scans.append(ctx.get(dut.scan_row))
                    assert ctx.get(dut.scan_ring_rows) == rows and ctx.get(dut.scan_count) == (count if dense else 1)
                    assert len(scans) == done + 1 and len(scans) <= ahead
                    left = rng.randint(1, 4)
                elif left:
                    left -= 1
                    done += left == 0
                allowed, free = rng.random() < 0.8, rng.random() < 0.8
                may_scan = allowed and free
                advance = done == ahead and not left and step < count - 1 and rng.random() < 0.3
                if step == count - 1 and done == ahead and rng.random() < 0.2:
                    break
                for signal, value in (
                    (dut.scan_busy, left > 0), (dut.rows_done, done), (dut.allowed, allowed), (dut.rings_free, free), (dut.advance, advance),
                ):  # fmt: skip
                    ctx.set(signal, value)
                await ctx.tick()
                step += advance
            else:
                raise AssertionError("the pass does not end")
            assert scans == expected
            ctx.set(dut.advance, 0)
            ctx.set(dut.allowed, 0)

    simulate(dut, body)
