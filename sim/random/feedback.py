"""Random projections that go back, or to their own source."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from lifline.arch.config import Config
from lifline.arch.program import MAX_RINGS
from lifline.network.model import Population, Projection

from .budget import Budget
from .geometry import random_window_onto
from .projections import Wish, fully_connected, random_weights, some_sparse, thinned


def feedback(
    rng: Generator, config: Config, populations: Sequence[Population], existing: Sequence[Projection], budget: Budget, *, sparse: bool
) -> list[Projection]:
    """Projections among ``populations``, which are all but the input in their order, as far as accumulators and rings hold them; some of them
    ``sparse``."""
    if not config.max_delay:
        return []
    pairs = {(p.source, p.target) for p in existing}
    result: list[Projection] = []
    for k, source in enumerate(populations):
        for target in populations[: k + 1]:
            if (source.name, target.name) in pairs or rng.random() < 0.4:
                continue
            delays = _delays(rng, config, source, [p.delay_vector() for p in (*existing, *result) if p.source == source.name], budget)
            if delays is None:
                continue
            incoming = [p for p in (*existing, *result) if p.target == target.name]
            shift = max(s for s in config.weight_shifts if s <= min(p.weight_shift for p in incoming))
            room = config.accumulator_max - sum(np.abs(p.weight_matrix()).sum(axis=1) << p.weight_shift - shift for p in incoming)
            window = random_window_onto(rng, source.shape, target.shape) if config.map_words and rng.random() < 0.6 else None
            wish = fully_connected(source, target.size) if window is None else Wish(source, *window)
            [wish] = some_sparse(rng, [wish], target.size) if sparse else [wish]
            finer = shift - max(s for s in config.weight_shifts if s <= shift)  # what the hardware shifts less has to be in the weights
            weights = random_weights(rng, config.weight_min >> finer, config.weight_max >> finer, wish.shape)
            while (np.abs(wish.connection.matrix(weights, source.shape, target.shape)).sum(axis=1) > room).any():
                weights = thinned(rng, weights, source)
            drawn = Projection(source=source.name, target=target.name, weights=weights, weight_shift=shift, delays=delays, connection=wish.connection)
            result.append(drawn.between(source.shape, target.shape))
            budget.add_projection(result[-1], source.shape, target.shape)
            budget.add_loop()
    return result


def _delays(rng: Generator, config: Config, source: Population, own: Sequence[NDArray[np.int64]], budget: Budget) -> int | NDArray[np.int64] | None:
    """Delays of at least a step, often the shortest ones and those of about a window; None if the population, whose projections have the delays
    ``own``, can have no further ring."""
    known, rings = [vector for vector in own if vector.min() > 0], {tuple(vector) for vector in own}
    if known and (config.map_words or rng.random() < 0.3):
        vector = known[int(rng.integers(len(known)))]
    elif len(rings) >= (1 if config.map_words else MAX_RINGS):  # with maps they depend on each other
        return None
    else:
        corners = [1, min(config.window - 1, config.max_delay), min(config.window, config.max_delay), config.max_delay]
        kind = rng.integers(3)
        vector = np.full(source.size, max(1, int(rng.choice(corners))))
        if kind:
            low = 1 if kind == 1 else max(1, int(rng.choice(corners)))
            vector = rng.integers(low, config.max_delay + 1, source.size)
        budget.add_ring(source.shape, vector, is_input=False)
    return int(vector[0]) if (vector == vector[0]).all() else vector
