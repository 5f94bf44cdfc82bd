"""The table of time constants and gains is what frameworks export, and what the documentation shows."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifline.arch.errors import ConversionError
from lifline.convert.floating.evaluate import evaluate
from lifline.convert.nir.dialects import DIALECTS
from lifline.convert.nir.exporters import EXPORTERS, NODES, exporter_of, table, told_step
from lifline.convert.nir.import_graph import import_nir

nir = pytest.importorskip("nir")
torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")
INPUTS, SIZE, STEPS, BATCH = 9, 6, 40, 2


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(5)


def linear(gain: float) -> nn.Linear:
    layer = nn.Linear(INPUTS, SIZE)
    layer.weight.data = (layer.weight.data + 0.1) * gain
    return layer


X = (np.random.default_rng(2).random((BATCH, STEPS, INPUTS)) < 0.4).astype(np.float32)


def drive(net: Any) -> Any:
    """Outputs (batch, time, ...) of a network that keeps its state itself."""
    with torch.no_grad():
        return np.stack([net(torch.as_tensor(X[:, t])).numpy() for t in range(STEPS)], axis=1)


def drive_with_state(net: Any) -> Any:
    """Outputs (batch, time, ...) of a network that takes its state and gives it back."""
    outputs, state = [], None
    with torch.no_grad():
        for t in range(STEPS):
            y, state = net(torch.as_tensor(X[:, t]), state)
            outputs.append(y.numpy())
    return np.stack(outputs, axis=1)


# Each gives the graph that the framework's exporter writes, the framework's own output, the dialect and the time step.


def snntorch(kind: str, fast: bool) -> Any:
    snn = pytest.importorskip("snntorch")
    from snntorch import utils
    from snntorch.export_nir import export_to_nir

    decays = {"beta": torch.full((SIZE,), 0.6 if fast else 0.95)} | ({"alpha": torch.full((SIZE,), 0.5)} if kind == "Synaptic" else {})
    net = nn.Sequential(linear(0.6), getattr(snn, kind)(**decays, threshold=torch.full((SIZE,), 0.7), init_hidden=True)).eval()
    graph = export_to_nir(net, torch.rand(INPUTS))
    utils.reset(net)
    return graph, drive(net), "snntorch", 1e-4


def norse(kind: str, fast: bool) -> Any:
    norse = pytest.importorskip("norse.torch")
    from norse.torch.functional.lif_box import LIFBoxParameters
    from norse.torch.utils.export_nir import to_nir

    dt, exported = (5e-3, 5e-3) if fast else (2e-3, 1e-3)
    value = torch.tensor
    cell = {
        "LIFBoxCell": lambda: norse.LIFBoxCell(LIFBoxParameters(tau_mem_inv=value(60.0), v_th=value(0.4)), dt=dt),
        "LIFCell": lambda: norse.LIFCell(norse.LIFParameters(tau_mem_inv=value(60.0), tau_syn_inv=value(90.0), v_th=value(0.4)), dt=dt),
        "LIBoxCell": lambda: norse.LIBoxCell(norse.LIBoxParameters(tau_mem_inv=value(60.0)), dt=dt),
        "IAFCell": lambda: norse.IAFCell(norse.IAFParameters(v_th=value(0.9)), dt=dt),
    }[kind]()
    net = norse.SequentialState(linear(1.5), cell).eval()
    return to_nir(net, torch.rand(1, INPUTS), dt=exported), drive_with_state(net), "norse", dt * exported


def spikingjelly(kind: str, fast: bool) -> Any:
    neuron = pytest.importorskip("spikingjelly.activation_based.neuron")
    from spikingjelly.activation_based import functional
    from spikingjelly.activation_based.nir_exchange import export_to_nir

    make = {
        "IFNode": neuron.IFNode, "LIFNode": lambda: neuron.LIFNode(tau=3.0), "LIFNode_add": lambda: neuron.LIFNode(tau=3.0, decay_input=False),
        "ParametricLIFNode": lambda: neuron.ParametricLIFNode(init_tau=2.5), "CUBALIFNode": neuron.CUBALIFNode,
    }[kind]  # fmt: skip
    net, dt = nn.Sequential(linear(2.0), make()).eval(), 1e-3 if fast else 1e-4
    graph = export_to_nir(net, torch.rand(1, INPUTS), dt=dt)
    functional.reset_net(net)
    return graph, drive(net), "spikingjelly", dt


def sinabs(kind: str, fast: bool) -> Any:
    layers = pytest.importorskip("sinabs.layers")
    from sinabs.activation import SingleSpike
    from sinabs.nir import to_nir

    tau = torch.tensor(3.0 if fast else 30.0)
    make = {
        "IAF": lambda: layers.IAF(spike_fn=SingleSpike), "LIF": lambda: layers.LIF(tau_mem=tau, spike_fn=SingleSpike, norm_input=True),
        "ExpLeak": lambda: layers.ExpLeak(tau_mem=tau, norm_input=True),
    }[kind]  # fmt: skip
    net = nn.Sequential(linear(4.0), make()).eval()
    with torch.no_grad():
        y = net(torch.as_tensor(X)).numpy()
    return to_nir(net, torch.as_tensor(X)), y, "sinabs", 1.0


def rockpool(kind: str, fast: bool) -> Any:
    modules = pytest.importorskip("rockpool.nn.modules")
    combinators = pytest.importorskip("rockpool.nn.combinators")
    from rockpool.nn.modules.torch.lif_neuron_torch import LIFNeuronTorch
    from rockpool.nn.modules.torch.nir import to_nir

    dt, one = 5e-3 if fast else 1e-3, torch.tensor(1.0)
    make = {
        "LIFTorch": lambda: modules.LIFTorch(SIZE, tau_mem=0.02, tau_syn=0.01, max_spikes_per_dt=one, dt=dt),
        "LIFNeuronTorch": lambda: LIFNeuronTorch(SIZE, tau_mem=0.02, max_spikes_per_dt=one, dt=dt),
        "ExpSynTorch": lambda: modules.ExpSynTorch(SIZE, tau=0.02, dt=dt),
    }[kind]
    net, outputs = combinators.Sequential(modules.LinearTorch((INPUTS, SIZE), has_bias=False), make()).eval(), []
    net[0].weight.data = net[0].weight.data * 0.5 + 0.1
    with torch.no_grad():
        for item in range(BATCH):
            net.reset_state()
            outputs.append(net(torch.as_tensor(X[item][None]))[0][0].detach().numpy())
    net.reset_state()
    return to_nir(net, torch.rand(1, 1, INPUTS)), np.stack(outputs), "rockpool", dt


CASES: dict[str, tuple[Callable[[str, bool], Any], dict[str, str]]] = {
    "snntorch": (snntorch, {"Leaky": "LIF", "Synaptic": "CubaLIF"}),
    "norse": (norse, {"LIFBoxCell": "LIF", "LIFCell": "CubaLIF", "LIBoxCell": "LI", "IAFCell": "IF"}),
    "spikingjelly": (spikingjelly, {"IFNode": "IF", "LIFNode": "LIF", "LIFNode_add": "LIF", "ParametricLIFNode": "LIF", "CUBALIFNode": "CubaLIF"}),
    "sinabs": (sinabs, {"IAF": "IF", "LIF": "LIF", "ExpLeak": "LI"}),
    "rockpool": (rockpool, {"LIFTorch": "CubaLIF", "LIFNeuronTorch": "LIF", "ExpSynTorch": "LI"}),
}


def test_every_row_of_the_table_has_a_case() -> None:
    assert {framework: set(kinds.values()) for framework, (_, kinds) in CASES.items()} == {f: set(rows) for f, rows in EXPORTERS.items()}


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize(("framework", "kind"), [(f, k) for f, (_, kinds) in CASES.items() for k in kinds])
def test_one_dt_gives_the_framework_s_own_output(framework: str, kind: str, fast: bool) -> None:
    """With the exporter's time step alone, for leaky and non-leaky nodes; a wrong row of the table would show."""
    run, kinds = CASES[framework]
    graph, y, name, dt = run(kind, fast)
    network = import_nir(graph, name, dt=dt)
    result = evaluate(network, X).output.reshape(y.shape)
    node = next(n for n in graph.nodes.values() if type(n).__name__ in NODES)
    assert type(node).__name__ == kinds[kind]
    if kinds[kind] == "LI":
        np.testing.assert_allclose(result, y, atol=1e-5, rtol=1e-5)
    else:
        assert 0 < y.mean() < 1
        np.testing.assert_array_equal(result, y)
    assert not any("time step" in note or "can never fire" in note for note in network.notes)


@pytest.mark.parametrize(("framework", "kind"), [("snntorch", "Leaky"), ("snntorch", "Synaptic"), ("spikingjelly", "LIFNode_add"), ("spikingjelly", "CUBALIFNode"), ("rockpool", "LIFTorch"), ("rockpool", "ExpSynTorch"), ("rockpool", "LIFNeuronTorch")])
def test_another_time_step_is_noted_with_the_likely_one(framework: str, kind: str) -> None:
    graph, _, name, dt = CASES[framework][0](kind, True)
    network = import_nir(graph, name, dt=dt * 0.8)
    assert any(f"tell a time step of {dt:g}" in note and f"give dt={dt:g}" in note for note in network.notes), network.notes


@settings(deadline=None)
@given(dt=st.floats(1e-5, 1e-1), share=st.floats(0.01, 0.9))
def test_rockpool_s_time_step_is_found_again(dt: float, share: float) -> None:
    tau = np.array([dt / share])
    r = tau * math.exp(-share) / dt
    told = told_step(DIALECTS["rockpool"], "LIF", {"tau": tau, "r": r})
    assert told is not None and math.isclose(told, dt, rel_tol=1e-3)


@pytest.mark.parametrize("form", ["one", "per neuron", "by node"])
@pytest.mark.parametrize("v_reset", [-0.3, 0.15])
def test_norse_s_reset_value_is_an_argument(v_reset: float, form: str) -> None:
    norse = pytest.importorskip("norse.torch")
    from norse.torch.functional.lif_box import LIFBoxParameters
    from norse.torch.utils.export_nir import to_nir

    net = norse.SequentialState(linear(1.5), norse.LIFBoxCell(LIFBoxParameters(v_th=torch.tensor(0.4), v_reset=torch.tensor(v_reset)))).eval()
    graph, y = to_nir(net, torch.rand(1, INPUTS)), drive_with_state(net)
    value: Any = {"one": v_reset, "per neuron": np.full(SIZE, v_reset), "by node": {"1": [v_reset] * SIZE}}[form]
    network = import_nir(graph, "norse", v_reset=value, check=(X, y))
    again = DIALECTS["norse"].replace(**json.loads(json.dumps(network.dialect.as_dict())))  # type: ignore[union-attr]
    import_nir(graph, again, check=(X, y))
    with pytest.raises(ConversionError, match="is not the framework's"):
        import_nir(graph, "norse", check=(X, y))


@pytest.mark.parametrize("form", ["per neuron", "by node"])
def test_rockpool_s_bias_is_an_argument(form: str) -> None:
    modules = pytest.importorskip("rockpool.nn.modules")
    combinators = pytest.importorskip("rockpool.nn.combinators")
    from rockpool.nn.modules.torch.nir import to_nir

    bias = torch.linspace(-0.1, 0.3, SIZE)
    neurons = modules.LIFTorch(SIZE, tau_mem=0.02, tau_syn=0.01, max_spikes_per_dt=torch.tensor(1.0), bias=bias)
    net, outputs = combinators.Sequential(modules.LinearTorch((INPUTS, SIZE), has_bias=False), neurons).eval(), []
    with torch.no_grad():
        for item in range(BATCH):
            net.reset_state()
            outputs.append(net(torch.as_tensor(X[item][None]))[0][0].detach().numpy())
    net.reset_state()
    graph, y = to_nir(net, torch.rand(1, 1, INPUTS)), np.stack(outputs)
    name = next(n for n, node in graph.nodes.items() if type(node).__name__ == "CubaLIF")
    import_nir(graph, "rockpool", bias=bias.numpy() if form == "per neuron" else {name: bias}, check=(X, y))
    with pytest.raises(ConversionError, match="is not the framework's"):
        import_nir(graph, "rockpool", check=(X, y))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"v_reset": {"9": 0.0}}, "v_reset is given for 9, which are no nodes with neurons; there are input, if"),
        ({"bias": {"input": 0.0}}, "bias is given for input"),
        ({"v_reset": [0.0, 0.0, 0.0]}, "parameters of shape"),
        ({"bias": "much"}, "dialect: bias is not a number"),
        ({"bias": np.nan}, "dialect: bias is not finite"),
        ({"v_reset": [[0.0, 0.0]]}, "give one value, or one per neuron"),
        ({"v_reset": {"if": [np.inf]}}, "v_reset of node `if` is not finite"),
    ],
)
def test_arguments_that_fit_no_node_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConversionError, match=message):
        import_nir(integrator(1.0), "sinabs", **changes)


def test_a_bias_adds_in_every_step() -> None:
    network = import_nir(integrator(1.0), "sinabs", bias={"if": [0.25, 0.5]})
    out = evaluate(network, np.zeros((1, 8, 16))).output[0]
    np.testing.assert_array_equal(out, [[0, 0], [0, 1]] * 1 + [[0, 0], [1, 1]] + [[0, 0], [0, 1]] + [[0, 0], [1, 1]])


def test_neurons_that_tell_different_steps_tell_none() -> None:
    fields = {"tau": np.array([1e-3, 2e-3]), "r": np.array([10.0, 10.0])}
    assert told_step(DIALECTS["snntorch"], "LIF", fields) is None
    assert told_step(DIALECTS["snntorch"], "LIF", {**fields, "r": np.array([10.0, 20.0])}) == 1e-4
    assert told_step(DIALECTS["norse"], "LIF", fields) is None


def integrator(r: float, size: int = 2, *before: Any) -> Any:
    weight = np.full((size, 16), 0.1)
    return nir.NIRGraph.from_list(nir.Linear(weight), *before, nir.IF(r=np.full(size, r), v_threshold=np.ones(size), v_reset=np.zeros(size)))


SIXTEEN = (np.random.default_rng(1).random((4, 40, 16)) < 0.3).astype(np.float32)


@pytest.mark.parametrize("name", [n for n in DIALECTS if n.split("_")[0] in ("snntorch", "spikingjelly", "rockpool")])
def test_an_integrator_that_counts_in_steps_is_refused_where_the_dialect_multiplies_by_dt(name: str) -> None:
    with pytest.raises(ConversionError, match=r"node `if` \(IF\): r 1 times dt .* give dt_integrate=1 if the graph counts in steps.*dt_integrate="):
        import_nir(integrator(1.0), name)
    network = import_nir(integrator(1.0), name, dt_integrate=1)
    assert evaluate(network, SIXTEEN).output.any()
    # What was meant as it stands still runs as it stands: a 10,000th of the input per step.
    assert not evaluate(import_nir(integrator(1.0), name, dt_integrate=DIALECTS[name].dt), SIXTEEN).output.any()


@pytest.mark.parametrize("name", ["norse", "norse_subtract", "sinabs", "sinabs_multi_spike", "sinabs_unnormalised"])
def test_an_integrator_that_counts_in_steps_runs_where_exporters_write_it(name: str) -> None:
    for changes in ({}, {"dt": 1e-3}):
        assert evaluate(import_nir(integrator(1.0), name, **changes), SIXTEEN).output.any()


@pytest.mark.parametrize("dt", [1e-3, 1e-4, 2e-3])
def test_an_integrator_of_another_time_step_is_refused_with_the_likely_one(dt: float) -> None:
    graph = integrator(1 / dt)
    for wrong in ({}, {"dt": 5e-3}):
        if wrong or dt != 1e-4:
            with pytest.raises(ConversionError, match=f"give dt={dt:g} if that is the graph's time step"):
                import_nir(graph, "spikingjelly", **wrong)
    neurons = import_nir(graph, "spikingjelly", dt=dt).population("if").neurons
    assert neurons is not None and np.allclose(neurons.gain_v, 1)
    neurons = import_nir(graph, "spikingjelly", dt=dt, dt_integrate=2 * dt).population("if").neurons
    assert neurons is not None and np.allclose(neurons.gain_v, 2)


def test_integrators_that_differ_between_neurons_are_taken_as_they_stand() -> None:
    graph = integrator(1.0)
    graph.nodes["if"].r = np.array([5e3, 2e4])
    neurons = import_nir(graph, "spikingjelly").population("if").neurons
    assert neurons is not None and np.allclose(neurons.gain_v, [0.5, 2.0])


def test_norse_s_time_step_is_asked_for() -> None:
    graph, y, name, dt = norse("LIFBoxCell", True)
    assert any("give dt as the product" in note for note in import_nir(graph, name).notes)
    assert not any("product" in note for note in import_nir(graph, name, dt=dt).notes)
    with pytest.raises(ConversionError, match=r"keeps .* per step.*cells with dt 0.005, exported with that dt, need dt=2.5e-05"):
        import_nir(graph, name, dt=5e-3)


def test_the_documentation_shows_the_table() -> None:
    page = (Path(__file__).parents[3] / "docs" / "import.md").read_text()
    assert table() in page, "docs/import.md: paste what `python -c 'from lifline.convert.nir.exporters import table; print(table())'` prints"


def test_every_framework_of_the_presets_has_rows() -> None:
    assert all(exporter_of(rules) for rules in DIALECTS.values())


@pytest.mark.parametrize(("layer", "changes_nothing"), [("Dropout", True), ("Identity", True), ("BatchNorm1d", False)])
def test_a_layer_that_norse_does_not_export_is_refused_and_a_wrong_identity_is_found(layer: str, changes_nothing: bool) -> None:
    norse = pytest.importorskip("norse.torch")
    from norse.torch.functional.lif_box import LIFBoxParameters
    from norse.torch.utils.export_nir import to_nir

    unknown = {"Dropout": lambda: nn.Dropout(0.5), "Identity": nn.Identity, "BatchNorm1d": lambda: nn.BatchNorm1d(SIZE)}[layer]()
    if not changes_nothing:
        unknown.weight.data.fill_(2.0)
        unknown.running_mean.fill_(0.3)
    cell = norse.LIFBoxCell(LIFBoxParameters(v_th=torch.tensor(0.2)))
    net = norse.SequentialState(linear(2.5), unknown, cell).eval()
    graph, y = to_nir(net, torch.rand(1, INPUTS)), drive_with_state(net)
    assert y.any()
    with pytest.raises(ConversionError, match=r"node\(s\) 1 are None"):
        import_nir(graph, "norse", check=(X, y))
    if changes_nothing:
        import_nir(graph, "norse", unknown="identity", check=(X, y))
    else:
        with pytest.raises(ConversionError, match="values of layer `2` differ.*The import noted: node `1` is None"):
            import_nir(graph, "norse", unknown="identity", check=(X, y))
