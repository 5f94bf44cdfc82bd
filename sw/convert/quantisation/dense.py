"""Projections as matrices: those that have no structure, biases, and whole networks for comparisons."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lifline.arch.errors import ConversionError
from lifline.network.connections.fully_connected import FullyConnected
from lifline.network.model import Network, Projection

from ..floating.network import FloatNetwork, FloatProjection
from ..floating.operators import Delay, Floats

MAX_UNROLLED = 1 << 24
"""Most weights that a convolution or pooling may become when it is written out."""
BATCH = 256
"""Rows of the identity that pass through a chain together; bounds the memory of unrolling."""


def refuse_unsupported(network: FloatNetwork) -> None:
    """Refuse, by name, what the integer network has no field for.

    Raises
    ------
    ConversionError   naming the projection or population, the reason and the next step.
    """
    for p in network.projections:
        where = f"projection {p.source} -> {p.target}"
        source = network.population(p.source)
        if source.neurons is not None and source.neurons.threshold is None:
            raise ConversionError(f"{where}: `{p.source}` never fires and passes its membrane on; only spikes can be routed, replace it by spiking neurons")
        if any(isinstance(o, Delay) for o in p.operators):
            raise ConversionError(f"{where}: a delay behind weights (per target or after a bias) is not supported; put the Delay directly behind its source")


def matrix_of(network: FloatNetwork, projection: FloatProjection) -> NDArray[np.float64]:
    """Weights (target, source) of a projection without inner delays, in float64, exact up to rounding."""
    source = network.population(projection.source)
    columns = []
    for first in range(0, source.size, BATCH):
        rows = np.arange(first, min(first + BATCH, source.size))
        x: Floats = (rows[:, None] == np.arange(source.size)).astype(np.float64).reshape(-1, *source.shape)
        for operator in projection.operators:
            x = operator.astype("float64").without_bias().apply(x)
        columns.append(x.reshape(len(x), -1))
    return np.concatenate(columns).T


def bias_of(network: FloatNetwork, projection: FloatProjection) -> NDArray[np.float64]:
    """What a projection adds in every step, (target,)."""
    x: Floats = np.zeros((1, *network.population(projection.source).shape))
    for operator in projection.operators:
        x = operator.astype("float64").apply(x)
    return x.reshape(-1).astype(np.float64)


def written_out(network: Network) -> Network:
    """The same integer network with every projection fully connected: as many weights as pairs of neurons, and the same spikes.

    Raises
    ------
    ConversionError   for a projection that would have more than :data:`MAX_UNROLLED` weights.
    """
    projections = []
    for p in network.projections:
        if isinstance(p.connection, FullyConnected):
            projections.append(p)
            continue
        if p.source_size * p.target_size > MAX_UNROLLED:
            raise ConversionError(f"{p.where}: written out it has {p.source_size * p.target_size:,} weights, more than {MAX_UNROLLED:,}")
        delays = p.delays if p.delays is None or np.ndim(p.delays) == 0 else p.delay_vector()
        projections.append(Projection(source=p.source, target=p.target, weights=p.weight_matrix(), weight_shift=p.weight_shift, delays=delays))
    return network.replace(projections=tuple(projections))
