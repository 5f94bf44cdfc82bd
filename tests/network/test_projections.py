"""Projections of all kinds: what they know in a network, and what is refused."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from safetensors import safe_open

from lifline.arch.errors import NetworkError
from lifline.network.connections.convolution import Convolution
from lifline.network.connections.identity import Identity
from lifline.network.connections.kind import Connection
from lifline.network.connections.pooling import Pooling
from lifline.network.connections.sparse import Sparse
from lifline.network.file import load, save
from lifline.network.model import Network, Neurons, Population, Projection


def network(*, source: tuple[int, ...], target: tuple[int, ...], **projection: Any) -> Network:
    return Network(
        name="net",
        populations=(Population("input", source), Population("out", target, Neurons())),
        projections=(Projection(source="input", target="out", **projection),),
        output="out",
    )


def only(net: Network) -> Projection:
    (projection,) = net.projections
    return projection


CASES: dict[str, dict[str, Any]] = {
    "convolution": dict(
        source=(2, 5, 4), target=(3, 2, 2), weights=np.arange(36).reshape(3, 2, 3, 2) - 18, connection=Convolution(stride=2, padding=((1, 0), (0, 1))), delays=[3, 1]
    ),
    "one axis": dict(source=(4, 6), target=(4, 3), weights=np.arange(4).reshape(4, 1, 1), connection=Convolution(groups=4, pool=2), weight_shift=2, delays=5),
    "pooling": dict(source=(2, 5, 5), target=(2, 2, 2), weights=[3], connection=Pooling(2), delays=np.arange(50)),
    "identity": dict(source=(2, 3), target=(2, 3), weights=[3, -4], connection=Identity()),
    "sparse": dict(source=(2, 3), target=(7,), weights=[3, -4, 0], connection=Sparse([5, 0, 5], [1, 1, 6]), delays=[0, 2], weight_shift=1),
}


@pytest.mark.parametrize("case", CASES)
def test_the_network_s_own_know_their_shapes(case: str) -> None:
    net = network(**CASES[case])
    p = only(net)
    source, target = CASES[case]["source"], CASES[case]["target"]
    assert p.shapes == (source, target) and (p.source_size, p.target_size) == (np.prod(source), np.prod(target))
    matrix = p.weight_matrix()
    assert matrix.shape == p.delay_matrix().shape == (p.target_size, p.source_size)
    assert (matrix == p.connection.matrix(p.weights, source, target)).all()
    assert (matrix != 0).sum() <= p.synapses == p.fan_out().sum()
    assert net.replace(name="other").projections[0] is p, "the same shapes need no copy"


@pytest.mark.parametrize("case", CASES)
def test_files_hold_the_connection(case: str, tmp_path) -> None:
    p = only(network(**CASES[case]))
    save(network(**CASES[case]), tmp_path / "net")
    again = only(load(tmp_path / "net"))
    assert again.connection == p.connection and again.weight_shift == p.weight_shift
    assert (again.weights == p.weights).all() and (again.delay_vector() == p.delay_vector()).all()


def test_delays_per_channel_are_one_per_neuron() -> None:
    assert only(network(**CASES["convolution"])).delay_vector().tolist() == [3] * 20 + [1] * 20
    assert only(network(**CASES["one axis"])).delay_vector().tolist() == [5] * 24
    assert only(network(**CASES["pooling"])).delay_vector().tolist() == list(range(50))
    assert only(network(**CASES["identity"])).delay_vector().tolist() == [0] * 6
    p = only(network(**CASES["convolution"]))
    assert (p.shortest_delay, p.longest_delay, p.synaptic) == (1, 3, False)


@pytest.mark.parametrize(
    ("connection", "source", "weights", "delays", "message"),
    [
        (Convolution(), (3, 4), np.ones((3, 3, 1), int), [1, 2], r"delays have shape \(2,\); give one value, 3 \(one per channel\) or 12 \(axonal\)"),
        (Convolution(), (3, 4), np.ones((3, 3, 1), int), np.ones((12, 12), int), r"delays have shape \(12, 12\); give one value, 3"),
        (Identity(), (3, 4), [1], [1, 2, 64], "delay 64 must be in 0..63"),
        (Identity(), (3, 4), [1 << 15], None, "projection input -> out: weight 32768 must be"),
        (Identity(), (3, 4), [1, 2], None, "projection input -> out: weights have shape"),
        (Sparse([0, 12], [0, 1]), (3, 4), [1, 1], None, r"projection input -> out: synapse 1 begins at neuron 12, the source \(3, 4\) has 12"),
        (Sparse([0, 1], [15, 1]), (3, 4), [1, 1], None, r"projection input -> out: synapse 0 ends at neuron 15, the target \(3, 4\) has 12"),
        (Sparse([0, 1], [0, 1]), (3, 4), [1], None, r"projection input -> out: weights have shape \(1,\); a sparse projection has one for each of its synapses, \(2,\)"),
        (Sparse([0, 1], [0, 1]), (3, 4), [1, 1], [[1, 1]], r"delays have shape \(1, 2\)"),
        (Convolution(), (3, 4), np.ones((3, 3, 5), int), None, "projection input -> out: a window over 5 positions"),
    ],
)
def test_what_does_not_fit_is_refused(connection: Connection, source: tuple, weights: Any, delays: Any, message: str) -> None:
    with pytest.raises(NetworkError, match=message):
        network(source=source, target=source, weights=weights, delays=delays, connection=connection)


def test_a_connection_is_a_connection() -> None:
    with pytest.raises(NetworkError, match="'convolution' is no kind of connection"):
        Projection(source="a", target="b", weights=[1], connection="convolution")  # type: ignore[arg-type]


def test_without_a_network_only_fully_connected_ones_know_their_shapes() -> None:
    lone = Projection(source="a", target="b", weights=np.ones((2, 3), int), delays=[1, 2, 3])
    assert lone.shapes == ((3,), (2,)) and lone.delay_vector().tolist() == [1, 2, 3] and lone.synapses == 6
    with pytest.raises(NetworkError, match="projection a -> b belongs to no network"):
        _ = Projection(source="a", target="b", weights=[1], connection=Identity()).synapses


def test_several_between_the_same_two_populations(tmp_path) -> None:
    taps = tuple(Projection(source="input", target="out", weights=np.full((2, 3), k + 1), delays=k) for k in range(3))
    net = network(source=(3,), target=(2,), weights=np.ones((2, 3), int)).replace(projections=taps)
    assert [p.delays for p in net.projections] == [0, 1, 2] and len(set(net.projections)) == 3
    save(net, tmp_path / "net")
    with safe_open(tmp_path / "net", framework="numpy") as file:
        assert file.metadata()["version"] == "2", "version 1 is read where it means an error"
    assert [p.weights[0, 0] for p in load(tmp_path / "net").projections] == [1, 2, 3]
    assert len(net.projections_into("out")) == 3


def test_the_summary_shows_kind_weights_and_synapses() -> None:
    net = network(**CASES["convolution"])
    text = io.StringIO()
    Console(file=text, width=250).print(net.summary())
    assert "input (3x2 convolution, stride 2, 36 weights, delay 1..3)" in text.getvalue() and f" {only(net).synapses} " in text.getvalue()
    assert repr(only(net)) == "Projection(input -> out, 2 x 3 x 2 x 3 weights, 3x2 convolution, stride 2, delays 1..3)"


def test_a_cycle_needs_a_delay_in_each_of_its_parallel_projections() -> None:
    base = network(source=(2,), target=(2,), weights=np.ones((2, 2), int))
    loops = [Projection(source="out", target="out", weights=[1], connection=Identity(), delays=d) for d in (1, 0)]
    assert not base.replace(projections=(*base.projections, loops[0])).is_feed_forward
    with pytest.raises(NetworkError, match="cycle without delay"):
        base.replace(projections=(*base.projections, *loops))
