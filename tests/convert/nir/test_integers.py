"""Integer networks of every kind of connection go to NIR as convolutions, pooling and scales, and come back field by field."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lifline.arch.errors import ConversionError
from lifline.convert.floating.evaluate import evaluate
from lifline.network.connections.convolution import Convolution
from lifline.network.connections.fully_connected import FullyConnected
from lifline.network.connections.identity import Identity
from lifline.network.connections.kind import Connection, Shape
from lifline.network.connections.pooling import Pooling
from lifline.network.model import Network, Neurons, Population, Projection
from lifline.sim.golden.model import GoldenModel

nir = pytest.importorskip("nir")
from lifline.convert.nir.export_graph import export_nir, import_network  # noqa: E402
from lifline.convert.nir.import_graph import import_nir  # noqa: E402
from lifline.convert.nir.integers import to_float  # noqa: E402

RNG = np.random.default_rng(5)
IMAGE, SOUND = (4, 7, 6), (4, 11)
KINDS: dict[str, tuple[Connection, Shape, Shape]] = {
    "convolution": (Convolution(stride=(2, 1), padding=1), (6, 4, 3, 3), IMAGE),
    "uneven padding": (Convolution(padding=((2, 0), (0, 1)), dilation=(2, 1)), (6, 4, 3, 2), IMAGE),
    "groups and pooling": (Convolution(groups=2, pool=(2, 3), padding=1), (6, 2, 2, 2), IMAGE),
    "all positions": (Convolution(pool=2), (5, 4, 3, 3), IMAGE),
    "pooling": (Pooling(2), (1,), IMAGE),
    "uneven pooling": (Pooling((3, 2), 2, ((1, 0), (0, 1))), (1,), IMAGE),
    "identity": (Identity(), (1,), IMAGE),
    "identity by channel": (Identity(), (4,), IMAGE),
    "one axis": (Convolution(stride=2, padding=((2, 1),)), (3, 4, 3), SOUND),
    "one axis, pooled": (Convolution(pool=3), (3, 4, 2), SOUND),
    "one axis, pooling": (Pooling(3, 2, 1), (1,), SOUND),
    "fully connected": (FullyConnected(), (9, 168), IMAGE),
}


def network(projections: list[dict[str, Any]], source: Shape) -> Network:
    first = projections[0]
    target = first["connection"].output_shape(source, first["weights"])
    return Network(
        name="kinds",
        populations=(Population("in", source), Population("out", target, Neurons(threshold=30, decay_v=512))),
        projections=tuple(Projection(source="in", target="out", weight_shift=1, **p) for p in projections),
        output="out",
    )


def of_kind(name: str, **options: Any) -> Network:
    connection, shape, source = KINDS[name]
    weights = RNG.integers(-9, 20, shape) if len(shape) > 1 else RNG.integers(5, 20, shape)
    return network([{"connection": connection, "weights": weights, **options}], source)


def fields(n: Network) -> list[Any]:
    populations = [(p.name, p.shape) for p in n.populations]
    return [*populations, *((p.source, p.target, p.connection, p.weights.tolist(), p.weight_shift, np.asarray(p.delays).tolist()) for p in n.projections)]


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_comes_back_as_it_was(name: str, tmp_path: Path) -> None:
    n = of_kind(name)
    export_nir(n, tmp_path / "n.nir")
    assert fields(import_network(tmp_path / "n.nir")) == fields(n)


@pytest.mark.parametrize("name", KINDS)
def test_the_graph_computes_what_the_integers_compute(name: str) -> None:
    """Nodes alone, without metadata of projections: a float evaluation fires the golden model's spikes, for every state is below 2^53 and decays are exact."""
    n = of_kind(name)
    n = n.replace(populations=(n.populations[0], Population("out", n.populations[1].shape, Neurons(threshold=30))))
    x = (RNG.random((4, 12, *n.input.shape)) < 0.4).astype(np.uint8)
    golden = GoldenModel(n).run(x.reshape(4, 12, -1)).output_spikes
    assert golden.any()
    for exact in (to_float(n), import_nir(export_nir(n))):
        np.testing.assert_array_equal(evaluate(exact, x).output.reshape(golden.shape), golden)


@pytest.mark.parametrize("delays", [None, 3, np.arange(4), np.arange(168) % 7])
def test_delays_keep_their_form(delays: Any) -> None:
    n = of_kind("convolution", delays=delays)
    assert fields(import_network(export_nir(n))) == fields(n)


def test_several_projections_between_two_populations_keep_their_order() -> None:
    n = network([{"connection": Convolution(padding=1), "weights": RNG.integers(-9, 20, (4, 4, 3, 3)), "delays": d} for d in (2, None, 1)] + [{"connection": Identity(), "weights": [5]}], IMAGE)
    assert fields(import_network(export_nir(n))) == fields(n)


def test_other_frameworks_see_convolutions_and_pooling() -> None:
    def nodes(name: str) -> list[str]:
        return [type(node).__name__ for node in export_nir(of_kind(name)).nodes.values()]

    assert "Conv2d" in nodes("convolution") and {"SumPool2d", "Conv2d"} <= set(nodes("groups and pooling")) and "Conv1d" in nodes("one axis, pooling")
    (node,) = [node for node in export_nir(of_kind("uneven padding")).nodes.values() if type(node).__name__ == "Conv2d"]
    assert tuple(node.padding) == (2, 1) and node.weight.shape == (6, 4, 4, 3)


def test_uneven_padding_that_no_tap_makes_up_for_is_refused() -> None:
    n = network([{"connection": Convolution(padding=((2, 1), (0, 0)), dilation=2), "weights": np.ones((2, 4, 3, 2), np.int64)}], IMAGE)
    with pytest.raises(ConversionError, match="differs between the sides"):
        export_nir(n)


def test_a_graph_that_was_changed_is_not_taken_for_its_export() -> None:
    graph = export_nir(of_kind("convolution"))
    (name,) = [name for name, node in graph.nodes.items() if type(node).__name__ == "Conv2d"]
    graph.nodes[name].bias = graph.nodes[name].bias + 1.0
    with pytest.raises(ConversionError, match="in -> out computes something else"):
        import_network(graph)
