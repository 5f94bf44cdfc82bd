"""Sum pooling."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from lifline.arch.errors import NetworkError

from .axes import Axis, Padding, PerAxis, paddings, per_axis, spread, spread_padding
from .kind import IntArray, Shape
from .windows import Window, Windowed


@dataclass(frozen=True)
class Pooling(Windowed):
    """Spikes of every channel summed up in windows over its positions; weights are (1,), the one weight of all synapses.

    Average pooling is this with a scale. Max pooling of spikes is this into a population that forgets and fires at one or more.

    Attributes
    ----------
    size : of the window; one value, or one per axis.   stride : likewise; None: the window's size, so that windows do not overlap.
    padding : as for :class:`~lifline.network.connections.convolution.Convolution`.

    Raises
    ------
    NetworkError   for values out of range.
    """

    size: PerAxis
    stride: PerAxis | None = None
    padding: Padding = 0

    name: ClassVar[str] = "pooling"

    def __post_init__(self) -> None:
        object.__setattr__(self, "size", per_axis(self.size, "size of a pooling:", 1))
        stride = self.size if self.stride is None else self.stride
        object.__setattr__(self, "stride", per_axis(stride, "stride of a pooling:", 1))
        object.__setattr__(self, "padding", paddings(self.padding, "padding of a pooling:"))

    def normalised(self, source: Shape) -> Pooling:
        axes = len(source) - 1
        assert self.stride is not None
        return replace(
            self, size=spread(self.size, "size", axes), stride=spread(self.stride, "stride", axes), padding=spread_padding(self.padding, axes)
        )

    def window(self, weights: IntArray, source: Shape) -> Window:
        if weights.shape != (1,):
            raise NetworkError(f"weights have shape {weights.shape}; a pooling has one weight for all, shape (1,)")
        if len(source) not in (2, 3):
            raise NetworkError(f"a pooling needs a source (channels, length) or (channels, height, width), not {source}; give the source population this shape")
        full = self.normalised(source)
        axes = zip(source[1:], full.size, full.stride, full.padding, strict=True)  # type: ignore[arg-type]
        return Window(tuple(Axis(n, k, s, 1, before, after) for n, k, s, (before, after) in axes), source[0], source[0], source[0])

    def kernel(self, weights: IntArray, source: Shape) -> IntArray:
        return np.broadcast_to(weights[0], (source[0], 1, *spread(self.size, "size", len(source) - 1)))

    def describe(self, weights: IntArray) -> str:
        size, stride = (("x".join(map(str, v)) if isinstance(v, tuple) else str(v)) for v in (self.size, self.stride))
        return f"{size} pooling" + (f", stride {stride}" if stride != size else "")
