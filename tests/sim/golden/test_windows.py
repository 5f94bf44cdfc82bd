"""Convolution, pooling and identity in the golden model against the per-step reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifline.network.connections.identity import Identity
from lifline.network.connections.kind import Connection
from lifline.network.model import Network, Neurons, Population, Projection
from lifline.sim.golden.model import GoldenModel

from ...network.connections.geometries import CHANNELS, convolutions, poolings
from ..reference import reference_run


def network(connection: Connection, weights: np.ndarray, source: tuple[int, ...], *, delays: Any = None, cap: int = 1, shift: int = 0) -> Network:
    """Input -> neurons that may fire several spikes -> the connection, and a second one of the same kind with other weights and delay."""
    shape = connection.output_shape(source, weights)
    return Network(
        name="windows",
        populations=(
            Population("input", source),
            Population("graded", source, Neurons(threshold=2, cap=cap)),
            Population("out", shape, Neurons(threshold=50, decay_v=1000)),
        ),
        projections=(
            Projection(source="input", target="graded", weights=[5], connection=Identity()),
            Projection(source="graded", target="out", weights=weights, connection=connection, delays=delays, weight_shift=shift),
            Projection(source="graded", target="out", weights=-weights // 2, connection=connection, delays=2),
        ),
        output="out",
    )


def assert_equals_reference(net: Network, spikes: np.ndarray) -> None:
    result = GoldenModel(net).run(spikes, record=["all", "all.x", "all.v"])
    plain = GoldenModel(net, threads=1).run(spikes)
    assert (plain.output_spikes == result.output_spikes).all()
    for b, train in enumerate(spikes):
        trace, *_ = reference_run(net, train)
        for name in ("graded", "out"):
            for variable in ("x", "v", "spikes"):
                assert result.records[name][variable][b].tolist() == trace[name][variable], (name, variable)


def drawn_delays(rng: np.random.Generator, source: tuple[int, ...]) -> Any:
    return [None, 3, rng.integers(0, 4, source[0]), rng.integers(0, 4, int(np.prod(source)))][rng.integers(4)]


@settings(max_examples=40, deadline=None)
@given(convolutions(), st.integers(0, 2**32 - 1))
def test_convolutions_equal_the_reference(drawn, seed: int) -> None:
    connection, shape, source = drawn
    if np.prod(source) * np.prod(connection.output_shape(source, np.ones(shape, int))) > 20_000:
        source, shape = (connection.groups, *source[1:]), (connection.groups, 1, *shape[2:])
    rng = np.random.default_rng(seed)
    weights = rng.integers(-127, 128, shape)
    net = network(connection, weights, source, delays=drawn_delays(rng, source), cap=int(rng.integers(1, 4)), shift=int(rng.integers(3)))
    assert_equals_reference(net, rng.integers(0, 2, (2, 5, int(np.prod(source)))))


@settings(max_examples=25, deadline=None)
@given(poolings(), st.integers(0, 2**32 - 1))
def test_poolings_equal_the_reference(drawn, seed: int) -> None:
    pooling, source = drawn
    source = (min(source[0], 4), *source[1:])
    rng = np.random.default_rng(seed)
    net = network(pooling, rng.integers(-127, 128, 1), source, delays=drawn_delays(rng, source), cap=int(rng.integers(1, 4)))
    assert_equals_reference(net, rng.integers(0, 2, (2, 5, int(np.prod(source)))))


@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("positions", [(), (1,), (1, 1), (1, 5), (2, 3)])
def test_identities_equal_the_reference(channels: int, positions: tuple[int, ...]) -> None:
    rng = np.random.default_rng(channels)
    source = (channels, *positions)
    net = network(Identity(), rng.integers(-127, 128, channels), source, delays=drawn_delays(rng, source), cap=2)
    assert_equals_reference(net, rng.integers(0, 2, (2, 4, int(np.prod(source)))))
