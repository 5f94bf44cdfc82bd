"""Buffers for streams: nothing is lost, doubled or reordered, whatever both sides do."""

from __future__ import annotations

import random

import pytest

from lifline.rtl.cells.buffers import StreamBuffer, StreamRegister

from ..bench import simulate


@pytest.mark.parametrize("kind", [StreamRegister, StreamBuffer])
@pytest.mark.parametrize(("offering", "taking", "cycles"), [(1.0, 1.0, 201), (0.5, 1.0, None), (1.0, 0.5, None), (0.6, 0.6, None)])
def test_a_register_passes_every_payload_once_and_in_order(kind: type[StreamRegister | StreamBuffer], offering: float, taking: float, cycles: int | None) -> None:
    """At full speed, 200 payloads take a cycle each and one to pass through."""
    register, rng = kind(8), random.Random(1)
    sent, received, passed = [rng.randrange(256) for _ in range(200)], [], 0

    async def bench(ctx):
        nonlocal passed
        waiting, held = list(sent), None
        while len(received) < len(sent):
            ready = rng.random() < taking
            ctx.set(register.i.valid, bool(waiting) and rng.random() < offering)
            ctx.set(register.i.payload, waiting[0] if waiting else 0)
            ctx.set(register.o.ready, ready)
            _, _, taken, valid, payload = await ctx.tick().sample(register.i.valid & register.i.ready, register.o.valid, register.o.payload)
            assert held is None or (valid and payload == held)
            held = payload if valid and not ready else None
            if valid and ready:
                received.append(payload)
            del waiting[: int(taken)]
            passed += 1

    simulate(register, bench)
    assert received == sent
    assert cycles in (None, passed)
