"""Numbers as spikes: rate codes for devices whose input is 0 or 1 per neuron and step."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lifline.arch.errors import InputError


def regular_spikes(values: NDArray[Any], steps: int, *, phase: float = 0.5) -> NDArray[np.uint8]:
    """Deterministic rate code: a value ``x`` fires in step ``t`` where ``floor((t+1)*x + phase) > floor(t*x + phase)``.

    That is what an integrate-and-fire neuron with threshold 1, constant input ``x``, soft reset and a membrane that starts at ``phase`` does;
    the count over ``steps`` is ``floor(steps*x + phase)``, with the default phase ``steps*x`` rounded.

    Parameters
    ----------
    values : (batch, *shape), 0..1; 1 fires in every step.   steps : length of the code.   phase : 0 to below 1.

    Returns
    -------
    Spikes (batch, steps, neuron) of 0/1, the neurons of ``shape`` in framework order.

    Raises
    ------
    InputError   for values outside 0..1, no steps, or a phase outside its range.
    """
    x = _rates(values, steps)
    if not 0 <= phase < 1:
        raise InputError(f"phase {phase} must be at least 0 and below 1")
    spikes = np.empty((len(x), steps, x.shape[1]), np.uint8)
    before = np.zeros_like(x)
    for t in range(steps):  # step by step: all at once would be eight times as much memory
        # A product is rounded once, a running sum in every step.
        after = np.floor((t + 1) * x + phase)
        spikes[:, t] = after - before
        before = after
    return spikes


def poisson_spikes(values: NDArray[Any], steps: int, generator: np.random.Generator) -> NDArray[np.uint8]:
    """Random rate code: a value ``x`` fires in every step with probability ``x``, independently. Shapes and errors as :func:`regular_spikes`."""
    x = _rates(values, steps)
    return (generator.random((len(x), steps, x.shape[1]), dtype=np.float32) < x[:, None, :]).astype(np.uint8)


def _rates(values: NDArray[Any], steps: int) -> NDArray[np.float64]:
    """Values as (batch, neuron)."""
    array = np.asarray(values, np.float64)
    if array.ndim < 2 or not array.size:
        raise InputError(f"values have shape {array.shape}; give (batch, neuron) with at least one of each")
    if steps < 1:
        raise InputError(f"steps {steps} must be at least 1")
    low, high = float(array.min()), float(array.max())
    if not (low >= 0 and high <= 1):  # also NaN
        raise InputError(f"values are in {low:g}..{high:g}; rates must be in 0..1 spikes per step, scale or shift them")
    return array.reshape(len(array), -1)
