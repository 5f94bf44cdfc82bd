"""Convolution, pooling and identity: tables, constants and weight words, walked in Python, are the matrix that the description says."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lifline.arch.config import Config, preset
from lifline.arch.errors import CompileError
from lifline.arch.program import Mode
from lifline.compiler.layouts import Layout, identity, position_major
from lifline.compiler.projections.chosen import kind_of
from lifline.compiler.projections.kind import Part
from lifline.network.connections.convolution import Convolution
from lifline.network.connections.identity import Identity
from lifline.network.connections.kind import Connection
from lifline.network.connections.pooling import Pooling
from lifline.network.model import Projection

CONFIG = preset("conv")
LANES = st.sampled_from([4, 8, 16])
Shape = tuple[int, ...]


def config_of(lanes: int) -> Config:
    return CONFIG.replace(event_lanes=lanes, dense_lanes=lanes, multipliers=min(8, lanes))


def connected(connection: Connection, weights: np.ndarray, shape: Shape) -> Projection:
    projection = Projection(source="a", target="b", weights=weights, connection=connection)
    return projection.between(shape, connection.output_shape(shape, projection.weights))


def parts_of(projection: Projection, source: Layout, config: Config) -> tuple[list[Part], Layout]:
    target = position_major(projection.shapes[1], config.lanes)
    return kind_of(projection).parts(projection, projection.weights, source, target, Mode.EVENT, config), target


def walked(parts: list[Part], source: Layout, target: Layout, lanes: int) -> np.ndarray:
    """(target, source) the weight of every synapse: every entry's weight words added where its slots are."""
    sums = np.zeros((parts[0].blocks * lanes, source.size), np.int64)
    for part in parts:
        for place in source.indices[(source.indices >= part.first) & (source.indices < part.first + part.fan_in)].tolist():
            assert part.walk is not None
            index, lane = divmod(place - part.first, part.walk.lanes)
            for word, slot in part.walk.visits(index):
                assert 0 <= word < len(part.words) and 0 <= slot < part.blocks
                own = slice(None) if part.walk.lanes == 1 else lane
                sums[slot * lanes : (slot + 1) * lanes, place][own] += part.words[word][own]
    return sums[target.indices][:, source.indices]


def check(projection: Projection, source: Layout, lanes: int) -> list[Part]:
    parts, target = parts_of(projection, source, config_of(lanes))
    expected = projection.weight_matrix()
    assert np.array_equal(walked(parts, source, target, lanes), expected)
    sums = kind_of(projection).sums(projection, projection.weights)
    assert np.array_equal(sums.positive, np.maximum(expected, 0).sum(axis=1)) and np.array_equal(sums.negative, np.maximum(-expected, 0).sum(axis=1))
    return parts


@st.composite
def layouts(draw: st.DrawFn, shape: Shape) -> Layout:
    """A source's: that of the network, or position by position for blocks of any size."""
    return draw(st.sampled_from([identity(int(np.prod(shape))), *(position_major(shape, n) for n in (4, 8, 16, 32))]))


@st.composite
def axes(draw: st.DrawFn, kernels: int = 5) -> tuple[int, int, int, tuple[int, int], int, int]:
    """Source, kernel, stride, padding, dilation and pool of an axis, of which something is left."""
    length, kernel, dilation = draw(st.sampled_from([1, 2, 3, 5, 7, 9])), draw(st.integers(1, kernels)), draw(st.sampled_from([1, 1, 2, 3]))
    pool, stride = draw(st.integers(1, min(3, length))), draw(st.integers(1, 4))
    short = max(dilation * (kernel - 1) + 1 - length // pool, 0)
    before = draw(st.integers(0, short + 1))
    after = draw(st.integers(max(short - before, 0), max(short - before, 0) + 2))
    return length, kernel, stride, (before, after), dilation, pool


@st.composite
def convolutions(draw: st.DrawFn) -> Projection:
    groups, spatial = draw(st.sampled_from([1, 1, 1, 2, 3])), draw(st.lists(axes(), min_size=1, max_size=2))
    inputs, outputs = draw(st.sampled_from([1, 2, 3])), draw(st.sampled_from([1, 2, 3, 5, 8, 20]))
    length, kernel, stride, padding, dilation, pool = zip(*spatial, strict=True)
    rng = np.random.default_rng(draw(st.integers(0, 1 << 20)))
    weights = rng.integers(-9, 10, (groups * outputs, inputs, *kernel))
    connection = Convolution(stride=stride, padding=padding, dilation=dilation, groups=groups, pool=pool)
    return connected(connection, weights, (groups * inputs, *length))


@given(convolutions(), LANES, st.data())
def test_a_convolution_is_its_matrix(projection: Projection, lanes: int, data: st.DataObject) -> None:
    check(projection, data.draw(layouts(projection.shapes[0])), lanes)


@given(st.lists(axes(3), min_size=1, max_size=2), st.sampled_from([1, 3, 16, 20]), LANES, st.data())
def test_a_pooling_is_its_matrix(spatial: list[tuple], channels: int, lanes: int, data: st.DataObject) -> None:
    length, size, stride = ([axis[k] for axis in spatial] for k in range(3))
    padding = tuple((size[k] - 1, size[k] - 1) for k in range(len(spatial)))
    projection = connected(Pooling(tuple(size), tuple(stride), padding), np.array([3]), (channels, *length))
    (part,) = check(projection, data.draw(layouts(projection.shapes[0])), lanes)
    if channels >= lanes:
        assert part.walk is not None
        words = 1 if part.walk.lanes > 1 else lanes
        assert len(part.words) == words, "one word, or one per lane, serves all places and all blocks of channels"


@given(st.lists(st.sampled_from([1, 2, 5]), max_size=3), st.sampled_from([1, 3, 16, 20]), st.booleans(), LANES, st.data())
def test_an_identity_is_its_matrix(positions: list[int], channels: int, own: bool, lanes: int, data: st.DataObject) -> None:
    shape = (channels, *positions)
    weights = np.arange(1, channels + 1) if own else np.array([-5])
    source = data.draw(layouts(shape)) if positions else identity(channels)
    check(connected(Identity(), weights, shape), source, lanes)


DEPTHWISE = Convolution(padding=1, stride=2, groups=20)
BOTH = position_major((20, 5, 6), 16)


@pytest.mark.parametrize(
    ("connection", "weights", "source", "vectors"),
    [
        (DEPTHWISE, (20, 1, 3, 3), BOTH, True),
        (DEPTHWISE, (20, 1, 3, 3), position_major((20, 5, 6), 64), True),  # positions further apart
        (DEPTHWISE, (20, 1, 3, 3), identity(600), False),
        (Convolution(groups=10), (20, 2, 3, 3), BOTH, False),
        (Convolution(groups=20), (40, 1, 3, 3), BOTH, False),
        (Pooling(2), (1,), BOTH, True),
        (Pooling(2), (1,), identity(600), False),
        (Identity(), (20,), BOTH, True),
        (Identity(), (1,), identity(600), False),
    ],
)  # fmt: skip
def test_blocks_are_entries_where_channels_lead_to_their_own_in_whole_blocks(
    connection: Connection, weights: Shape, source: Layout, vectors: bool
) -> None:
    """Weights are then those of lanes: a word per tap and block of channels, one for all of a pooling."""
    projection = connected(connection, np.random.default_rng(1).integers(1, 9, weights), (20, 5, 6))
    (part,) = check(projection, source, 16)
    assert part.walk is not None and part.walk.lanes == (16 if vectors else 1)
    if vectors:
        assert len(part.words) == {DEPTHWISE: 9 * 2, Pooling(2): 1, Identity(): 2}[connection]


def test_few_channels_have_neighbours_in_their_blocks() -> None:
    """Of an identity they are the same at both ends; a window moves them against each other. Without positions a block is any sixteen neurons."""
    for connection, weights, shape, vectors in (
        (Identity(), (1,), (3, 5, 6), True), (Identity(), (3,), (3, 5, 6), True), (Pooling(2), (1,), (3, 5, 6), False),
        (Convolution(groups=3), (3, 1, 3, 3), (3, 5, 6), False), (Pooling(2), (1,), (9, 5, 6), True), (Identity(), (1,), (37,), True), (Identity(), (37,), (37,), True),
    ):  # fmt: skip
        (part,) = check(connected(connection, np.full(weights, 3), shape), position_major(shape, 16) if len(shape) > 1 else identity(37), 16)
        assert part.walk is not None and (part.walk.lanes == 16) == vectors


def test_configurations_with_more_lanes_than_a_ring_word_has_neurons_have_no_vectors() -> None:
    projection = connected(Identity(), np.array([3]), (64, 3, 3))
    (part,) = check(projection, position_major((64, 3, 3), 64), 64)
    assert part.walk is not None and part.walk.lanes == 1 and not config_of(64).vectors


def test_large_sources_of_blocks_take_several_passes() -> None:
    shape = (20, 40, 30)
    parts = check(connected(Pooling((8, 1)), np.array([3]), shape), position_major(shape, 16), 16)
    assert [(part.first, part.fan_in) for part in parts] == [(0, 16320), (16320, 16320), (32640, 40 * 30 * 32 - 12 - 32640)]


@pytest.mark.parametrize("channels", [1, 3, 20, 65])
@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (6, 1), (5, 7)])
@pytest.mark.parametrize("layout", [lambda shape: identity(int(np.prod(shape))), lambda shape: position_major(shape, 16)])
def test_odd_channels_and_images(channels: int, shape: Shape, layout: Callable[[Shape], Layout]) -> None:
    weights = np.random.default_rng(channels).integers(-7, 8, (channels, 2, 3, 3))
    check(connected(Convolution(padding=1), weights, (2, *shape)), layout((2, *shape)), 16)
    check(connected(Convolution(padding=1), weights.reshape(2, channels, 3, 3), (channels, *shape)), layout((channels, *shape)), 16)


@pytest.mark.parametrize("channels", [3, 8, 20])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_only_blocks_that_a_spike_reaches_are_visited(channels: int, stride: int) -> None:
    """Each once; padding is not reached."""
    projection = connected(Convolution(stride=stride, padding=1), np.ones((channels, 1, 3, 3), int), (1, 7, 9))
    (part,), target = parts_of(projection, identity(63), CONFIG)
    matrix = projection.weight_matrix()
    for place in range(63):
        assert part.walk is not None
        slots = sorted(slot for _, slot in part.walk.visits(place))
        assert slots == sorted(set((target.indices[matrix[:, place] > 0] // CONFIG.lanes).tolist()))


def test_a_kernel_is_stored_once() -> None:
    """As many words as taps and channels and blocks of channels, however large the image is."""
    for size in (5, 30):
        (part,), _ = parts_of(connected(Convolution(padding=1), np.ones((40, 3, 3, 3), int), (3, size, size)), identity(3 * size * size), CONFIG)
        assert len(part.words) == 9 * 3 * 3


def test_a_block_of_neighbours_holds_their_taps_side_by_side() -> None:
    (part,), _ = parts_of(connected(Convolution(), np.arange(1, 4).reshape(1, 1, 3), (1, 18)), identity(18), CONFIG)
    rows = {tuple(word) for word in part.words.tolist()}
    assert (0, 0, 0, 3, 2, 1, *[0] * 10) in rows and len(part.words) == 3 + 15


def test_large_sources_take_several_passes_of_whole_turns() -> None:
    shape = (3, 80, 100)
    projection = connected(Convolution(stride=16), np.random.default_rng(1).integers(-3, 4, (2, 3, 3, 3)), shape)
    config = CONFIG.replace(ring_words=8192)
    parts, target = parts_of(projection, identity(24000), config)
    assert [(part.first, part.fan_in) for part in parts] == [(0, 16000), (16000, 8000)] and config.mapped_fan_in == 16384
    assert np.array_equal(parts[0].words, parts[1].words)
    expected = projection.connection.matrix(projection.weights, *projection.shapes)
    assert np.array_equal(walked(parts, identity(24000), target, 16), expected)


def test_sources_whose_turns_are_too_large_are_refused() -> None:
    projection = connected(Convolution(stride=4), np.ones((2, 2, 3, 3), int), (2, 160, 110))
    with pytest.raises(CompileError, match="its source has 35,200 places and 17,600 of them in each turn of the last axis"):
        parts_of(projection, identity(35200), CONFIG.replace(ring_words=8192))


@pytest.mark.parametrize("end", ["source", "target"])
def test_a_layout_without_order_is_refused(end: str) -> None:
    projection = connected(Convolution(), np.ones((16, 16, 1, 1), int), (16, 3, 3))
    good, bad = position_major((16, 3, 3), 16), Layout(np.random.default_rng(1).permutation(144))
    source, target = (bad, good) if end == "source" else (good, bad)
    with pytest.raises(CompileError, match=f"projection a -> b, {end}: its layout does not .*; use `position_major`, or leave its layout to the compiler"):
        kind_of(projection).parts(projection, projection.weights, source, target, Mode.EVENT, CONFIG)


def test_positions_that_share_a_block_are_refused_in_the_order_of_the_network() -> None:
    projection = connected(Convolution(), np.ones((4, 4, 1, 1), int), (4, 3, 5))
    with pytest.raises(CompileError, match="target: its layout does not put positions one after the other"):
        kind_of(projection).parts(projection, projection.weights, identity(60), identity(60), Mode.EVENT, CONFIG)


def test_an_identity_without_positions_keeps_the_order_of_the_network() -> None:
    projection = connected(Identity(), np.array([1]), (20,))
    with pytest.raises(CompileError, match="keep the network's order; give them no layout"):
        kind_of(projection).parts(projection, projection.weights, Layout(np.arange(20)[::-1].copy()), identity(20), Mode.EVENT, CONFIG)
