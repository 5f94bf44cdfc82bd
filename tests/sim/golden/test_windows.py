"""Convolution, pooling and identity in the golden model against the same networks fully connected, and against the per-step reference."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifline.network.connections.convolution import Convolution
from lifline.network.connections.fully_connected import FullyConnected
from lifline.network.connections.identity import Identity
from lifline.network.connections.kind import Connection
from lifline.network.model import Network, Neurons, Population, Projection
from lifline.network.result import differences
from lifline.sim.golden.model import GoldenModel

from ...network.connections.geometries import CHANNELS, convolutions, poolings
from ..reference import reference_run


def network(connection: Connection, weights: np.ndarray, source: tuple[int, ...], *, delays: Any = None, cap: int = 1, shift: int = 0) -> Network:
    """Input -> neurons that may fire several spikes -> the connection, and a second one of the same kind with other weights and delay."""
    shape = connection.output_shape(source, weights)
    each = np.arange(int(np.prod(shape)))
    own = Neurons(threshold=50 + each, bias=each % 7 - 3, decay_v=1000)
    if cap > 1:  # else what is updated in 32 bits
        own = dataclasses.replace(own, budget=2 + each % 3, decay_i=2000)
    return Network(
        name="windows",
        populations=(
            Population("input", source),
            Population("graded", source, Neurons(threshold=2, cap=cap)),
            Population("out", shape, own),
        ),
        projections=(
            Projection(source="input", target="graded", weights=[5], connection=Identity()),
            Projection(source="graded", target="out", weights=weights, connection=connection, delays=delays, weight_shift=shift),
            Projection(source="graded", target="out", weights=-weights // 2, connection=connection, delays=2),
        ),
        output="out",
    )


def unrolled(net: Network) -> Network:
    """The same with every synapse written out."""
    full = [dataclasses.replace(p, weights=p.weight_matrix(), delays=p.delay_vector(), connection=FullyConnected()) for p in net.projections]
    return net.replace(projections=tuple(full))


def assert_equals_unrolled(net: Network, spikes: np.ndarray) -> None:
    models = GoldenModel(net), GoldenModel(unrolled(net))
    found, expected = (model.run(spikes, record=["all", "all.x", "all.v", "all.i"]) for model in models)
    assert differences(expected, found) == 0
    for p in net.populations:
        states = [model.state(p.name) for model in models]
        assert all((states[0][name] == states[1][name]).all() for name in ("v", "i", "c", "count")), p.name
    plain = GoldenModel(net, threads=1).run(spikes)
    assert (plain.output_spikes == expected.output_spikes).all()


def drawn_delays(rng: np.random.Generator, source: tuple[int, ...]) -> Any:
    return [None, 3, rng.integers(0, 4, source[0]), rng.integers(0, 4, int(np.prod(source)))][rng.integers(4)]


GEOMETRIES = {
    "stride beyond the kernel": (Convolution(stride=(3, 4)), (5, 3, 2, 2), (3, 7, 9)),
    "neighbours, dilated": (Convolution(dilation=2, padding=1), (4, 3, 3, 3), (3, 6, 6)),
    "dilation and stride with a common divisor": (Convolution(dilation=4, stride=2, padding=4), (4, 3, 3), (3, 11)),
    "kernel larger than the input": (Convolution(padding=((2, 1), (0, 3))), (4, 1, 4, 4), (1, 1, 1)),
    "an image of one row": (Convolution(padding=(1, 1)), (20, 3, 3, 3), (3, 1, 7)),
    "depthwise": (Convolution(groups=20, padding=1), (20, 1, 3, 3), (20, 4, 4)),
    "groups": (Convolution(groups=5, stride=2), (65, 4, 2, 3), (20, 5, 6)),
    "pooled, ragged ends": (Convolution(pool=(2, 3), padding=1), (4, 3, 2, 2), (3, 5, 7)),
}


@pytest.mark.parametrize("delays", ["none", "per channel", "per neuron"])
@pytest.mark.parametrize("name", GEOMETRIES)
def test_named_geometries_equal_their_matrix(name: str, delays: str) -> None:
    connection, shape, source = GEOMETRIES[name]
    rng = np.random.default_rng(len(name))
    own = {"none": None, "per channel": rng.integers(0, 4, source[0]), "per neuron": rng.integers(0, 4, int(np.prod(source)))}[delays]
    net = network(connection, rng.integers(-127, 128, shape), source, delays=own, cap=1 if own is None else 2)
    assert_equals_unrolled(net, rng.integers(0, 2, (2, 6, int(np.prod(source)))))


@pytest.mark.parametrize("sign", [1, -1])
def test_sums_beyond_32_bits_are_exact(sign: int) -> None:
    """Without records, where narrow sums are added in 32 bits."""
    net = Network(
        name="wide", output="out", state_bits=18,
        populations=(Population("in", (2, 6)), Population("out", (1, 2), Neurons(threshold=100))),
        projections=(Projection(source="in", target="out", weights=np.full((1, 2, 2), sign * 32767), weight_shift=15, connection=Convolution(pool=2)),),
    )  # fmt: skip
    assert (GoldenModel(net).run(np.ones((4, 12), np.uint8)).spike_counts == (4 if sign > 0 else 0)).all()


@settings(max_examples=50, deadline=None)
@given(convolutions(), st.integers(0, 2**32 - 1))
def test_convolutions_equal_their_matrix(drawn, seed: int) -> None:
    connection, shape, source = drawn
    if np.prod(source) * np.prod(connection.output_shape(source, np.ones(shape, int))) > 300_000:  # synapses that the other network would have
        source, shape = (connection.groups, *source[1:]), (connection.groups, 1, *shape[2:])
    rng = np.random.default_rng(seed)
    largest = int(rng.choice([1, 127, 32767]))
    weights = rng.integers(-largest, largest + 1, shape)
    net = network(connection, weights, source, delays=drawn_delays(rng, source), cap=int(rng.integers(1, 4)), shift=int(rng.integers(3)))
    assert_equals_unrolled(net, rng.integers(0, 2, (2, 5, int(np.prod(source)))))


@settings(max_examples=40, deadline=None)
@given(poolings(), st.integers(0, 2**32 - 1))
def test_poolings_equal_their_matrix(drawn, seed: int) -> None:
    pooling, source = drawn
    rng = np.random.default_rng(seed)
    net = network(pooling, rng.integers(-127, 128, 1), source, delays=drawn_delays(rng, source), cap=int(rng.integers(1, 4)))
    assert_equals_unrolled(net, rng.integers(0, 2, (2, 5, int(np.prod(source)))))


@pytest.mark.parametrize("channels", CHANNELS)
@pytest.mark.parametrize("positions", [(), (1,), (1, 1), (1, 5), (2, 3)])
def test_identities_equal_their_matrix(channels: int, positions: tuple[int, ...]) -> None:
    rng = np.random.default_rng(channels)
    source = (channels, *positions)
    net = network(Identity(), rng.integers(-127, 128, channels), source, delays=drawn_delays(rng, source), cap=2)
    assert_equals_unrolled(net, rng.integers(0, 2, (2, 4, int(np.prod(source)))))


def test_a_small_network_equals_the_reference() -> None:
    rng = np.random.default_rng(3)
    connection = Convolution(stride=2, padding=((1, 0), (0, 1)), groups=2, pool=(1, 2))
    net = network(connection, rng.integers(-20, 21, (4, 1, 2, 2)), (2, 4, 5), delays=[1, 3], cap=3, shift=1)
    spikes = rng.integers(0, 2, (2, 8, 40))
    result = GoldenModel(net).run(spikes, record=["all", "all.x", "all.v"])
    assert result.spike_counts.any()
    for b, train in enumerate(spikes):
        trace, *_ = reference_run(net, train)
        for name in ("graded", "out"):
            for variable in ("x", "v", "spikes"):
                assert result.records[name][variable][b].tolist() == trace[name][variable], (name, variable)


@pytest.mark.parametrize("delay", [1, 3])
def test_a_window_on_a_cycle_is_computed_step_by_step(delay: int) -> None:
    rng = np.random.default_rng(delay)
    net = network(Convolution(padding=1), rng.integers(-20, 40, (3, 3, 3, 3)), (3, 4, 4), delays=1)
    back = Projection(source="out", target="graded", weights=rng.integers(-3, 4, (3, 3, 3, 3)), connection=Convolution(padding=1), delays=delay)
    net = net.replace(projections=(*net.projections, back))
    assert not net.is_feed_forward
    assert_equals_unrolled(net, rng.integers(0, 2, (3, 30, 48)))
