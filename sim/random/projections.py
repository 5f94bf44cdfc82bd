"""Random projections: weights that no accumulator overflows with, delays for which there are rings."""

from __future__ import annotations

import dataclasses
from math import prod

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from lifline.arch.config import Config
from lifline.arch.program import MAX_RINGS
from lifline.network.connections.fully_connected import FullyConnected
from lifline.network.connections.kind import Connection
from lifline.network.connections.sparse import Sparse
from lifline.network.connections.windows import Windowed
from lifline.network.model import Population, Projection

from .budget import Budget
from .geometry import Shape, random_window_onto

Ints = NDArray[np.int64]


def _delays(rng: Generator, config: Config, size: int) -> int | Ints | None:
    kind = rng.integers(4)
    if kind == 0 or config.max_delay == 0:
        return None
    if kind == 1:
        return int(rng.integers(0, config.max_delay + 1))
    return rng.integers(0, config.max_delay + 1, size) if kind == 2 else rng.choice([0, config.max_delay], size)


def source_delays(rng: Generator, config: Config, source: Population, budget: Budget, *, channels: bool) -> int | Ints | None:
    """Delays of a projection; a population has few distinct delay vectors, and the input a single one. ``channels``: they may be one per channel."""
    own = budget.rings.setdefault(source.name, [])
    if len(own) == (1 if source.neurons is None else MAX_RINGS) or (own and rng.random() < 0.5):
        vector = own[int(rng.integers(len(own)))]
        return int(vector[0]) if (vector == vector[0]).all() else vector
    delays = _delays(rng, config, source.shape[0] if channels and rng.random() < 0.5 else source.size)
    spread = np.asarray(0 if delays is None else delays, dtype=np.int64)
    vector = np.repeat(spread, source.size // spread.size)
    if any((vector == other).all() for other in own):
        return delays
    own.append(vector)
    budget.add_ring(source.shape, vector, is_input=source.neurons is None)
    return delays


def random_weights(rng: Generator, low: int, high: int, shape: Shape) -> Ints:
    """Values of one of five styles."""
    style = rng.integers(5)
    if style == 0:
        return rng.integers(low, high + 1, shape)
    if style == 1:
        return np.where(rng.random(shape) < 0.3, rng.integers(low, high + 1, shape), 0)
    if style == 2:
        return rng.integers(max(low, -2), min(high, 3) + 1, shape)
    if style == 3:
        return rng.choice([low, high], shape)
    return rng.integers(0, high + 1, shape)


def thinned(rng: Generator, weights: Ints, source: Population) -> Ints:
    """Half of the weights, or half of each where there is only one, or one per channel."""
    few = weights.size <= source.shape[0]
    return np.fix(weights / 2).astype(np.int64) if few else np.where(rng.random(weights.shape) < 0.5, weights, 0)


@dataclasses.dataclass(frozen=True)
class Wish:
    """A projection to draw: how it connects which population, with weights of which shape.

    ``again`` : its weights are those of this one of the wishes before it, whose source has the same shape and whose connection is the same.
    """

    source: Population
    connection: Connection
    shape: Shape
    again: int | None = None


def fully_connected(source: Population, size: int) -> Wish:
    return Wish(source, FullyConnected(), (size, source.size))


def some_sparse(rng: Generator, wishes: list[Wish], size: int) -> list[Wish]:
    """The same onto a population of ``size`` neurons, but some of those that connect everything connect less: any synapses, those between neurons that
    are close together, or a single one; not those whose weights come twice."""
    shared = {w.again for w in wishes}
    return [
        random_sparse(rng, w.source, size) if isinstance(w.connection, FullyConnected) and rng.random() < 0.2 and w.again is None and k not in shared else w
        for k, w in enumerate(wishes)
    ]


def random_sparse(rng: Generator, source: Population, size: int) -> Wish:
    """A sparse projection, in whatever order its synapses come."""
    at, style = np.indices((size, source.size)), rng.random()
    wanted = rng.random((size, source.size)) < rng.choice([0.02, 0.2, 0.6])
    if style < 0.5:
        near = np.abs(at[0] * source.size - at[1] * size) <= rng.integers(1, 4) * max(size, source.size)
        wanted = near & (rng.random(near.shape) < 0.7)
    wanted[rng.integers(size), rng.integers(source.size)] = True
    targets, sources = np.nonzero(wanted)
    order = rng.permutation(len(targets)) if style < 0.75 else slice(None, 1)
    return Wish(source, Sparse(sources[order], targets[order]), (len(targets[order]),))


def wishes_onto(rng: Generator, sources: list[Population], target: Shape, wishes: list[Wish]) -> list[Wish]:
    """More projections into a population of this shape: from other sources with windows where that is possible, and more from the same ones."""
    more = list(wishes)
    for source in sources:
        found = random_window_onto(rng, source.shape, target) if rng.random() < 0.8 else None
        same = [k for k, w in enumerate(more) if w.source.shape == source.shape and isinstance(w.connection, Windowed)]
        if same and rng.random() < 0.8:
            k = int(rng.choice(same))
            more.append(dataclasses.replace(more[k], source=source, again=k if more[k].again is None else more[k].again))
        else:
            more.append(fully_connected(source, prod(target)) if found is None else Wish(source, *found))
    while isinstance(more[0].connection, Windowed) and len(more) < 5 and rng.random() < 0.4:  # as in temporal kernels
        k = int(rng.integers(len(more)))
        found = random_window_onto(rng, more[k].source.shape, target) if rng.random() < 0.5 else None
        again = k if more[k].again is None and rng.random() < 0.5 else more[k].again
        more.append(dataclasses.replace(more[k], again=again) if found is None else Wish(more[k].source, *found))
    return more


def random_projections(
    rng: Generator, config: Config, wishes: list[Wish], target: str, shape: Shape, budget: Budget
) -> tuple[list[Projection], float]:
    """Projections into a population, none of whose sums overflows; and the sum that typical input can make in one of its neurons."""
    common = int(rng.choice(config.weight_shifts))
    result, reach = [], 0.0
    for wish in wishes:
        source, connection = wish.source, wish.connection
        extra = int(rng.integers(0, 3)) if rng.random() < 0.2 and config.weight_bits > 4 else 0
        extra = min(extra, 15 - common)
        weights = random_weights(rng, config.weight_min >> extra, config.weight_max >> extra, wish.shape)
        if wish.again is not None:
            weights, extra = result[wish.again].weights, result[wish.again].weight_shift - common
        limit = config.accumulator_max // len(wishes) >> extra
        while (np.abs(matrix := connection.matrix(weights, source.shape, shape)).sum(axis=1) > limit).any():
            weights = thinned(rng, weights, source)
        delays = source_delays(rng, config, source, budget, channels=connection.channel_delays)
        projection = Projection(source=source.name, target=target, weights=weights, weight_shift=common + extra, delays=delays, connection=connection)
        reach += float(np.sqrt((matrix.astype(float) ** 2).sum(axis=1).mean() + 1)) * (1 << projection.weight_shift)
        budget.add_projection(projection, source.shape, shape)
        result.append(projection)
    return result, reach
