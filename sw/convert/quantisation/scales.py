"""The scale of a population: how many integers a membrane of 1.0 becomes, and the left shift of its weights."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from lifline.arch.config import Config

from .grid import on_grid, steps_of
from .terms import Matrix, Term

TINY = float(np.finfo(np.float32).tiny)
"""Stands for the largest weight of neurons without weights: far below any, and its inverse is a number."""


@dataclass
class Demand:
    """What the scale of a population has to serve, in units of its membrane.

    Attributes
    ----------
    A unit is what may have a scale of its own: a neuron, or a channel where its positions share weights.

    terms : what arrives.   caps : by source, most spikes per step.
    pulse : (unit, any), what arrives once in the first step, in equal parts from ``pulse_parts`` neurons.
    constants : (unit, any), thresholds, biases and reset values: exact if they can be.
    peak : (unit, 1), largest magnitude of a membrane or constant.   alone : whether every unit may have its own scale.
    """

    terms: list[Term]
    caps: dict[str, int]
    pulse: Matrix
    pulse_parts: int
    constants: Matrix
    peak: Matrix
    alone: bool
    notes: list[str] = field(default_factory=list)

    @property
    def joined(self) -> Matrix:
        return np.concatenate([t.rows(self.units) for t in self.terms], axis=1) if self.terms else np.zeros((self.units, 1))

    @property
    def units(self) -> int:
        return len(self.peak)

    @property
    def parts(self) -> float:
        """Weights that may add up in one neuron, each with its rounding."""
        return sum(t.synapses * self.caps[t.source] for t in self.terms) + self.pulse_parts

    def total(self) -> Matrix:
        """Largest sum of either sign that can arrive in a step, (unit, 1)."""
        signed = [
            sum((t.largest_sum(self.units, sign) * self.caps[t.source] for t in self.terms), np.maximum(sign * self.pulse, 0).max(axis=1, keepdims=True))
            for sign in (1, -1)
        ]
        return np.maximum(*signed)


@dataclass(frozen=True)
class Scale:
    """``values`` (unit, 1) integers per 1.0, before the shift of the weights; ``step`` (unit, 1) of the grid that is kept, or None."""

    values: Matrix
    shift: int
    step: Matrix | None
    alone: bool


def choose(demand: Demand, config: Config, weight_max: int, headroom: float, per_neuron: bool) -> Scale:
    """The finest scale that fits weights, accumulator and states; a grid that the weights lie on already is kept."""
    steps = steps_of(demand.joined, weight_max)
    if steps is not None:
        own = steps.min() != steps.max()
        if own and not demand.alone:
            demand.notes.append("every neuron's weights lie on a grid of their own, and this model has one scale for all: they are rounded to a common one")
        else:
            kept = _on_grid(demand, steps, config, weight_max, headroom, own or (per_neuron and demand.alone))
            if kept is not None:
                return kept
            demand.notes.append("the grid of the weights does not fit accumulator and state: they are rounded to a coarser one")
    return _off_grid(demand, config, weight_max, headroom, per_neuron and demand.alone)


def _shared(alone: bool, *arrays: Matrix) -> list[Matrix]:
    return [a if alone else np.full_like(a, a.max()) for a in arrays]


def _largest(demand: Demand) -> Matrix:
    return np.maximum(np.abs(demand.joined).max(axis=1, keepdims=True), np.abs(demand.pulse).max(axis=1, keepdims=True) / demand.pulse_parts)


def _off_grid(demand: Demand, config: Config, weight_max: int, headroom: float, alone: bool) -> Scale:
    peak, largest, total = _shared(alone, demand.peak, _largest(demand), demand.total())
    limit = headroom * config.state_max / np.maximum(peak, TINY)
    # Half a unit of rounding per weight may add to an accumulated sum.
    room = max(config.accumulator_max - demand.parts / 2, 1)
    unshifted = np.minimum(weight_max / np.maximum(largest, TINY), room / np.maximum(total, TINY))
    fitting = [s for s in config.weight_shifts if (unshifted * 2.0**s <= limit).all()]
    shift = max(fitting, default=min(config.weight_shifts))
    return Scale(np.minimum(unshifted * 2.0**shift, limit), shift, None, alone)


def _on_grid(demand: Demand, steps: Matrix, config: Config, weight_max: int, headroom: float, alone: bool) -> Scale | None:
    """A whole number of integers per step: of those that make the constants whole too the largest, else the largest."""
    peak, largest, total = _shared(alone, demand.peak, _largest(demand), demand.total())
    limit = headroom * config.state_max / np.maximum(peak, TINY)
    exactly = 1 + 1e-6  # a bound that is met exactly must not fail by rounding
    room = config.accumulator_max - (demand.pulse_parts if demand.pulse.any() else 0)
    unshifted = np.minimum(weight_max / np.maximum(largest, TINY), room / np.maximum(total, TINY))
    best: tuple[float, float, Scale] | None = None
    for shift in config.weight_shifts:
        most = np.floor(np.minimum(unshifted, limit / 2.0**shift) * steps * exactly)
        if most.min() < 1:
            continue
        most = np.minimum(most, weight_max)
        factor, exact = most.copy(), np.zeros(most.shape, np.bool_)
        for m in range(1, int(most.max()) + 1):
            fits = on_grid(demand.constants * (m * 2.0**shift) / steps).all(axis=1, keepdims=True)
            fits = (fits if alone else np.full_like(fits, fits.all())) & (m <= most)
            factor, exact = np.where(fits, m, factor), exact | fits
        scale = Scale(factor * 2.0**shift / steps, shift, steps, alone)
        rank = float(exact.mean()), float(np.log(scale.values).sum())
        if best is None or rank > best[:2]:
            best = *rank, scale
    if best is None:
        return None
    if best[0] < 1:
        demand.notes.append("the weights keep their grid; thresholds or biases lie between its points and are rounded")
    return best[2]
