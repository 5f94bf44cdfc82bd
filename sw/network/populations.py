"""Populations: neurons that share one model."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from lifline.arch.errors import NetworkError
from lifline.arch.values import short, text

from .neurons import Neurons, integers


@dataclass(frozen=True, eq=False)
class Population:
    """Neurons that share one model. ``neurons`` is None for the input. ``shape`` is in framework order (channel, height, width)."""

    name: str
    shape: tuple[int, ...]
    neurons: Neurons | None = None

    def __post_init__(self) -> None:
        text(self.name, "the name of a population:", NetworkError, empty=True)
        shape = integers(self.shape, f"shape of population `{self.name}`")
        if shape.ndim > 1:
            raise NetworkError(f"population `{self.name}` has shape {short(self.shape)}; give neurons along each axis, for example (8, 4)")
        object.__setattr__(self, "shape", tuple(shape.reshape(-1).tolist()))
        if self.neurons is not None and not isinstance(self.neurons, Neurons):
            raise NetworkError(f"population `{self.name}`: neurons {short(self.neurons)} must be `Neurons`, or None for the input")

    @property
    def size(self) -> int:
        return prod(self.shape)
