"""Random delays of projections that can read one ring, each through a tap of its own, without limit."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from lifline.arch.config import Config
from lifline.network.model import Population, Projection


def _vector(projection: Projection, source: Population) -> NDArray[np.int64]:
    """Delay of every source neuron, of a projection that belongs to no network yet."""
    delays = np.asarray(0 if projection.delays is None else projection.delays, np.int64)
    return np.repeat(delays, source.size // delays.size)


def with_taps(rng: Generator, config: Config, populations: Sequence[Population], projections: Sequence[Projection]) -> list[Projection]:
    """The same projections; of some sources whose delays are all alike, each projection has its own number of steps more or less.

    Who reads the oldest spikes clears them. So what comes before it in a window wants younger ones, or spikes that are a window older, which it
    does not see.
    """
    result = list(projections)
    for source in populations:
        own = [k for k, p in enumerate(result) if p.source == source.name]
        vectors = {tuple(_vector(result[k], source)) for k in own}
        if len(vectors) != 1 or len(own) < 2 or rng.random() < 0.3:
            continue
        [vector] = vectors
        room, oldest = config.max_delay - (max(vector) - min(vector)), -config.window
        for target in reversed(populations):
            into = [k for k in own if result[k].target == target.name]
            for k, wanted in zip(rng.permutation(into), sorted(rng.integers(0, room + 1, len(into)), reverse=True), strict=True):
                steps = oldest if oldest < wanted < oldest + config.window else int(wanted)
                oldest = max(oldest, steps)
                result[k] = _moved(result[k], steps - min(vector))
    return result


def _moved(projection: Projection, steps: int) -> Projection:
    """With so many steps added to its delays."""
    if np.ndim(0 if projection.delays is None else projection.delays) == 0:
        return dataclasses.replace(projection, delays=steps + (0 if projection.delays is None else int(np.asarray(projection.delays))))
    return dataclasses.replace(projection, delays=np.asarray(projection.delays) + steps)
