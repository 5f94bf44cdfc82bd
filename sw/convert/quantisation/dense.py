"""Projections of a float network as matrices: what today's integer network, fully connected, can hold."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from lifline.arch.errors import ConversionError

from ..floating.network import FloatNetwork, FloatProjection
from ..floating.operators import Convolution, Delay, Floats, Operator, Pool

MAX_UNROLLED = 1 << 24
"""Most weights that a convolution or pooling may become when it is written out."""
BATCH = 256
"""Rows of the identity that pass through a chain together; bounds the memory of unrolling."""


def refuse_unsupported(network: FloatNetwork, unroll: bool) -> None:
    """Refuse, by name, what the integer network has no field for.

    Raises
    ------
    ConversionError   naming the projection or population, the reason and the next step.
    """
    for p in network.projections:
        where = f"projection {p.source} -> {p.target}"
        source, target = network.population(p.source), network.population(p.target)
        if source.neurons is not None and source.neurons.threshold is None:
            raise ConversionError(f"{where}: `{p.source}` never fires and passes its membrane on; only spikes can be routed, replace it by spiking neurons")
        if any(isinstance(o, Delay) for o in p.operators):
            raise ConversionError(f"{where}: a delay behind weights (per target or after a bias) is not supported; put the Delay directly behind its source")
        structured = [type(o).__name__.lower() for o in p.operators if isinstance(o, Convolution | Pool)]
        if structured and not unroll:
            raise ConversionError(
                f"{where} has a {' and a '.join(structured)}; the integer network is fully connected. "
                f"`unroll=True` writes it out as {source.size * target.size:,} weights"
            )
        if structured and source.size * target.size > MAX_UNROLLED:
            raise ConversionError(f"{where}: written out it has {source.size * target.size:,} weights, more than {MAX_UNROLLED:,}")


def matrix_of(network: FloatNetwork, projection: FloatProjection) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weights (target, source) and bias (target,) of a projection without inner delays, in float64, exact up to rounding."""
    source = network.population(projection.source)

    def through(change: Callable[[Operator], Operator], x: Floats) -> Floats:
        for operator in projection.operators:
            x = change(operator.astype("float64")).apply(x)
        return x.reshape(len(x), -1)

    columns = []
    for first in range(0, source.size, BATCH):
        rows = np.arange(first, min(first + BATCH, source.size))
        unit = (rows[:, None] == np.arange(source.size)).astype(np.float64).reshape(-1, *source.shape)
        columns.append(through(Operator.without_bias, unit))
    return np.concatenate(columns).T, through(lambda o: o, np.zeros((1, *source.shape)))[0]
