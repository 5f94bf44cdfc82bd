"""snnTorch: hidden states, loops with states passed by hand, every kind of neuron and reset."""

from __future__ import annotations

from typing import Any

import snntorch as snn
import torch
from snntorch import utils
from torch import nn

from .entry import HIDDEN, INPUTS, OUTPUTS, Entry, Framework, convolution, first, linear, normalisation


def leaky(size: int = 0, **options: Any) -> nn.Module:
    return snn.Leaky(**{"beta": 0.8, "threshold": 0.4, "init_hidden": True} | options)


class Net(nn.Module):
    def __init__(self, layers: dict[str, nn.Module], compute: Any) -> None:
        super().__init__()
        for name, layer in layers.items():
            setattr(self, name, layer)
        self.compute = compute

    def forward(self, x: Any) -> Any:
        return self.compute(self, x, lambda layer, value: layer(value))


def run(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
    utils.reset(net)
    return torch.stack([first(net(step)) for step in x])


FRAMEWORK = Framework("snnTorch", "from_snntorch", leaky, Net, run, lambda x: x[0], lambda m: isinstance(m, snn.SpikingNeuron))


def chain(*neurons: nn.Module, inputs: int = INPUTS) -> nn.Module:
    return nn.Sequential(linear(inputs, HIDDEN), neurons[0], linear(HIDDEN, OUTPUTS), neurons[-1])


class Loop(nn.Module):
    """The loop of snnTorch's tutorials: states by hand, both recorded."""

    def __init__(self, start: float | None = None, answer: str = "spikes") -> None:
        super().__init__()
        self.fc1, self.lif1 = linear(INPUTS, HIDDEN), snn.Leaky(beta=0.8, threshold=0.4)
        self.fc2, self.lif2 = linear(HIDDEN, OUTPUTS), snn.Leaky(beta=0.8, threshold=0.4)
        self.start, self.answer = start, answer

    def forward(self, x: torch.Tensor) -> Any:
        mem1, mem2 = self.lif1.init_leaky(), self.lif2.init_leaky()
        if self.start is not None:
            mem1 = torch.full((x.shape[1], HIDDEN), self.start)
        spikes, membranes = [], []
        for step in range(x.shape[0]):
            spk1, mem1 = self.lif1(self.fc1(x[step]), mem1)
            spk2, mem2 = self.lif2(self.fc2(spk1), mem2)
            if self.answer == "reversed loop" and step == 7:
                mem2 = mem2 * 0
            spikes.append(spk2)
            membranes.append(mem2)
        if self.answer == "membrane":
            return torch.stack(membranes)
        if self.answer == "reversed in time":
            return torch.stack(spikes[::-1])
        return torch.stack(spikes), torch.stack(membranes)


class Hands(nn.Module):
    """A recurrent layer with synaptic currents whose three states are passed by hand."""

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__()
        self.a, self.n1 = linear(INPUTS, HIDDEN), snn.RSynaptic(alpha=0.6, beta=0.8, threshold=0.6, linear_features=HIDDEN, **options)
        self.b, self.n2 = linear(HIDDEN, OUTPUTS), snn.Leaky(beta=0.8, threshold=0.4)

    def forward(self, x: torch.Tensor) -> Any:
        spk, syn, mem = torch.zeros(3, x.shape[1], HIDDEN)
        last, outputs = self.n2.init_leaky(), []
        for step in x:
            spk, syn, mem = self.n1(self.a(step), spk, syn, mem)
            out, last = self.n2(self.b(spk), last)
            outputs.append(out)
        return torch.stack(outputs)


class Membrane(nn.Module):
    """Hands out the membrane of the last layer."""

    def __init__(self, reset: str, which: int = 1) -> None:
        super().__init__()
        self.net, self.last = nn.Sequential(linear(INPUTS, HIDDEN), leaky(), linear(HIDDEN, OUTPUTS)), leaky(reset_mechanism=reset, output=True)
        self.which = which

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.net(x))[self.which]


def whole(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
    utils.reset(net)
    return first(net(x))


def image(*layers: nn.Module, features: int) -> nn.Module:
    return nn.Sequential(convolution(1, 4), *layers, nn.Flatten(), linear(features, OUTPUTS), leaky())


def entries() -> list[Entry]:
    def entry(name: str, expected: Any, make: Any, **options: Any) -> Entry:
        return Entry(name=name, framework=FRAMEWORK, expected=expected, make=make, **options)

    found = []
    for reset in ("subtract", "zero", "none"):
        for delay in (True, False):
            for label in ("Leaky", "Synaptic"):
                extra = {"alpha": 0.6} if label == "Synaptic" else {}
                options = {"beta": 0.8, "threshold": 0.6, "init_hidden": True, "reset_mechanism": reset, "reset_delay": delay, **extra}
                found.append(entry(f"{label}, reset {reset}, delay {delay}", "equal", lambda k=label, o=options: chain(getattr(snn, k)(**o), getattr(snn, k)(**o))))
            options = {"beta": 0.8, "threshold": 0.6, "init_hidden": True, "reset_mechanism": reset, "reset_delay": delay, "linear_features": HIDDEN}
            found.append(entry(f"RLeaky, reset {reset}, delay {delay}", "equal" if delay else "either", lambda o=options: chain(snn.RLeaky(**o), leaky())))
    rsynaptic = {"alpha": 0.6, "beta": 0.8, "init_hidden": True, "linear_features": HIDDEN}
    per_neuron = {"beta": torch.linspace(0.3, 0.95, HIDDEN), "threshold": torch.linspace(0.3, 0.9, HIDDEN)}
    alpha = {"alpha": 0.9, "beta": 0.8, "threshold": 0.2, "init_hidden": True}
    loop = {"run": whole, "sample": lambda x: x}
    found += [
        entry("RSynaptic", "equal", lambda: chain(snn.RSynaptic(**rsynaptic), leaky())),
        entry("RSynaptic by hand, reset_delay=False", "either", lambda: Hands({"reset_delay": False}), **loop),
        entry("RSynaptic by hand", "equal", lambda: Hands({}), **loop),
        entry("RLeaky, one to one", "equal", lambda: chain(snn.RLeaky(beta=0.8, V=torch.tensor(-0.3), all_to_all=False, init_hidden=True), leaky())),
        entry("Alpha", "either", lambda: chain(snn.Alpha(**alpha), leaky())),
        entry("Lapicque", "either", lambda: chain(snn.Lapicque(beta=0.8, threshold=0.4, init_hidden=True), leaky())),
        entry("a layer for each neuron", "equal", lambda: chain(leaky(**per_neuron), leaky())),
        entry("learnable beta and threshold", "equal", lambda: chain(leaky(learn_beta=True, learn_threshold=True), leaky())),
        entry("beta beyond 1, which is clamped", "equal", lambda: chain(leaky(beta=1.2, learn_beta=True), leaky())),
        entry("graded spikes", "equal", lambda: chain(leaky(graded_spikes_factor=0.5), leaky())),
        entry("inhibition", "either", lambda: chain(leaky(inhibition=True), leaky())),
        entry("output=True", "equal", lambda: chain(leaky(), leaky(output=True))),
        entry("a negative threshold", "either", lambda: chain(leaky(threshold=-0.3), leaky())),
        entry("read_out", "equal", lambda: chain(leaky(), leaky(reset_mechanism="none", output=True)), options={"read_out": True}, tolerance=1e-4,
              run=lambda net, x: (utils.reset(net), torch.stack([net(step)[1] for step in x]))[1]),
        entry("membrane as the answer", "either", lambda: Membrane("none"), tolerance=1e-4),
        entry("membrane with resets as the answer", "either", lambda: Membrane("subtract"), tolerance=1e-4),
        entry("loop over time, zero states", "equal", Loop, **loop),
        entry("loop over time, another first state", "either", lambda: Loop(0.3), **loop),
        entry("loop over time, membranes", "either", lambda: Loop(None, "membrane"), tolerance=1e-4, **loop),
        entry("loop over time, answer reversed", "either", lambda: Loop(None, "reversed in time"), **loop),
        entry("loop over time, a state that is wiped", "either", lambda: Loop(None, "reversed loop"), **loop),
        entry("convolution, average pooling", "equal", lambda: image(leaky(), nn.AvgPool2d(2), features=64), shape=(1, 8, 8), options={"input_shape": (1, 8, 8)}),
        entry("convolution, normalisation", "equal", lambda: image(normalisation(nn.BatchNorm2d(4)), leaky(), features=256), shape=(1, 8, 8),
              options={"input_shape": (1, 8, 8)}),
        entry("convolution with strides and groups", "equal", lambda: nn.Sequential(convolution(2, 4, groups=2, stride=2), leaky(), nn.Flatten(), linear(64, OUTPUTS), leaky()),
              shape=(2, 8, 8), options={"input_shape": (2, 8, 8)}),
        entry("axes of an image exchanged between layers", "either", lambda: nn.Sequential(convolution(1, 4), leaky(), Exchange(), convolution(4, 2), leaky()), shape=(1, 8, 8),
              options={"input_shape": (1, 8, 8)}),
        entry("largest of each window", "either", lambda: image(leaky(), nn.MaxPool2d(2), features=64), shape=(1, 8, 8), options={"input_shape": (1, 8, 8)}),
        entry("without a sample", "equal", lambda: chain(leaky(), leaky()), sampled=False),
        entry("a subclass of Leaky that halves its input", "either", lambda: chain(HalvedLeaky(beta=0.8, threshold=0.4, init_hidden=True), leaky())),
    ]  # fmt: skip
    return found


class Exchange(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.transpose(2, 3)


class HalvedLeaky(snn.Leaky):
    def forward(self, x: Any, mem: Any = None) -> Any:
        return super().forward(x * 0.5, mem)
