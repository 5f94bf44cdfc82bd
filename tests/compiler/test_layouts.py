"""Layouts: one to one, there and back, and what is none refused by name."""

from __future__ import annotations

import numpy as np
import pytest

from lifline.arch.config import preset
from lifline.arch.errors import CompileError
from lifline.compiler.compile import compile_network
from lifline.compiler.layouts import LARGEST, Layout, identity, position_major
from lifline.compiler.places import layout_by_population
from lifline.network.connections.convolution import Convolution
from lifline.network.connections.identity import Identity
from lifline.network.model import Network, Neurons, Population, Projection

TINY = preset("tiny")
NETWORK = Network(
    name="net", state_bits=TINY.state_bits, output="out",
    populations=(Population("in", (3,)), Population("out", (2,), Neurons(threshold=9))),
    projections=(Projection(source="in", target="out", weights=np.arange(6).reshape(2, 3)),),
)  # fmt: skip
GAPS = Layout(np.array([4, 0, 2]), 6)


def test_spread_gather_and_put_agree() -> None:
    values = np.array([[7, 8, 9], [1, 2, 3]])
    spread = GAPS.spread(values, fill=-5)
    assert spread.tolist() == [[8, -5, 9, -5, 7, -5], [2, -5, 3, -5, 1, -5]]
    assert GAPS.spread(values.T, axis=0, fill=-5).tolist() == spread.T.tolist()
    assert (GAPS.gather(spread) == values).all() and (GAPS.gather(spread.T, axis=0) == values.T).all()
    assert GAPS.exists.tolist() == [True, False, True, False, True, False] and GAPS.inverse.tolist() == [1, -1, 2, -1, 0, -1]
    stored = np.zeros(3, np.int64)
    for first in range(0, 8, 4):
        GAPS.put(np.append(spread[0], [6, 6])[first : first + 4], first, stored)
    assert stored.tolist() == [7, 8, 9], "what is behind the last place is dropped"


def test_the_identity_moves_nothing() -> None:
    values = np.arange(4)
    assert identity(4).is_identity and identity(4).spread(values) is values and identity(4) == Layout(np.arange(4), 4)
    assert not Layout(np.arange(4), 5).is_identity and not Layout(np.array([1, 0])).is_identity and Layout(np.array([1, 0])) != identity(2)


@pytest.mark.parametrize(("shape", "lanes", "expected"), [
    ((5,), 4, [0, 1, 2, 3, 4]),  # a single position: whatever is behind the last channel is left off
    ((4, 2), 4, [0, 4, 1, 5, 2, 6, 3, 7]),
    ((5, 2), 4, [0, 8, 1, 9, 2, 10, 3, 11, 4, 12]),  # padded to two blocks
    ((3, 1, 2), 4, [0, 4, 1, 5, 2, 6]),  # padded to one
    ((2, 2, 3), 8, [0, 2, 4, 8, 10, 12, 1, 3, 5, 9, 11, 13]),  # four neighbours in a block, and an image row of three padded to four
    ((1, 2, 2), 2, [0, 1, 2, 3]),
])  # fmt: skip
def test_positions_come_one_after_the_other_and_their_channels_together(shape: tuple[int, ...], lanes: int, expected: list[int]) -> None:
    layout = position_major(shape, lanes)
    assert layout.indices.tolist() == expected and layout.size == max(expected) + 1


@pytest.mark.parametrize("lanes", [2, 4, 16, 64])
def test_a_block_never_holds_two_image_rows_nor_part_of_a_position(lanes: int) -> None:
    for shape in ((3, 4, 5), (1, 3, 3), (16, 2, 3), (17, 2, 2), (5, 7)):
        blocks = position_major(shape, lanes).indices.reshape(shape) // lanes
        for block in np.unique(blocks):
            channels, *rows, _ = np.nonzero(blocks == block)
            assert all(len(set(row)) == 1 for row in rows)
            assert len(channels) == lanes or len(set(channels)) in (shape[0], shape[0] % lanes) or not shape[0] % lanes


@pytest.mark.parametrize(("indices", "size", "message"), [
    ([], 0, "must be hardware indices"), ([[0, 1]], 0, "must be hardware indices"), ([0.5, 1], 0, "must be hardware indices"),
    (["a"], 0, "must be hardware indices"), ([0, -1], 0, r"hardware indices -1\.\.0 must be in 0\.\.0"), ([0, 3], 3, r"0\.\.3 must be in 0\.\.2"),
    ([0, 5, 5], 0, "two neurons have the hardware index 5"), ([0], LARGEST + 1, "size"), ([LARGEST], 0, "must be in"), ([0], 1.5, "size"),
])  # fmt: skip
def test_what_is_no_layout_is_refused(indices: list, size: int, message: str) -> None:
    with pytest.raises(CompileError, match=message):
        Layout(np.array(indices), size)


@pytest.mark.parametrize(("layouts", "message"), [
    ([identity(3)], "must be a mapping"), ({"hidden": identity(3)}, "layouts name 'hidden', and `net` has the populations in, out"),
    ({"in": [0, 1, 2]}, r"`in`: \[0, 1, 2\] is no `Layout`"), ({"in": identity(2)}, "`in` has 3 neurons, its layout 2"),
])  # fmt: skip
def test_layouts_of_other_networks_are_refused(layouts: object, message: str) -> None:
    with pytest.raises(CompileError, match=message):
        compile_network(NETWORK, TINY, layouts=layouts)  # type: ignore[arg-type]


def test_populations_without_a_layout_keep_their_order() -> None:
    found = layout_by_population(NETWORK, TINY, {"in": GAPS})
    assert found == {"in": GAPS, "out": identity(2)} and compile_network(NETWORK, TINY).layouts["in"].is_identity


def test_populations_that_are_too_large_for_any_layout_are_named() -> None:
    wide = Network(
        name="net", output="out", populations=(Population("in", (1, 4, 4)), Population("out", (70000, 4, 4), Neurons(threshold=1))),
        projections=(Projection(source="in", target="out", weights=np.ones((70000, 1, 1, 1), int), connection=Convolution()),),
    )  # fmt: skip
    with pytest.raises(CompileError, match="population `out` has 1,120,000 neurons, no configuration has more than 1,048,576 places for them"):
        compile_network(wide, preset("conv"))


def test_populations_that_only_padding_makes_too_large_are_named() -> None:
    wide = Network(
        name="net", output="out", populations=(Population("in", (9, 300, 300)), Population("out", (9, 300, 300), Neurons(threshold=1))),
        projections=(Projection(source="in", target="out", weights=[1], connection=Identity()),),
    )  # fmt: skip
    with pytest.raises(CompileError, match=r"population `out` of shape \(9, 300, 300\): with channels and positions padded to 16 lanes it has more than 1,048,576"):
        compile_network(wide, preset("conv"))


def test_padding_counts_against_the_neurons_of_a_configuration() -> None:
    with pytest.raises(CompileError, match=r"the network has 65 neurons \(63 of them padding\) besides inputs, `tiny` has 64"):
        compile_network(NETWORK, TINY, layouts={"out": Layout(np.array([0, 64]))})


def test_weights_rows_and_columns_follow() -> None:
    """Lane and block of a weight are its target's place, its word the source's."""
    from lifline.arch.registers import Space

    out = Layout(np.array([6, 1]))
    image = compile_network(NETWORK, TINY, layouts={"in": GAPS, "out": out}).images[Space.WEIGHTS].view(np.int8)
    fan_in, lanes = GAPS.size - 1, TINY.lanes
    words = image[: 2 * GAPS.size * lanes].reshape(2, GAPS.size, lanes)
    assert fan_in == 5 and np.count_nonzero(words) == 5
    for target, source in np.ndindex(2, 3):
        place = int(out.indices[target])
        assert words[place // lanes, GAPS.indices[source], place % lanes] == NETWORK.projections[0].weights[target, source]
