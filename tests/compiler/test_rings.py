"""Delay rings: who shares one, where they lie, and what the memory of delays holds."""

from __future__ import annotations

import numpy as np
import pytest

from lifline.arch.config import Config, preset
from lifline.arch.errors import CompileError
from lifline.arch.limits import RING_BITS
from lifline.arch.program import MAX_RINGS, PASS_WORDS, RING_0, RING_WORDS
from lifline.compiler.compile import compile_network
from lifline.compiler.components import components_of
from lifline.compiler.layouts import identity, position_major
from lifline.compiler.order import projections_in_order
from lifline.compiler.places import layout_by_population
from lifline.compiler.rings import Ring, Rings, Tap, place_rings
from lifline.driver.predict import predict, record_activity
from lifline.network.connections.convolution import Convolution
from lifline.network.connections.identity import Identity
from lifline.network.model import Network, Neurons, Population, Projection

TINY, CONV = preset("tiny"), preset("conv")
W = TINY.window


def network(*delays: object, inputs: int = 40) -> Network:
    """An input, a hidden population of 33 neurons without delay, and one more population for each of its delays."""
    size, names = 33, [f"out{k}" for k in range(len(delays))]
    neurons = Neurons(threshold=1)
    return Network(
        name="net", state_bits=TINY.state_bits, output=names[-1],
        populations=(Population("in", (inputs,)), Population("hidden", (size,), neurons), *(Population(name, (1,), neurons) for name in names)),
        projections=(
            Projection(source="in", target="hidden", weights=np.ones((size, inputs), int), delays=2),
            *(Projection(source="hidden", target=name, weights=np.ones((1, size), int), delays=d) for name, d in zip(names, delays, strict=True)),
        ),
    )  # fmt: skip


def placed(*delays: object, config: Config = TINY) -> Rings:
    net = network(*delays)
    return place_rings(net, config, layout_by_population(net, TINY, None))


EACH = np.arange(33) % 6


def test_projections_of_equal_delays_share_a_ring() -> None:
    net = network(3, np.full(33, 3), EACH)
    rings = place_rings(net, TINY, layout_by_population(net, TINY, None))
    first, second, third = (rings.of_projection[p] for p in net.projections_from("hidden"))
    assert first is second and third is not second
    assert [ring.source.name for ring in rings.all] == ["in", "hidden", "hidden"] and [ring.number for ring in rings.all] == [0, 1, 2]
    assert rings.of_population("hidden") == list(rings.all[1:]) and rings.of_population("out0") == []


def test_a_ring_holds_its_delay_and_a_window_and_that_of_the_input_one_more() -> None:
    first, second, third = placed(3, EACH).all
    assert (first.rows, second.rows, third.rows) == (2 + 2 * W, 3 + W, 5 + W)
    assert (first.words, second.words) == (2 * (2 + 2 * W), 2 * (3 + W))


def test_rings_lie_one_behind_the_other() -> None:
    rings = placed(3, EACH)
    ends = np.cumsum([ring.words for ring in rings.all])
    assert [ring.base for ring in rings.all] == [0, *ends[:-1]] and rings.words == ends[-1]
    assert rings.memory == {"ring words": (rings.words, TINY.ring_words), "delay entries": (2 * RING_BITS, TINY.delay_entries)}


def test_only_different_delays_have_entries() -> None:
    wide = TINY.replace(delay_entries=256)
    rings = placed(EACH, EACH[::-1], config=wide)
    uniform, first, second = rings.all
    assert (uniform.uniform, uniform.entries, uniform.delay) == (True, 0, 2)
    assert [(ring.uniform, ring.entries, ring.delay) for ring in (first, second)] == [(False, 64, 0), (False, 64, 64)]
    assert rings.delay_image().tolist() == [*EACH, *[0] * 31, *EACH[::-1], *[0] * 31]
    assert placed(0).delay_image().tolist() == [0]


def channels(shape: tuple[int, ...], delays: object, *, source: str = "hidden", config: Config = CONV) -> Ring:
    """The ring that an identity from an image reads, with these delays, position by position in the hardware."""
    names = ["in", "hidden", "out"]
    neurons, first = Neurons(threshold=1), names.index(source)
    net = Network(
        name="net", state_bits=config.state_bits, output="out",
        populations=(Population("in", shape), *(Population(name, shape, neurons) for name in names[1:])),
        projections=tuple(
            Projection(source=a, target=b, weights=[1], connection=Identity(), delays=delays if k == first else 0) for k, (a, b) in enumerate(zip(names, names[1:], strict=False))
        ),
    )  # fmt: skip
    places = layout_by_population(net, config, {"in": position_major(shape, config.lanes)})
    return place_rings(net, config, places).all[first]


@pytest.mark.parametrize(("count", "period"), [(2, 1), (3, 1), (16, 1), (20, 1), (40, 3), (64, 2), (65, 5)])
def test_delays_of_channels_are_stored_once(count: int, period: int) -> None:
    """As often as whole words hold whole positions: with channels padded to lanes, 40 of them to 48, three words hold two positions."""
    own = np.arange(count) % 7
    ring = channels((count, 6, 8), own)
    assert (ring.period, ring.entries) == (period, period * RING_BITS)
    layout = position_major((count, 6, 8), CONV.lanes)
    image = np.resize(ring.delays[: ring.entries], layout.size)
    assert np.array_equal(layout.gather(image), np.repeat(own, 48)) and np.array_equal(image, ring.delays)


def test_what_the_input_is_written_with_repeats_after_a_power_of_two() -> None:
    roomy = CONV.replace(delay_entries=8192)
    assert [channels((count, 6, 8), np.arange(count) % 7, source="in", config=roomy).period for count in (3, 40, 64, 65)] == [1, 0, 2, 0]


def test_delays_that_do_not_repeat_are_stored_for_every_neuron() -> None:
    own = np.arange(3 * 48) % 7
    ring = channels((3, 6, 8), own)
    assert (ring.period, ring.entries) == (0, 4 * 48) and channels((3, 6, 8), np.zeros(3, int)).uniform


def test_a_population_writes_a_few_rings_and_the_input_one() -> None:
    placed(*range(MAX_RINGS))
    with pytest.raises(CompileError, match=f"`hidden` needs {MAX_RINGS + 1} delay rings for the delays of its outgoing projections, `tiny` has {MAX_RINGS}: .*; share delays"):
        placed(*range(MAX_RINGS + 1))
    net = network(0)
    other = Projection(source="in", target="out0", weights=np.ones((1, 40), int), delays=1)
    with pytest.raises(CompileError, match="`in` needs 2 delay rings .* `tiny` has 1: one for each pattern of delays; share delays"):
        place_rings(net.replace(projections=(*net.projections, other)), TINY, layout_by_population(net, TINY, None))


@pytest.mark.parametrize(("field", "message"), [
    ("ring_words", "`net` needs 50 words of 32 for delay rings, `tight` has 32: shorten delays"),
    ("delay_entries", "`net` needs 64 axonal delays, `tight` has 32: use uniform delays"),
])  # fmt: skip
def test_what_does_not_fit_is_refused_with_need_and_limit(field: str, message: str) -> None:
    net = network(3, EACH) if field == "delay_entries" else network(3, 4)
    with pytest.raises(CompileError, match=message):
        place_rings(net, TINY.replace(name="tight", max_delay=6, **{field: 32}), layout_by_population(net, TINY, None))


def temporal(*pairs: tuple[str, object]) -> Network:
    """Input and a hidden population of the same size; projections from the hidden one, each with a target and delays."""
    names = list(dict.fromkeys(name for name, _ in pairs))
    neurons = Neurons(threshold=1)
    return Network(
        name="net", state_bits=CONV.state_bits, output=names[-1],
        populations=(Population("in", (33,)), Population("hidden", (33,), neurons), *(Population(name, (2,), neurons) for name in names)),
        projections=(
            Projection(source="in", target="hidden", weights=np.eye(33, dtype=int)),
            *(Projection(source="hidden", target=name, weights=np.full((2, 33), k + 1), delays=d) for k, (name, d) in enumerate(pairs)),
        ),
    )  # fmt: skip


def taps(*pairs: tuple[str, object]) -> list[Tap]:
    net = temporal(*pairs)
    rings = place_rings(net, CONV, layout_by_population(net, CONV, None))
    return [rings.of_projection[p] for p in net.projections_from("hidden")]


def test_delays_that_differ_by_steps_for_all_are_taps_of_one_ring() -> None:
    """However many there are; the ring holds the longest delay, and is written through the descriptor of the shortest."""
    a, b, c, d = taps(("out", 7), ("out", 2), ("out", 4), ("out", 2))
    assert a.ring is b.ring is c.ring and b is d and [t.later for t in (a, b, c)] == [5, 0, 2]
    assert a.ring.rows == 7 + CONV.window and a.ring.delays.tolist() == [2] * 33
    assert [t.first for t in (a, b, c)] == [10, 0, 13] and [t.clears for t in (a, b, c)] == [True, False, False]
    assert b.number == b.ring.number == 1 and {a.number, c.number} == {2, 3}


def test_delays_of_their_own_are_tapped_too() -> None:
    own = np.arange(33) % 6
    a, b = taps(("out", own), ("out", own + 9))
    assert a.ring is b.ring and (a.later, b.later) == (0, 9) and a.ring.rows == 5 + 9 + CONV.window


def test_passes_into_a_population_read_the_oldest_spikes_last() -> None:
    net = temporal(("out", 7), ("out", 2))
    assert [p.shortest_delay for p in projections_in_order(net, *components_of(net, 4)[-1:], "out")] == [2, 7]


def test_who_needs_older_spikes_before_another_reads_younger_ones_has_a_ring_of_its_own() -> None:
    """Else it would clear what the other one has still to see; not if a whole window lies between them."""
    a, b = taps(("first", 3), ("second", 1))
    assert a.ring is not b.ring and a.clears and b.clears
    a, b = taps(("first", 1 + CONV.window - 1), ("second", 1))
    assert a.ring is not b.ring
    a, b = taps(("first", 1 + CONV.window), ("second", 1))
    assert a.ring is b.ring and a.clears and not b.clears
    a, b, c = taps(("first", 3), ("second", 1), ("third", 3))
    assert a is c and a.ring is b.ring


def test_without_maps_there_are_no_taps() -> None:
    rings = placed(3, 5)
    assert len(rings.taps) == len(rings.all) == 3


def test_a_tap_reads_a_ring_that_others_write_and_the_last_reader_clears() -> None:
    net = temporal(("out", 7), ("out", 2))
    program = compile_network(net, CONV)
    words = {layout.name: [] for layout in (*PASS_WORDS, *RING_WORDS)}  # type: dict[str, list[dict[str, int]]]
    places = []
    for where, layout, word in program.listing():
        if layout.name in words:
            words[layout.name].append(layout.unpack(word))
        if layout is RING_0:
            places.append(where)
    assert [w["clear"] for w in words["pass_0"]] == [1, 0, 1]
    entrance, written, tap = words["ring_0"]
    assert (written["tap"], written["rows"], tap["tap"], tap["rows"], tap["base"]) == (0, 15, 1, 15, 10)
    assert [w["ring"] for w in words["pass_1"]] == places and words["pass_1"][1]["ring_base"] == words["pass_1"][2]["ring_base"] == written["base"]
    assert words["ring_1"][1]["delay"] == 2


def test_the_input_is_placed_position_by_position_where_its_channels_have_delays_of_their_own() -> None:
    """Then its delays are stored once; also behind maps that go from neuron to neuron."""
    shape, own = (3, 6, 8), np.array([0, 4, 2])
    for delays, period in ((own, 1), (np.repeat(own, 48), 1), (np.arange(3 * 48) % 7, 0)):
        net = Network(
            name="net", state_bits=CONV.state_bits, output="out",
            populations=(Population("in", shape), Population("out", (8, 6, 8), Neurons(threshold=1))),
            projections=(Projection(source="in", target="out", weights=np.ones((8, 3, 3, 3), int), connection=Convolution(padding=1), delays=delays),),
        )  # fmt: skip
        places = layout_by_population(net, CONV, None)
        assert (places["in"] == position_major(shape, CONV.lanes)) == bool(period) and place_rings(net, CONV, places).all[0].period == period


@pytest.mark.parametrize(("outputs", "kernel", "options", "placed"), [
    (32, 1, {}, False), (64, 1, {"stride": 2}, False), (16, 3, {"stride": 2, "padding": 1}, False), (4, 3, {"stride": 2, "padding": 1}, False),
    (32, 3, {"stride": 2, "padding": 1}, False), (80, 1, {}, True), (16, 3, {"padding": 1}, True), (64, 3, {"stride": 2, "padding": 1}, True),
])  # fmt: skip
def test_delays_of_channels_place_no_input_whose_spikes_would_wait_for_slots(outputs: int, kernel: int, options: dict[str, int], placed: bool) -> None:
    """The order that is chosen takes no more cycles than the other; where there is no room for a delay of every neuron there is no choice."""
    roomy, shape, delays = CONV.replace(delay_entries=4096), (32, 8, 8), np.arange(32) % 10 // 9 * 4
    weights, connection = np.ones((outputs, 32, kernel, kernel), int), Convolution(**options)
    net = Network(
        name="net", state_bits=CONV.state_bits, output="out",
        populations=(Population("in", shape), Population("out", connection.output_shape(shape, weights), Neurons(threshold=CONV.state_max))),
        projections=(Projection(source="in", target="out", weights=weights, connection=connection, delays=delays),),
    )  # fmt: skip
    activity = record_activity(net, (np.random.default_rng(0).random((1, 16, 2048)) < 0.1).astype(np.uint8))
    chosen = layout_by_population(net, roomy, None)["in"]
    assert (chosen == position_major(shape, CONV.lanes)) is placed
    [own, other] = [predict(compile_network(net, roomy, layouts={"in": layout}), roomy, activity)[0].busy_cycles
                    for layout in (chosen, identity(2048) if placed else position_major(shape, CONV.lanes))]  # fmt: skip
    assert own < other if not placed else own <= 1.01 * other
    assert layout_by_population(net, CONV, None)["in"] == position_major(shape, CONV.lanes)
