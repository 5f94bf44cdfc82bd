"""Spike trains at the door: dense arrays or event lists in, one canonical array inside."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lifline.arch import values
from lifline.arch.errors import InputError

LARGEST = 1 << 36
"""Values (bytes) of a spike train that an event list may ask for: more is a mistake, not a recording."""


def as_batch(spikes: object, neurons: int, steps: int | None = None) -> tuple[NDArray[np.uint8], bool]:
    """Canonical spikes, shape (batch, time, neuron) of 0/1, and whether a batch axis was given.

    Parameters
    ----------
    spikes : (time, neuron) or (batch, time, neuron) of 0/1, bool or integers; or, with ``steps``, an event list of
        shape (events, 2) with rows ``(t, neuron)``, sorted and without duplicates.

    Raises
    ------
    InputError   naming shape, type or the first bad value.
    """
    array = values.array(spikes, "spikes", InputError)
    if array.dtype.kind == "f" and np.isnan(array).any():
        raise InputError("spikes contain NaN; give bool or integers 0 and 1")
    if array.dtype.kind not in "biu" and not (steps is not None and array.size == 0):
        raise InputError(f"spikes have type {array.dtype}; give bool or integers 0 and 1, for example `spikes.astype(bool)`")
    if steps is not None:
        return _from_events(array, neurons, steps)[None], False
    if array.ndim not in (2, 3):
        raise InputError(f"spikes have shape {array.shape}; give (time, {neurons}) or (batch, time, {neurons})")
    if array.shape[-1] != neurons:
        events = "; rows (t, neuron) of an event list need steps= (`--steps`), the time steps of the run" if array.ndim == 2 and array.shape[1] == 2 else ""
        raise InputError(f"spikes have {array.shape[-1]} neurons (shape {array.shape}); the network's input has {neurons}{events}")
    if array.shape[-2] == 0 or array.shape[0] == 0:
        raise InputError(f"spikes have shape {array.shape}: no time steps or no samples")
    if array.dtype.kind != "b" and (array.max() > 1 or (array.dtype.kind == "i" and array.min() < 0)):
        bad = array.max() if array.max() > 1 else array.min()
        raise InputError(f"spike value {bad} must be 0 or 1; graded input is not supported, encode it as spikes over time")
    batched = array.ndim == 3
    return np.ascontiguousarray(array if batched else array[None], dtype=np.uint8), batched


def _from_events(events: NDArray[np.generic], neurons: int, steps: int) -> NDArray[np.uint8]:
    steps = values.integer(steps, "steps", InputError, low=1)
    if steps * neurons > LARGEST:
        raise InputError(f"steps {steps} of {neurons} neurons are {steps * neurons:,} values, at most {LARGEST:,}; run them in parts with reset=False")
    if events.size == 0:
        return np.zeros((steps, neurons), np.uint8)
    if events.ndim != 2 or events.shape[1] != 2:
        raise InputError(f"events have shape {events.shape}; give (events, 2) with rows (t, neuron)")
    times, index = values.integer_array(events, "events", InputError).T
    for what, found, limit in (("time step", times, steps), ("neuron", index, neurons)):
        bad = (found < 0) | (found >= limit)
        if bad.any():
            raise InputError(f"event {int(bad.argmax())}: {what} {int(found[bad.argmax()])} must be in 0..{limit - 1}")
    keys = times * neurons + index
    wrong = np.diff(keys) <= 0
    if wrong.any():
        raise InputError(f"event {int(wrong.argmax()) + 1} is a duplicate or not sorted by (t, neuron)")
    dense = np.zeros((steps, neurons), np.uint8)
    dense[times, index] = 1
    return dense


def to_events(spikes: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Event list (events, 2) of rows ``(t, neuron)``, sorted, of one spike train (time, neuron)."""
    return np.argwhere(np.asarray(spikes) != 0).astype(np.int64)
