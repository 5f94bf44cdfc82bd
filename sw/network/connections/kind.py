"""What every kind of connection says about itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from lifline.arch.errors import NetworkError

IntArray = NDArray[np.int64]
Shape = tuple[int, ...]


class Connection(ABC):
    """Which neurons a projection connects, and which of its weights each synapse has. Frozen, compared by value.

    Shapes are those of populations: neurons in framework order, channels first. No method looks at the values of ``weights`` but :meth:`matrix`.
    """

    name: ClassVar[str]
    """In files and messages."""

    def normalised(self, source: Shape) -> Self:
        """With a value for every axis of positions of a source of this shape, where one value stood for all.

        Raises
        ------
        NetworkError   for values for another number of axes.
        """
        return self

    @abstractmethod
    def output_shape(self, source: Shape, weights: IntArray) -> Shape:
        """Shape of the target that ``weights`` make of a source.

        Raises
        ------
        NetworkError   for weights that do not fit this source, naming value, limit and next step.
        """

    def validate(self, weights: IntArray, source: Shape, target: Shape) -> None:
        """Check that ``weights`` connect populations of these shapes.

        Raises
        ------
        NetworkError   naming value, limit and next step.
        """
        made = self.output_shape(source, weights)
        if made != target:
            raise NetworkError(f"{self.name} of a source {source} gives {made}, the target has shape {target}; give the target population the shape {made}")

    @abstractmethod
    def matrix(self, weights: IntArray, source: Shape, target: Shape) -> IntArray:
        """The weight of every synapse, (target, source), 0 where there is none. The reference of everything that computes with this kind."""

    @abstractmethod
    def fan_out(self, weights: IntArray, source: Shape, target: Shape) -> IntArray:
        """Synapses of every source neuron, (source,)."""

    def synapses(self, weights: IntArray, source: Shape, target: Shape) -> int:
        """Synapses of all source neurons, those with weight 0 among them."""
        return int(self.fan_out(weights, source, target).sum())

    @property
    def channel_delays(self) -> bool:
        """Whether delays may be one per channel of the source."""
        return True

    @abstractmethod
    def describe(self, weights: IntArray) -> str:
        """A few words for tables; nothing for what every reader expects."""
