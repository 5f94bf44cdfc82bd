"""Everything that arrives at a population, as matrices in units of its membrane."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lifline.arch.errors import ConversionError

from ..floating.network import FloatNetwork, FloatPopulation
from .dense import matrix_of

Matrix = NDArray[np.float64]


@dataclass
class Synapses:
    """Everything that arrives at a population, in units of its membrane: weights and delays by source, and the constant share."""

    weights: dict[str, Matrix] = field(default_factory=dict)
    delays: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    bias: Matrix | float = 0.0


def synapses_of(network: FloatNetwork, p: FloatPopulation) -> Synapses:
    """Weights, delays and biases of all projections into ``p``, its gains included.

    Raises
    ------
    ConversionError   for weights that are not finite, and for paths from one source with different delays.
    """
    assert p.neurons is not None
    gain = np.broadcast_to(p.neurons.gain_v * p.neurons.gain_i, p.shape).reshape(-1, 1)
    result = Synapses()
    for q in network.projections_into(p.name):
        weights, bias = matrix_of(network, q)
        if not (np.isfinite(weights).all() and np.isfinite(bias).all()):
            raise ConversionError(f"projection {q.source} -> {q.target}: a weight or bias is not finite (NaN or infinite); mend it before the import")
        result.bias = result.bias + gain[:, 0] * bias
        delays = q.delays.reshape(-1) if q.delays.ndim else q.delays
        if q.source in result.weights:
            if not np.array_equal(np.broadcast_to(delays, weights.shape[1:]), np.broadcast_to(result.delays[q.source], weights.shape[1:])):
                raise ConversionError(f"several paths with different delays lead from `{q.source}` to `{p.name}`; only one delay per neuron is supported")
            result.weights[q.source] = result.weights[q.source] + gain * weights
        else:
            result.weights[q.source], result.delays[q.source] = gain * weights, delays
    return result
