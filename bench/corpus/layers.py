"""Bodies whose layers are unusual, or whose computation is done without layers or depends on more than its input."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations, parametrize

from .bodies import around, body, changed, plain, three
from .entry import HIDDEN, INPUTS, OUTPUTS, left_training, linear, normalisation


class Quantised(nn.Linear):
    """Weights rounded in ``forward``, as in training for fixed point."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.linear(x, torch.round(self.weight * 4) / 4, self.bias)


class Doubled(nn.Linear):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x) * 2


class Renamed(nn.Linear):
    """A subclass that changes nothing."""


class Halved(nn.Sequential):
    def forward(self, x: Any) -> Any:
        return super().forward(x * 0.5)


class Skipping(nn.Sequential):
    def forward(self, x: Any) -> Any:
        return super().forward(x) + x


class Rounded(nn.Module):
    """A parametrisation."""

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        return torch.round(weight * 2) / 2


class Noisy(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + torch.randn_like(x)


class Gain(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.linspace(0.5, 2, HIDDEN))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.gain


def own_weights(kind: type[nn.Linear]) -> Any:
    def change(d: dict[str, nn.Module]) -> dict[str, nn.Module]:
        layer = kind(HIDDEN, OUTPUTS)
        layer.weight.data *= 3
        return {"b": layer}

    return change


def hooked(layer: nn.Module, before: bool) -> nn.Module:
    if before:
        layer.register_forward_pre_hook(lambda module, inputs: (inputs[0] * 0.5,))
    else:
        layer.register_forward_hook(lambda module, inputs, output: output * 0.5)
    return layer


def replaced(layer: Any) -> nn.Module:
    usual = layer.forward
    layer.forward = lambda x: usual(x) * 0.5
    return layer


def registered(layer: nn.Module) -> nn.Module:
    parametrize.register_parametrization(layer, "weight", Rounded())
    return layer


for label, kind in {"subclass of Linear with rounded weights": Quantised, "subclass of Linear that doubles": Doubled}.items():
    plain(label, "either", own_weights(kind))
plain("subclass of Linear that changes nothing", "equal", own_weights(Renamed))
plain("batch normalisation", "equal", lambda d: {"b": nn.Sequential(normalisation(nn.BatchNorm1d(HIDDEN)), d["b"])})
plain("batch normalisation in training mode", "refused", lambda d: {"b": nn.Sequential(left_training(nn.BatchNorm1d(HIDDEN)), d["b"])})
plain("dropout in training mode", "refused", lambda d: {"b": nn.Sequential(left_training(nn.Dropout(0.5)), d["b"])})
plain("dropout and identity", "equal", lambda d: {"b": nn.Sequential(nn.Dropout(0.5), nn.Identity(), d["b"])})
plain("weight_norm", "equal", lambda d: {"b": parametrizations.weight_norm(d["b"])})
plain("spectral_norm", "equal", lambda d: {"b": parametrizations.spectral_norm(d["b"])})
plain("a parametrisation that rounds", "equal", lambda d: {"b": registered(d["b"])})
plain("two linear layers in a row", "equal", lambda d: {"b": nn.Sequential(linear(HIDDEN, 9), linear(9, OUTPUTS))})
plain("a ReLU between", "either", lambda d: {"b": nn.Sequential(linear(HIDDEN, 9), nn.ReLU(), linear(9, OUTPUTS))})
plain("a ReLU before neurons", "either", lambda d: {"b": nn.Sequential(d["b"], nn.ReLU())})
plain("a ReLU in place behind neurons", "either", lambda d: {"b": nn.Sequential(nn.ReLU(inplace=True), d["b"])})
plain("a layer normalisation", "either", lambda d: {"b": nn.Sequential(nn.LayerNorm(HIDDEN), d["b"])})
plain("a bilinear layer's relative: Hardtanh", "either", lambda d: {"b": nn.Sequential(d["b"], nn.Hardtanh(-0.2, 0.6))})
plain("a module that is noise", "refused", lambda d: {"b": nn.Sequential(d["b"], Noisy())})
plain("a module that is a gain", "either", lambda d: {"b": nn.Sequential(Gain(), d["b"])})
plain("Sequential that halves", "either", lambda d: {"b": Halved(d["b"])})
plain("Sequential that skips", "either", lambda d: {"b": nn.Sequential(Skipping(linear(HIDDEN, HIDDEN)), d["b"])})
plain("a hook that changes the input", "either", lambda d: {"b": hooked(d["b"], True)})
plain("a hook that changes the output", "either", lambda d: {"b": hooked(d["b"], False)})
plain("a forward that was replaced", "either", lambda d: {"b": replaced(d["b"])})
plain("a lazy layer without weights", "refused", lambda d: {"b": nn.LazyLinear(OUTPUTS)})
plain("weights that are not numbers", "refused", lambda d: d["b"].weight.data[0, 0].fill_(float("nan")))
plain("biases off", "equal", lambda d: {"a": linear(INPUTS, HIDDEN, bias=False), "b": linear(HIDDEN, OUTPUTS, bias=False)})
plain("sparse weights", "equal", lambda d: d["b"].weight.data.mul_(torch.rand(OUTPUTS, HIDDEN) < 0.5))


around("functions: linear", "equal", None, lambda m, p: F.linear(p, torch.eye(HIDDEN) * 0.7))
around("functions: product of matrices", "either", None, lambda m, p: p @ (torch.eye(HIDDEN).flip(0) * 0.7))
around("functions: einsum", "either", None, lambda m, p: torch.einsum("...i,oi->...o", p, 0.7 * torch.eye(HIDDEN)))


@body("functions on a layer's weights", "either")
def _(m: Any, x: Any, fire: Any) -> Any:
    p = fire(m.n1, F.linear(x, m.a.weight, m.a.bias))
    return fire(m.n2, p @ m.b.weight.T + m.b.bias)


@body("shared weights", "equal", changed(three, lambda d: {"e": linear(HIDDEN, HIDDEN)}))
def _(m: Any, x: Any, fire: Any) -> Any:
    m.e.weight = m.b.weight
    return fire(m.n3, m.c(fire(m.n2, m.e(m.b(fire(m.n1, m.a(x)))))))


@body("weights that depend on the data", "either")
def _(m: Any, x: Any, fire: Any) -> Any:
    p = fire(m.n1, m.a(x))
    return fire(m.n2, F.linear(p, m.b.weight * (1 + 0.1 * p.mean()), m.b.bias))


@body("a branch that the data chooses", "either")
def _(m: Any, x: Any, fire: Any) -> Any:
    p = fire(m.n1, m.a(x))
    if p.sum() > 24:
        p = p * 0.5
    return fire(m.n2, m.b(p))


@body("a branch that rare data choose", "either")
def _(m: Any, x: Any, fire: Any) -> Any:
    p = fire(m.n1, m.a(x))
    return fire(m.n2, m.b(p if int(p.max(-1).values.sum()) else p + 1))


@body("the last value of the step before", "either")
def _(m: Any, x: Any, fire: Any) -> Any:
    p = fire(m.n1, m.a(x))
    late = getattr(m, "late", None)
    m.late = p
    return fire(m.n2, m.b(p if late is None else p + 0.5 * late))


@body("weights that change with the number of calls", "either")
def _(m: Any, x: Any, fire: Any) -> Any:
    m.calls = getattr(m, "calls", 0) + 1
    return fire(m.n2, m.b(fire(m.n1, m.a(x))) * (0.3 if m.calls > 5 else 1))


@body("a layer of neurons used twice", "either", changed(three, lambda d: {"b": linear(HIDDEN, HIDDEN)}))
def _(m: Any, x: Any, fire: Any) -> Any:
    return fire(m.n3, m.c(fire(m.n1, m.b(fire(m.n1, m.a(x))))))


@body("layers in a list", "equal", lambda n: {"all": nn.ModuleList([linear(INPUTS, HIDDEN), n(HIDDEN), linear(HIDDEN, OUTPUTS), n(OUTPUTS)])})
def _(m: Any, x: Any, fire: Any) -> Any:
    for k in range(0, 4, 2):
        x = fire(m.all[k + 1], m.all[k](x))
    return x


@body("a list in reverse", "either", lambda n: {"all": nn.ModuleList([n(OUTPUTS), linear(HIDDEN, OUTPUTS), n(HIDDEN), linear(INPUTS, HIDDEN)])})
def _(m: Any, x: Any, fire: Any) -> Any:
    return fire(m.all[0], m.all[1](fire(m.all[2], m.all[3](x))))
