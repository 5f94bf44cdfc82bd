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
from lifline.convert.floating.evaluate import evaluate
from lifline.convert.floating.network import FloatNetwork, FloatNeurons, FloatPopulation, FloatProjection
from lifline.convert.floating.operators import Convolution, Delay, Dense, Pool, Reshape, Scale
from lifline.convert.nir.dialects import Reset
from lifline.convert.nir.import_graph import import_nir
from lifline.network.connections import convolution
from lifline.network.model import Network, Neurons, Population, Projection
from lifline.sim.golden.model import GoldenModel
from lifline.sim.random.network import random_network, random_spikes

from ..fixtures import DIALECT_OF, load, needs_fixtures

nir = pytest.importorskip("nir")
from lifline.convert.nir.export_graph import export_nir, import_network  # noqa: E402
from lifline.convert.nir.integers import to_float  # noqa: E402


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
@given(seed=st.integers(0, 1 << 30), recurrent=st.booleans(), graded=st.booleans(), sparse=st.booleans())
def test_integer_networks_round_trip(seed: int, recurrent: bool, graded: bool, sparse: bool) -> None:
    network = random_network(np.random.default_rng(seed), config=preset("tiny"), recurrent=recurrent, graded=graded, sparse=sparse)
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


def random_floats(rng: np.random.Generator) -> FloatNetwork:
    """Populations of several shapes with any dynamics, feed-forward, recurrent, convolved, pooled, reshaped, delayed, or without any input."""
    precision = rng.choice(["float32", "float64"])

    def some(shape: tuple[int, ...], low: float, high: float) -> Any:
        """One value, or one per neuron; sometimes an end of the range."""
        size = shape if rng.random() < 0.5 else ()
        return rng.choice([low, high]) + np.zeros(size) if rng.random() < 0.2 else rng.uniform(low, high, size)

    def neurons(shape: tuple[int, ...]) -> FloatNeurons:
        fires = rng.random() < 0.8
        current = rng.random() < 0.4
        start = some(shape, -1, 2) if rng.random() < 0.5 else 0.0
        return FloatNeurons(
            keep_v=some(shape, 0, 1), gain_v=some(shape, 0.1, 1), keep_i=some(shape, 0, 1) if current else None, gain_i=some(shape, 0.2, 1),
            # A leak above the threshold fires without input; a threshold may lie below 0.
            drive=some(shape, -0.2, 0.8) if rng.random() < 0.5 else 0.0,
            threshold=some(shape, -0.5, 1.5) if fires else None,
            reset=rng.choice([r for r in Reset if r is not Reset.NONE or rng.random() < 0.3]) if fires else Reset.NONE,
            v_reset=some(shape, -0.5, 0.4), strict=bool(rng.random() < 0.5), cap=1 if rng.random() < 0.7 or not fires else int(rng.integers(2, 5)),
            v_min=None if rng.random() < 0.7 else float(-rng.uniform(0, 1)), v_start=start,
        )  # fmt: skip

    shapes = [tuple(rng.integers(1, 5, rng.choice([1, 1, 3]))) for _ in range(rng.integers(2, 5))]
    populations = [FloatPopulation("in", tuple(rng.integers(2, 5, rng.choice([1, 3]))))]
    populations += [FloatPopulation(f"p{k}", tuple(int(n) for n in shape), neurons(shape)) for k, shape in enumerate(shapes)]
    projections = []
    for k, target in enumerate(populations[1:]):
        for source in rng.choice(populations, rng.integers(0, 3)):  # type: ignore[call-overload]
            chain: list[Any] = []
            shape = source.shape
            if len(shape) == 3 and rng.random() < 0.6:
                chain.append(Convolution(rng.normal(size=(2, shape[0], 2, 1)), rng.normal(size=2), (1, 1), ((1, 1), (0, 0)), (1, 1)))
                shape = chain[-1].output_shape(shape)
            if len(shape) == 3 and rng.random() < 0.5:
                chain.append(Pool((2, 1), (1, 1), (1, 0), bool(rng.random() < 0.5)))
                shape = chain[-1].output_shape(shape)
            if rng.random() < 0.3:
                chain.append(Delay(rng.integers(0, 3, shape) if rng.random() < 0.5 else np.asarray(2)))
            if rng.random() < 0.3:
                chain.append(Scale(rng.normal(size=shape)))
            if rng.random() < 0.2:  # there and back: NIR has no node that unflattens
                chain += [Reshape((int(np.prod(shape)), 1, 1)), Pool((1, 1), (1, 1), (0, 0), False)]
                shape = chain[-2].shape
            if shape != target.shape:
                chain += [Reshape((int(np.prod(shape)),))] if len(shape) > 1 else []
                bias = rng.normal(0, 0.2, target.size) if rng.random() < 0.5 else None
                chain.append(Dense(rng.normal(0, 1, (target.size, int(np.prod(shape)))), bias))
                chain += [Reshape(target.shape)] if len(target.shape) > 1 else []
            forward = populations.index(source) <= k
            delays = rng.integers(0 if forward else 1, 4, source.shape if rng.random() < 0.4 else ())
            projections.append(FloatProjection(source=source.name, target=target.name, operators=tuple(chain), delays=np.asarray(delays)))
    return FloatNetwork(name="any", populations=tuple(populations), projections=tuple(projections), output="p0", precision=str(precision))


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 1 << 40))
def test_any_float_network_comes_back_equal(seed: int) -> None:
    rng = np.random.default_rng(seed)
    network = random_floats(rng)
    back = import_nir(export_nir(network))
    assert [(p.name, p.shape) for p in back.populations] == [(p.name, p.shape) for p in network.populations] or {
        (p.name, p.shape) for p in back.populations
    } == {(p.name, p.shape) for p in network.populations}
    x = rng.random((2, 20, *network.input.shape)) * (rng.random((2, 20, *network.input.shape)) < 0.5)
    before, after = evaluate(network, x, record="all"), evaluate(back, x, record="all")
    for name, v in before.v.items():
        np.testing.assert_array_equal(after.v[name], v, err_msg=name)
    for name, spikes in before.spikes.items():
        np.testing.assert_array_equal(after.spikes[name], spikes, err_msg=name)


@pytest.mark.parametrize("leak", [0.3, 0.5, 0.9, -0.2])
@pytest.mark.parametrize("reset", [Reset.NOW_VALUE, Reset.NOW_SUBTRACT, Reset.TESTED_TWICE])
def test_a_leak_at_or_above_the_threshold_comes_back_through_a_file(leak: float, reset: Reset, tmp_path: Path) -> None:
    """Norse's neurons start at their leak; counted from there their threshold is not positive."""
    node = nir.LIF(tau=np.full(2, 1e-5), r=np.ones(2), v_leak=np.full(2, leak), v_threshold=np.full(2, 0.5), v_reset=np.full(2, -0.5))
    graph = nir.NIRGraph.from_list(nir.Linear(np.array([[1.0, -2.0, 1.5], [0.5, 0.5, -3.0]])), node)
    network = import_nir(graph, "norse", reset=reset)
    assert network.population("lif").neurons.v_start.any()  # type: ignore[union-attr]
    export_nir(network, tmp_path / "again.nir")
    back = import_nir(tmp_path / "again.nir")
    x = (np.random.default_rng(0).random((2, 300, 3)) < 0.4).astype(np.uint8)
    before, after = evaluate(network, x, record="all"), evaluate(back, x, record="all")
    assert before.output.any()
    np.testing.assert_array_equal(after.output, before.output)
    np.testing.assert_array_equal(after.v["lif"], before.v["lif"])


def test_fields_that_were_changed_since_the_export_count() -> None:
    """What the metadata keep exactly is dropped where a field says something else."""
    neurons = FloatNeurons(
        keep_v=0.9, gain_v=0.3, gain_i=1.0, drive=0.0, threshold=1.0, reset=Reset.NOW_VALUE, v_reset=0.0, strict=True, cap=1, v_min=None  # type: ignore[arg-type]
    )
    network = FloatNetwork(
        name="one", populations=(FloatPopulation("in", (2,)), FloatPopulation("out", (2,), neurons)),
        projections=(FloatProjection(source="in", target="out", operators=(Dense(np.eye(2)),)),), output="out", precision="float64",
    )  # fmt: skip
    graph = export_nir(network)
    assert import_nir(graph).population("out").neurons.keep_v.max() == 0.9  # type: ignore[union-attr]
    graph.nodes["out"].tau = np.full(2, 2.0)
    assert (import_nir(graph).population("out").neurons.keep_v == 0.5).all()  # type: ignore[union-attr]


@pytest.mark.parametrize(("current", "field", "changed"), [(True, "tau_mem", "keep_v"), (True, "tau_syn", "keep_i"), (False, "r", "gain"), (False, "tau", "keep_v")])
def test_every_changed_field_counts_where_values_were_kept(current: bool, field: str, changed: str) -> None:
    rng = np.random.default_rng(0)
    neurons = FloatNeurons(
        keep_v=rng.random(30), gain_v=rng.random(30), keep_i=rng.random(30) if current else None, gain_i=rng.random(30), drive=np.zeros(()), threshold=np.ones(()),
        reset=Reset.NOW_VALUE, v_reset=np.zeros(()), strict=True, cap=1, v_min=None,
    )  # fmt: skip
    network = FloatNetwork(
        name="one", populations=(FloatPopulation("in", (30,)), FloatPopulation("out", (30,), neurons)),
        projections=(FloatProjection(source="in", target="out", operators=(Dense(np.eye(30)),)),), output="out", precision="float64",
    )  # fmt: skip
    graph = export_nir(network)
    assert "values" in graph.nodes["out"].metadata["lifline"]
    old = getattr(graph.nodes["out"], field)
    setattr(graph.nodes["out"], field, 2 * old)
    after = import_nir(graph).population("out").neurons
    assert after is not None and after.keep_v is not None
    if changed == "gain":
        np.testing.assert_allclose(after.gain_v * after.gain_i, 2 * neurons.gain_v * neurons.gain_i)
    else:
        np.testing.assert_allclose(getattr(after, changed), 1 - 1 / (2 * old))


@pytest.mark.parametrize("name", ["", ".", "a/b"])
def test_names_that_no_node_can_have_are_refused(name: str) -> None:
    network = random_network(np.random.default_rng(1), config=preset("tiny"))
    first = network.populations[0]
    populations = (Population(name, first.shape), *network.populations[1:]) if name else (Population("/", first.shape), *network.populations[1:])
    renamed = tuple(dataclasses.replace(q, source=populations[0].name if q.source == first.name else q.source) for q in network.projections)
    with pytest.raises(ConversionError, match="names of NIR nodes"):
        export_nir(network.replace(populations=populations, projections=renamed))


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


def test_delays_that_were_edited_neuron_by_neuron_count() -> None:
    """Exported as one per channel, but no longer that."""
    network = Network(
        name="delayed", output="out",
        populations=(Population("in", (2, 3)), Population("out", (1, 3), Neurons(threshold=4))),
        projections=(Projection(source="in", target="out", weights=np.ones((1, 2, 1), np.int64), connection=convolution.Convolution(), delays=[1, 4]),),
    )  # fmt: skip
    graph = export_nir(network)
    (delay,) = [node for node in graph.nodes.values() if isinstance(node, nir.Delay)]
    assert described(import_network(graph)) == described(network)
    delay.delay = np.array([[1, 7, 7], [4, 4, 4]])
    assert import_network(graph).projections[0].delay_vector().tolist() == [1, 7, 7, 4, 4, 4]
