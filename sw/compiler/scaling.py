"""The weights of a population on one grid of the gateware, and the proof that no accumulator overflows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from operator import add

import numpy as np

from lifline.arch.config import Config
from lifline.arch.errors import CompileError
from lifline.network.model import Network, Population, Projection

from .projections.chosen import kind_of
from .projections.kind import Ints


@dataclass(frozen=True, eq=False)
class ScaledWeights:
    """The weights of all projections into one population.

    Attributes
    ----------
    shift : index into the configuration's weight shifts.   stored : by projection, of the shape of its weights.
    """

    shift: int
    stored: Mapping[Projection, Ints]


def scaled_weights(network: Network, population: Population, config: Config) -> ScaledWeights:
    """With the largest shift for which all weights stay exact.

    Raises
    ------
    CompileError   if no shift of the configuration serves, or an accumulator could overflow.
    """
    scaled = _largest_shift(network, population, config)
    sums = reduce(add, (kind_of(p).sums(p, stored) for p, stored in scaled.stored.items()))
    bound = np.maximum(sums.positive, sums.negative)
    if bound.max() > config.accumulator_max:
        neuron = int(bound.argmax())
        raise CompileError(
            f"population `{population.name}`, neuron {neuron}: its input sum can reach {int(bound[neuron])}, the accumulator of "
            f"`{config.name}` holds {config.accumulator_max} ({config.accumulator_bits} bits); scale its weights down or use fewer"
        )
    return scaled


def _largest_shift(network: Network, population: Population, config: Config) -> ScaledWeights:
    projections = network.projections_into(population.name)
    for index, shift in reversed(list(enumerate(config.weight_shifts))):
        if any(p.weight_shift < shift for p in projections):
            continue
        stored = {p: p.weights << (p.weight_shift - shift) for p in projections}
        if all(w.min() >= config.weight_min and w.max() <= config.weight_max for w in stored.values()):
            return ScaledWeights(index, stored)
    wanted = {f"{p.source}: {p.weights.min()}..{p.weights.max()} << {p.weight_shift}" for p in projections}
    raise CompileError(
        f"population `{population.name}`: weights ({'; '.join(sorted(wanted))}) do not fit {config.weight_bits} bits with one of the "
        f"shifts {config.weight_shifts} of `{config.name}`; quantise to {config.weight_bits} bits and one shift per population"
    )
