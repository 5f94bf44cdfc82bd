"""Every source neuron with every target neuron."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import ClassVar

import numpy as np

from lifline.arch.errors import NetworkError

from .kind import Connection, IntArray, Shape


@dataclass(frozen=True)
class FullyConnected(Connection):
    """Weights are (target, source), both flattened in framework order: to flatten needs no layer of its own."""

    name: ClassVar[str] = "fully connected projection"

    def output_shape(self, source: Shape, weights: IntArray) -> Shape:
        return (weights.shape[0],) if weights.ndim else ()

    def validate(self, weights: IntArray, source: Shape, target: Shape) -> None:
        needed = prod(target), prod(source)
        if weights.shape != needed:
            raise NetworkError(f"weights have shape {weights.shape}, the populations need {needed}")

    def matrix(self, weights: IntArray, source: Shape, target: Shape) -> IntArray:
        return weights

    def fan_out(self, weights: IntArray, source: Shape, target: Shape) -> IntArray:
        return np.full(weights.shape[1], weights.shape[0])

    @property
    def channel_delays(self) -> bool:
        return False

    def describe(self, weights: IntArray) -> str:
        return ""
