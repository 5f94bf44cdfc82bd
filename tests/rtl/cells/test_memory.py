"""The memory wrapper, and what its checks do with words that a collision has made undefined."""

from __future__ import annotations

import gc
import random

import pytest
from amaranth.hdl import Fragment

from lifline.rtl.cells.memory import Check, Ram

from ..bench import simulate

DEPTH, WIDTH = 8, 8
MASK = (1 << WIDTH) - 1


@pytest.mark.parametrize("apart", [False, True])
@pytest.mark.parametrize("slices", [1, 2, 4])
@pytest.mark.parametrize("check", [None, Check.POISON])
def test_random_reads_and_writes(slices: int, check: Check | None, apart: bool) -> None:
    """One cycle of latency, the word stays until the next read, slices are written alone."""
    ram, rng = Ram(width=WIDTH, depth=DEPTH, slices=slices, apart=apart), random.Random(slices)
    words, shown, undefined = [0] * DEPTH, 0, False
    part = WIDTH // slices

    async def bench(ctx):
        nonlocal shown, undefined
        for _ in range(2000):
            address, enable, target, data = rng.randrange(DEPTH), rng.random() < 0.7, rng.randrange(DEPTH), rng.getrandbits(WIDTH)
            write, used = rng.getrandbits(slices) if rng.random() < 0.5 else 0, rng.random() < 0.8
            for port, value in (
                (ram.read_address, address), (ram.read_enable, enable), (ram.write_address, target), (ram.write_enable, write),
                (ram.write_data, data), (ram.used, used),
            ):  # fmt: skip
                ctx.set(port, value)
            await ctx.tick()
            if enable:
                shown, undefined = words[address], bool(write) and address == target
            for k in range(slices):
                if write >> k & 1:
                    bits = ((1 << part) - 1) << k * part
                    words[target] = words[target] & ~bits | data & bits
            if check is Check.POISON:
                assert ctx.get(ram.read_data) == (~shown & MASK if undefined or not used else shown)
            elif not undefined:
                assert ctx.get(ram.read_data) == shown

    simulate(Fragment.get(ram, check), bench)


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_refuses_slices_that_do_not_divide_a_word() -> None:
    with pytest.raises(ValueError, match="width=8 must be a multiple of slices=3"):
        Ram(width=8, depth=8, slices=3)
    gc.collect()
