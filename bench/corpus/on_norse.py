"""Norse: states passed by hand, SequentialState, Lift, recurrent cells."""

from __future__ import annotations

from typing import Any

import norse.torch as norse
import torch
from norse.torch.functional.lif_box import LIFBoxParameters
from norse.torch.functional.reset import reset_subtract
from torch import nn

from .entry import HIDDEN, INPUTS, OUTPUTS, Entry, Framework, convolution, first, linear, normalisation


def box(size: int = 0, dt: float = 1e-3, **options: Any) -> nn.Module:
    given = {"tau_mem_inv": torch.tensor(300.0), "v_th": torch.tensor(0.15)} | options
    return norse.LIFBoxCell(LIFBoxParameters(**given), dt=dt)


def current(**options: Any) -> nn.Module:
    return norse.LIFCell(norse.LIFParameters(v_th=torch.tensor(0.2), **options))


class Net(nn.Module):
    def __init__(self, layers: dict[str, nn.Module], compute: Any) -> None:
        super().__init__()
        for name, layer in layers.items():
            setattr(self, name, layer)
        self.compute = compute

    def forward(self, x: Any, state: Any = None) -> Any:
        states = {} if state is None else dict(state)

        def fire(layer: Any, value: Any) -> Any:
            spikes, states[id(layer)] = layer(value, states.get(id(layer)))
            return spikes

        return self.compute(self, x, fire), states


def run(net: Any, x: torch.Tensor) -> torch.Tensor:
    outputs, state = [], None
    for step in x:
        y, state = net(step, state)
        outputs.append(y)
    return torch.stack(outputs)


def whole(net: Any, x: torch.Tensor) -> torch.Tensor:
    return first(net(x))


def spiking(module: nn.Module) -> bool:
    return isinstance(module, norse.LIFBoxCell | norse.LIFCell | norse.IAFCell | norse.LIFRecurrentCell | norse.LIF)


FRAMEWORK = Framework("Norse", "from_norse", box, Net, run, lambda x: x[0], spiking)


def chain(*neurons: nn.Module, gain: float = 3.0) -> nn.Module:
    return norse.SequentialState(linear(INPUTS, HIDDEN, gain), neurons[0], linear(HIDDEN, OUTPUTS, gain), neurons[-1])


class Hands(nn.Module):
    """States by hand, perhaps not zero at first, perhaps damped between the steps, perhaps the membrane as the answer."""

    def __init__(self, start: float | None = None, damp: float = 1.0, membrane: bool = False) -> None:
        super().__init__()
        self.a, self.n1, self.b, self.n2 = linear(INPUTS, HIDDEN), box(), linear(HIDDEN, OUTPUTS), box()
        self.start, self.damp, self.membrane = start, damp, membrane

    def forward(self, x: Any, state: Any = None) -> Any:
        one, two = state or (None, None)
        if one is None and self.start is not None:
            one = norse.LIFBoxFeedForwardState(v=torch.full((x.shape[0], HIDDEN), self.start))
        if one is not None and self.damp != 1.0:
            one = one._replace(v=one.v * self.damp)
        z, one = self.n1(self.a(x), one)
        z, two = self.n2(self.b(z), two)
        return (two.v if self.membrane else z), (one, two)


def image(*layers: nn.Module, features: int) -> nn.Module:
    return norse.SequentialState(convolution(1, 4), *layers, nn.Flatten(), linear(features, OUTPUTS), box())


def recurrent(kind: Any, weights: Any = None) -> nn.Module:
    cell = kind(HIDDEN, HIDDEN, p=norse.LIFParameters(v_th=torch.tensor(0.2)), autapses=True)
    cell.input_weights.data = torch.eye(HIDDEN) if weights is None else weights
    cell.recurrent_weights.data *= 0.5
    return cell


def entries() -> list[Entry]:
    def entry(name: str, expected: Any, make: Any, **options: Any) -> Entry:
        return Entry(name=name, framework=FRAMEWORK, expected=expected, make=make, **options)

    rest = {"v_leak": torch.tensor(0.05), "v_reset": torch.tensor(-0.1)}
    per_neuron = {"tau_mem_inv": torch.linspace(100, 400, HIDDEN), "v_th": torch.linspace(0.1, 0.3, HIDDEN)}
    lifted = {"run": whole, "sample": lambda x: x}
    return [
        entry("LIFCell", "equal", lambda: chain(current(), current(), gain=9)),
        entry("LIFBoxCell, subtracting", "equal", lambda: chain(box(reset_method=reset_subtract), box())),
        entry("LIFBoxCell, rest and reset", "equal", lambda: chain(box(**rest), box())),
        entry("LIFBoxCell, rest above the threshold", "either", lambda: chain(box(v_leak=torch.tensor(0.3)), box())),
        entry("LIFBoxCell, dt 5e-3", "equal", lambda: chain(box(dt=5e-3, tau_mem_inv=torch.tensor(60.0)), box(dt=5e-3, tau_mem_inv=torch.tensor(60.0)))),
        entry("LIFBoxCell, other values for each neuron", "equal", lambda: chain(box(**per_neuron), box())),
        entry("IAFCell", "equal", lambda: chain(*(norse.IAFCell(norse.IAFParameters(v_th=torch.tensor(0.7))) for _ in range(2)))),
        entry("LIBoxCell at the end", "equal", lambda: chain(box(), norse.LIBoxCell()), tolerance=1e-4),
        entry("LICell at the end", "equal", lambda: chain(current(), norse.LICell(), gain=9), tolerance=1e-4),
        entry("LIFRefracCell", "either", lambda: chain(norse.LIFRefracCell(), current(), gain=20)),
        entry("LSNNCell", "either", lambda: chain(norse.LSNNCell(), current(), gain=20)),
        entry("LIFAdExCell", "either", lambda: chain(norse.LIFAdExCell(), current(), gain=9)),
        entry("LIFRecurrentCell", "equal", lambda: chain(recurrent(norse.LIFRecurrentCell), current(), gain=9)),
        entry("LIFRecurrentCell with weights of its own", "either", lambda: chain(recurrent(norse.LIFRecurrentCell, torch.rand(HIDDEN, HIDDEN)), current(), gain=9)),
        entry("Lift and LIF over time", "either", lambda: norse.SequentialState(
            norse.Lift(linear(INPUTS, HIDDEN, 9)), norse.LIF(norse.LIFParameters(v_th=torch.tensor(0.2))),
            norse.Lift(linear(HIDDEN, OUTPUTS, 9)), norse.LIF(norse.LIFParameters(v_th=torch.tensor(0.2)))), **lifted),
        entry("RecurrentSequential", "either", lambda: norse.RecurrentSequential(linear(INPUTS, INPUTS), box(), linear(INPUTS, INPUTS), box())),
        entry("states by hand", "equal", Hands),
        entry("states by hand, another first one", "either", lambda: Hands(0.1)),
        entry("states by hand, damped between steps", "either", lambda: Hands(None, 0.5)),
        entry("states by hand, membrane as the answer", "either", lambda: Hands(membrane=True), tolerance=1e-4),
        entry("SequentialState in SequentialState", "equal", lambda: norse.SequentialState(chain(box(), box()), linear(OUTPUTS, OUTPUTS), box())),
        entry("without a sample", "equal", lambda: chain(box(), box()), sampled=False),
        entry("convolution, average pooling", "equal", lambda: image(box(), nn.AvgPool2d(2), features=64), shape=(1, 8, 8), options={"input_shape": (1, 8, 8)}),
        entry("convolution, normalisation", "equal", lambda: image(normalisation(nn.BatchNorm2d(4)), box(), features=256), shape=(1, 8, 8),
              options={"input_shape": (1, 8, 8)}),
    ]  # fmt: skip
