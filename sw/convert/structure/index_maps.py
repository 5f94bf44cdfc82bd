"""Values in another order as convolutions: channels that are put elsewhere, rows and columns that are left out or padded with zeros."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..floating.operators import Select, Shape
from .kernels import Kernel

IntArray = NDArray[np.int64]


def as_convolution(select: Select, shape: Shape) -> Kernel | None:
    """A convolution that does to values of ``shape`` what ``select`` does; None if there is none, such as for flips and transpositions."""
    made = select.shape
    if len(made) != len(shape) or len(shape) < 2:
        return None
    index = select.index.reshape(made)
    if not (index >= 0).any():
        return None
    places = np.unravel_index(np.maximum(index, 0), shape)
    found = [_along(place, index >= 0, axis) for axis, place in enumerate(places)]
    channels, positions = found[0], found[1:]
    expected = np.full(made, 0, np.int64)
    known = np.ones(made, np.bool_)
    for axis, (moved, length) in enumerate(zip(found, shape, strict=True)):
        own = moved.reshape(-1, *(1,) * (len(shape) - 1 - axis))
        expected = expected * length + np.maximum(own, 0)
        known &= own >= 0
    if not np.array_equal(np.where(known, expected, -1), index):
        return None
    windows = [_window(moved, length) for moved, length in zip(positions, shape[1:], strict=True)]
    if any(w is None for w in windows):
        return None
    kept = [w for w in windows if w is not None]
    tap = np.ones(())
    for _, size, at, _ in kept:
        tap = np.multiply.outer(tap, np.arange(size) == at)
    same = len(channels) == shape[0] and np.array_equal(channels, np.arange(shape[0]))
    mixed = np.ones((shape[0], 1)) if same else (channels[:, None] == np.arange(shape[0])).astype(np.float64)
    return Kernel(
        np.multiply.outer(mixed, tap), None, tuple(w[0] for w in kept), tuple(w[3] for w in kept), (1,) * len(kept), shape[0] if same else 1
    )  # fmt: skip


def _along(place: IntArray, there: NDArray[np.bool_], axis: int) -> IntArray:
    """Where each value along an axis comes from, -1 for nowhere, if that does not depend on the other axes; else anything."""
    other = tuple(k for k in range(place.ndim) if k != axis)
    return np.where(there, place, -1).max(axis=other)


def _window(moved: IntArray, length: int) -> tuple[int, int, int, tuple[int, int]] | None:
    """Stride, kernel size, the tap that is 1, and padding that give ``moved``, positions among ``length`` or -1; None if nothing does."""
    valid = np.flatnonzero(moved >= 0)
    stride = int(moved[valid[1]] - moved[valid[0]]) if len(valid) > 1 and valid[1] == valid[0] + 1 else 1
    start = int(moved[valid[0]] - stride * valid[0])
    if stride < 1:
        return None
    every = start + stride * np.arange(len(moved))
    if not np.array_equal(np.where((every >= 0) & (every < length), every, -1), moved):
        return None
    at, before = max(start, 0), max(-start, 0)
    # The last window ends where the last value lies: with zeros behind the source, or with taps that are zero.
    after = at + stride * (len(moved) - 1) + 1 - length - before
    spare = -after if -after >= stride else 0
    return stride, at + 1 + spare, at, (before, max(after, 0))


def columns_of(select: Select, weight: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Weights (out, size) that do to the source of ``select`` what ``weight`` does to its result."""
    found = np.zeros((size, len(weight)))
    there = select.index.reshape(-1) >= 0
    np.add.at(found, select.index.reshape(-1)[there], weight.T[there])
    return found.T
