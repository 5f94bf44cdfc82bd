"""Networks come back from NIR as they went."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifline.arch.config import preset
from lifline.arch.errors import ConversionError
from lifline.convert.evaluate import evaluate
from lifline.convert.nir_import import import_nir
from lifline.network.model import Network, Neurons, Population, Projection
from lifline.sim.golden import GoldenModel
from lifline.sim.random_network import random_network, random_spikes

from .fixtures import DIALECT_OF, load, needs_fixtures

nir = pytest.importorskip("nir")
from lifline.convert.nir_export import export_nir, import_network, to_float  # noqa: E402


def plain(value: Any, size: int) -> Any:
    return np.broadcast_to(value, (size,)).tolist() if value is not None else None


def described(network: Network) -> dict[str, Any]:
    """Every field of a network in a form that compares; one value and a vector of equal values mean the same."""
    sizes = {p.name: p.size for p in network.populations}
    neurons = {
        p.name: None
        if p.neurons is None
        else {
            f.name: plain(v, p.size) if f.name in ("threshold", "bias", "budget") else v
            for f in dataclasses.fields(Neurons)
            for v in [getattr(p.neurons, f.name)]
        }
        for p in network.populations
    }
    links = [(q.source, q.target, q.weights.tolist(), q.weight_shift, plain(q.delay_vector(), sizes[q.source])) for q in network.projections]
    rest = (network.name, network.output, network.state_bits, network.early_exit, dict(network.metadata))
    return {"shapes": [(p.name, p.shape) for p in network.populations], "neurons": neurons, "links": links, "rest": rest}


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 1 << 30), recurrent=st.booleans(), graded=st.booleans())
def test_integer_networks_round_trip(seed: int, recurrent: bool, graded: bool) -> None:
    network = random_network(np.random.default_rng(seed), config=preset("tiny"), recurrent=recurrent, graded=graded)
    assert described(import_network(export_nir(network))) == described(network)


def test_round_trip_through_a_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(11)
    network = random_network(rng, config=preset("tiny"), recurrent=True).replace(metadata={"trained on": "nothing"})
    export_nir(network, tmp_path / "net.nir")
    back = import_network(tmp_path / "net.nir")
    assert described(back) == described(network)
    spikes = random_spikes(rng, network, 30)
    np.testing.assert_array_equal(GoldenModel(back).run(spikes).output_spikes, GoldenModel(network).run(spikes).output_spikes)


def test_delays_are_delay_nodes() -> None:
    weights = np.arange(6).reshape(2, 3)
    network = Network(
        name="delayed",
        populations=(Population("in", (3,)), Population("out", (2,), Neurons(threshold=4, decay_v=1024))),
        projections=(Projection(source="in", target="out", weights=weights, delays=np.array([0, 2, 5])),),
        output="out",
    )
    graph = export_nir(network)
    (delay,) = [node for node in graph.nodes.values() if isinstance(node, nir.Delay)]
    np.testing.assert_array_equal(delay.delay, [0, 2, 5])
    assert [type(n).__name__ for n in graph.nodes.values()] == ["Input", "LIF", "Delay", "Linear", "Output"]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 1 << 30), recurrent=st.booleans())
def test_float_networks_round_trip(seed: int, recurrent: bool) -> None:
    rng = np.random.default_rng(seed)
    network = to_float(random_network(rng, config=preset("tiny"), recurrent=recurrent))
    back = import_nir(export_nir(network))
    x = (rng.random((2, 25, network.input.size)) < 0.4).astype(np.uint8)
    before, after = evaluate(network, x, record="all"), evaluate(back, x, record="all")
    for name, v in before.v.items():
        np.testing.assert_allclose(after.v[name].reshape(v.shape), v, rtol=1e-9, atol=1e-6)


def test_synaptic_delays_are_refused() -> None:
    network = random_network(np.random.default_rng(2), config=preset("tiny"), synaptic=True)
    assert any(p.synaptic for p in network.projections)
    with pytest.raises(ConversionError, match="synaptic delays; NIR's Delay node holds one delay per neuron"):
        export_nir(network)


@needs_fixtures
@pytest.mark.parametrize("name", DIALECT_OF)
def test_imported_graphs_round_trip(name: str, tmp_path: Path) -> None:
    path, x, y, _ = load(name)
    network = import_nir(path, DIALECT_OF[name])
    export_nir(network, tmp_path / "again.nir")
    back = import_nir(tmp_path / "again.nir")
    assert back.dialect is not None and back.dialect.name == "lifline" and back.precision == network.precision
    assert [(p.name, p.shape) for p in back.populations] == [(p.name, p.shape) for p in network.populations]
    assert [q.delays.tolist() for q in back.projections] == [q.delays.tolist() for q in network.projections]
    np.testing.assert_allclose(evaluate(back, x).output, y, atol=1e-4 if "readout" in name else 0)


def test_undamped_integer_network_evaluates_to_the_golden_model() -> None:
    """Without decay there is no rounding: floating point and integers agree in every membrane."""
    rng = np.random.default_rng(3)
    weights = rng.integers(-20, 30, (6, 9))
    network = Network(
        name="exact",
        populations=(Population("in", (9,)), Population("out", (2, 3), Neurons(threshold=55, bias=np.arange(6)))),
        projections=(Projection(source="in", target="out", weights=weights, weight_shift=1, delays=3),),
        output="out",
    )
    x = (rng.random((3, 40, 9)) < 0.3).astype(np.uint8)
    exact = evaluate(import_nir(export_nir(network)), x, record="all")
    golden = GoldenModel(network).run(x, record=["out.v"])
    np.testing.assert_array_equal(exact.v["out"].reshape(3, 40, 6), golden.records["out"]["v"])
    np.testing.assert_array_equal(exact.prediction, golden.prediction)


def test_foreign_and_changed_graphs_are_refused() -> None:
    graph = nir.NIRGraph.from_list(nir.Linear(np.eye(2)), nir.IF(np.ones(2), np.ones(2), np.zeros(2)))
    with pytest.raises(ConversionError, match="no integer network"):
        import_network(graph)
    network = random_network(np.random.default_rng(1), config=preset("tiny"))
    exported = export_nir(network)
    linear = next(node for node in exported.nodes.values() if isinstance(node, nir.Linear))
    linear.weight[0, 0] += 0.25
    with pytest.raises(ConversionError, match="not integers"):
        import_network(exported)
