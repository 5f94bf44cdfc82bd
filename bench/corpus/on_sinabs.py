"""sinabs: layers over (batch, time), squeezed ones, converted models, its spike functions, resets and clamps."""

from __future__ import annotations

from typing import Any

import sinabs.layers as layers
import torch
from sinabs import activation, from_torch
from torch import nn

from .entry import BATCH, HIDDEN, INPUTS, OUTPUTS, Entry, Framework, convolution, linear, normalisation
from .on_snntorch import Net


def iaf(size: int = 0, kind: Any = layers.IAF, **options: Any) -> nn.Module:
    return kind(**{"spike_threshold": torch.tensor(0.7), "spike_fn": activation.SingleSpike} | options)


def reset(net: Any) -> None:
    for module in net.modules():
        if isinstance(module, layers.StatefulLayer):
            module.reset_states()


def run(net: Any, x: torch.Tensor) -> torch.Tensor:
    reset(net)
    return net(x.swapaxes(0, 1)).swapaxes(0, 1)


def squeezed(net: Any, x: torch.Tensor) -> torch.Tensor:
    """With batch and time in one axis, as sinabs' convolutions need it."""
    reset(net)
    y = net(x.swapaxes(0, 1).flatten(0, 1))
    return y.unflatten(0, (x.shape[1], x.shape[0])).swapaxes(0, 1)


FRAMEWORK = Framework("sinabs", "from_sinabs", iaf, Net, run, lambda x: x.swapaxes(0, 1), lambda m: isinstance(m, layers.StatefulLayer))


def chain(*neurons: nn.Module) -> nn.Module:
    return nn.Sequential(linear(INPUTS, HIDDEN), neurons[0], linear(HIDDEN, OUTPUTS), neurons[-1])


def flat(**options: Any) -> nn.Module:
    return iaf(kind=layers.IAFSqueeze, batch_size=BATCH, **options)


def image(*inner: nn.Module, features: int) -> nn.Module:
    return nn.Sequential(convolution(1, 4), *inner, nn.Flatten(), linear(features, OUTPUTS), flat())


def converted(*inner: nn.Module, features: int = 64, **options: Any) -> nn.Module:
    model = nn.Sequential(convolution(1, 4), nn.ReLU(), *inner, nn.Flatten(), linear(features, OUTPUTS), nn.ReLU())
    return from_torch.from_model(model.eval(), batch_size=BATCH, **options)


class Started(nn.Module):
    """A first state that is not zero, or a clamp of its own between the layers."""

    def __init__(self, start: float = 0.0) -> None:
        super().__init__()
        self.a, self.n1, self.b, self.n2, self.start = linear(INPUTS, HIDDEN), iaf(), linear(HIDDEN, OUTPUTS), iaf(), start

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.start:
            self.n1.v_mem = torch.full((x.shape[0], HIDDEN), self.start)
        return self.n2(self.b(self.n1(self.a(x))))


def later(m: Any, p: torch.Tensor) -> torch.Tensor:
    return torch.cat((torch.zeros_like(p[:, :1]), p[:, :-1]), 1)


class Between(nn.Module):
    """Something between the layers that only whole sequences allow."""

    def __init__(self, what: Any) -> None:
        super().__init__()
        self.a, self.n1, self.b, self.n2, self.what = linear(INPUTS, HIDDEN), iaf(), linear(HIDDEN, OUTPUTS), iaf(), what

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.n2(self.b(self.what(self, self.n1(self.a(x)))))


def entries() -> list[Entry]:
    def entry(name: str, expected: Any, make: Any, **options: Any) -> Entry:
        return Entry(name=name, framework=FRAMEWORK, expected=expected, make=make, **options)

    found = []
    for label, function in {"SingleSpike": activation.SingleSpike, "MultiSpike": activation.MultiSpike, "MaxSpike": activation.MaxSpike(3)}.items():
        found.append(entry(f"IAF, {label}", "equal", lambda f=function: chain(iaf(spike_fn=f), iaf())))
        options = {"spike_fn": function, "tau_mem": torch.tensor(8.0), "kind": layers.LIF}
        found.append(entry(f"LIF, {label}", "equal", lambda o=options: chain(iaf(norm_input=False, **o), iaf())))
    squeeze = {"shape": (1, 8, 8), "options": {"input_shape": (1, 8, 8)}, "run": squeezed, "sample": lambda x: x.swapaxes(0, 1).flatten(0, 1)}
    slow = {"kind": layers.LIF, "tau_mem": torch.tensor(8.0)}
    rec = nn.Linear(HIDDEN, HIDDEN, bias=False)
    return found + [
        entry("LIF, normalised input", "equal", lambda: chain(iaf(**slow, spike_threshold=torch.tensor(0.2)), iaf())),
        entry("LIF, synaptic current", "equal", lambda: chain(iaf(**slow, tau_syn=torch.tensor(4.0), norm_input=False), iaf())),
        entry("IAF, reset to a value", "equal", lambda: chain(iaf(reset_fn=activation.MembraneReset()), iaf())),
        entry("IAF, subtracts another amount", "either", lambda: chain(iaf(reset_fn=activation.MembraneSubtract(0.4)), iaf())),
        entry("IAF, clamp", "equal", lambda: chain(iaf(min_v_mem=-0.5), iaf(min_v_mem=-0.5))),
        entry("ExpLeak at the end", "equal", lambda: chain(iaf(), layers.ExpLeak(tau_mem=torch.tensor(10.0))), tolerance=1e-4),
        entry("ALIF", "either", lambda: chain(layers.ALIF(tau_mem=torch.tensor(8.0), tau_adapt=torch.tensor(8.0), norm_input=False), iaf())),
        entry("LIFRecurrent", "equal", lambda: chain(iaf(kind=layers.LIFRecurrent, tau_mem=torch.tensor(8.0), norm_input=False, rec_connect=rec), iaf())),
        entry("a state that is not zero at first", "either", lambda: Started(0.4)),
        entry("a forward of its own", "equal", Started),
        entry("one step later", "either", lambda: Between(later)),
        entry("reversed in time", "either", lambda: Between(lambda m, p: p.flip(1))),
        entry("summed over time", "either", lambda: Between(lambda m, p: p.cumsum(1))),
        entry("weights for each step", "either", lambda: Between(lambda m, p: p * torch.linspace(0.2, 1, p.shape[1])[:, None])),
        entry("Merge", "either", lambda: Merged()),
        entry("convolution, sum pooling", "equal", lambda: image(flat(), layers.SumPool2d(2), features=64), **squeeze),
        entry("convolution, average pooling", "equal", lambda: image(flat(), nn.AvgPool2d(2), features=64), **squeeze),
        entry("convolution, normalisation", "equal", lambda: image(normalisation(nn.BatchNorm2d(4)), flat(), features=256), **squeeze),
        entry("SpikingMaxPooling2d", "either", lambda: image(flat(), layers.SpikingMaxPooling2dLayer(2), features=64), **squeeze),
        entry("Cropping2dLayer", "either", lambda: nn.Sequential(layers.Cropping2dLayer(((1, 1), (2, 2))), convolution(1, 4), flat(), nn.Flatten(), linear(96, OUTPUTS), flat()),
              **squeeze),
        entry("from_model, its spiking model", "equal", lambda: converted(nn.AvgPool2d(2)).spiking_model, **squeeze),
        entry("from_model, the network", "either", lambda: converted(nn.AvgPool2d(2)), **squeeze),
        entry("from_model, SingleSpike, threshold 2", "equal", lambda: converted(features=256, spike_fn=activation.SingleSpike, spike_threshold=torch.tensor(2.0)).spiking_model,
              **squeeze),
        entry("from_model, spikes at the end", "either", lambda: converted(nn.AvgPool2d(2), add_spiking_output=True), **squeeze),
        entry("without a sample", "equal", lambda: chain(iaf(), iaf()), sampled=False),
    ]  # fmt: skip


class Merged(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.n1, self.b, self.n2 = linear(INPUTS, HIDDEN), iaf(), linear(INPUTS, HIDDEN), iaf()
        self.merge, self.c, self.n3 = layers.Merge(), linear(HIDDEN, OUTPUTS), iaf()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.n3(self.c(self.merge(self.n1(self.a(x)), self.n2(self.b(x)))))
