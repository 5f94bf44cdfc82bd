"""Neuron models: what the neurons of one population share, and the ranges of every parameter. Integers only."""

from __future__ import annotations

import enum
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lifline.arch.arithmetic import DECAY_ONE
from lifline.arch.errors import NetworkError
from lifline.arch.values import integer_array, plain_fields, short

IntArray = NDArray[np.int64]


class ResetRule(enum.Enum):
    """What happens to the membrane after a threshold crossing."""

    NOW_VALUE = "now_value"
    """immediately, to ``v_reset``"""
    NOW_SUBTRACT = "now_subtract"
    """immediately, by the threshold for every spike"""
    LATE_VALUE = "late_value"
    """one step later, to ``v_reset`` (before the decay)"""
    LATE_SUBTRACT = "late_subtract"
    """one step later, by the threshold for every spike"""


def integers(value: object, what: str) -> IntArray:
    """A read-only int64 array of ``value``, which ``what`` names.

    Raises
    ------
    NetworkError   if it is not made of integers of at most 64 bits with sign.
    """
    return integer_array(value, what, NetworkError)


def one_or_more(value: object, what: str) -> int | IntArray:
    """An integer, or an array of them with at least one axis.

    Raises
    ------
    NetworkError   as :func:`integers`.
    """
    array = integers(value, what)
    return int(array) if array.ndim == 0 else array


@dataclass(frozen=True, eq=False, kw_only=True)
class Neurons:
    """Parameters of a population's neuron model; see ``docs/semantics.md`` for the equations.

    Attributes
    ----------
    threshold : positive; one value or one per neuron.   bias : added in every step; one value or one per neuron.
    decay_v, decay_i : decays in 1/4096; ``decay_i = 4096`` means no synaptic current.
    reset, v_reset, strict : reset rule, its value, and whether a crossing needs ``v > threshold`` (else ``>=``).
    cap : most spikes per step; 0 is a leaky-integrator read-out that never fires.
    v_min : lower clamp of the membrane (at most 0), or None.
    budget : most spikes per neuron and run; one value or one per neuron, or None.
    """

    threshold: int | IntArray = 1
    decay_v: int = 0
    decay_i: int = DECAY_ONE
    bias: int | IntArray = 0
    reset: ResetRule = ResetRule.NOW_VALUE
    v_reset: int = 0
    strict: bool = True
    cap: int = 1
    v_min: int | None = None
    budget: int | IntArray | None = None

    def __post_init__(self) -> None:
        for name in ("threshold", "bias", "budget"):
            if (value := getattr(self, name)) is not None or name != "budget":
                object.__setattr__(self, name, one_or_more(value, name))
        for name in ("decay_v", "decay_i"):
            if np.ndim(getattr(self, name)):
                raise NetworkError(f"{name} has a value per neuron; the neurons of a population share one decay: make a population for each value")
        plain_fields(self, "", NetworkError)
        try:
            object.__setattr__(self, "reset", ResetRule(self.reset))
        except ValueError:
            rules = ", ".join(r.value for r in ResetRule)
            raise NetworkError(f"reset {short(self.reset)} is no reset rule; there are {rules}") from None

    def validate(self, name: str, size: int, state_bits: int) -> None:
        """Check every range for a population ``name`` of ``size`` neurons.

        Raises
        ------
        NetworkError   naming the population, the value and the limit.
        """
        limit = (1 << (state_bits - 1)) - 1

        def require(ok: object, text: str) -> None:
            if not ok:
                raise NetworkError(f"population `{name}`: {text}")

        for what in ("threshold", "bias", "budget"):
            value = getattr(self, what)
            if value is None:
                continue
            array = np.asarray(value)
            require(array.ndim == 0 or array.shape == (size,), f"{what} has shape {array.shape}; give one value or {size}")
            low = {"threshold": 1, "bias": -limit, "budget": 1}[what]
            bad = array.min() if array.min() < low else array.max()
            require(array.min() >= low and array.max() <= limit, f"{what} {bad} must be in {low}..{limit} ({state_bits} state bits)")
        for what in ("decay_v", "decay_i"):
            value = getattr(self, what)
            require(0 <= value <= DECAY_ONE, f"{what} {value} must be in 0..{DECAY_ONE} (1/{DECAY_ONE} per step)")
        require(-limit <= self.v_reset <= limit, f"v_reset {self.v_reset} must be in {-limit}..{limit}")
        require(0 <= self.cap <= 255, f"cap {self.cap} must be in 0..255 spikes per step")
        if self.v_min is not None:
            require(-limit <= self.v_min <= 0, f"v_min {self.v_min} must be in {-limit}..0")
            require(self.v_reset >= self.v_min, f"v_reset {self.v_reset} lies below v_min {self.v_min}")
        require(self.cap > 0 or self.budget is None, "a read-out that never fires cannot have a budget")
