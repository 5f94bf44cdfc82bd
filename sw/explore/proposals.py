"""Which candidate to look at next: by chance, or where a model of what was found expects that the front grows most."""

from __future__ import annotations

import dataclasses
import math
import warnings
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .candidate import Candidate
from .front import Costs, undominated
from .screen import Screen
from .space import Space

AT_CHANCE, NEAR = 300, 200
"""Candidates among which the best proposal is looked for: drawn from all of the space, and with one or two choices of a candidate of the front changed."""
FUTURES = 8
"""Guesses at what each of them costs, from far below what the model expects to far above."""
POINTS = 4096
"""Points of the space of costs by which volumes are estimated."""
LEARNT = 300
"""Candidates that the model learns from: the front and the newest. Its time grows with their third power."""
SLACK = 0.1
"""Of the front's extent in every cost: how far beyond its ends it may still grow."""
GIVEN_UP = 0.1
"""Accuracy below the best that nobody would give up."""
TABLES = 2
"""Which of the costs is known before a candidate is looked at."""


def by_chance(space: Space, rng: np.random.Generator) -> Candidate:
    """Every value of a choice as likely as the others."""
    drawn: dict[str, Any] = {name: values[rng.integers(len(values))] for name, values in space.choices().items()}
    return Candidate(**drawn)


def nearby(space: Space, candidate: Candidate, rng: np.random.Generator) -> Candidate:
    """One or two choices drawn anew."""
    choices = {name: values for name, values in space.choices().items() if len(values) > 1}
    changed: dict[str, Any] = {}
    for name in rng.choice(list(choices), size=min(int(rng.integers(1, 3)), len(choices)), replace=False) if choices else ():
        changed[name] = choices[name][rng.integers(len(choices[name]))]
    return dataclasses.replace(candidate, **changed)


def guided(
    space: Space, screen: Screen, known: Sequence[tuple[Candidate, Sequence[float]]], under_way: Sequence[Candidate], looked: Collection[Candidate],
    rng: np.random.Generator,
) -> Candidate | None:
    """The candidate of a pool, see :data:`AT_CHANCE`, that is expected to add most to the volume that the front dominates.

    Accuracy, time and energy of candidates are expected by Gaussian processes over the choices, fitted to what was found; lookup tables are known by the screen.

    Parameters
    ----------
    known : candidates with their costs as by :func:`~lifline.explore.search.costs_of`, with logarithms; at least two.
    under_way : candidates whose costs are not known yet: they count as what they are expected to be.
    looked : plain candidates that are not proposed again.

    Returns
    -------
    None   if the pool holds nothing that was not looked at and can be.
    """
    costs = np.array([found for _, found in known], np.float64)
    keep = undominated(costs)
    best = [candidate for (candidate, _), kept in zip(known, keep, strict=True) if kept]
    learnt = keep | (np.arange(len(known)) >= len(known) - LEARNT)
    pool = _pool(space, screen, best, looked, rng)
    if not pool:
        return None
    asked = [*pool, *under_way]
    tables = [math.log(screen.tables(c) or 1) for c in asked]
    mean, deviation = _expected(space, [c for (c, _), own in zip(known, learnt, strict=True) if own], costs[learnt], asked, rng)
    mean[:, TABLES], deviation[:, TABLES] = tables, 0.0
    front = np.concatenate([costs[keep], mean[len(pool) :]])
    futures = mean[: len(pool)] + deviation[: len(pool)] * rng.standard_normal((FUTURES, 1, costs.shape[1]))
    gains = gained(front, futures, limits_of(costs[keep]), rng)
    return pool[int(gains.argmax())]


def limits_of(front: Costs) -> Costs:
    """The costs up to which volume counts: a bit beyond the front's worst, and an accuracy that somebody would take."""
    low, high = front.min(axis=0), front.max(axis=0)
    limits = high + SLACK * np.maximum(high - low, SLACK)
    limits[0] = min(limits[0], low[0] + GIVEN_UP)
    return limits


def gained(front: Costs, futures: NDArray[np.float64], limits: Costs, rng: np.random.Generator) -> NDArray[np.float64]:
    """Volume below ``limits`` that each candidate is expected to add to that of the ``front``, as a share of the box; from random points.

    ``futures`` : (guess, candidate, cost).
    """
    best = np.minimum(front.min(axis=0), futures.min(axis=(0, 1)))
    points = best + np.maximum(limits - best, 0) * rng.random((POINTS, len(limits)))
    free = points[~(front[:, None] <= points).all(axis=2).any(axis=0)]
    return sum(((future[:, None] <= free).all(axis=2).sum(axis=1) for future in futures), np.zeros(futures.shape[1])) / (len(futures) * POINTS)


def _pool(space: Space, screen: Screen, best: list[Candidate], looked: Collection[Candidate], rng: np.random.Generator) -> list[Candidate]:
    """Different accelerators that can be and were not looked at."""
    drawn = [by_chance(space, rng) for _ in range(AT_CHANCE)] + [nearby(space, best[k % len(best)], rng) for k in range(NEAR)]
    found = {c.plain(): c for c in drawn}
    return [c for plain, c in found.items() if plain not in looked and screen.tables(c) is not None]


def _expected(space: Space, known: list[Candidate], costs: Costs, asked: list[Candidate], rng: np.random.Generator) -> tuple[Costs, Costs]:
    """Mean and standard deviation of all costs of what is asked for, (candidate, cost)."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import ConstantKernel, DotProduct, Matern, WhiteKernel

    rows = np.array([_features(space, c) for c in (*known, *asked)])
    rows = (rows - rows.mean(axis=0)) / (rows.std(axis=0) + 1e-9)
    lengths: Any = np.ones(rows.shape[1])  # one for each feature
    inputs, wanted = rows[: len(known)], rows[len(known) :]
    mean, deviation = np.zeros((len(asked), costs.shape[1])), np.zeros((len(asked), costs.shape[1]))
    for k in range(costs.shape[1]):
        if k == TABLES:
            continue
        # Costs are products of powers of most choices, so that their logarithms are lines with bends.
        kernel = ConstantKernel(1.0, (1e-2, 1e3)) * Matern(lengths, (0.1, 1e2), nu=2.5)
        kernel = kernel + ConstantKernel(0.3, (1e-4, 1e3)) * DotProduct() + WhiteKernel(1e-3, (1e-6, 1e-1))
        middle, spread = costs[:, k].mean(), costs[:, k].std() + 1e-9
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # a choice without effect has no best length: any long one is right
            process = GaussianProcessRegressor(kernel, random_state=int(rng.integers(1 << 31))).fit(inputs, (costs[:, k] - middle) / spread)
        own, error = process.predict(wanted, return_std=True)
        mean[:, k], deviation[:, k] = middle + spread * own, spread * error
    return mean, deviation


def _features(space: Space, candidate: Candidate) -> list[float]:
    """Choices as numbers: of integers the logarithms, of names one for each but the first."""
    plain, row = candidate.plain(), [0.0]
    for name, values in space.choices().items():
        value = getattr(plain, name)
        if isinstance(value, int):  # true and false, too
            row.append(math.log2(1 + value))
        else:
            row += [float(value == other) for other in values[1:]]
    return row
