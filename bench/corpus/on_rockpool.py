"""Rockpool: modules that keep their state, the combinators Sequential and Residual, biases, recurrence, limits of spikes."""

from __future__ import annotations

from typing import Any

import torch
from rockpool.nn.combinators import Residual, Sequential
from rockpool.nn.modules import ExpSynTorch, LIFTorch, LinearTorch, TorchModule
from torch import nn

from .entry import HIDDEN, INPUTS, OUTPUTS, Entry, Framework, first, linear


def lif(size: Any, cap: float = 1.0, **options: Any) -> Any:
    return LIFTorch(size, **{"tau_mem": 0.01, "tau_syn": 0.005, "threshold": 1.0, "max_spikes_per_dt": torch.tensor(cap), "bias": torch.zeros(size)} | options)


def weights(a: int, b: int, bias: bool = False) -> Any:
    return LinearTorch((a, b), has_bias=bias)


class Net(nn.Module):
    """Layers of Rockpool in a module of torch; in a module of Rockpool, layers of torch are wrapped."""

    def __init__(self, layers: dict[str, nn.Module], compute: Any) -> None:
        super().__init__()
        for name, layer in layers.items():
            setattr(self, name, layer)
        self.compute = compute

    def forward(self, x: Any) -> Any:
        return self.compute(self, x, lambda layer, value: layer(value)[0])


def reset(net: Any) -> None:
    """Rockpool keeps the state of the last run."""
    if isinstance(net, TorchModule):
        net.reset_state()
    else:
        for child in net.children():
            reset(child)


def run(net: Any, x: torch.Tensor) -> torch.Tensor:
    outputs = []
    for item in range(x.shape[1]):
        reset(net)
        outputs.append(first(net(x[:, item][None]))[0])
    return torch.stack(outputs, 1)


FRAMEWORK = Framework("Rockpool", "from_rockpool", lif, Net, run, lambda x: x.swapaxes(0, 1)[:1], lambda m: isinstance(m, LIFTorch))


def chain(*neurons: Any, bias: bool = False) -> Any:
    return Sequential(weights(INPUTS, HIDDEN, bias), neurons[0], weights(HIDDEN, OUTPUTS, bias), neurons[-1])


class Own(TorchModule):
    """Layers written as torch, and a computation between them."""

    def __init__(self, between: Any, entrance: nn.Module | None = None) -> None:
        super().__init__(shape=(INPUTS, OUTPUTS))
        self.a, self.n1, self.b, self.n2, self.between = entrance or weights(INPUTS, HIDDEN), lif(HIDDEN), weights(HIDDEN, OUTPUTS), lif(OUTPUTS), between

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        p, _, _ = self.n1(first(self.a(x)))
        return self.n2(self.b(self.between(p))[0])[0]


def entries() -> list[Entry]:
    def entry(name: str, expected: Any, make: Any, **options: Any) -> Entry:
        return Entry(name=name, framework=FRAMEWORK, expected=expected, make=make, **options)

    h, o = HIDDEN, OUTPUTS
    recurrent = {"has_rec": True, "w_rec": -0.1 * torch.ones(h, h)}
    spread = {"tau_mem": torch.linspace(0.005, 0.02, h), "threshold": torch.linspace(0.7, 1.5, h)}
    return [
        entry("LIFTorch", "equal", lambda: chain(lif(h), lif(o))),
        entry("LIFTorch, several spikes a step", "equal", lambda: chain(lif(h, 1 << 16, threshold=0.2), lif(o))),
        entry("LIFTorch, at most three spikes a step", "equal", lambda: chain(lif(h, 3.0, threshold=0.2), lif(o))),
        entry("LIFTorch, bias", "equal", lambda: chain(lif(h, bias=torch.linspace(0, 0.1, h)), lif(o))),
        entry("LIFTorch, recurrent", "equal", lambda: chain(lif(h, **recurrent), lif(o))),
        entry("LIFTorch, other values for each neuron", "equal", lambda: chain(lif(h, **spread), lif(o))),
        entry("LIFTorch, noise", "refused", lambda: chain(lif(h, noise_std=0.5), lif(o))),
        entry("LIFTorch, two synapses a neuron", "either", lambda: Sequential(
            weights(INPUTS, 2 * h), lif((2 * h, h), bias=torch.zeros(h)), weights(h, o), lif(o))),
        entry("weights with biases", "equal", lambda: chain(lif(h), lif(o), bias=True)),
        entry("ExpSynTorch at the end", "equal", lambda: chain(lif(h), ExpSynTorch(o, tau=0.01)), tolerance=1e-4),
        entry("Residual", "equal", lambda: Sequential(weights(INPUTS, h), lif(h), Residual(weights(h, h), lif(h)), weights(h, o), lif(o))),
        entry("Residual of two layers", "equal", lambda: Sequential(
            weights(INPUTS, h), lif(h), Residual(weights(h, h), lif(h), weights(h, h), lif(h)), weights(h, o), lif(o))),
        entry("Residual at the start", "either", lambda: Sequential(Residual(weights(INPUTS, INPUTS), lif(INPUTS)), weights(INPUTS, o), lif(o))),
        entry("Residual at the end", "either", lambda: Sequential(weights(INPUTS, h), lif(h), Residual(weights(h, h), lif(h)))),
        entry("Sequential in Sequential", "equal", lambda: Sequential(chain(lif(h), lif(o)), weights(o, o), lif(o))),
        entry("layers of torch between", "equal", lambda: Own(lambda p: p * 1.0)),
        entry("reversed in time", "either", lambda: Own(lambda p: p.flip(1))),
        entry("one step later", "either", lambda: Own(lambda p: torch.cat((p[:, :1] * 0, p[:, :-1]), 1))),
        entry("weights for each step", "either", lambda: Own(lambda p: p * torch.linspace(0.2, 1, p.shape[1])[:, None])),
        entry("a linear layer of torch in a module of Rockpool", "either", lambda: Own(lambda p: p, linear(INPUTS, h))),
    ]  # fmt: skip
