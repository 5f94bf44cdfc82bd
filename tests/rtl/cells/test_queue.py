"""A queue: nothing is lost, doubled or reordered, whatever both sides do."""

from __future__ import annotations

import gc
import random

import pytest

from lifline.rtl.cells.queue import StreamQueue

from ..bench import simulate


@pytest.mark.parametrize(("offering", "taking"), [(1.0, 1.0), (0.3, 1.0), (1.0, 0.3), (0.6, 0.6)])
@pytest.mark.parametrize("depth", [2, 8])
def test_a_queue_passes_every_payload_once_and_in_order(offering: float, taking: float, depth: int) -> None:
    """And it holds as many as it says, and no more."""
    queue, rng = StreamQueue(8, depth), random.Random(1)
    sent, received, most = [rng.randrange(256) for _ in range(200)], [], 0

    async def bench(ctx):
        nonlocal most
        waiting, held, idle = list(sent), None, 0
        while len(received) < len(sent):
            filled = idle > 8 or len(received) > 0  # at first nobody takes anything
            ready = filled and rng.random() < taking
            offered = not filled or rng.random() < offering
            ctx.set(queue.i.valid, bool(waiting) and offered)
            ctx.set(queue.i.payload, waiting[0] if waiting else 0)
            ctx.set(queue.o.ready, ready)
            _, _, taken, valid, payload = await ctx.tick().sample(queue.i.valid & queue.i.ready, queue.o.valid, queue.o.payload)
            assert held is None or (valid and payload == held)
            held = payload if valid and not ready else None
            if valid and ready:
                received.append(payload)
            del waiting[: int(taken)]
            idle = 0 if taken else idle + 1
            most = max(most, len(sent) - len(waiting) - len(received))

    simulate(queue, bench)
    assert received == sent and most == depth


@pytest.mark.filterwarnings("ignore::amaranth.hdl.UnusedElaboratable")
def test_the_depth_of_a_queue_is_a_power_of_two() -> None:
    with pytest.raises(ValueError, match="power of two"):
        StreamQueue(8, 12)
    gc.collect()
