"""What convolution, pooling and identity have in common: a small window of weights that moves over the source's positions."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from math import prod

import numpy as np

from .axes import Axis
from .kind import Connection, IntArray, Shape


@dataclass(frozen=True)
class Window:
    """The geometry of a window over a source (channel, *position).

    Attributes
    ----------
    axes : one or two axes of positions, in the order of the source's shape.
    channels, outputs : of source and target.   groups : channels are connected within as many groups of equal size.
    """

    axes: tuple[Axis, ...]
    channels: int
    outputs: int
    groups: int

    @property
    def plane(self) -> tuple[Axis, Axis]:
        """Two axes: before the only one comes one of a single position."""
        return (Axis(1), self.axes[0]) if len(self.axes) == 1 else (self.axes[0], self.axes[1])

    @property
    def target_shape(self) -> Shape:
        return (self.outputs, *(axis.target for axis in self.axes))


class Windowed(Connection):
    """A kind that is a window: the same few weights for every position of the target."""

    @abstractmethod
    def window(self, weights: IntArray, source: Shape) -> Window:
        """Its geometry.

        Raises
        ------
        NetworkError   as :meth:`output_shape`.
        """

    @abstractmethod
    def kernel(self, weights: IntArray, source: Shape) -> IntArray:
        """Weights by channels and taps: (output, channel of its group, tap of axis 0, ...), for the axes of :attr:`Window.axes`."""

    def output_shape(self, source: Shape, weights: IntArray) -> Shape:
        return self.window(weights, source).target_shape

    def matrix(self, weights: IntArray, source: Shape, target: Shape) -> IntArray:
        window = self.window(weights, source)
        rows, columns = window.plane
        kernel = self.kernel(weights, source).reshape(window.outputs, -1, rows.kernel, columns.kernel)
        whole = np.zeros((window.outputs, window.channels, *kernel.shape[2:]), np.int64)
        height, width = window.outputs // window.groups, window.channels // window.groups
        for g in range(window.groups):
            own = slice(g * height, (g + 1) * height)
            whole[own, g * width : (g + 1) * width] = kernel[own]
        met = rows.incidence(), columns.incidence()
        total = np.zeros((window.outputs, rows.target, columns.target, window.channels, rows.length, columns.length), np.int64)
        for y in range(rows.kernel):
            for x in range(columns.kernel):
                total += np.einsum("oi,pr,qc->opqirc", whole[:, :, y, x], met[0][y], met[1][x])
        return total.reshape(prod(window.target_shape), prod(source))

    def fan_out(self, weights: IntArray, source: Shape, target: Shape) -> IntArray:
        window = self.window(weights, source)
        counts = [np.array([len(axis.visits(place)) for place in range(axis.length)]) for axis in window.plane]
        one = np.outer(*counts) * (window.outputs // window.groups)
        return np.tile(one.reshape(-1), window.channels)
