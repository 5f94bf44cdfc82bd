"""Norse modules -> :class:`FloatNetwork`; time step, reset method and currents are read from the neurons, so no dialect is needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from lifline.arch.errors import ConversionError

from ..floating.network import FloatNetwork, FloatNeurons
from ..floating.operators import Dense, Shape
from ..nir.dialects import Reset
from .build import build
from .torch_layers import Framework, Spiking, array, checked

if TYPE_CHECKING:
    from torch import nn

LEAKY = ("LIFBoxCell", "LIBoxCell")
CURRENT = ("LIFCell", "LICell", "LIFRecurrentCell", "LIF", "LI", "LIFRecurrent")
PLAIN = ("IAFCell", "IAF")
KINDS = (*LEAKY, *CURRENT, *PLAIN)
CONTAINERS = ("SequentialState", "RecurrentSequential", "Lift", "RegularizationWrapper")


def from_norse(
    net: nn.Module, *, input_shape: Shape | int | None = None, sample: Any = None, name: str | None = None, check: bool = True
) -> FloatNetwork:
    """Import a network of Norse's LIF, LIFBox, LI, LIBox and IAF neurons, also LIFRecurrent.

    Parameters
    ----------
    net : in evaluation mode, usually a ``SequentialState``.
    input_shape, sample, check : see :func:`lifline.convert.frameworks.build.build`.

    Raises
    ------
    ConversionError   by name, for layers and options without translation.
    """
    checked(net, "Norse")

    def translate(label: str, module: Any) -> Spiking | None:
        kind = type(module).__name__
        if not type(module).__module__.startswith("norse.") or kind in CONTAINERS or not hasattr(module, "p"):
            return None
        if kind not in KINDS:
            raise ConversionError(f"Norse module {kind} has no translation; there are {', '.join(KINDS)}")
        p, dt, one = module.p, float(module.dt), np.ones(())
        fires = not kind.startswith("LI") or kind.startswith("LIF")
        reset = getattr(p, "reset_method", None)
        subtract = reset is not None and reset.__name__ == "reset_subtract"
        if reset is not None and reset.__name__ not in ("reset_value", "reset_subtract"):
            raise ConversionError(f"Norse module {kind}: reset method {reset.__name__} has no translation")
        plain = kind in PLAIN
        part = one if plain else dt * array(p.tau_mem_inv)
        leak = array(p.v_reset) if plain else array(p.v_leak)
        neurons = FloatNeurons(
            keep_v=one if plain else 1 - part,
            gain_v=part,
            keep_i=1 - dt * array(p.tau_syn_inv) if kind in CURRENT else None,
            gain_i=one,
            drive=0 * one if plain else part * leak,
            threshold=array(p.v_th) if fires else None,
            reset=(Reset.NOW_SUBTRACT if subtract else Reset.NOW_VALUE) if fires else Reset.NONE,
            v_reset=array(p.v_reset) if fires and not subtract else np.zeros(()),
            strict=True,
            cap=1,
            v_min=None,
            v_start=leak,
        )
        recurrence = None
        if "Recurrent" in kind:
            # Norse's recurrent cells hold their own input weights, which a population cannot.
            weights = array(module.input_weights)
            if weights.shape[0] != weights.shape[1] or not np.array_equal(weights, np.eye(len(weights))):
                raise ConversionError(f"Norse module {kind} has input weights of its own; set them to the identity and put a Linear layer before it")
            recurrence = (Dense(array(module.recurrent_weights)),)
        return Spiking(neurons, recurrence, time_axis=None if kind.endswith("Cell") else 0)

    def leads(layers: list[Spiking]) -> tuple[int, ...]:
        return (3,) if any(layer.time_axis is None for layer in layers) else (24, 3)

    framework = Framework("Norse", translate, lambda network: None, leads, carries=True)
    return build(net, framework, input_shape=input_shape, sample=sample, name=name, check=check)
