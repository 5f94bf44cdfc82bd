"""Weights that are integers times a step already, as quantisation-aware training leaves them: find the step, so that it can be kept."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

NOISE = 3e-7
"""Relative error that a value on the grid may show: two roundings to float32 (2^-24 each) and one of the fitted step."""


def step_of(values: NDArray[np.floating[Any]], levels: int) -> float | None:
    """The largest step of which all ``values`` are multiples by at most ``levels``, or None; 1.0 if all are zero.

    The smallest magnitude is ``m`` steps for some ``m`` up to ``levels``: every ``m`` is tried, and the step is then fitted to all values.
    """
    magnitudes = np.unique(np.abs(values[values != 0]))
    if not magnitudes.size:
        return 1.0
    # Values closer together than a step of the finest grid could be are one value, seen with rounding noise.
    apart = np.concatenate(([True], np.diff(magnitudes) > 0.5 * magnitudes[-1] / (levels * levels)))
    if int(apart.sum()) > levels or magnitudes[0] * levels < magnitudes[-1] * (1 - NOISE):
        return None
    for m in range(1, levels + 1):
        step = float(magnitudes[0]) / m
        if magnitudes[-1] / step > levels + 0.5:
            return None
        multiples = np.rint(magnitudes / step)
        step = float((magnitudes * multiples).sum() / (multiples**2).sum())
        if multiples.max() <= levels and (np.abs(magnitudes - multiples * step) <= NOISE * magnitudes).all():
            return step
    return None


def steps_of(weights: NDArray[np.floating[Any]], levels: int) -> NDArray[np.float64] | None:
    """The step of each row of ``weights`` (target, source), shape (target, 1): one for all rows if there is one, else one per row, else None."""
    shared = step_of(weights, levels)
    if shared is not None:
        return np.full((len(weights), 1), shared)
    found = []
    for row in weights:
        step = step_of(row, levels)
        if step is None:
            return None
        found.append(step)
    return np.array(found).reshape(-1, 1)


def on_grid(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which values are integers, up to the noise of float32."""
    return np.abs(values - np.rint(values)) <= NOISE * np.abs(values)
