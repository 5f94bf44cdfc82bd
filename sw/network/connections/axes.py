"""Where a window that moves along an axis of positions meets its source."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lifline.arch.errors import NetworkError
from lifline.arch.values import integer_array, short

LARGEST = 65_535
"""Largest stride, padding, dilation or window."""
PerAxis = int | tuple[int, ...]
Padding = int | tuple[int, ...] | tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Axis:
    """One axis of positions: a window of ``kernel`` taps over ``length`` source positions.

    The source is summed up in groups of ``pool`` positions first, what is left at its end dropped; then ``before`` and ``after`` zeros are
    put around it; tap ``k`` of target position ``p`` lies on position ``p * stride + k * dilation`` of that.
    """

    length: int
    kernel: int = 1
    stride: int = 1
    dilation: int = 1
    before: int = 0
    after: int = 0
    pool: int = 1

    @property
    def pooled(self) -> int:
        """Source positions after pooling."""
        return self.length // self.pool

    @property
    def target(self) -> int:
        """Target positions.

        Raises
        ------
        NetworkError   if there is none.
        """
        reach = self.dilation * (self.kernel - 1) + 1
        padded = self.pooled + self.before + self.after
        if self.pooled < 1:
            raise NetworkError(f"a pool of {self.pool} positions is larger than its source of {self.length}; use a smaller one")
        if padded < reach:
            raise NetworkError(
                f"a window over {reach} positions is larger than its source of {padded} ({self.pooled} and {self.before} + {self.after} of padding); "
                "use a smaller kernel or dilation, or more padding"
            )
        return (padded - reach) // self.stride + 1

    def visits(self, place: int) -> list[tuple[int, int]]:
        """What a spike at source position ``place`` meets: (tap, target position), ascending in the target position; nothing for some places."""
        if place // self.pool >= self.pooled:
            return []
        at = place // self.pool + self.before
        first = max(-((self.dilation * (self.kernel - 1) - at) // self.stride), 0)  # the last tap's, rounded up
        found = []
        for target in range(first, min(at // self.stride, self.target - 1) + 1):
            tap, rest = divmod(at - target * self.stride, self.dilation)
            if rest == 0:
                found.append((tap, target))
        return found

    def incidence(self) -> NDArray[np.int64]:
        """1 where tap, target position and source position meet, else 0; (kernel, target, length)."""
        met = np.zeros((self.kernel, self.target, self.length), np.int64)
        for place in range(self.length):
            for tap, target in self.visits(place):
                met[tap, target, place] = 1
        return met


def _checked(value: object, what: str, low: int) -> NDArray[np.int64]:
    array = integer_array(value, what, NetworkError)
    if array.size and not low <= array.min() <= array.max() <= LARGEST:
        bad = array.min() if array.min() < low else array.max()
        raise NetworkError(f"{what} {bad} must be in {low}..{LARGEST}")
    return array


def per_axis(value: object, what: str, low: int) -> PerAxis:
    """A setting of all axes, or of each.

    Raises
    ------
    NetworkError   for what is no integer from ``low`` to :data:`LARGEST`, nor a sequence of them.
    """
    array = _checked(value, what, low)
    if array.ndim > 1 or not array.size:
        raise NetworkError(f"{what} {short(value)} must be one value, or one per axis of positions")
    return int(array) if not array.ndim else tuple(array.tolist())


def paddings(value: object, what: str) -> Padding:
    """Padding of all axes, of each, or (before, after) of each.

    Raises
    ------
    NetworkError   for anything else.
    """
    array = _checked(value, what, 0)
    if array.ndim < 2:
        return per_axis(value, what, 0)
    if array.ndim > 2 or array.shape[1] != 2:
        raise NetworkError(f"{what} {short(value)} must be one value, one per axis of positions, or a pair (before, after) per axis")
    return tuple((before, after) for before, after in array.tolist())


def spread(value: PerAxis, what: str, axes: int) -> tuple[int, ...]:
    """One value per axis.

    Raises
    ------
    NetworkError   for values of another number of axes.
    """
    values = (value,) * axes if isinstance(value, int) else value
    if len(values) != axes:
        raise NetworkError(f"{what} {value} has {len(values)} values, the source has {axes} axes of positions; give one value, or one per axis")
    return values


def spread_padding(value: Padding, axes: int) -> tuple[tuple[int, int], ...]:
    """A pair (before, after) per axis.

    Raises
    ------
    NetworkError   for values of another number of axes.
    """
    values = (value,) * axes if isinstance(value, int) else value
    if len(values) != axes:
        raise NetworkError(f"padding {value} has {len(values)} values, the source has {axes} axes of positions; give one value, or one per axis")
    return tuple((v, v) if isinstance(v, int) else v for v in values)
