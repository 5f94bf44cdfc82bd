"""sinabs modules -> :class:`FloatNetwork`; spike function, reset and clamp are read from the neurons, so no dialect is needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from lifline.arch.errors import ConversionError

from ..floating.network import FloatNetwork, FloatNeurons
from ..floating.operators import Operator, Shape
from ..nir.dialects import MANY, Reset
from .build import build
from .torch_layers import Framework, Spiking, array, checked, library, operators_of

if TYPE_CHECKING:
    from torch import nn

KINDS = ("IAF", "IAFSqueeze", "LIF", "LIFSqueeze", "ExpLeak", "ExpLeakSqueeze", "IAFRecurrent", "LIFRecurrent")


def from_sinabs(
    net: nn.Module, *, input_shape: Shape | int | None = None, sample: Any = None, name: str | None = None, check: bool = True
) -> FloatNetwork:
    """Import a network of sinabs' IAF, LIF and ExpLeak layers, also the squeezing and recurrent ones.

    Parameters
    ----------
    net : in evaluation mode (a sinabs ``Network``: its ``spiking_model``).
    input_shape, sample, check : see :func:`lifline.convert.frameworks.build.build`.

    Raises
    ------
    ConversionError   by name, for layers and options without translation.
    MissingLibraryError   if the framework is not installed.
    """
    StatefulLayer = library("sinabs.layers").StatefulLayer
    checked(net, "sinabs")

    def translate(label: str, module: Any) -> Spiking | None:
        if not isinstance(module, StatefulLayer):
            return None
        kind = type(module).__name__
        if kind not in KINDS:
            raise ConversionError(f"sinabs layer {kind} has no translation; there are {', '.join(KINDS)}")
        one = np.ones(())
        leaky = not kind.startswith("IAF")
        keep_v = array(module.alpha_mem_calculated) if leaky else one
        alpha_syn = getattr(module, "alpha_syn_calculated", None)
        keep_i = None if alpha_syn is None else array(alpha_syn)
        cap = _cap(kind, module.spike_fn)
        reset, v_reset = _reset(kind, module) if cap else (Reset.NONE, np.zeros(()))
        neurons = FloatNeurons(
            keep_v=keep_v,
            gain_v=1 - keep_v if leaky and module.norm_input else one,
            keep_i=keep_i,
            gain_i=one if keep_i is None else keep_i,
            drive=np.zeros(()),
            threshold=array(module.spike_threshold) if cap else None,
            reset=reset,
            v_reset=v_reset,
            strict=False,
            cap=max(cap, 1),
            v_min=None if module.min_v_mem is None else float(array(module.min_v_mem)),
        )
        recurrence = _recurrence(module) if kind.endswith("Recurrent") else None
        if kind.endswith("Squeeze"):
            return Spiking(neurons, recurrence, time_axis=0, steps=_steps(module))
        return Spiking(neurons, recurrence, time_axis=1)

    def reset(network: nn.Module) -> None:
        module: Any
        for module in network.modules():
            if isinstance(module, StatefulLayer):
                module.reset_states()

    framework = Framework("sinabs", translate, reset, _leads)
    return build(net, framework, input_shape=input_shape, sample=sample, name=name, check=check)


RUN_STEPS = 24
"""Steps of the runs that are made to follow a network."""


def _steps(module: Any) -> Callable[[int], int]:
    """Steps in a joined axis of items and steps."""
    batch, steps = int(module.batch_size), int(module.num_timesteps)
    return lambda joined: steps if steps > 0 else joined // batch


def _leads(layers: list[Spiking]) -> tuple[int, ...]:
    """(batch, time), or their product where a layer squeezes them, as its own sizes ask."""
    squeezed = [layer for layer in layers if layer.steps is not None]
    if not squeezed:
        return 3, RUN_STEPS
    assert squeezed[0].steps is not None
    probe = 1 << 20
    steps = squeezed[0].steps(probe)
    return (3 * steps if steps < probe // 4096 else (probe // steps) * RUN_STEPS,)


def _cap(kind: str, spike_fn: Any) -> int:
    """Most spikes per step; 0 without a spike function."""
    if spike_fn is None or kind.startswith("ExpLeak"):
        return 0
    label = getattr(spike_fn, "__name__", type(spike_fn).__name__)
    if label == "MaxSpike":
        return spike_fn.max_num_spikes_per_bin or MANY
    if label not in ("SingleSpike", "MultiSpike"):
        raise ConversionError(f"sinabs layer {kind}: spike function {label} has no translation; there are SingleSpike, MultiSpike and MaxSpike")
    return 1 if label == "SingleSpike" else MANY


def _reset(kind: str, module: Any) -> tuple[Reset, Any]:
    label = type(module.reset_fn).__name__
    if label == "MembraneReset":
        return Reset.NOW_VALUE, array(module.reset_fn.reset_value)
    amount = getattr(module.reset_fn, "subtract_value", None)
    if label != "MembraneSubtract" or (amount is not None and (array(module.spike_threshold) != amount).any()):
        raise ConversionError(f"sinabs layer {kind}: reset {module.reset_fn} has no translation; there are MembraneReset and MembraneSubtract()")
    return Reset.NOW_SUBTRACT, np.zeros(())


def _recurrence(module: Any) -> tuple[Operator, ...]:
    from torch import nn

    layers = list(module.rec_connect) if isinstance(module.rec_connect, nn.Sequential) else [module.rec_connect]
    return tuple(o for layer in layers for o in operators_of("rec_connect", layer))
