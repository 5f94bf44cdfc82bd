"""snnTorch modules -> :class:`FloatNetwork`; reset rule and delay are read from the neurons, so no dialect is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lifline.arch.errors import ConversionError

from ..floating.network import FloatNetwork, FloatNeurons
from ..floating.operators import Operator, Scale, Shape
from ..nir.dialects import Reset
from .build import build
from .torch_layers import Framework, Spiking, array, checked, library, operators_of

if TYPE_CHECKING:
    from torch import nn

RESETS = {
    ("subtract", True): Reset.LATE_SUBTRACT,
    ("subtract", False): Reset.TESTED_TWICE,
    ("zero", True): Reset.LATE_VALUE,
    ("zero", False): Reset.NOW_VALUE,
    ("none", True): Reset.NONE,
    ("none", False): Reset.NONE,
}


def from_snntorch(
    net: nn.Module, *, input_shape: Shape | int | None = None, sample: Any = None, name: str | None = None, read_out: bool = False, check: bool = True
) -> FloatNetwork:
    """Import a network of snnTorch's Leaky, Synaptic, RLeaky and RSynaptic neurons.

    Parameters
    ----------
    net : in evaluation mode; called once per step, or with a loop over time in its ``forward``.
    input_shape, sample, check : see :func:`lifline.convert.frameworks.build.build`.
    read_out : the result is the membrane of the last layer, which must not reset (``reset_mechanism="none"``).

    Raises
    ------
    ConversionError   by name, for layers and options without translation.
    MissingLibraryError   if the framework is not installed.
    """
    snntorch = library("snntorch")
    checked(net, "snnTorch")

    last = [label for label, m in net.named_modules() if isinstance(m, snntorch.SpikingNeuron)][-1:]

    def translate(label: str, module: Any) -> Spiking | None:
        if type(module).__name__ == "SynapticDelay" and type(module).__module__.startswith("snntorch"):
            raise ConversionError("snnTorch's SynapticDelay is not supported: its semantics were in no release to compare with; train delays with lifline.train")
        if not isinstance(module, snntorch.SpikingNeuron):
            return None
        kind = type(module).__name__
        if kind not in ("Leaky", "Synaptic", "RLeaky", "RSynaptic"):
            raise ConversionError(f"snnTorch neuron {kind} has no translation; there are Leaky, Synaptic, RLeaky and RSynaptic")
        if module.inhibition or module.state_quant:
            raise ConversionError(f"snnTorch neuron {kind}: inhibition and state_quant are not supported")
        # RSynaptic.forward subtracts from its local copy of the state, so that reset_delay=False changes nothing there.
        reset = RESETS[module.reset_mechanism, bool(module.reset_delay) or kind == "RSynaptic"]
        if reset is Reset.LATE_VALUE and kind != "Leaky":
            reset = Reset.LATE_HOLD
        silent = read_out and [label] == last
        if silent and reset is not Reset.NONE:
            raise ConversionError("a read-out must not reset: give its last layer reset_mechanism='none'")
        factor = array(module.graded_spikes_factor)
        neurons = FloatNeurons(
            keep_v=array(module.beta.clamp(0, 1)),
            gain_v=np.ones(()),
            keep_i=array(module.alpha.clamp(0, 1)) if "Synaptic" in kind else None,
            gain_i=np.ones(()),
            drive=np.zeros(()),
            threshold=None if silent else array(module.threshold),
            reset=reset,
            v_reset=np.zeros(()),
            strict=True,
            cap=1,
            v_min=None,
        )
        recurrence = _recurrence(module) if kind.startswith("R") else None
        return Spiking(neurons, recurrence, None if (factor == 1).all() else factor, shown=_membrane if silent else None)

    def reset(network: nn.Module) -> None:
        module: Any
        for module in network.modules():
            if isinstance(module, snntorch.SpikingNeuron) and hasattr(module, "reset_mem"):
                module.reset_mem()

    framework = Framework("snnTorch", translate, reset)
    return build(net, framework, input_shape=input_shape, sample=sample, name=name, check=check)


def _membrane(module: Any, outputs: list[Any]) -> Any:
    return outputs[-1] if len(outputs) > 1 else module.mem


def _recurrence(module: Any) -> tuple[Operator, ...]:
    if hasattr(module.recurrent, "V"):
        return (Scale(array(module.recurrent.V)),)
    return tuple(operators_of("recurrent", module.recurrent))
