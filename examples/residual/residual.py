"""A small residual network (SEW-ADD: blocks add their input's spikes to their own) of snnTorch and of SpikingJelly objects, and how each runs and is imported.

2x34x34 - 16c5s4 - block of two 16c3 - pool - block of two 16c3 - 10, with batch normalisation behind convolutions. Both frameworks have layers of the same names, so one class
serves both: snnTorch's is called step by step, SpikingJelly's once for all steps (``step_mode="m"``). Neurons are the frameworks' own with their default resets: snnTorch
subtracts in the next step, SpikingJelly sets the membrane to 0 at once.
"""

from __future__ import annotations

import runpy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn

import lifline
from lifline.convert.floating.network import FloatNetwork

EXAMPLES = Path(__file__).parents[1]
NMNIST: dict[str, Any] = runpy.run_path(str(EXAMPLES / "nmnist" / "train.py"))
"""How recordings are read, distorted and made spikes: 10 steps of 30 ms, see ``examples/nmnist``."""

SHAPE = (2, 34, 34)
CHANNELS, SIDE, CLASSES = 16, 8, 10
KEPT = 0.8
"""Share of the membrane that is left after a step."""
SLOPE = 2.0
"""Of the arctan surrogate."""
CALIBRATION = 100
"""Recordings of the training part that the scales are chosen on."""


class Layer(nn.Module):
    """Convolution, batch normalisation, neurons."""

    def __init__(self, layers: Any, neurons: Callable[[], nn.Module], inputs: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.convolution = layers.Conv2d(inputs, CHANNELS, kernel, stride=stride, padding=1, bias=False)
        self.normalisation = layers.BatchNorm2d(CHANNELS)
        self.neurons = neurons()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.neurons(self.normalisation(self.convolution(x)))


class Block(nn.Module):
    """``x + second(first(x))``; ``x`` is a sum of spikes or an average of such sums."""

    def __init__(self, layers: Any, neurons: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.first, self.second = (Layer(layers, neurons, CHANNELS, 3, 1) for _ in range(2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.second(self.first(x))


class Residual(nn.Sequential):
    """Made of ``layers``, which is ``torch.nn`` or a framework's module with the same names, and of ``neurons()``."""

    def __init__(self, layers: Any, neurons: Callable[[], nn.Module]) -> None:
        super().__init__()
        self.stem = Layer(layers, neurons, SHAPE[0], 5, 4)
        self.block1 = Block(layers, neurons)
        self.pool = layers.AvgPool2d(2)
        self.block2 = Block(layers, neurons)
        self.flatten = layers.Flatten()
        self.head = layers.Linear(CHANNELS * (SIDE // 2) ** 2, CLASSES, bias=False)
        self.digit = neurons()


@dataclass(frozen=True)
class Framework:
    """``build()`` makes an untrained network; ``run(net, x)`` is what it fires (step, recording, digit) for ``x`` (step, recording, 2, 34, 34);
    ``convert(net, x)`` imports it and compares it with ``net`` on ``x``."""

    build: Callable[[], nn.Module]
    run: Callable[[nn.Module, torch.Tensor], torch.Tensor]
    convert: Callable[[nn.Module, torch.Tensor], FloatNetwork]


def _snntorch() -> nn.Module:
    import snntorch

    surrogate = snntorch.surrogate.atan(alpha=SLOPE)
    return Residual(nn, lambda: snntorch.Leaky(beta=KEPT, init_hidden=True, spike_grad=surrogate))


def _run_steps(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
    import snntorch.utils

    snntorch.utils.reset(net)
    return torch.stack([net(step) for step in x])


def _spikingjelly() -> nn.Module:
    from spikingjelly.activation_based import functional, layer, neuron, surrogate

    function = surrogate.ATan(SLOPE)
    net = Residual(layer, lambda: neuron.LIFNode(tau=1 / (1 - KEPT), decay_input=False, detach_reset=True, surrogate_function=function))
    functional.set_step_mode(net, "m")
    return net


def _run_whole(net: nn.Module, x: torch.Tensor) -> torch.Tensor:
    from spikingjelly.activation_based import functional

    functional.reset_net(net)
    return net(x)


FRAMEWORKS = {
    "snntorch": Framework(_snntorch, _run_steps, lambda net, x: lifline.from_snntorch(net, sample=x[0], input_shape=SHAPE)),
    "spikingjelly": Framework(_spikingjelly, _run_whole, lambda net, x: lifline.from_spikingjelly(net, sample=x, input_shape=SHAPE)),
}


def as_steps(spikes: np.ndarray) -> torch.Tensor:
    """(recording, step, 2 * 34 * 34) -> (step, recording, 2, 34, 34), as both frameworks take it."""
    return torch.from_numpy(spikes.reshape(*spikes.shape[:2], *SHAPE)).float().transpose(0, 1)


def trained(name: str, path: str | Path | None = None) -> nn.Module:
    """The trained network of framework ``name``, as objects of that framework in evaluation mode."""
    net = FRAMEWORKS[name].build()
    net.load_state_dict(load_file(path or Path(__file__).with_name(f"{name}.safetensors")))
    return net.eval()


def calibration(path: str) -> np.ndarray:
    """Spikes (recording, step, 2 * 34 * 34) of training recordings."""
    recordings = NMNIST["Recordings"].read(path, "train")
    return recordings.encode(np.arange(CALIBRATION))


def imported(name: str, spikes: np.ndarray) -> tuple[FloatNetwork, np.ndarray]:
    """The import of the trained objects, and what the framework fires for ``spikes``: (recording, step, digit)."""
    net, framework = trained(name), FRAMEWORKS[name]
    with torch.no_grad():
        fired = framework.run(net, as_steps(spikes)).numpy().swapaxes(0, 1)
    return framework.convert(net, as_steps(spikes[:4])), fired
