"""Sparse projections, prepared for the golden model's kernels: the synapses of each source neuron, one after the other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lifline.network.connections.sparse import Sparse
from lifline.network.model import Projection

from . import window_kernels
from .synapses import Ints, delays_of, smallest


class SparseSynapses:
    """What a sparse projection adds to ``x``; to its callers like :class:`~lifline.sim.golden.synapses.Synapses`.

    ``source_order, target_order`` : of the neurons.
    """

    def __init__(self, projection: Projection, levels: int, source_order: Ints, target_order: Ints) -> None:
        connection = projection.connection
        assert isinstance(connection, Sparse)
        self.source, self.levels, self.delays = projection.source, levels, delays_of(projection, source_order)
        weights = projection.weights << projection.weight_shift
        sums = np.bincount(connection.targets, np.abs(weights), len(target_order))  # exact: below 2^53
        self.largest = int(sums.max()) * levels
        sources, targets = np.argsort(source_order)[connection.sources], np.argsort(target_order)[connection.targets]
        order = np.lexsort((targets, sources))
        self.begins = np.concatenate([[0], np.cumsum(np.bincount(sources, minlength=len(source_order)))])
        self.targets = targets[order].astype(np.int32)
        self.weights = weights[order].astype(smallest(int(np.abs(weights).max())))

    def add(self, fired: NDArray[np.uint8], depth: int, x: Ints, start: int, stop: int) -> None:
        """Add the spikes that arrive in steps ``start..stop-1``. Cost is proportional to spikes and the synapses that they meet."""
        window_kernels.accumulate_sparse(fired, depth, self.delays, self.levels, self.begins, self.targets, self.weights, x, start, stop)
