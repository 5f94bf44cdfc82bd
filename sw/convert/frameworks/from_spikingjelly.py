"""SpikingJelly modules -> :class:`FloatNetwork`; soft or hard reset is read from the neurons, so no dialect is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lifline.arch.errors import ConversionError

from ..floating.network import FloatNetwork, FloatNeurons
from ..floating.operators import Shape
from ..nir.dialects import Reset
from .build import build
from .torch_layers import Framework, Spiking, array, checked, library

if TYPE_CHECKING:
    from torch import nn

KINDS = ("IFNode", "LIFNode", "ParametricLIFNode", "CUBALIFNode")


def from_spikingjelly(
    net: nn.Module, *, input_shape: Shape | int | None = None, sample: Any = None, name: str | None = None, check: bool = True
) -> FloatNetwork:
    """Import a network of SpikingJelly's IF, LIF, parametric LIF and current-based LIF nodes, with soft or hard reset.

    Parameters
    ----------
    net : in evaluation mode, in single-step or multi-step mode.
    input_shape, sample, check : see :func:`lifline.convert.frameworks.build.build`.

    Raises
    ------
    ConversionError   by name, for layers and options without translation.
    MissingLibraryError   if the framework is not installed.
    """
    MemoryModule = library("spikingjelly.activation_based.base").MemoryModule
    checked(net, "SpikingJelly")

    def translate(label: str, module: Any) -> Spiking | None:
        kind = type(module).__name__
        if not isinstance(module, MemoryModule) or kind.startswith("Dropout"):
            return None
        if kind not in KINDS:
            if list(module.children()):
                return None  # a container; its children are looked at
            raise ConversionError(f"SpikingJelly module {kind} has no translation; there are {', '.join(KINDS)}")
        one = np.ones(())
        soft = module.v_reset is None
        rest = np.zeros(()) if soft else array(module.v_reset)
        keep_v, gain_v, keep_i, drive = one, one, None, 0 * one
        if kind == "CUBALIFNode":
            keep_v, keep_i = array(module.v_decay), array(module.c_decay)
        elif kind != "IFNode":
            part = 1 / array(module.tau) if kind == "LIFNode" else array(module.w.sigmoid())
            keep_v, drive = 1 - part, part * rest
            gain_v = part if module.decay_input else one
        neurons = FloatNeurons(
            keep_v=keep_v,
            gain_v=gain_v,
            keep_i=keep_i,
            gain_i=one,
            drive=drive,
            threshold=array(module.v_threshold),
            reset=Reset.NOW_SUBTRACT if soft else Reset.NOW_VALUE,
            v_reset=rest,
            strict=False,
            cap=1,
            v_min=None,
            v_start=rest,
        )
        return Spiking(neurons, time_axis=0 if module.step_mode == "m" else None)

    def reset(network: nn.Module) -> None:
        module: Any
        for module in network.modules():
            if isinstance(module, MemoryModule):
                module.reset()

    def leads(layers: list[Spiking]) -> tuple[int, ...]:
        return (3,) if any(layer.time_axis is None for layer in layers) else (24, 3)

    framework = Framework("SpikingJelly", translate, reset, leads)
    return build(net, framework, input_shape=input_shape, sample=sample, name=name, check=check)
