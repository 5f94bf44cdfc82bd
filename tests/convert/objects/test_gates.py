"""Max pooling of spikes, AND, OR and IAND become populations without memory, in floating point and in integers; of other values they are refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lifline
from lifline.arch.errors import ConversionError
from lifline.convert.floating.evaluate import evaluate
from lifline.convert.quantisation.quantise import quantise
from lifline.sim.golden.model import GoldenModel

from .test_follower import leaky, run, spikes

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")
Forward = Callable[[Any, Any, Any], Any]


class Net(nn.Module):
    """Two branches of images of spikes, joined as ``join`` says, into a convolution and its neurons."""

    def __init__(self, join: Forward, channels: int = 4, **options: Any) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.one, self.two, self.last = nn.Conv2d(2, 4, 3, padding=1), nn.Conv2d(2, 4, 3, padding=1), nn.Conv2d(channels, 3, 3, padding=1)
        for layer in (self.one, self.two, self.last):
            layer.weight.data *= 4
        self.a, self.b, self.c = leaky(**options), leaky(**options), leaky()
        self.join = join

    def forward(self, x: Any) -> Any:
        return self.c(self.last(self.join(self.a(self.one(x)), self.b(self.two(x)), x)))


JOINS: dict[str, tuple[Forward, int]] = {
    "max pooling": (lambda a, b, x: functional.max_pool2d(a, 2), 4),
    "max pooling that overlaps, padded": (lambda a, b, x: functional.max_pool2d(b, 3, stride=2, padding=1), 4),
    "max pooling of the input": (lambda a, b, x: torch.cat([functional.max_pool2d(x, 2, 1, 1)[:, :, :8, :8], a], 1), 6),
    "max pooling of a turned image": (lambda a, b, x: functional.max_pool2d(a.flip(-1), (1, 2)), 4),
    "max pooling twice": (lambda a, b, x: functional.max_pool2d(functional.max_pool2d(a, 2), (2, 1)), 4),
    "and": (lambda a, b, x: a * b, 4),
    "iand": (lambda a, b, x: (1.0 - a) * b, 4),
    "neither": (lambda a, b, x: (1 - a) * (1 - b), 4),
    "or": (lambda a, b, x: torch.maximum(a, b), 4),
    "the smaller": (lambda a, b, x: torch.minimum(a, b), 4),
    "a sum with a gate": (lambda a, b, x: a + a * b, 4),
    "exclusive or": (lambda a, b, x: torch.maximum(a * (1 - b), b * (1 - a)), 4),
}


@pytest.mark.parametrize("name", JOINS)
def test_a_gate_fires_what_the_operation_gives(name: str) -> None:
    join, channels = JOINS[name]
    net, x = Net(join, channels).eval(), spikes(2, 8, 8)
    network = lifline.from_snntorch(net, input_shape=(2, 8, 8))
    y = run(net, x).numpy()
    assert 0.02 < y.mean() < 0.98
    np.testing.assert_array_equal(evaluate(network, x.numpy()).output, y)


@pytest.mark.parametrize("name", ["max pooling", "max pooling that overlaps, padded", "iand", "neither", "exclusive or"])
def test_gates_are_exact_in_integers(name: str) -> None:
    """The gate computes on the integers' own spikes, whatever those are: sums and products of what the golden model records."""
    join, channels = JOINS[name]
    x = spikes(2, 8, 8)
    network = lifline.from_snntorch(Net(join, channels).eval(), input_shape=(2, 8, 8))
    q = quantise(network, x.numpy().astype(np.uint8))
    gates = [p for p in q.populations if p.name.startswith(("largest", "and", "or"))]
    assert gates and all(p.neurons is not None and p.neurons.decay_v == 4096 and p.neurons.cap == 1 for p in gates)
    records = GoldenModel(q).run(x.numpy().astype(np.uint8).reshape(*x.shape[:2], -1), record="all").records
    fired = {p.name: torch.as_tensor(records[p.name]["spikes"].reshape(-1, *p.shape).astype(np.float32)) for p in q.populations[1:]}
    expected = join(fired.get("a"), fired.get("b"), x.reshape(-1, 2, 8, 8))
    (last,) = [gates[-1]] if name != "exclusive or" else [p for p in gates if p.name.startswith("or")]
    np.testing.assert_array_equal(fired[last.name].numpy(), expected.numpy())
    assert fired[last.name].any()


def test_a_gate_on_the_input_says_that_it_takes_it_for_spikes() -> None:
    network = lifline.from_snntorch(Net(*JOINS["max pooling of the input"]).eval(), input_shape=(2, 8, 8))
    assert "`largest0` takes the input for spikes: it is the network's only for inputs of 0 and 1" in network.notes


@pytest.mark.parametrize(
    ("join", "message"),
    [
        (lambda a, b, x: functional.max_pool2d(a + b, 2), "max_pool2d.*no spikes"),
        (lambda a, b, x: functional.max_pool2d(0.5 * a, 2), "max_pool2d.*no spikes"),
        (lambda a, b, x: functional.max_pool2d(a, 2, ceil_mode=True), "ceil_mode"),
        (lambda a, b, x: functional.max_pool2d(a, 2, dilation=2), "dilation"),
        (lambda a, b, x: a * (a + b), "no gate: one of them is no spikes"),
        (lambda a, b, x: (2 - a) * b, "no gate: one of them is no spikes"),
    ],
)
def test_gates_of_other_values_are_refused(join: Forward, message: str) -> None:
    with pytest.raises(ConversionError, match=message):
        lifline.from_snntorch(Net(join).eval(), input_shape=(2, 8, 8))


def test_gates_of_graded_spikes_are_refused() -> None:
    net = Net(JOINS["max pooling"][0], graded_spikes_factor=2.0).eval()
    with pytest.raises(ConversionError, match="`largest0` takes the largest of what `a` gives, which are not spikes of 0 and 1"):
        lifline.from_snntorch(net, input_shape=(2, 8, 8))


def test_the_largest_of_other_layers_values_is_refused() -> None:
    """ReLU's values are none of 0 and 1."""
    net = nn.Sequential(nn.Linear(12, 8), nn.ReLU(), nn.Unflatten(1, (1, 8)), nn.MaxPool1d(2), nn.Flatten(), nn.Linear(4, 3)).eval()
    with pytest.raises(ConversionError, match="MaxPool1d"):
        lifline.from_relu(net, np.random.default_rng(0).random((20, 12)), steps=16)
