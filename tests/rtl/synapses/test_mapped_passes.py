"""Accumulation of mapped passes against convolutions by their definition: beside other passes, with stalls, and cycle by cycle."""

from __future__ import annotations

import dataclasses
import random

import pytest

from lifline.arch.config import Config, preset
from lifline.arch.timing import ACCUMULATE_SPACING, WALK_STAGES
from lifline.sim.random.variants import VARIANTS

from .test_accumulate import MappedPass, Pass, Target, VectorPass, WeightMemory, gateware, random_pass, random_weights, reference
from .walks import Convolution, drawn_convolution

CONFIGS: dict[str, Config] = {
    name: VARIANTS[name].replace(name=f"{name}-maps", map_words=64, slot_words=256)
    for name in ("tiny", "window1", "window16", "event-only", "event-wide", "short-list", "narrow4")
}
TINY = CONFIGS["tiny"]


def random_mapped_pass(config: Config, rng: random.Random, count: int, *, blocks: int, first: int = 0) -> MappedPass:
    convolution = drawn_convolution(config, rng, blocks=blocks, first=first)
    spikes = []
    for _ in range(count):
        number = rng.choice([0, 1, convolution.fan_in // 4, convolution.fan_in])
        spikes.append(tuple(sorted(rng.sample(range(convolution.fan_in), min(number, 20)))))
    base = rng.randrange(config.weight_words - convolution.weight_words)
    if config.vectors and rng.random() < 0.5:
        masks = tuple(tuple(rng.getrandbits(config.lanes) or 1 for _ in step) for step in spikes)
        return VectorPass(weight_base=base, spikes=tuple(spikes), convolution=convolution, masks=masks)
    return MappedPass(weight_base=base, spikes=tuple(spikes), convolution=convolution)


@pytest.mark.parametrize("name", CONFIGS)
def test_random_convolutions_with_stalls(name: str) -> None:
    config, rng = CONFIGS[name], random.Random(name)
    for _ in range(4):
        count = rng.choice([config.window, rng.randrange(1, config.window + 1)])
        first = random_mapped_pass(config, rng, count, blocks=min(config.max_blocks, 12))
        blocks, passes = first.convolution.all_blocks, [first]
        if blocks < 4:  # other passes into the same population, before and behind it, also mapped
            passes.insert(rng.randrange(2), random_pass(config, rng, blocks, count, rng.randrange(config.weight_words - 24 * blocks)))
            again = dataclasses.replace(first, weight_base=0)
            passes.insert(rng.randrange(3), again)
        target = Target.drawn(config, blocks, rng)
        weights = random_weights(config, rng, config.weight_words)
        expected = reference(config, passes, target, weights)
        actual, _ = gateware(config, passes, target, WeightMemory(config, weights, rng), rng, windows=2)
        assert actual == [expected, expected], f"{target}, {passes}"


@pytest.mark.parametrize("memory", [{"busy": True}, {"late": True}, {"busy": True, "late": True}], ids=["busy", "late", "busy-and-late"])
@pytest.mark.parametrize("name", ["tiny", "event-only"])
def test_weights_that_are_late_are_waited_for_and_asked_for_once(name: str, memory: dict[str, bool]) -> None:
    """Sums, and the order of all requests, are those of a memory that answers at once."""
    config, rng = CONFIGS[name], random.Random(f"{name} {memory}")
    weights = random_weights(config, rng, config.weight_words)
    for _ in range(3):
        passes: list[Pass] = [random_mapped_pass(config, rng, config.window, blocks=12)]
        target = Target.drawn(config, passes[0].convolution.all_blocks, rng)  # type: ignore[attr-defined]
        expected = reference(config, passes, target, weights)
        slow, quick = WeightMemory(config, weights, rng, **memory), WeightMemory(config, weights, rng)
        for each, stalls in ((slow, rng.random() < 0.5), (quick, False)):
            assert gateware(config, passes, target, each, rng, stalls=stalls, windows=2)[0] == [expected] * 2, f"{target}, {passes}"
        assert slow.taken == quick.taken


def cycles_of(config: Config, convolution: Convolution, indices: tuple[int, ...]) -> int:
    """Cycles of a step of which all entries are listed before."""
    rng = random.Random(1)
    weights = random_weights(config, rng, config.weight_words)
    mapped = MappedPass(weight_base=3, spikes=(indices,), convolution=convolution)
    target = Target.full(config, convolution.all_blocks)
    sums, [cycles] = gateware(config, [mapped], target, WeightMemory(config, weights, rng), rng, stalls=False)
    assert sums == [reference(config, [mapped], target, weights)]
    return cycles


def issued(slots: list[int]) -> list[int]:
    """Cycles in which pairs are asked for, the first one in cycle 1: one after the other, but a slot only when it is back."""
    cycles: list[int] = []
    back: dict[int, int] = {}
    for slot in slots:
        cycles.append(max(cycles[-1] + 1 if cycles else 1, back.get(slot, 0)))
        back[slot] = cycles[-1] + ACCUMULATE_SPACING
    return cycles


def test_a_step_fills_the_walk_once_and_then_takes_a_cycle_per_pair() -> None:
    """Neighbours and all channels: no slot is met too early, but with a stride that leaves a neuron few pairs."""
    config = preset("conv")
    for stride in (1, 2):
        convolution = Convolution((2, 6, 6), (3, 3), 2, (stride, stride), (1, 1))
        everything = tuple(range(convolution.fan_in))
        silent = cycles_of(config, convolution, ())
        for indices in ((convolution.fan_in - 1,), everything):  # the last pairs are far from the slots that the update reads first
            slots = [slot for index in indices for _, slot in convolution.geometry().visits(config, index)]
            waits = issued(slots)[-1] - len(slots)
            assert cycles_of(config, convolution, indices) - silent == WALK_STAGES + 1 + len(slots) + waits
            assert (stride == 1) == (waits == 0) or len(indices) == 1


def test_a_slot_that_comes_again_too_early_waits() -> None:
    """One position, several channels: every pair meets the same slot."""
    convolution = Convolution((8, 1, 1), (1, 1))
    config = preset("conv")
    assert cycles_of(config, convolution, tuple(range(8))) - cycles_of(config, convolution, (0,)) == 7 * ACCUMULATE_SPACING
