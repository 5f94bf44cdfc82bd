"""Bands: the parts of a population that a window computes one after the other, where there are not enough slots for all of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from lifline.arch.config import ceil_div
from lifline.network.model import Population

from .layouts import Layout


@dataclass(frozen=True)
class Band:
    """Blocks ``first .. first + blocks - 1`` of a population: accumulated for all steps of a window, updated, and routed, before those of the next band."""

    first: int
    blocks: int


Bands = Mapping[str, tuple[Band, ...]]
"""By population, all but the input; together they are all of its blocks, in their order, and each but the last ends with a word of 32 neurons."""


def whole(layout: Layout, lanes: int) -> Band:
    """All blocks of a population."""
    return Band(0, ceil_div(layout.size, lanes))


def layout_of_band(layout: Layout, band: Band, lanes: int) -> tuple[Layout, list[int]]:
    """Where the neurons of a band are among its own places, and which neurons of the population they are."""
    if band == whole(layout, lanes):
        return layout, list(range(layout.neurons))
    first = band.first * lanes
    size = min(band.blocks * lanes, layout.size - first)
    neurons = [neuron for neuron in layout.inverse[first : first + size].tolist() if neuron >= 0]
    return Layout(layout.indices[neurons] - first, size), neurons


def population_of(population: Population, neurons: list[int]) -> Population:
    """A population of some of its neurons."""
    if len(neurons) == population.size or population.neurons is None:
        return population
    model = population.neurons
    own = {name: np.asarray(value)[neurons] for name in ("threshold", "bias", "budget") if np.ndim(value := getattr(model, name))}
    return replace(population, shape=(len(neurons),), neurons=replace(model, **own))
