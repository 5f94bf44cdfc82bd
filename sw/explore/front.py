"""What nothing else beats: fronts, and how much of the space of objectives they cover."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Costs = NDArray[np.float64]
"""(point, objective), smaller is better."""


def undominated(costs: Costs) -> NDArray[np.bool_]:
    """Which points no other one beats: none is as good in all objectives and better in one. Of equal points the first stays."""
    keep = np.ones(len(costs), np.bool_)
    for k, point in enumerate(costs):
        as_good = (costs <= point).all(axis=1)
        better = (costs < point).any(axis=1)
        equal_before = (costs[:k] == point).all(axis=1).any()
        keep[k] = not (as_good & better).any() and not equal_before
    return keep


def hypervolume(costs: Costs, reference: Sequence[float]) -> float:
    """The volume between ``costs`` and the ``reference``, each dominated part once; exact, by slices along the last objective."""
    limit = np.asarray(reference, np.float64)
    inside = costs[(costs < limit).all(axis=1)]
    return _volume(inside[undominated(inside)], limit)


def _volume(costs: Costs, limit: Costs) -> float:
    if not len(costs):
        return 0.0
    if costs.shape[1] == 1:
        return float(limit[0] - costs.min())
    costs = costs[np.argsort(costs[:, -1], kind="stable")]
    ends = np.append(costs[1:, -1], limit[-1])
    total = 0.0
    for k, end in enumerate(ends):
        if end > costs[k, -1]:
            below = costs[: k + 1, :-1]
            total += (end - costs[k, -1]) * _volume(below[undominated(below)], limit[:-1])
    return total


def compared(first: Costs, second: Costs, reference: Sequence[float] | None = None) -> tuple[float, float]:
    """Hypervolumes of two searches in one frame: every objective from the best point that either has found, which is 0, to the ``reference``, which is 1.

    Without a reference it is the worst point that either has found.

    Raises
    ------
    ValueError   if both are empty.
    """
    both = np.concatenate([first, second])
    best = both.min(axis=0)
    limit = both.max(axis=0) if reference is None else np.asarray(reference, np.float64)
    span = np.where(limit > best, limit - best, 1.0)
    a, b = (hypervolume((points - best) / span, [1.0] * both.shape[1]) for points in (first, second))
    return a, b
