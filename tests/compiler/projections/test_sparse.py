"""Sparse projections: what a pass adds up is the matrix of the description, in tables and written out."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from lifline.arch.config import Config, preset
from lifline.arch.maps import TABLES
from lifline.arch.program import Mode
from lifline.compiler.layouts import Layout, identity, position_major
from lifline.compiler.maps import balanced
from lifline.compiler.projections.kind import Part
from lifline.compiler.projections.sparse import Sparse, why_written_out
from lifline.compiler.projections.walk import Digit, Start, Walk
from lifline.network.connections import sparse
from lifline.network.model import Projection
from lifline.sim.random.variants import VARIANTS

CONV, LARGE = preset("conv"), VARIANTS["maps"]


def projection(sources: object, targets: object, source: tuple[int, ...], target: tuple[int, ...], seed: int = 0) -> Projection:
    connection = sparse.Sparse(sources, targets)  # type: ignore[arg-type]
    weights = np.random.default_rng(seed).integers(-9, 10, len(connection.sources))
    return Projection(source="a", target="b", weights=weights, connection=connection).between(source, target)


def drawn(seed: int, source: tuple[int, ...], target: tuple[int, ...], share: float, near: float = 2) -> Projection:
    """A share of the synapses between neurons that are close together."""
    rng, shape = np.random.default_rng(seed), (int(np.prod(target)), int(np.prod(source)))
    at = np.indices(shape)
    wanted = (rng.random(shape) < share) & (np.abs(at[0] / shape[0] - at[1] / shape[1]) < near)
    wanted[-1, -1] = True
    targets, sources = np.nonzero(wanted)
    return projection(sources, targets, source, target, seed)


def added(parts: list[Part], source: Layout, target: Layout, lanes: int) -> np.ndarray:
    """The matrix (target, source) that passes add up, spike by spike, in the network's order; in walks, as the gateware goes through them."""
    total = np.zeros((-(-target.size // lanes) * lanes, source.size), np.int64)
    for part in parts:
        for k in range(part.fan_in):
            for word, slot in part.walk.visits(k) if part.walk else ((block * part.fan_in + k, block) for block in range(part.blocks)):
                total[slot * lanes : (slot + 1) * lanes, part.first + k] += part.words[word]
    assert not total[[p for p in range(len(total)) if p >= target.size or not target.exists[p]]].any()
    return total[np.ix_(target.indices, source.indices)]


LAYOUTS = {"the network's": lambda shape, lanes: identity(int(np.prod(shape))), "by position": position_major}


@pytest.mark.parametrize("layouts", LAYOUTS)
@pytest.mark.parametrize("config", [CONV, LARGE], ids=lambda c: c.name)
@pytest.mark.parametrize("seed", range(12))
def test_what_is_added_up_is_the_matrix(seed: int, config: Config, layouts: str) -> None:
    rng = np.random.default_rng([seed, 7])
    source, target = ((int(rng.integers(1, 21)), int(rng.integers(1, 12))) for _ in range(2))
    p = drawn(seed, source, target, float(rng.choice([0.01, 0.2])), float(rng.choice([0.1, 2])))
    ends = [LAYOUTS[layouts](shape, config.lanes) for shape in (source, target)]
    for mode in Mode:
        assert (added(Sparse().parts(p, p.weights, *ends, mode, config), *ends, config.lanes) == p.weight_matrix()).all()


@pytest.mark.parametrize(("places", "passes"), [(512, [512]), (513, [288, 225]), (960, [480] * 2), (1440, [480] * 3), (1441, [])])
def test_large_sources_take_several_passes(places: int, passes: list[int]) -> None:
    p = drawn(places, (places,), (50,), 0.05, 0.1)
    ends = identity(places), identity(50)
    parts = Sparse().parts(p, p.weights, *ends, Mode.EVENT, CONV)
    assert [part.fan_in for part in parts if part.walk] == passes
    assert (added(parts, *ends, CONV.lanes) == p.weight_matrix()).all()
    assert ("1,441 places, the three tables of `conv` hold 1,440" in why_written_out(p, *ends, CONV)) == (not passes)


def test_walks_of_one_table_go_where_there_is_room_and_stay_the_same() -> None:
    """Beside a convolution with tables of 300 words in the first memory: 400 words, 200 and 200."""
    still, many = Digit(1, (Start(0, 0, 1),), 0, 0), Digit(300, tuple(Start(k, 0, 1) for k in range(300)), 1, 1)
    other = Walk((many, still, Digit(0, many.table[:10], 0, 0)))
    ends, parts = (identity(400), identity(90)), []
    for size in (200, 400, 200):
        p = drawn(size, (size,), (90,), 0.5, 0.1)
        parts += Sparse().parts(p, p.weights, identity(size), identity(90), Mode.EVENT, CONV)
    walks = balanced([parts[0].walk, other, None, parts[1].walk, parts[2].walk])
    assert walks[1] is other and walks[2] is None
    tables = [next(k for k in range(TABLES) if walk.digits[k] is walk.only) for walk in (walks[0], walks[3], walks[4]) if walk]
    assert tables == [2, 1, 2]
    p, part = drawn(400, (400,), (90,), 0.5, 0.1), dataclasses.replace(parts[1], walk=walks[3])
    assert (added([part], *ends, CONV.lanes) == p.weight_matrix()).all()


def test_a_neuron_costs_the_blocks_from_its_first_to_its_last() -> None:
    """Neurons 0 and 2 reach blocks 1 to 3 and block 5, neuron 1 nothing."""
    p = projection([0, 0, 2], [20, 60, 80], (3,), (100,))
    [part] = Sparse().parts(p, p.weights, identity(3), identity(100), Mode.EVENT, CONV)
    assert part.walk is not None
    assert [[slot for _, slot in part.walk.visits(k)] for k in range(3)] == [[1, 3], [], [5]], "every second block: none lies between"
    assert len(part.words) == 3 and part.blocks == 7
    p = projection([0, 0, 0], [20, 60, 40], (3,), (100,))
    [part] = Sparse().parts(p, p.weights, identity(3), identity(100), Mode.EVENT, CONV)
    assert part.walk is not None and [slot for _, slot in part.walk.visits(0)] == [1, 2, 3]


def test_what_no_table_saves_is_stored_as_fully_connected() -> None:
    p, ends = drawn(0, (40,), (30,), 0.9), (identity(40), identity(30))
    assert why_written_out(p, *ends, CONV) == "the blocks that its neurons reach need 80 weight words, 80 hold all synapses"
    [part] = Sparse().parts(p, p.weights, *ends, Mode.EVENT, CONV)
    assert part.walk is None and len(part.words) == 80
    assert why_written_out(p, *ends, preset("medium")) == "`medium` has no maps"


@pytest.mark.parametrize(("sources", "targets", "places", "message"), [
    ([0, 0], [0, 16 * 128], (512, 16 * 200), "a word of a table holds count up to 127, here it is up to 128"),
    ([0], [5], (512, 16 * 2048), "a word of a table holds slot up to 2,047, here it is up to 2,048"),
])  # fmt: skip
def test_numbers_that_a_word_cannot_hold(sources: list[int], targets: list[int], places: tuple[int, int], message: str) -> None:
    filler = np.arange(1, 3), np.arange(16, 48, 16)  # of a step of one block
    p = projection([*sources, 1, 1], [*targets, *filler[1]], places[:1], places[1:])
    assert why_written_out(p, *map(identity, places), CONV) == message


def test_the_largest_sums_are_those_of_its_synapses() -> None:
    p = drawn(3, (30,), (20,), 0.3)
    sums, matrix = Sparse().sums(p, p.weights), p.weight_matrix()
    assert (sums.positive == np.maximum(matrix, 0).sum(axis=1)).all() and (sums.negative == np.maximum(-matrix, 0).sum(axis=1)).all()
