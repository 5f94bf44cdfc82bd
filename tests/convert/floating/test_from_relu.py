"""ReLU networks as spiking networks: rates are activations, within what the number of steps resolves; the rest is refused by name."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
import pytest

import lifline
from lifline.arch.config import preset
from lifline.arch.errors import ConversionError
from lifline.compiler.compile import compile_network
from lifline.convert.floating.evaluate import evaluate
from lifline.convert.quantisation.fidelity import fidelity
from lifline.convert.quantisation.quantise import quantise
from lifline.driver import device as devices
from lifline.network.encode import regular_spikes
from lifline.network.model import ResetRule
from lifline.sim.golden.model import GoldenModel

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

INPUTS, HIDDEN, CLASSES = 20, 32, 5


def network(seed: int = 0) -> Any:
    """Two hidden layers with everything that a chain may have, its normalisations with statistics of their own."""
    torch.manual_seed(seed)
    net = nn.Sequential(
        OrderedDict(
            flat=nn.Flatten(), fc1=nn.Linear(INPUTS, HIDDEN), bn1=nn.BatchNorm1d(HIDDEN), hidden1=nn.ReLU(), drop=nn.Dropout(0.5),
            fc2=nn.Linear(HIDDEN, HIDDEN), hidden2=nn.ReLU(), bn2=nn.BatchNorm1d(HIDDEN), fc3=nn.Linear(HIDDEN, CLASSES),
        )
    )  # fmt: skip
    for _ in range(30):
        net(torch.rand(64, INPUTS))
    with torch.no_grad():
        net.bn1.weight.uniform_(0.5, 2)
        net.bn1.bias.uniform_(-0.5, 0.5)
    return net.eval()


def data(count: int = 200, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((count, INPUTS))


def activations(net: Any, x: np.ndarray) -> dict[str, np.ndarray]:
    found, y = {}, torch.tensor(x, dtype=torch.float32)
    with torch.no_grad():
        for name, module in net.named_children():
            y = module(y)
            found[name] = y.numpy()
    return found


def single(activation: np.ndarray) -> Any:
    """One ReLU layer whose activations are given numbers, whatever the input."""
    net = nn.Sequential(nn.Linear(1, len(activation)), nn.ReLU())
    with torch.no_grad():
        net[0].weight.zero_()
        net[0].bias.copy_(torch.tensor(activation))
    return net.eval()


@pytest.mark.parametrize("steps", [1, 5, 32, 100])
def test_rate_is_the_activation_rounded_to_a_count(steps: int) -> None:
    activation = np.linspace(-1, 4, 201)
    net, still = single(activation), np.zeros((1, 1))
    exact = steps * np.clip(activation / 4, 0, 1)
    silent = np.zeros((1, steps, 1), np.uint8)
    nearest = evaluate(lifline.from_relu(net, still, steps=steps, percentile=100), silent).output.sum((0, 1))
    down = evaluate(lifline.from_relu(net, still, steps=steps, percentile=100, half_threshold=False), silent).output.sum((0, 1))
    assert np.abs(nearest - exact).max() <= 0.5 + 1e-6
    assert ((exact - down > -1e-6) & (exact - down < 1 + 1e-6)).all() and np.abs(exact - down).max() > 0.5 * (steps > 1)
    # The same in integers, whose thresholds and biases are rounded.
    integers = quantise(lifline.from_relu(net, still, steps=steps, percentile=100), silent)
    assert np.abs(GoldenModel(integers).run(silent).spike_counts[0] - exact).max() <= 0.5 + steps * 1e-3


@pytest.mark.parametrize("leak", [1 / 64, 1 / 8])
def test_leaky_rate_is_within_half_the_leak(leak: float) -> None:
    activation, steps = np.linspace(-1, 4, 201), 200
    found = lifline.from_relu(single(activation), np.zeros((1, 1)), steps=steps, percentile=100, leak=leak)
    rate = evaluate(found, np.zeros((1, steps, 1), np.uint8)).output.mean((0, 1))
    error = np.abs(rate - np.clip(activation / 4, 0, 1))
    assert error.max() <= leak / 2 + 1 / steps and error.max() > leak / 4
    assert float(found.populations[1].neurons.keep_v) == 1 - leak and not rate[activation <= 0].any()  # type: ignore[union-attr]


def test_thresholds_are_percentiles_of_the_activations() -> None:
    net, x = network(), data()
    found = activations(net, x)
    for percentile in (100, 99.0):
        thresholds = lifline.from_relu(net, x, steps=8, percentile=percentile).metadata["converted"]["thresholds"]
        assert list(thresholds) == ["hidden1", "hidden2"]
        for name, value in thresholds.items():
            assert value == pytest.approx(np.percentile(found[name][found[name] > 0], percentile), rel=1e-5)


def test_more_steps_come_closer_to_the_network() -> None:
    net, x = network(), data(60)
    found = activations(net, x)
    values = found["fc3"] - found["fc3"].mean(1, keepdims=True)
    errors, rates = [], []
    for steps in (8, 64, 512):
        snn = lifline.from_relu(net, x, steps=steps, percentile=100)
        result = evaluate(snn, regular_spikes(x, steps), record="all")
        errors.append(np.abs(result.v["output"][:, -1] / steps - values).mean() / np.abs(values).mean())
        top = snn.metadata["converted"]["thresholds"]["hidden1"]
        rates.append(np.abs(result.spikes["hidden1"].mean(1) - found["hidden1"] / top).mean())
    # Errors fall about as 1 / steps.
    assert errors[1] < errors[0] / 4 and errors[2] < errors[1] / 4 and errors[2] < 0.01
    assert rates[1] < rates[0] / 4 and rates[2] < rates[1] / 4


def test_integers_compile_and_give_the_classes_of_the_network_on_the_board() -> None:
    net, x = network(1), data(40, 3)
    classes = activations(net, x)["fc3"].argmax(1)
    steps = 64
    snn = lifline.from_relu(net, data(), steps=steps, name="converted")
    integers = quantise(snn, regular_spikes(data(), steps), config=preset("medium"), per_neuron=True)
    hidden = integers.population("hidden1").neurons
    assert hidden is not None and hidden.reset is ResetRule.NOW_SUBTRACT and hidden.decay_v == 0 and hidden.cap == 1 and not hidden.strict
    assert integers.population("output").neurons.cap == 0 and integers.name == "converted"  # type: ignore[union-attr]
    spikes = regular_spikes(x, steps)
    golden = GoldenModel(integers).run(spikes)
    assert (golden.prediction == classes).mean() >= 0.95
    assert (golden.v_last is not None) and (golden.v_last.argmax(1) == classes).mean() >= 0.95
    with devices.open("golden:medium") as device:
        device.load(compile_network(integers, preset("medium")))
        report = fidelity(snn, integers, spikes, labels=classes, device=device)
    assert report.board_mismatches == 0 and report.prediction_agreement >= 0.95


def test_centred_read_out_has_the_same_differences() -> None:
    net, x = network(), data(20)
    spikes = regular_spikes(x, 16)
    v = {c: evaluate(lifline.from_relu(net, x, steps=16, centre=c), spikes, record="all").v["output"] for c in (True, False)}
    np.testing.assert_allclose(v[True], v[False] - v[False].mean(2, keepdims=True), atol=1e-9)
    assert np.abs(v[False].mean(2)).max() > 0.1


def test_input_range_is_a_scale() -> None:
    net, x = network(), data(30)
    wide = network()
    with torch.no_grad():
        wide.fc1.weight /= 16
    spikes = regular_spikes(x, 16)
    one = evaluate(lifline.from_relu(net, x, steps=16), spikes, record="all")
    other = evaluate(lifline.from_relu(wide, 16 * x, steps=16, input_max=16.0), spikes, record="all")
    np.testing.assert_allclose(one.v["output"], other.v["output"], rtol=1e-4, atol=1e-4)


def test_convolution_and_average_pooling_keep_their_structure() -> None:
    torch.manual_seed(2)
    net = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(27, 4)).eval()
    x = np.random.default_rng(0).random((30, 1, 8, 8))
    snn = lifline.from_relu(net, x, steps=128)
    spikes = regular_spikes(x, 128)
    with torch.no_grad():
        classes = net(torch.tensor(x, dtype=torch.float32)).argmax(1).numpy()
    quantised = quantise(snn, spikes)
    assert [p.kind for p in quantised.projections] == ["3x3 convolution", "3x3 convolution, pool 2"]
    assert (GoldenModel(quantised).run(spikes).prediction == classes).mean() > 0.9


class Reused(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.relu, self.b = nn.Linear(INPUTS, INPUTS), nn.ReLU(), nn.Linear(INPUTS, CLASSES)

    def forward(self, x: Any) -> Any:
        return self.b(self.relu(self.a(self.relu(self.a(x)))))


class Hidden(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.relu, self.b = nn.Linear(INPUTS, INPUTS), nn.ReLU(), nn.Linear(INPUTS, CLASSES)

    def forward(self, x: Any) -> Any:
        return self.b(self.relu(self.a(x)).mul_(2))


class Branches(nn.Module):
    """A sum of two branches, one of them past the hidden layer."""

    def __init__(self) -> None:
        super().__init__()
        self.a, self.relu, self.b, self.c = nn.Linear(INPUTS, INPUTS), nn.ReLU(), nn.Linear(INPUTS, CLASSES), nn.Linear(INPUTS, CLASSES)

    def forward(self, x: Any) -> Any:
        return self.b(self.relu(self.a(x))) + self.c(x)


@pytest.mark.parametrize("kind", [Hidden, Branches])
def test_operations_between_layers_are_followed(kind: Any) -> None:
    torch.manual_seed(3)
    net = kind().eval()
    snn = lifline.from_relu(net, data(), steps=256, percentile=100, centre=False)
    x = data(8, seed=5)
    with torch.no_grad():
        y = net(torch.tensor(x, dtype=torch.float32)).numpy()
    last = evaluate(snn, regular_spikes(x, 256)).output[:, -1] / 256
    assert np.abs(last - y).max() < 0.05 * np.abs(y).max()


RELU = nn.ReLU()
DEAD = nn.Sequential(nn.Linear(INPUTS, 3), nn.ReLU())
nn.init.constant_(DEAD[0].weight, -1.0)  # type: ignore[arg-type]
nn.init.constant_(DEAD[0].bias, -1.0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("net", "options", "message"),
    [
        (nn.Sequential(nn.Linear(INPUTS, 3), nn.Sigmoid()), {}, r"layer `1` \(Sigmoid\)"),
        (nn.Sequential(nn.Linear(INPUTS, 3), nn.LeakyReLU()), {}, r"layer `1` \(LeakyReLU\)"),
        (nn.Sequential(nn.Linear(INPUTS, 3), nn.ReLU(), nn.MaxPool1d(1)), {}, r"layer `2` \(MaxPool1d\)"),
        (nn.Sequential(nn.Linear(INPUTS, 3), nn.ReLU(), nn.Softmax(1)), {}, r"layer `2` \(Softmax\)"),
        (nn.Sequential(nn.Linear(INPUTS, 3)), {}, "no layer of neurons"),
        (nn.Sequential(nn.Linear(INPUTS, 4), RELU, nn.Linear(4, 4), RELU, nn.Linear(4, 2)), {}, "used twice"),
        (Reused(), {}, "used twice"),
        (DEAD, {}, "layer `1` is never active"),
        (nn.Sequential(nn.Linear(INPUTS, 3), nn.BatchNorm1d(3, track_running_stats=False), nn.ReLU()), {}, "running statistics"),
        (nn.Sequential(nn.Linear(INPUTS, 3), nn.ReLU()).train(), {"training": True}, "eval"),
        (network(), {"steps": 0}, "steps 0"),
        (network(), {"percentile": 0.0}, "percentile 0.0"),
        (network(), {"leak": 1.0}, "leak 1.0"),
        (network(), {"input_max": 0.5}, "0..0.5"),
        (network(), {"calibration": data() - 0.5}, "shift and scale"),
        (network(), {"calibration": data()[0]}, "shape"),
    ],
)
def test_refused_by_name(net: Any, options: dict[str, Any], message: str) -> None:
    torch.manual_seed(0)
    net.train(bool(options.pop("training", False)))
    with pytest.raises(ConversionError, match=message):
        lifline.from_relu(net, options.pop("calibration", data()), **{"steps": 8, **options})
