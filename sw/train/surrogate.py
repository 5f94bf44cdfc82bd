"""Surrogate derivatives of the spike, and a schedule of their slope."""

from __future__ import annotations

import dataclasses
import enum
from dataclasses import dataclass

from lifline.arch.errors import TrainingError


class SurrogateKind(enum.Enum):
    """Shape of the derivative over ``z``, the membrane's distance from the threshold in thresholds; all are ``height`` at ``z = 0``."""

    FAST_SIGMOID = "fast_sigmoid"
    """``1 / (1 + slope*|z|)^2`` (Zenke and Ganguli 2018)"""
    ARCTAN = "arctan"
    """``1 / (1 + (pi/2 * slope * z)^2)`` (Fang et al. 2021)"""
    BOXCAR = "boxcar"
    """1 where ``|z| < 1 / (2*slope)``, else 0"""


@dataclass(frozen=True, kw_only=True)
class Surrogate:
    """Derivative that stands in for that of the spike; with ``cap > 1`` one such bump per multiple of the threshold.

    Attributes
    ----------
    slope : positive; steeper means narrower.   height : value at the threshold; below 1 tames recurrent networks.

    Raises
    ------
    TrainingError   for a kind that does not exist, or if slope or height are not positive.
    """

    kind: SurrogateKind = SurrogateKind.FAST_SIGMOID
    slope: float = 2.0
    height: float = 1.0

    def __post_init__(self) -> None:
        try:
            object.__setattr__(self, "kind", SurrogateKind(self.kind))
        except ValueError:
            raise TrainingError(f"surrogate: kind {self.kind!r} must be one of {', '.join(k.value for k in SurrogateKind)}") from None
        for name in ("slope", "height"):
            if not getattr(self, name) > 0:
                raise TrainingError(f"surrogate: {name} {getattr(self, name)} must be positive")

    def replace(self, **changes: object) -> Surrogate:
        """A copy with some fields changed, validated again."""
        return dataclasses.replace(self, **changes)  # type: ignore[arg-type]


@dataclass(frozen=True)
class SlopeSchedule:
    """Slope that grows geometrically from ``first`` to ``last`` over training: wide gradients to begin with, true ones in the end.

    Raises
    ------
    TrainingError   if one of them is not positive.
    """

    first: float
    last: float

    def __post_init__(self) -> None:
        if not (self.first > 0 and self.last > 0):
            raise TrainingError(f"slopes {self.first} and {self.last} of a schedule must be positive")

    def slope(self, progress: float) -> float:
        """Slope at ``progress`` 0..1 through training."""
        return self.first * (self.last / self.first) ** progress
