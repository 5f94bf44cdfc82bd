"""What arrives at a population, term by term: connections of the hardware with weights in units of the target's membrane."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lifline.network.connections.convolution import Convolution
from lifline.network.connections.fully_connected import FullyConnected
from lifline.network.connections.kind import Connection
from lifline.network.connections.pooling import Pooling

from ..floating.operators import Floats
from ..structure.chains import Structure, per_channel

Matrix = NDArray[np.floating[Any]]
Delays = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Term:
    """Synapses from one source on one way.

    Attributes
    ----------
    source : the population's name.   structure : how it connects, and its weights in float64.
    delays : (), or as the connection takes them.
    """

    source: str
    structure: Structure
    delays: Delays

    @property
    def connection(self) -> Connection:
        return self.structure.connection

    @property
    def weights(self) -> Floats:
        return self.structure.weights

    @property
    def full(self) -> bool:
        """Whether there is a weight per pair of neurons."""
        return isinstance(self.connection, FullyConnected)

    @property
    def repeats(self) -> int:
        """Synapses of a target neuron that have the same weight."""
        match self.connection:
            case Convolution() as convolution:
                axes = self.weights.ndim - 2
                return prod(np.broadcast_to(convolution.pool, (axes,)).tolist())
            case Pooling() as pooling:
                assert self.structure.source is not None
                return prod(np.broadcast_to(pooling.size, (len(self.structure.source) - 1,)).tolist())
        return 1

    @property
    def synapses(self) -> int:
        """Most synapses of a target neuron."""
        return prod(self.weights.shape[1:]) * self.repeats

    def rows(self, units: int) -> Matrix:
        """Weights of each of ``units`` groups of target neurons that share a scale, (unit, any)."""
        if self.weights.ndim == 1:
            return np.broadcast_to(self.weights, (units,)).reshape(-1, 1)
        return self.weights.reshape(units, -1)

    def largest_sum(self, units: int, sign: int) -> Matrix:
        """The largest sum of all weights of a sign into one neuron of each unit, (unit, 1); never too small."""
        signed = np.maximum(sign * self.weights, 0)
        by_row = signed if signed.ndim == 1 else signed.reshape(len(signed), -1).sum(axis=1)
        by_unit = by_row if by_row.size == 1 else by_row.reshape(units, -1).max(axis=1)
        return self.repeats * np.broadcast_to(by_unit, (units,)).reshape(-1, 1)

    def by_channel(self, scales: Matrix) -> Term:
        """The same with a weight for everything that has a scale of its own among ``scales`` (unit, 1)."""
        if self.weights.ndim > 1 or scales.min() == scales.max():
            return self
        return dataclasses.replace(self, structure=per_channel(self.structure, len(scales)))

    def scales(self, scales: Matrix) -> Matrix:
        """The scale of each weight, to broadcast with :attr:`weights`."""
        if self.weights.size == 1 or self.weights.ndim == 1:
            return scales[: len(self.weights), 0]
        return np.repeat(scales[:, 0], len(self.weights) // len(scales)).reshape(-1, *(1,) * (self.weights.ndim - 1))
