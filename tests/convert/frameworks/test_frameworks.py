"""Networks of installed frameworks: read from the objects, and from the NIR graphs that they export themselves, they give the same spikes."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import lifline
from lifline.arch.errors import ConversionError
from lifline.convert.floating.evaluate import evaluate
from lifline.convert.floating.network import FloatNetwork
from lifline.convert.nir.import_graph import import_nir

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")
STEPS, BATCH, INPUTS, HIDDEN, OUTPUTS = 50, 3, 12, 20, 6


def spikes(shape: tuple[int, ...] = (INPUTS,), rate: float = 0.4) -> Any:
    """(time, batch, *shape)."""
    return (torch.rand(STEPS, BATCH, *shape) < rate).float()


def linear(a: int, b: int, gain: float = 2.0) -> nn.Linear:
    layer = nn.Linear(a, b)
    layer.weight.data *= gain
    return layer


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(7)


def agree(network: FloatNetwork, x: Any, y: Any, tolerance: float = 0.0) -> None:
    """``y`` is (time, batch, ...)."""
    result = evaluate(network, x.numpy().swapaxes(0, 1)).output
    expected: NDArray[np.float32] = y.detach().numpy().swapaxes(0, 1)
    assert expected.any() and (expected == 0).any() or tolerance
    if tolerance:
        np.testing.assert_allclose(result, expected, atol=tolerance)
    else:
        np.testing.assert_array_equal(result, expected)


# snnTorch


def snntorch_neuron(kind: str, size: int = HIDDEN, **options: Any) -> nn.Module:
    snn = pytest.importorskip("snntorch")
    decays = {"Leaky": {"beta": 0.87}, "Synaptic": {"beta": 0.8, "alpha": 0.6}, "RLeaky": {"beta": 0.87}, "RSynaptic": {"beta": 0.8, "alpha": 0.6}}[kind]
    if kind.startswith("R"):
        options = {"linear_features": size} | options
    # Its exporter takes the layer's size from the parameters.
    vectors = {name: torch.full((size,), value) for name, value in {**decays, "threshold": options.pop("threshold", 1.0)}.items()}
    return getattr(snn, kind)(**vectors, **({"init_hidden": True} | options))


class Loop(nn.Module):
    """The usual way to run snnTorch: a loop over time in ``forward``."""

    def __init__(self, layers: list[nn.Module]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Any) -> Any:
        outputs = []
        for step in x:
            for layer in self.layers:
                step = layer(step)
            outputs.append(step)
        return torch.stack(outputs)


class ExplicitLoop(Loop):
    """The same with states that the loop carries: the only way to run RSynaptic without reset_delay."""

    def forward(self, x: Any) -> Any:
        first, hidden, second, last = self.layers
        spk = syn = mem = torch.zeros(x.shape[1], HIDDEN)
        outputs = []
        for step in x:
            spk, syn, mem = hidden(first(step), spk, syn, mem)
            outputs.append(last(second(spk)))
        return torch.stack(outputs)


DIALECT = {("subtract", True): "snntorch", ("subtract", False): "snntorch_subtract_now", ("zero", False): "snntorch_zero_now", ("none", True): "snntorch_none"}


@pytest.mark.parametrize("delay", [True, False])
@pytest.mark.parametrize("mechanism", ["subtract", "zero", "none"])
@pytest.mark.parametrize("kind", ["Leaky", "Synaptic", "RLeaky", "RSynaptic"])
def test_snntorch(kind: str, mechanism: str, delay: bool, tmp_path: Path) -> None:
    gain = {"Leaky": 1.0, "RLeaky": 1.0}.get(kind, 0.5)
    options = {"reset_mechanism": mechanism, "reset_delay": delay, "threshold": 0.6}
    explicit = kind == "RSynaptic" and not delay
    hidden = snntorch_neuron(kind, init_hidden=not explicit, **options)
    loop = ExplicitLoop if explicit else Loop
    net = loop([linear(INPUTS, HIDDEN, gain), hidden, linear(HIDDEN, OUTPUTS, gain), snntorch_neuron("Leaky", OUTPUTS, **options)]).eval()
    x = spikes()
    fresh = copy.deepcopy(net)
    with torch.no_grad():
        y = net(x)
    agree(lifline.from_snntorch(net, sample=x), x, y)
    if explicit:
        return  # its exporter writes the reset that was asked for, not the one that is computed
    late_zero = "snntorch_zero" if kind == "Leaky" else None  # another kind of late zero needs another dialect than Leaky
    name = DIALECT.get((mechanism, delay), late_zero if mechanism == "zero" else "snntorch_none")
    if name is not None:
        export = pytest.importorskip("snntorch.export_nir")
        try:
            graph = export.export_to_nir(nn.Sequential(*fresh.layers), x[0, 0])
        except Exception as error:  # the framework's own exporter
            pytest.skip(f"snnTorch cannot export this: {error}")
        agree(import_nir(graph, name), x, y)


def test_snntorch_read_out_and_refusals() -> None:
    net = nn.Sequential(linear(INPUTS, HIDDEN), snntorch_neuron("Leaky"), linear(HIDDEN, OUTPUTS), snntorch_neuron("Leaky", OUTPUTS, reset_mechanism="none", output=True)).eval()
    x = spikes()
    with torch.no_grad():
        y = torch.stack([net(step)[1] for step in x])
    agree(lifline.from_snntorch(net, read_out=True), x, y, 1e-4)
    with pytest.raises(ConversionError, match="training mode"):
        lifline.from_snntorch(net.train())
    bad = nn.Sequential(nn.Conv2d(1, 1, 1), nn.MaxPool2d(2), snntorch_neuron("Leaky")).eval()
    with pytest.raises(ConversionError, match="MaxPool2d"):
        lifline.from_snntorch(bad, input_shape=(1, 4, 4))
    with pytest.raises(ConversionError, match="give `input_shape`"):
        lifline.from_snntorch(Loop([nn.Conv1d(3, 4, 1), snntorch_neuron("Leaky", 1)]).eval())


def test_convolution_pooling_and_normalisation() -> None:
    norm = nn.BatchNorm2d(4)
    norm.running_mean, norm.running_var = torch.rand(4), torch.rand(4) + 0.5
    layers = [nn.Conv2d(2, 4, 3, padding=1, stride=2), norm, nn.Dropout(0.5), snntorch_neuron("Leaky", 1, threshold=0.2), nn.AvgPool2d(2)]
    net = nn.Sequential(*layers, nn.Flatten(), linear(36, OUTPUTS, 4.0), snntorch_neuron("Leaky", OUTPUTS, threshold=0.2)).eval()
    x = spikes((2, 12, 12))
    with torch.no_grad():
        y = torch.stack([net(step) for step in x])
    agree(lifline.from_snntorch(net, input_shape=(2, 12, 12)), x, y)


# Norse


def norse_net(cells: Callable[[], list[nn.Module]]) -> Any:
    norse = pytest.importorskip("norse.torch")
    first, second = cells()
    return norse.SequentialState(linear(INPUTS, HIDDEN, 9.0), first, linear(HIDDEN, OUTPUTS, 9.0), second).eval()


def norse_run(net: Any, x: Any) -> Any:
    outputs, state = [], None
    with torch.no_grad():
        for step in x:
            y, state = net(step, state)
            outputs.append(y)
    return torch.stack(outputs)


@pytest.mark.parametrize("kind", ["box", "box_subtract", "box_leak", "current", "integrator", "iaf"])
def test_norse(kind: str) -> None:
    norse = pytest.importorskip("norse.torch")
    from norse.torch.functional.lif_box import LIFBoxParameters
    from norse.torch.functional.reset import reset_subtract

    def cells() -> list[nn.Module]:
        if kind == "current":
            return [norse.LIFCell(norse.LIFParameters(v_th=torch.tensor(0.4))) for _ in range(2)]
        if kind == "iaf":
            return [norse.IAFCell(norse.IAFParameters(v_th=torch.tensor(0.7))) for _ in range(2)]
        options = {"box_subtract": {"reset_method": reset_subtract}, "box_leak": {"v_leak": torch.tensor(0.2), "v_reset": torch.tensor(-0.1)}}.get(kind, {})
        boxes: list[nn.Module] = [norse.LIFBoxCell(LIFBoxParameters(v_th=torch.tensor(0.5), **options)) for _ in range(2)]
        return [boxes[0], norse.LIBoxCell()] if kind == "integrator" else boxes

    net, x = norse_net(cells), spikes()
    y = norse_run(net, x)
    agree(lifline.from_norse(net), x, y, 1e-4 if kind == "integrator" else 0)
    if kind == "box_leak":
        return  # Norse does not export v_reset
    from norse.torch.utils.export_nir import to_nir

    try:
        graph = to_nir(net, x[0])
    except Exception as error:
        pytest.skip(f"Norse cannot export this: {error}")
    agree(import_nir(graph, "norse_subtract" if kind == "box_subtract" else "norse"), x, y, 1e-4 if kind == "integrator" else 0)


# SpikingJelly


@pytest.mark.parametrize("kind", ["IFNode", "LIFNode", "LIFNode_add", "ParametricLIFNode", "CUBALIFNode"])
@pytest.mark.parametrize("v_reset", [0.0, None, -0.25])
def test_spikingjelly(kind: str, v_reset: float | None) -> None:
    neuron = pytest.importorskip("spikingjelly.activation_based.neuron")
    from spikingjelly.activation_based import functional, layer

    def node() -> nn.Module:
        options: dict[str, Any] = {"v_reset": v_reset, "v_threshold": 0.8, "step_mode": "m"}
        if kind == "LIFNode_add":
            return neuron.LIFNode(tau=3.0, decay_input=False, **options)
        if kind == "CUBALIFNode":
            del options["step_mode"]
        made = getattr(neuron, kind)(**options)
        made.step_mode = "m"
        return made

    net = nn.Sequential(layer.Linear(INPUTS, HIDDEN, step_mode="m"), node(), layer.Linear(HIDDEN, OUTPUTS, step_mode="m"), node()).eval()
    for module in (net[0], net[2]):
        module.weight.data *= 8
    x = spikes()
    with torch.no_grad():
        functional.reset_net(net)
        y = net(x)
    agree(lifline.from_spikingjelly(net), x, y)
    if v_reset is None:
        return  # its exporter refuses soft reset
    exporter = pytest.importorskip("spikingjelly.activation_based.nir_exchange")
    functional.reset_net(net)
    agree(import_nir(exporter.export_to_nir(net, x), "spikingjelly"), x, y)


# sinabs


@pytest.mark.parametrize("spike", ["SingleSpike", "MultiSpike"])
@pytest.mark.parametrize("kind", ["iaf", "lif", "lif_raw", "lif_synapse", "lif_value"])
def test_sinabs(kind: str, spike: str) -> None:
    layers = pytest.importorskip("sinabs.layers")
    activation = pytest.importorskip("sinabs.activation")

    def neurons() -> nn.Module:
        options: dict[str, Any] = {"spike_fn": getattr(activation, spike), "min_v_mem": -1.0 if kind != "lif" else None}
        if kind == "iaf":
            return layers.IAF(**options)
        if kind == "lif_synapse":
            options["tau_syn"] = torch.tensor(4.0)
        if kind == "lif_value":
            options["reset_fn"] = activation.MembraneReset()
        return layers.LIF(tau_mem=torch.tensor(8.0), norm_input=kind == "lif", **options)

    gain = 30.0 if kind == "lif" else 6.0
    net = nn.Sequential(linear(INPUTS, HIDDEN, gain), neurons(), linear(HIDDEN, OUTPUTS, gain), neurons()).eval()
    x = spikes()
    with torch.no_grad():
        y = net(x.swapaxes(0, 1)).swapaxes(0, 1)
    if spike == "MultiSpike":
        assert y.max() > 1
    agree(lifline.from_sinabs(net), x, y)
    if kind in ("lif_synapse", "lif_value"):
        return  # its exporter drops both
    from sinabs.nir import to_nir

    name = {"iaf": "sinabs", "lif": "sinabs", "lif_raw": "sinabs_unnormalised"}[kind] + ("_multi_spike" if spike == "MultiSpike" else "")
    try:
        graph = to_nir(net, x.swapaxes(0, 1))
    except Exception as error:
        pytest.skip(f"sinabs cannot export this: {error}")
    agree(import_nir(graph, name, v_min=None if kind == "lif" else -1.0), x, y)


# Rockpool


@pytest.mark.parametrize("cap", [1, 1 << 16])
@pytest.mark.parametrize("recurrent", [False, True])
def test_rockpool(cap: int, recurrent: bool) -> None:
    modules = pytest.importorskip("rockpool.nn.modules")
    combinators = pytest.importorskip("rockpool.nn.combinators")

    def neurons(size: int, recurrent: bool) -> Any:
        options = {"has_rec": True, "w_rec": -0.1 * torch.rand(size, size)} if recurrent else {}
        return modules.LIFTorch(size, tau_mem=0.01, tau_syn=0.005, max_spikes_per_dt=torch.tensor(float(cap)), bias=torch.rand(size) * 0.1 * recurrent, **options)

    net = combinators.Sequential(
        modules.LinearTorch((INPUTS, HIDDEN), has_bias=False), neurons(HIDDEN, recurrent), modules.LinearTorch((HIDDEN, OUTPUTS), has_bias=False), neurons(OUTPUTS, False),
    )  # fmt: skip
    net.eval()
    x = spikes(rate=0.6)
    with torch.no_grad():
        # One item at a time: Rockpool keeps the state of the last run.
        outputs = []
        for item in range(BATCH):
            net.reset_state()
            outputs.append(net(x[:, item][None])[0][0])
        y = torch.stack(outputs, dim=1)
    agree(lifline.from_rockpool(net), x, y)
    if recurrent:
        return  # its exporter drops bias and recurrence
    from rockpool.nn.modules.torch.nir import to_nir

    net.reset_state()
    agree(import_nir(to_nir(net, x[:, 0][None]), "rockpool" if cap == 1 else "rockpool_multi_spike"), x, y)
