"""Accumulation of gather passes against convolutions by their definition: beside other passes, with stalls, and cycle by cycle."""

from __future__ import annotations

import random

import pytest

from lifline.arch.config import Config, preset
from lifline.sim.random.variants import VARIANTS

from .gathers import Gathered, drawn
from .test_accumulate import GatherPass, Pass, Target, WeightMemory, gateware, random_pass, random_weights, reference

CONFIGS: dict[str, Config] = {
    name: VARIANTS[name].replace(name=f"{name}-maps", map_words=64, slot_words=512)
    for name in ("tiny", "window1", "window2", "window16", "narrow4")
}
TINY = CONFIGS["tiny"]


def random_gather_pass(config: Config, rng: random.Random, count: int, *, blocks: int) -> GatherPass:
    convolution = drawn(config, rng, blocks=blocks)
    spikes = []
    for _ in range(count):
        number = rng.choice([0, 0, 1, convolution.fan_in // 4, convolution.fan_in])
        spikes.append(tuple(sorted(rng.sample(range(convolution.fan_in), min(number, rng.choice([3, 20, 99]))))))
    return GatherPass(weight_base=rng.randrange(config.weight_words), spikes=tuple(spikes), convolution=convolution)


def circular(config: Config, weights: list[list[int]]) -> list[list[int]]:
    """Weight words are modulo the depth of their memory."""
    return weights + weights


@pytest.mark.parametrize("name", CONFIGS)
def test_random_convolutions_with_stalls(name: str) -> None:
    config, rng = CONFIGS[name], random.Random(name)
    for _ in range(6):
        count = rng.choice([config.window, rng.randrange(1, config.window + 1)])
        first = random_gather_pass(config, rng, count, blocks=min(config.max_blocks, config.slot_words // config.window, 40))
        blocks, passes = first.convolution.all_blocks, [first]
        if blocks < 4:  # other passes into the same population, before and behind it
            passes.insert(rng.randrange(2), random_pass(config, rng, blocks, count, rng.randrange(config.weight_words - 24 * blocks)))
            again = GatherPass(weight_base=0, spikes=first.spikes, convolution=first.convolution)
            passes.insert(rng.randrange(3), again)
        target = Target.drawn(config, blocks, rng)
        weights = random_weights(config, rng, config.weight_words)
        expected = reference(config, passes, target, circular(config, weights))
        actual, _ = gateware(config, passes, target, WeightMemory(config, weights, rng), rng, windows=2)
        assert actual == [expected, expected], f"{target}, {passes}"


@pytest.mark.parametrize("memory", [{"busy": True}, {"late": True}, {"busy": True, "late": True}], ids=["busy", "late", "busy-and-late"])
def test_weights_that_are_late_are_waited_for_and_asked_for_once(memory: dict[str, bool]) -> None:
    """Sums, and the order of all requests, are those of a memory that answers at once."""
    config, rng = TINY, random.Random(f"{memory}")
    weights = random_weights(config, rng, config.weight_words)
    for _ in range(4):
        passes: list[Pass] = [random_gather_pass(config, rng, config.window, blocks=12)]
        target = Target.drawn(config, passes[0].convolution.all_blocks, rng)  # type: ignore[attr-defined]
        expected = reference(config, passes, target, circular(config, weights))
        slow, quick = WeightMemory(config, weights, rng, **memory), WeightMemory(config, weights, rng)
        for each, stalls in ((slow, rng.random() < 0.5), (quick, False)):
            assert gateware(config, passes, target, each, rng, stalls=stalls, windows=2)[0] == [expected] * 2, f"{target}, {passes}"
        assert slow.taken == quick.taken


def cycles_of(config: Config, convolution: Gathered, indices: tuple[int, ...]) -> int:
    """Cycles of a window of which all entries and pointers are there before."""
    rng = random.Random(1)
    weights = random_weights(config, rng, config.weight_words)
    gathered = GatherPass(weight_base=3, spikes=(indices, *((),) * (config.window - 1)), convolution=convolution)
    target = Target.full(config, convolution.all_blocks)
    sums, [cycles] = gateware(config, [gathered], target, WeightMemory(config, weights, rng), rng, stalls=False)
    assert sums == [reference(config, [gathered], target, circular(config, weights))]
    return cycles


FILL = 10
"""Cycles before the first entry of a pass is used, and behind its last sum: two map words, their sums, two pointers, the length, the jump; the end."""


@pytest.mark.parametrize("stride", [1, 2])
def test_a_block_takes_a_cycle_per_entry_and_a_drain(stride: int) -> None:
    config = preset("conv").replace(slot_words=512)
    convolution = Gathered((6, 6, 8), (3, 3), 1, (stride, stride), (1, 1))
    everything = tuple(range(convolution.fan_in))
    entries = [sum(length for _, length in segments) for segments in convolution.segments(list(everything))]
    between = sum(max(count + config.drain_cycles, config.window) for count in entries) - config.drain_cycles
    assert cycles_of(config, convolution, everything) == FILL + between + config.window


def test_a_block_without_entries_takes_the_reads_of_its_pointers_and_silence_takes_nothing() -> None:
    config = preset("conv").replace(slot_words=512)
    convolution = Gathered((6, 6, 8), (3, 3), 1, (2, 2), (1, 1))
    height, width = convolution.positions
    rows = width * sum(len(convolution.covered(0, row)[1]) for row in range(height))
    last = convolution.fan_in - 1
    assert cycles_of(config, convolution, (last,)) == FILL + 2 * (rows - 1) + 1 + config.window
    assert cycles_of(config, convolution, ()) == 1
