"""Every neuron with the one at its own place."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import ClassVar

import numpy as np

from lifline.arch.errors import NetworkError

from .axes import Axis
from .kind import IntArray, Shape
from .windows import Window, Windowed


@dataclass(frozen=True)
class Identity(Windowed):
    """Source and target have the same shape, and neuron ``i`` meets neuron ``i``. Weights are (1,), or (channels,): one per entry of the first axis."""

    name: ClassVar[str] = "identity"

    def output_shape(self, source: Shape, weights: IntArray) -> Shape:
        self.window(weights, source)
        return source

    def window(self, weights: IntArray, source: Shape) -> Window:
        if weights.shape not in ((1,), (source[0],)):
            raise NetworkError(f"weights have shape {weights.shape}; an identity has one weight, (1,), or one per channel, ({source[0]},)")
        return Window((Axis(prod(source[1:])),), source[0], source[0], source[0])

    def kernel(self, weights: IntArray, source: Shape) -> IntArray:
        return np.broadcast_to(weights, (source[0],)).reshape(-1, 1, 1)

    def describe(self, weights: IntArray) -> str:
        return "identity"
