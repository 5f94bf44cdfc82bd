"""Fully connected projections, prepared for the golden model's kernels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lifline.network.model import Projection

from . import kernels

Ints = NDArray[np.integer]


def smallest(largest: int) -> type[np.signedinteger]:
    """The smallest type that holds values up to ``largest`` of both signs."""
    for kind in (np.int8, np.int16, np.int32):
        if largest <= np.iinfo(kind).max:
            return kind
    return np.int64


def delays_of(projection: Projection, order: Ints) -> Ints:
    """Of the source neurons in ``order``: one for all, one for each of as many equal parts as the source has channels, or one for each; the fewest."""
    delays = projection.delay_vector()[order]
    for count in (1, projection.shapes[0][0]):
        parts = delays.reshape(count, -1)
        if (parts == parts[:, :1]).all():
            return np.ascontiguousarray(parts[:, 0])
    return np.ascontiguousarray(delays)


class Synapses:
    """One projection: integer weights and their sums, each in the smallest type that holds them, and how to add them to ``x``.

    ``source_order, target_order`` : of the neurons.
    """

    def __init__(self, projection: Projection, levels: int, source_order: Ints, target_order: Ints) -> None:
        self.source = projection.source
        self.shift = projection.weight_shift
        self.levels = levels
        largest = int(np.abs(projection.weights).max())
        bound = int(np.abs(projection.weights).sum(axis=1).max()) * levels
        self.largest = bound << self.shift
        self.weights = np.ascontiguousarray(projection.weights[np.ix_(target_order, source_order)].T, dtype=smallest(largest))
        self.zero = np.zeros(self.weights.shape[1], smallest(max(bound, 1 << 7)))
        self.synaptic = projection.synaptic
        if self.synaptic:
            self.delays = np.ascontiguousarray(projection.delay_matrix()[np.ix_(target_order, source_order)].T)
        else:
            self.delays = delays_of(projection, source_order)

    def add(self, fired: NDArray[np.uint8], depth: int, x: Ints, start: int, stop: int) -> None:
        """Add the spikes that arrive in steps ``start..stop-1``.

        Integers throughout. Measured on one thread against a single-precision matrix product on two (784 -> 256 and 1024 -> 1024, 8 and
        16 bits), this is 3 to 6 times as fast at 10 % of sources firing, and at worst 2.4 times slower if all fire in every step.
        """
        if self.synaptic:
            kernels.accumulate_synaptic(fired, depth, self.delays, self.weights, self.shift, x, start, stop)
            return
        kernels.accumulate(fired, depth, self.delays, self.levels, self.weights, self.zero, self.shift, x, start, stop)
