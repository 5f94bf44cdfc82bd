"""Rockpool's torch modules -> :class:`FloatNetwork`; bias, recurrence and the spike limit are read from the neurons, so no dialect is needed."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import Any

import numpy as np

from lifline.arch.errors import ConversionError, MissingLibraryError

from ..floating.network import FloatNetwork, FloatNeurons
from ..floating.operators import Dense, Shape
from ..nir.dialects import MANY, Reset
from .build import build
from .torch_layers import Framework, Spiking, array, checked


def from_rockpool(
    net: Any, *, input_shape: Shape | int | None = None, sample: Any = None, name: str | None = None, check: bool = True
) -> FloatNetwork:
    """Import a network of Rockpool's LinearTorch, LIFTorch and ExpSynTorch modules.

    Parameters
    ----------
    net : in evaluation mode, usually a ``Sequential``.
    input_shape, sample, check : see :func:`lifline.convert.frameworks.build.build`.

    Raises
    ------
    ConversionError   by name, for modules and options without translation.
    MissingLibraryError   if the framework is not installed.
    """
    installed()
    checked(net, "Rockpool")

    def translate(label: str, module: Any) -> Spiking | None:
        kind = type(module).__name__
        own = type(module).__module__.startswith("rockpool.nn.modules.")
        wraps = any(base.__module__.startswith("torch.nn.modules.") and base.__name__ != "Module" for base in type(module).__mro__)
        if not own or wraps or kind == "LinearTorch" or list(module.children()):
            return None
        one, zero = np.ones(()), np.zeros(())
        if kind == "ExpSynTorch":
            keep = np.exp(-float(module.dt) / array(module.tau))
            neurons = FloatNeurons(
                keep_v=keep, gain_v=keep, gain_i=one, drive=zero, threshold=None, reset=Reset.NONE, v_reset=zero, strict=False, cap=1, v_min=None,
            )  # fmt: skip
            return Spiking(neurons, time_axis=1)
        if kind != "LIFTorch":
            raise ConversionError(f"Rockpool module {kind} has no translation; there are LinearTorch, LIFTorch and ExpSynTorch")
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
        return Spiking(neurons, (Dense(array(module.w_rec).T),) if module._has_rec else None, time_axis=1)

    if input_shape is None:
        size = getattr(net, "size_in", None)
        input_shape = None if size is None else int(size)
    # One item: Rockpool keeps the state of the last run, of as many items as it had.
    framework = Framework("Rockpool", translate, _reset, lambda layers: (1, 40))
    return build(net, framework, input_shape=input_shape, sample=sample, name=name, check=check)


def _reset(network: Any) -> None:
    """Reset the outermost of Rockpool's own modules, which reset those inside."""
    if hasattr(network, "reset_state"):
        network.reset_state()
        return
    for child in network.children():
        _reset(child)


def installed() -> None:
    """Check that Rockpool is there without importing it: that may start an installer of one of its own dependencies, and whoever has a network has imported it.

    Raises
    ------
    MissingLibraryError   if it is not installed.
    """
    try:
        there = "rockpool" in sys.modules and sys.modules["rockpool"] is not None or ("rockpool" not in sys.modules and find_spec("rockpool") is not None)
    except ValueError:
        there = False
    if not there:
        raise MissingLibraryError("rockpool objects need rockpool, which cannot be imported; pip install rockpool")
