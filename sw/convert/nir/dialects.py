"""What a NIR graph does not say, and frameworks do differently: one named dialect for each way that a framework runs its own graphs.

NIR stores differential equations. It stores neither the time step, nor the integrator, nor whether a threshold is strict, nor how
and when a spike resets the membrane, and exporters scale time constants and inputs differently. A :class:`Dialect` answers all of
it; nothing has a default that depends on the graph.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, cast

import numpy as np

from lifline.arch.errors import ConversionError

from .values import as_array


class Integrator(enum.Enum):
    """How ``tau dv/dt = v_leak - v + r i`` becomes a step."""

    EULER = "euler"
    """``v += dt / tau * (v_leak - v + r i)``"""
    EXPONENTIAL = "exponential"
    """``a = exp(-dt / tau)``, ``v = a v + (1 - a) (v_leak + r i)``"""


class Gain(enum.Enum):
    """The factor on the input of a leaky state (synaptic current or membrane)."""

    STORED = "stored"
    """what the integrator and the graph's ``r`` or ``w_in`` give"""
    JUMP = "jump"
    """``w_in`` itself for a current, 1 for a membrane: the step adds its input unscaled"""
    DECAYED = "decayed"
    """as ``jump``, times the decay of the step: the input is added before the state decays"""


class Start(enum.Enum):
    """The membrane before the first step."""

    ZERO = "zero"
    LEAK = "leak"
    """``v_leak``; ``v_reset`` for neurons without leak"""
    RESET = "reset"
    """``v_reset``"""


class Reset(enum.Enum):
    """What a threshold crossing does to the membrane: the four rules of the hardware, and three that only floating point knows."""

    NOW_VALUE = "now_value"
    NOW_SUBTRACT = "now_subtract"
    LATE_VALUE = "late_value"
    LATE_SUBTRACT = "late_subtract"
    LATE_HOLD = "late_hold"
    """in the step after a crossing the membrane is ``v_reset`` whatever arrives (snnTorch's Synaptic and RLeaky with ``zero``)"""
    TESTED_TWICE = "tested_twice"
    """snnTorch's ``subtract`` with ``reset_delay=False``: a membrane that is still above the threshold after its reset is reset in
    advance in the next step, and gets the threshold back if it then does not fire"""
    NONE = "none"


Numbers = float | tuple[float, ...]
Override = Numbers | Mapping[str, Numbers] | None
"""A value for all neurons, one per neuron, or either by node name."""


def _override(where: str, value: object) -> Override:
    if value is None:
        return None
    if isinstance(value, Mapping):
        return {str(name): cast("Numbers", _override(f"{where} of node `{name}`", given)) for name, given in value.items() if given is not None}
    array = as_array(where, value)
    if array.ndim > 1:
        raise ConversionError(f"{where} has shape {array.shape}; give one value, or one per neuron")
    return float(array) if array.ndim == 0 else tuple(array.tolist())


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """How a framework runs a NIR graph.

    Attributes
    ----------
    name, summary : for messages and files.
    dt : time step in the graph's unit of time, for time constants and delays.
    dt_integrate : time step for neurons without leak (IF, I): None is ``dt``; some exporters scale only the leaky ones.
    integrator, current_gain, membrane_gain, integrator_gain, start : see the enumerations; ``membrane_gain`` is for leaky neurons that fire
        (and CubaLI), ``integrator_gain`` for leaky integrators (LI).
    strict : whether a crossing needs ``v > threshold`` (else ``>=``).
    reset : reset rule and its timing.   cap : most spikes per step.   v_min : lower clamp of the membrane, or None.
    v_reset, bias : the reset value, and what is added to the membrane in every step, where an exporter does not store them: a number, one
        per neuron, or either by node name; None is what the graph says.
    feedback : steps that a projection which closes a cycle takes, besides its own delays.
    precision : ``"float32"`` or ``"float64"``, the arithmetic of the evaluation.
    """

    name: str
    summary: str
    dt: float
    dt_integrate: float | None
    integrator: Integrator
    current_gain: Gain
    membrane_gain: Gain
    integrator_gain: Gain
    start: Start
    strict: bool
    reset: Reset
    cap: int
    v_min: float | None
    feedback: int
    precision: str
    v_reset: Override = None
    bias: Override = None

    def __post_init__(self) -> None:
        gains = tuple((f, Gain) for f in ("current_gain", "membrane_gain", "integrator_gain"))
        for field, kind in (("integrator", Integrator), *gains, ("start", Start), ("reset", Reset)):
            try:
                object.__setattr__(self, field, kind(getattr(self, field)))
            except ValueError:
                raise ConversionError(f"dialect: {field} {getattr(self, field)!r} must be one of {', '.join(k.value for k in kind)}") from None
        for field, kind in (("dt", Real), ("dt_integrate", Real), ("v_min", Real), ("cap", Integral), ("feedback", Integral)):
            value = getattr(self, field)
            if value is None and field in ("v_min", "dt_integrate"):
                continue
            if isinstance(value, bool) or not isinstance(value, kind):
                raise ConversionError(f"dialect: {field} {value!r} must be {'a number' if kind is Real else 'an integer'}")
            object.__setattr__(self, field, float(value) if kind is Real else round(value))
        if not isinstance(self.strict, bool):
            raise ConversionError(f"dialect: strict {self.strict!r} must be true or false")
        for field in ("dt", "dt_integrate"):
            value = getattr(self, field)
            if value is not None and not (np.isfinite(value) and value > 0):
                raise ConversionError(f"dialect: {field} {value} must be a positive time")
        for field in ("v_reset", "bias"):
            object.__setattr__(self, field, _override(f"dialect: {field}", getattr(self, field)))
        if self.cap < 1:
            raise ConversionError(f"dialect: cap {self.cap} must be at least 1 spike per step")
        if self.v_min is not None and not (np.isfinite(self.v_min) and self.v_min <= 0):
            raise ConversionError(f"dialect: v_min {self.v_min} must be a number that is not above 0, where the membrane starts")
        if self.feedback < 0:
            raise ConversionError(f"dialect: feedback {self.feedback} must not be negative")
        if self.precision not in ("float32", "float64"):
            raise ConversionError(f"dialect: precision {self.precision!r} must be 'float32' or 'float64'")

    def replace(self, **changes: object) -> Dialect:
        """A copy with some choices changed, for example ``dt=1e-3``.

        Raises
        ------
        ConversionError   for a choice that does not exist or is out of range.
        """
        known = {f.name for f in dataclasses.fields(self)}
        if unknown := sorted(set(changes) - known):
            raise ConversionError(f"a dialect has no {', '.join(unknown)}; it has {', '.join(sorted(known))}")
        return dataclasses.replace(self, **changes)  # type: ignore[arg-type]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON and for the metadata of a graph."""
        return {k: v.value if isinstance(v, enum.Enum) else v for k, v in dataclasses.asdict(self).items()}


_SNNTORCH = Dialect(
    name="snntorch", summary="snnTorch, subtract, reset_delay=True (its default)", dt=1e-4, dt_integrate=None,
    integrator=Integrator.EULER, current_gain=Gain.STORED, membrane_gain=Gain.STORED, integrator_gain=Gain.STORED,
    start=Start.ZERO, strict=True, reset=Reset.LATE_SUBTRACT, cap=1, v_min=None, feedback=1, precision="float32",
)  # fmt: skip
_NORSE = _SNNTORCH.replace(
    name="norse", summary="Norse, reset to a value (its default)", dt=1e-6, dt_integrate=1.0, current_gain=Gain.JUMP, start=Start.LEAK,
    reset=Reset.NOW_VALUE,
)  # fmt: skip
_SINABS = _SNNTORCH.replace(
    name="sinabs", summary="sinabs, one spike per step, norm_input=True", dt=1.0, dt_integrate=1.0, integrator=Integrator.EXPONENTIAL,
    current_gain=Gain.DECAYED, strict=False, reset=Reset.NOW_SUBTRACT,
)  # fmt: skip
_UNNORMALISED = _SINABS.replace(
    name="sinabs_unnormalised", summary="sinabs, one spike per step, norm_input=False", membrane_gain=Gain.JUMP, integrator_gain=Gain.JUMP
)
_ROCKPOOL = _SINABS.replace(
    name="rockpool", summary="Rockpool, max_spikes_per_dt=1", dt=1e-3, dt_integrate=None, membrane_gain=Gain.JUMP, integrator_gain=Gain.DECAYED
)
MANY = 1 << 16
"""Most spikes per step where a framework sets no practical limit (Rockpool's own default)."""

DIALECTS: dict[str, Dialect] = {
    d.name: d
    for d in (
        _SNNTORCH,
        _SNNTORCH.replace(name="snntorch_zero", summary="snnTorch Leaky, zero, reset_delay=True", reset=Reset.LATE_VALUE),
        _SNNTORCH.replace(
            name="snntorch_zero_hold", summary="snnTorch Synaptic, RLeaky, RSynaptic, zero, reset_delay=True", reset=Reset.LATE_HOLD
        ),
        _SNNTORCH.replace(name="snntorch_zero_now", summary="snnTorch, zero, reset_delay=False", reset=Reset.NOW_VALUE),
        _SNNTORCH.replace(name="snntorch_subtract_now", summary="snnTorch, subtract, reset_delay=False", reset=Reset.TESTED_TWICE),
        _SNNTORCH.replace(name="snntorch_none", summary="snnTorch, reset_mechanism='none'", reset=Reset.NONE),
        _NORSE,
        _NORSE.replace(name="norse_subtract", summary="Norse, reset_method=reset_subtract", reset=Reset.NOW_SUBTRACT),
        _SNNTORCH.replace(name="spikingjelly", summary="SpikingJelly, hard reset", strict=False, reset=Reset.NOW_VALUE, start=Start.RESET),
        _SINABS,
        _SINABS.replace(name="sinabs_multi_spike", summary="sinabs, several spikes per step (its default), norm_input=True", cap=MANY),
        _UNNORMALISED,
        _UNNORMALISED.replace(name="sinabs_unnormalised_multi_spike", summary="sinabs, several spikes per step, norm_input=False", cap=MANY),
        _ROCKPOOL,
        _ROCKPOOL.replace(name="rockpool_multi_spike", summary="Rockpool, several spikes per step (its default)", cap=MANY),
    )
}
"""Presets by name. Vary one with :meth:`Dialect.replace`, or with keyword arguments of the importer."""


def dialect(choice: str | Dialect | None, **changes: object) -> Dialect:
    """Look up a preset, with some of its choices changed.

    Raises
    ------
    ConversionError   if there is no choice or no such preset; the message lists the presets.
    """
    if isinstance(choice, Dialect):
        return choice.replace(**changes)
    if not isinstance(choice, str) or choice not in DIALECTS:
        presets = "; ".join(f"{d.name} ({d.summary})" for d in DIALECTS.values())
        problem = "NIR stores neither time step nor reset rule: choose a dialect" if choice is None else f"no dialect `{choice}`"
        raise ConversionError(f"{problem}. Presets: {presets}")
    return DIALECTS[choice].replace(**changes)
