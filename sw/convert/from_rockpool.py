"""Rockpool's torch modules -> :class:`FloatNetwork`; bias, recurrence and the spike limit are read from the neurons, so no dialect is needed."""

from __future__ import annotations

from typing import Any

import numpy as np

from lifline.arch.errors import ConversionError

from .dialects import MANY, Reset
from .float_network import FloatNetwork, FloatNeurons
from .operators import Dense, Shape
from .torch_layers import Spiking, array, build, checked, library


def from_rockpool(net: Any, *, input_shape: Shape | int | None = None, sample: Any = None, name: str | None = None) -> FloatNetwork:
    """Import a network of Rockpool's LinearTorch, LIFTorch and ExpSynTorch modules.

    Parameters
    ----------
    net : in evaluation mode; a chain of layers, usually a ``Sequential``.
    input_shape, sample : see :func:`lifline.convert.torch_layers.build`.

    Raises
    ------
    ConversionError   by name, for modules and options without translation.
    MissingLibraryError   if the framework is not installed.
    """
    modules = library("rockpool.nn.modules")
    ExpSynTorch, LIFTorch, LinearTorch, TorchModule = modules.ExpSynTorch, modules.LIFTorch, modules.LinearTorch, modules.TorchModule
    checked(net, "Rockpool")

    def translate(module: Any) -> Spiking | None:
        if not isinstance(module, TorchModule) or isinstance(module, LinearTorch) or list(module.children()):
            return None
        one, zero = np.ones(()), np.zeros(())
        if type(module) is ExpSynTorch:
            keep = np.exp(-float(module.dt) / array(module.tau))
            return Spiking(FloatNeurons(
                keep_v=keep, gain_v=keep, gain_i=one, drive=zero, threshold=None, reset=Reset.NONE, v_reset=zero, strict=False, cap=1, v_min=None,
            ))  # fmt: skip
        if type(module) is not LIFTorch:
            raise ConversionError(f"Rockpool module {type(module).__name__} has no translation; there are LinearTorch, LIFTorch and ExpSynTorch")
        if module.size_in != module.size_out:
            raise ConversionError("Rockpool module LIFTorch: several synaptic states per neuron are not supported")
        if float(array(module.noise_std)):
            raise ConversionError("Rockpool module LIFTorch: noise is not supported; set noise_std to 0")
        keep_i = array(module.beta).reshape(-1) if array(module.beta).size > 1 else array(module.beta).reshape(())
        neurons = FloatNeurons(
            keep_v=array(module.alpha),
            gain_v=one,
            keep_i=keep_i,
            gain_i=keep_i,
            drive=array(module.bias),
            threshold=array(module.threshold),
            reset=Reset.NOW_SUBTRACT,
            v_reset=zero,
            strict=False,
            cap=min(int(array(module.max_spikes_per_dt)), MANY),
            v_min=None,
        )
        return Spiking(neurons, (Dense(array(module.w_rec).T),) if module._has_rec else None)

    if input_shape is None:
        size = getattr(net, "size_in", None)
        input_shape = None if size is None else int(size)
    return build(net, translate, input_shape=input_shape, sample=sample, name=name)
