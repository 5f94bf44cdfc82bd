"""Passes and their weight words: order, places, who updates, who reads a ring last."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from lifline.arch.config import Config, preset
from lifline.arch.errors import CompileError
from lifline.arch.program import Mode
from lifline.compiler.components import Execution
from lifline.compiler.places import layout_by_population
from lifline.compiler.rings import place_rings
from lifline.compiler.weights import Weights, pack_lanes, place_weights
from lifline.network.connections.convolution import Convolution
from lifline.network.connections.identity import Identity
from lifline.network.model import Network, Neurons, Population, Projection

TINY = preset("tiny").replace(list_entries=64)  # a dense pass takes 64 presynaptic neurons, an event pass any number


def network(inputs: int, *targets: int) -> Network:
    """The input, which every population reads, and populations that each read the one before, too."""
    names = ["in", *(f"p{k}" for k in range(len(targets)))]
    sizes = dict(zip(names, (inputs, *targets), strict=True))
    pairs = [("in", name) for name in names[1:]] + list(zip(names[1:], names[2:], strict=False))
    return Network(
        name="net", state_bits=TINY.state_bits, output=names[-1],
        populations=(Population("in", (inputs,)), *(Population(name, (sizes[name],), Neurons(threshold=1)) for name in names[1:])),
        projections=tuple(Projection(source=a, target=b, weights=np.full((sizes[b], sizes[a]), k + 1)) for k, (a, b) in enumerate(pairs)),
    )  # fmt: skip


def placed(net: Network, mode: Mode = Mode.DENSE, config: Config = TINY) -> Weights:
    modes = {(p.source, p.target): mode for p in net.projections}
    layouts = layout_by_population(net, config, None)
    return place_weights(net, config, modes, place_rings(net, config, layouts), layouts)


def test_passes_follow_the_order_of_computation_and_the_last_one_of_a_population_updates() -> None:
    weights = placed(network(70, 5, 3))
    assert [(p.entry.source, p.entry.target, p.entry.first, p.entry.updates) for p in weights.passes] == [
        ("in", "p0", 0, False), ("in", "p0", 64, True), ("in", "p1", 0, False), ("in", "p1", 64, False), ("p0", "p1", 0, True),
    ]  # fmt: skip
    assert weights.shifts == {"p0": 0, "p1": 0}


def test_weight_words_lie_in_the_order_of_passes() -> None:
    weights = placed(network(70, 5, 3))
    sizes = [p.entry.blocks * p.entry.fan_in for p in weights.passes]
    assert sizes == [128, 12, 64, 6, 5] and [p.weight_base for p in weights.passes] == [0, *np.cumsum(sizes)[:-1]]
    assert weights.memory == {"weight words": (sum(sizes), TINY.weight_words)} and len(weights.words) == sum(sizes)
    assert weights.words[-5:].tolist() == [[3, 3, 3, 0]] * 5


def test_one_slot_per_block_is_for_populations_of_a_single_pass_in_event_mode() -> None:
    alone, chain = placed(network(64, 5), Mode.EVENT), placed(network(20, 5, 3), Mode.EVENT)
    assert [p.one_slot for p in alone.passes] == [True]
    assert [p.one_slot for p in chain.passes] == [True, False, False], "two projections lead to p1"
    assert [p.one_slot for p in placed(network(70, 5), Mode.DENSE).passes] == [False, False], "a projection in two parts"
    assert [p.one_slot for p in placed(network(64, 5), Mode.DENSE).passes] == [False]


def test_slots_are_filled_to_the_last_one() -> None:
    few = TINY.replace(slot_words=16)
    assert [p.entry.blocks for p in placed(network(20, 64), Mode.EVENT, few).passes] == [16]
    with pytest.raises(CompileError, match="population `p0` needs 17 accumulator slots, one for each block of 4 neurons, `tiny.*` has 16: split the population"):
        placed(network(20, 65), Mode.EVENT, few)
    with pytest.raises(CompileError, match="population `p0` needs 17 accumulator slots"):
        placed(network(70, 65), Mode.DENSE, few.replace(weight_words=4096))


def test_without_slots_for_all_steps_of_a_window_passes_are_a_loop() -> None:
    few = TINY.replace(slot_words=16)
    fits = placed(network(70, 16), Mode.DENSE, few)
    assert not fits.loops and [(p.entry.blocks, p.one_slot) for p in fits.passes] == [(4, False)] * 2
    several, dense, alone = placed(network(70, 17), Mode.DENSE, few), placed(network(20, 17), Mode.DENSE, few), placed(network(20, 17), Mode.EVENT, few)
    assert several.loops == (range(2),) and all(p.one_slot and p.entry.execution is Execution.LOOP for p in several.passes)
    assert dense.loops == (range(1),) and not alone.loops and alone.passes[0].one_slot


def test_the_last_pass_that_reads_a_part_of_a_ring_clears_it() -> None:
    weights = placed(network(70, 5, 3))
    assert [weights.cleared(k) > 0 for k in range(5)] == [False, False, True, True, True]


@pytest.mark.parametrize(("modes", "expected"), [
    ((Mode.DENSE, Mode.EVENT), [False, False, True]), ((Mode.EVENT, Mode.DENSE), [False, True, True]), ((Mode.EVENT, Mode.EVENT), [False, True]),
])  # fmt: skip
def test_parts_of_different_sizes_of_one_ring_overlap(modes: tuple[Mode, Mode], expected: list[bool]) -> None:
    """One mode takes 128 neurons in a pass, the other in two: no part is cleared while a later pass reads any of it."""
    net = network(128, 2, 2)
    net = net.replace(projections=net.projections[:2], output="p1")
    layouts = layout_by_population(net, TINY, None)
    chosen = {("in", "p0"): modes[0], ("in", "p1"): modes[1]}
    weights = place_weights(net, TINY, chosen, place_rings(net, TINY, layouts), layouts)
    assert [weights.cleared(k) > 0 for k in range(len(weights.passes))] == expected


def test_more_weights_than_there_is_room_for_are_refused_in_bytes_by_layer() -> None:
    net = network(8, 5, 3)
    placed(net, config=TINY.replace(weight_words=32))
    with pytest.raises(CompileError, match="layer `p0` needs 64 weight bytes, layer `p1` needs 52 weight bytes: together 116, `tight` has 64"):
        placed(net, config=TINY.replace(name="tight", weight_words=16))


@pytest.mark.parametrize(("bits", "lanes"), [(8, 4), (8, 16), (4, 4), (4, 16), (2, 4), (2, 128)])
def test_lanes_are_packed_lowest_first(bits: int, lanes: int) -> None:
    values = np.random.default_rng(bits * lanes).integers(-(1 << bits - 1), 1 << bits - 1, (5, lanes))
    words = [sum(int(v & (1 << bits) - 1) << bits * k for k, v in enumerate(row)) for row in values]
    per_row = max(1, lanes * bits // 32)
    assert pack_lanes(values, bits).tolist() == [word >> 32 * k & 0xFFFFFFFF for word in words for k in range(per_row)]


def test_equal_weights_are_stored_once() -> None:
    """A convolution of a sum is two passes over one copy; other weights, or another padding of the same layout's blocks, are others."""
    conv, weights = preset("conv"), np.random.default_rng(1).integers(-9, 10, (4, 3, 3, 3))
    shape, neurons = (3, 8, 8), Neurons(threshold=1)
    populations = (Population("in", shape), Population("a", shape, neurons), Population("b", shape, neurons), Population("sum", (4, 8, 8), neurons))
    own = [Projection(source="in", target=name, weights=[k + 1], connection=Identity()) for k, name in enumerate("ab")]
    into = [Projection(source=name, target="sum", weights=weights, connection=Convolution(padding=1)) for name in "ab"]
    net = Network(name="net", populations=populations, projections=(*own, *into), output="sum")
    a, b, first, second = placed(net, Mode.EVENT, conv).passes
    assert a.weight_base != b.weight_base and first.weight_base == second.weight_base
    other = dataclasses.replace(into[1], weights=weights + 1)
    apart = placed(net.replace(projections=(*own, into[0], other)), Mode.EVENT, conv)
    assert apart.passes[3].weight_base == apart.passes[2].weight_base + apart.passes[2].words
    assert apart.memory["weight words"][0] == len(apart.words) == sum(p.words for p in apart.passes)
    assert len(placed(net, Mode.EVENT, conv.replace(weight_words=64)).words) == 56, "there is no room for a second copy"
