"""Least squares with weights that are not negative, for the few coefficients of an energy model."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

LARGEST = 8
"""Columns: every subset of them is tried."""


def nonnegative_least_squares(table: NDArray[np.float64], wanted: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights of the columns of ``table`` (row, column), none below 0, whose sums come closest to ``wanted`` (row,).

    Raises
    ------
    ValueError   for more than :data:`LARGEST` columns.
    """
    count = table.shape[1]
    if count > LARGEST:
        raise ValueError(f"{count} columns, at most {LARGEST}")
    best, least = np.zeros(count), float(np.square(wanted).sum())
    for chosen in itertools.chain.from_iterable(itertools.combinations(range(count), size) for size in range(1, count + 1)):
        weights, *_ = np.linalg.lstsq(table[:, chosen], wanted, rcond=None)
        error = float(np.square(table[:, chosen] @ weights - wanted).sum())
        if (weights >= 0).all() and error < least * (1 - 1e-12):
            best, least = np.zeros(count), error
            best[list(chosen)] = weights
    return best
