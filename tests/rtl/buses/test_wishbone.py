"""Wishbone cycles that are given up: executed, answered to nobody, and never taken for the answer to the next one."""

from __future__ import annotations

import random

import pytest

from lifline.arch.frame import Status
from lifline.rtl.buses.wishbone import Wishbone

from ..bench import simulate


@pytest.mark.parametrize("seed", range(4))
def test_an_answer_belongs_to_the_cycle_that_asked(seed: int) -> None:
    dut, rng = Wishbone(), random.Random(seed)
    asked, answered, given_up = [], [], 0

    async def bench(ctx):
        nonlocal given_up
        pending, wait, patience, rests = None, 0, 0, False
        for _ in range(3000):
            if not patience:
                ctx.set(dut.wb_cyc, 0)
                ctx.set(dut.wb_stb, 0)
            if not patience and not rests and rng.random() < 0.5:
                address = rng.randrange(1 << 24)
                ctx.set(dut.wb_adr, address)
                ctx.set(dut.wb_cyc, 1)
                ctx.set(dut.wb_stb, 1)
                patience = rng.randrange(1, 12)
            ctx.set(dut.request.ready, pending is None and rng.random() < 0.5)
            wait = max(wait - 1, 0)
            ctx.set(dut.response.valid, pending is not None and not wait)
            if pending is not None:  # every odd word is refused
                ctx.set(dut.response.payload.data, pending)
                ctx.set(dut.response.payload.error, Status.BAD_ADDRESS if pending % 2 else Status.OK)
            _, _, ack, err, data, taken, where, done = await ctx.tick().sample(
                dut.wb_ack, dut.wb_err, dut.wb_dat_r, dut.request.valid & dut.request.ready, dut.request.payload.address, dut.response.valid & dut.response.ready
            )
            if ack or err:
                assert patience and data == address and err == address % 2 and not (ack and err)
                answered.append(data)
                patience = 0
            elif patience:
                patience -= 1
                given_up, rests = given_up + (not patience), not patience  # the bus shows that it was given up, for a cycle
            else:
                rests = False
            if done:
                pending = None
            if taken:
                asked.append(where)
                pending, wait = where, rng.randrange(1, 5)

    simulate(dut, bench)
    assert given_up > 20 and len(answered) > 50 and len(answered) < len(asked) and set(answered) <= set(asked)
