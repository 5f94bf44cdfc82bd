"""A residual network with shortcuts that add spikes (SEW-ADD), from snnTorch and SpikingJelly objects to the board: equal at every step of the way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lifline
from lifline.arch.config import preset
from lifline.compiler.compile import compile_network
from lifline.convert.floating.evaluate import evaluate
from lifline.convert.floating.network import FloatNetwork
from lifline.convert.quantisation.fidelity import fidelity
from lifline.convert.quantisation.quantise import quantise
from lifline.data import digits
from lifline.driver import device as devices
from lifline.sim.golden.model import GoldenModel

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")
CHANNELS, BLOCKS, GAIN = 8, 2, 3.0
CONFIG = preset("conv")


def images(split: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Handwritten digits as spikes (sample, time, 1, 8, 8), each pixel as often as it is bright, and their labels."""
    pixels, labels = digits.load(split)
    rates = pixels[:count, None] / digits.LEVELS
    return (np.random.default_rng(3).random((count, 16, 64)) < rates).astype(np.uint8).reshape(count, 16, 1, 8, 8), labels[:count]


def convolution(inputs: int) -> nn.Conv2d:
    layer = nn.Conv2d(inputs, CHANNELS, 3, padding=1)
    layer.weight.data *= GAIN
    return layer


class Residual(nn.Module):
    """``x`` to ``neurons(convolution(x))``, and blocks that add their input's spikes to their own; pooling and a dense head."""

    def __init__(self, neuron: Any, states: bool) -> None:
        super().__init__()
        self.first, self.neurons = convolution(1), neuron()
        self.convolutions = nn.ModuleList(convolution(CHANNELS) for _ in range(2 * BLOCKS))
        self.inner = nn.ModuleList(neuron() for _ in range(2 * BLOCKS))
        self.pool, self.head, self.out = nn.AvgPool2d(2), nn.Linear(CHANNELS * 16, 10), neuron()
        self.head.weight.data *= GAIN
        self.states = states
        self.memory: dict[nn.Module, Any] = {}

    def fire(self, neurons: nn.Module, x: Any) -> Any:
        if not self.states:
            return neurons(x)
        spikes, self.memory[neurons] = neurons(x, self.memory[neurons]) if neurons in self.memory else neurons(x)
        return spikes

    def forward(self, x: Any) -> Any:
        self.memory = {}
        answers = []
        for step in x:
            s = self.fire(self.neurons, self.first(step))
            for k in range(BLOCKS):
                one, two = self.inner[2 * k], self.inner[2 * k + 1]
                s = s + self.fire(two, self.convolutions[2 * k + 1](self.fire(one, self.convolutions[2 * k](s))))
            answers.append(self.fire(self.out, self.head(self.pool(s).flatten(1))))
        return torch.stack(answers)


def of_snntorch() -> tuple[nn.Module, Any, Any]:
    snn = pytest.importorskip("snntorch")
    return Residual(lambda: snn.Leaky(beta=0.9, threshold=1.0), True).eval(), lifline.from_snntorch, None


def of_spikingjelly() -> tuple[nn.Module, Any, Any]:
    neuron = pytest.importorskip("spikingjelly.activation_based.neuron")
    functional = pytest.importorskip("spikingjelly.activation_based.functional")
    return Residual(lambda: neuron.LIFNode(tau=4.0, decay_input=False, v_reset=None), False).eval(), lifline.from_spikingjelly, functional.reset_net


MADE: dict[str, tuple[FloatNetwork, np.ndarray]] = {}


def imported(framework: str) -> tuple[FloatNetwork, np.ndarray]:
    """The import, and what the framework fires for the test images (sample, time, 10)."""
    if framework not in MADE:
        torch.manual_seed(1)
        net, importer, reset = {"snntorch": of_snntorch, "spikingjelly": of_spikingjelly}[framework]()
        x = torch.as_tensor(images("test", 12)[0].swapaxes(0, 1), dtype=torch.float32)
        with torch.no_grad():
            y = net(x).numpy().swapaxes(0, 1)
        if reset is not None:
            reset(net)
        MADE[framework] = importer(net, sample=x[:, :2], input_shape=(1, 8, 8)), y
    return MADE[framework]


@pytest.mark.parametrize("framework", ["snntorch", "spikingjelly"])
def test_the_import_fires_the_frameworks_spikes(framework: str) -> None:
    network, y = imported(framework)
    result = evaluate(network, images("test", 12)[0])
    assert 0.01 < y.mean() < 0.9
    np.testing.assert_array_equal(result.output, y)


@pytest.mark.parametrize("framework", ["snntorch", "spikingjelly"])
def test_its_integers_keep_blocks_and_stay_close(framework: str) -> None:
    """A sum of spikes goes on as one projection per part, with the same weights, and the pooled head as one window over its sum."""
    network, _ = imported(framework)
    q = quantise(network, images("train", 12)[0], config=CONFIG)
    per_layer = [sum(p.target == name for p in q.projections) for name in (p.name for p in q.populations[1:])]
    assert per_layer == [1, 1, 1, 2, 1, 3] and all(p.kind for p in q.projections)
    assert q.projections[-1].kind == "4x4 convolution, pool 2" and not q.metadata["quantised"]["notes"]
    assert sum(p.weights.size for p in q.projections) < 10_000
    report = fidelity(network, q, images("test", 12)[0])
    assert report.layers[0].spike_agreement is not None and report.layers[0].spike_agreement > 0.95
    assert all(layer.rate > 0.01 and layer.saturations == 0 for layer in report.layers)


@pytest.mark.parametrize("framework", ["snntorch", "spikingjelly"])
def test_the_simulated_board_gives_the_golden_models_bits(framework: str) -> None:
    network, _ = imported(framework)
    q = quantise(network, images("train", 12)[0], config=CONFIG)
    x = images("test", 12)[0].reshape(12, 16, 64)
    names = [p.name for p in q.populations[1:]]
    wanted = [f"{name}.{what}" for name in names for what in ("spikes", "v")]
    golden = GoldenModel(q).run(x, record=wanted)
    with devices.open("sim:", config=CONFIG) as board:
        board.load(compile_network(q, CONFIG))
        found = board.run(x, record=wanted)
    for name in names:
        assert golden.records[name]["spikes"].any()
        for what in ("spikes", "v"):
            np.testing.assert_array_equal(found.records[name][what], golden.records[name][what])
    np.testing.assert_array_equal(found.prediction, golden.prediction)
