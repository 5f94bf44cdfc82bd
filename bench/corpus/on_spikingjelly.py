"""SpikingJelly: single and multi step, its nodes and resets, containers, and blocks of its own models."""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import Any
from unittest import mock

import torch
from spikingjelly.activation_based import functional, layer, neuron
from torch import nn

from .entry import HIDDEN, INPUTS, OUTPUTS, Entry, Framework, convolution, linear, normalisation
from .on_snntorch import Net

# The models need torchvision for one function, which loads trained weights; only their blocks are used here.
_STAND_INS = {name: ModuleType(name) for name in ("torchvision", "torchvision.models", "torchvision.models.utils")}
_STAND_INS["torchvision.models.utils"].load_state_dict_from_url = torch.hub.load_state_dict_from_url  # type: ignore[attr-defined]
with mock.patch.dict(sys.modules, {name: module for name, module in _STAND_INS.items() if name not in sys.modules}):
    sew_resnet = import_module("spikingjelly.activation_based.model.sew_resnet")
    spiking_resnet = import_module("spikingjelly.activation_based.model.spiking_resnet")


def lif(size: int = 0, kind: Any = neuron.LIFNode, **options: Any) -> nn.Module:
    return kind(**{"v_threshold": 0.3} | options)


def run(net: Any, x: torch.Tensor) -> torch.Tensor:
    functional.reset_net(net)
    return torch.stack([net(step) for step in x])


def whole(net: Any, x: torch.Tensor) -> torch.Tensor:
    functional.reset_net(net)
    return net(x)


FRAMEWORK = Framework("SpikingJelly", "from_spikingjelly", lif, Net, run, lambda x: x[0], lambda m: isinstance(m, neuron.BaseNode | neuron.SimpleBaseNode))


def chain(*neurons: nn.Module) -> nn.Module:
    return nn.Sequential(linear(INPUTS, HIDDEN), neurons[0], linear(HIDDEN, OUTPUTS), neurons[-1])


def multi(net: nn.Module) -> nn.Module:
    functional.set_step_mode(net, "m")
    return net


def contained() -> nn.Module:
    parts = layer.SeqToANNContainer(convolution(1, 4), normalisation(nn.BatchNorm2d(4))), lif(step_mode="m")
    return nn.Sequential(*parts, layer.SeqToANNContainer(nn.AvgPool2d(2), nn.Flatten(), linear(64, OUTPUTS)), lif(step_mode="m"))


def block(kind: Any, **options: Any) -> nn.Module:
    """One block of a residual network between layers that make it fire."""
    made = kind(4, 4, spiking_neuron=neuron.IFNode, v_threshold=0.3, **options)
    for part in made.modules():
        if isinstance(part, nn.BatchNorm2d):
            normalisation(part)
    return nn.Sequential(layer.Conv2d(1, 4, 3, padding=1), neuron.IFNode(v_threshold=0.2), made, layer.Flatten(), layer.Linear(256, OUTPUTS), lif(v_threshold=0.1))


class Stacked(nn.Module):
    """A loop over time in ``forward``, from zero or from another state; spikes, their mean, or the membrane."""

    def __init__(self, start: float = 0.0, answer: str = "spikes") -> None:
        super().__init__()
        self.a, self.n1, self.b, self.n2 = linear(INPUTS, HIDDEN), lif(), linear(HIDDEN, OUTPUTS), lif()
        self.start, self.answer = start, answer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.start:
            self.n1.v = torch.full((x.shape[1], HIDDEN), self.start)
        outputs = []
        for step in x:
            z = self.n2(self.b(self.n1(self.a(step))))
            outputs.append(self.n2.v if self.answer == "membrane" else z)
        return torch.stack(outputs[::-1] if self.answer == "reversed" else outputs)


def entries() -> list[Entry]:
    def entry(name: str, expected: Any, make: Any, **options: Any) -> Entry:
        return Entry(name=name, framework=FRAMEWORK, expected=expected, make=make, **options)

    found = []
    for reset in (0.0, None, -0.2):
        for kind in (neuron.IFNode, neuron.LIFNode, neuron.ParametricLIFNode):
            found.append(entry(f"{kind.__name__}, reset {reset}", "equal", lambda k=kind, r=reset: chain(lif(kind=k, v_reset=r), lif(v_reset=r))))
    image = {"shape": (1, 8, 8), "options": {"input_shape": (1, 8, 8)}}
    time = {"run": whole, "sample": lambda x: x}
    for mode in ("ADD", "AND", "IAND"):
        expected = "equal" if mode == "ADD" else "either"
        found.append(entry(f"block of the SEW ResNet, {mode}", expected, lambda c=mode: block(sew_resnet.BasicBlock, cnf=c), **image))
        found.append(entry(f"block of the SEW ResNet, {mode}, multi step", "either", lambda c=mode: multi(block(sew_resnet.BasicBlock, cnf=c)), **image, **time))
    found += [
        entry("block of the spiking ResNet", "equal", lambda: block(spiking_resnet.BasicBlock), **image),
        entry("block of the spiking ResNet, multi step", "equal", lambda: multi(block(spiking_resnet.BasicBlock)), **image, **time),
        entry("LIFNode, input not decayed", "equal", lambda: chain(lif(decay_input=False, tau=3.0), lif())),
        entry("CUBALIFNode", "equal", lambda: chain(neuron.CUBALIFNode(v_threshold=0.4), lif())),
        entry("KLIFNode", "either", lambda: chain(neuron.KLIFNode(v_threshold=0.3), lif())),
        entry("QIFNode", "either", lambda: chain(neuron.QIFNode(), lif())),
        entry("GatedLIFNode", "either", lambda: multi(chain(neuron.GatedLIFNode(T=30), lif())), **time),
        entry("multi step", "equal", lambda: multi(nn.Sequential(layer.Linear(INPUTS, HIDDEN), lif(v_threshold=0.1), layer.Linear(HIDDEN, OUTPUTS), lif(v_threshold=0.1))), **time),
        entry("containers of steps", "equal", contained, **image, **time),
        entry("layers without steps in a multi-step network", "equal", lambda: multi(chain(lif(), lif())), **time),
        entry("dropout that keeps its mask, off", "equal", lambda: chain(nn.Sequential(lif(), layer.Dropout(0.5)), lif())),
        entry("loop over time, zero states", "equal", Stacked, **time),
        entry("loop over time, another first state", "either", lambda: Stacked(0.2), **time),
        entry("loop over time, membranes", "either", lambda: Stacked(0.0, "membrane"), tolerance=1e-4, **time),
        entry("loop over time, answer reversed", "either", lambda: Stacked(0.0, "reversed"), **time),
        entry("a synapse that filters", "either", lambda: chain(nn.Sequential(lif(), layer.SynapseFilter(tau=5.0)), lif())),
        entry("an element-wise recurrent container", "either", lambda: chain(layer.ElementWiseRecurrentContainer(lif(), torch.add), lif())),
        entry("largest of each window", "either", lambda: nn.Sequential(convolution(1, 4), lif(), nn.MaxPool2d(2), nn.Flatten(), linear(64, OUTPUTS), lif()), **image),
        entry("without a sample", "equal", lambda: chain(lif(), lif()), sampled=False),
    ]  # fmt: skip
    return found
