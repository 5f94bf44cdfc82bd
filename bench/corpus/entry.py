"""What an entry of the corpus is: a network of a framework, how its users run it, and what the import of it must give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import nn

STEPS, BATCH, INPUTS, HIDDEN, OUTPUTS = 30, 4, 12, 16, 6
RATE = 0.3
Expected = Literal["equal", "refused", "either"]
Run = Callable[[Any, torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Framework:
    """One framework as its users meet it.

    Attributes
    ----------
    importer : the function of ``lifline`` that imports its objects.
    neuron : a layer of its usual neurons for so many values.
    net : a module made of named layers and a body (see ``bodies``), for the framework's way of passing states.
    run : from zero state, outputs (time, batch, ...) for an input (time, batch, ...).
    sample : an input as ``forward`` wants it, of an input (time, batch, ...).
    spiking : whether a module is one of its neuron layers.
    """

    name: str
    importer: str
    neuron: Callable[[int], nn.Module]
    net: Callable[..., nn.Module]
    run: Run
    sample: Callable[[torch.Tensor], Any]
    spiking: Callable[[nn.Module], bool]


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One network of the corpus.

    Attributes
    ----------
    expected : "equal" must import; "refused" must not, for example what is random; "either" may do both, but not import wrongly.
    make : a new network; the generator of random numbers has been seeded.
    shape : of one item in one step.
    options : further arguments of the import.
    run, sample : where they are not the framework's usual ones; ``sample=None`` passes none.
    tolerance : largest difference between values, for membranes; 0 for spikes.
    """

    name: str
    framework: Framework
    expected: Expected
    make: Callable[[], nn.Module]
    shape: tuple[int, ...] = (INPUTS,)
    options: dict[str, Any] = field(default_factory=dict)
    run: Run | None = None
    sample: Callable[[torch.Tensor], Any] | None = None
    sampled: bool = True
    tolerance: float = 0.0

    @property
    def label(self) -> str:
        return f"{self.framework.name}: {self.name}"


def linear(a: int, b: int, gain: float = 3.0, bias: bool = True) -> nn.Linear:
    """A layer with weights large enough for its neurons to fire."""
    layer = nn.Linear(a, b, bias=bias)
    layer.weight.data *= gain
    return layer


def convolution(a: int, b: int, gain: float = 3.0, **options: Any) -> nn.Conv2d:
    layer = nn.Conv2d(a, b, 3, padding=1, **options)
    layer.weight.data *= gain
    return layer


def normalisation(layer: Any) -> Any:
    """A batch normalisation that has seen data."""
    layer.weight.data.uniform_(1.0, 2.0)
    layer.bias.data.uniform_(-0.2, 0.4)
    layer.running_mean.uniform_(-0.3, 0.3)
    layer.running_var.uniform_(0.3, 1.0)
    return layer


def left_training(layer: nn.Module) -> nn.Module:
    """Stays in training mode when the network is put into evaluation mode, as after ``net.layer.train()``."""
    layer.stays = True  # type: ignore[assignment]
    return layer


def evaluating(net: nn.Module) -> nn.Module:
    """``net`` in evaluation mode, but for what :func:`left_training` marked."""
    net.eval()
    for module in net.modules():
        if getattr(module, "stays", False):
            module.train()
    return net


def spikes(shape: tuple[int, ...], seed: int) -> torch.Tensor:
    """Random spikes (time, batch, *shape)."""
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(STEPS, BATCH, *shape, generator=generator) < RATE).float()


def first(value: Any) -> Any:
    """The output proper of a module that also returns states."""
    return value[0] if isinstance(value, tuple) else value
