"""The order of a population's neurons in the hardware, which the network does not know of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from lifline.arch.config import ceil_div
from lifline.arch.errors import CompileError
from lifline.arch.values import integer, short

Ints = NDArray[np.int64]
LARGEST = 1 << 20
"""Places that a layout may have; no configuration has as many."""


@dataclass(frozen=True, eq=False)
class Layout:
    """Where the neurons of a population are in the hardware, one to one. Places without a neuron are padding: nothing there fires or counts.

    Attributes
    ----------
    indices : (neuron,) hardware index of every neuron, int64.   size : places, padding included, more than any index; the fewest unless given.

    Raises
    ------
    CompileError   for indices that are no integers, negative, given twice, or not below the size.
    """

    indices: Ints
    size: int = 0

    def __post_init__(self) -> None:
        indices = np.asarray(self.indices)
        if indices.ndim != 1 or not indices.size or indices.dtype.kind not in "iu":
            raise CompileError(f"layout: {short(self.indices)} must be hardware indices of neurons, integers of shape (neuron,)")
        low, high = int(indices.min()), int(indices.max())
        size = integer(self.size, "layout: size", CompileError, low=0, high=LARGEST) or high + 1
        if low < 0 or high >= size or size > LARGEST:
            raise CompileError(f"layout: hardware indices {low}..{high} must be in 0..{min(size, LARGEST) - 1}")
        indices = indices.astype(np.int64)
        if len(np.unique(indices)) != len(indices):
            twice = int(np.flatnonzero(np.bincount(indices) > 1)[0])
            raise CompileError(f"layout: two neurons have the hardware index {twice}; give every neuron its own")
        indices.flags.writeable = False
        object.__setattr__(self, "indices", indices)
        object.__setattr__(self, "size", size)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Layout) and self.size == other.size and np.array_equal(self.indices, other.indices)

    @property
    def neurons(self) -> int:
        return len(self.indices)

    @cached_property
    def is_identity(self) -> bool:
        """Whether the hardware's order is that of the network, without padding."""
        return self.size == self.neurons and bool((self.indices == np.arange(self.size)).all())

    @cached_property
    def exists(self) -> NDArray[np.bool_]:
        """(place,) whether there is a neuron."""
        return self.spread(np.ones(self.neurons, np.bool_))

    @cached_property
    def inverse(self) -> Ints:
        """(place,) the neuron there, or -1."""
        return self.spread(np.arange(self.neurons), fill=-1)

    def strides(self, shape: tuple[int, ...]) -> tuple[int, ...] | None:
        """Places from one neuron of ``shape`` to the next along each axis, with the first neuron in place 0; 0 along an axis of one neuron.

        None if there is no such number for every axis.
        """
        places = self.indices.reshape(shape)
        first = (0,) * places.ndim
        strides = tuple(int(places[first[:k] + (1,) + first[k + 1 :]]) if n > 1 else 0 for k, n in enumerate(shape))
        expected = sum(stride * index for stride, index in zip(strides, np.indices(shape, sparse=True), strict=True))
        return strides if np.array_equal(places, np.broadcast_to(expected, shape)) else None

    def spread(self, values: NDArray, *, axis: int = -1, fill: int = 0) -> NDArray:
        """Values of neurons along ``axis``, in the order of the hardware, with ``fill`` in the padding."""
        if self.is_identity:
            return values
        turned = np.moveaxis(values, axis, 0)
        result = np.full((self.size, *turned.shape[1:]), fill, values.dtype)
        result[self.indices] = turned
        return np.moveaxis(result, 0, axis)

    def gather(self, values: NDArray, *, axis: int = -1) -> NDArray:
        """Values of places along ``axis``, in the order of the network; the inverse of :meth:`spread`. There may be more places than ``size``."""
        return values.take(self.indices, axis=axis)

    def put(self, part: NDArray, first: int, into: NDArray) -> None:
        """Store the values of the places from ``first`` on, in hardware order, where their neurons are in ``into``, (neuron,); padding is dropped."""
        neurons = self.inverse[first : first + len(part)]
        into[neurons[neurons >= 0]] = part[: len(neurons)][neurons >= 0]


def identity(neurons: int) -> Layout:
    """The order of the network."""
    return Layout(np.arange(neurons))


def position_major(shape: tuple[int, ...], lanes: int) -> Layout:
    """Positions one after the other, the channels of each together: neurons of ``shape`` (channel, *position) for blocks of ``lanes``.

    Channels are padded to whole blocks; if they are fewer than lanes, to a power of two that divides them, so that a block holds neighbours
    along the last axis, which is padded to whole blocks. ``lanes`` is a power of two.
    """
    channels, *positions = shape
    small = 1 << (channels - 1).bit_length()
    padded = small if small < lanes else ceil_div(channels, lanes) * lanes
    neighbours = max(lanes // padded, 1)
    if positions:
        positions[-1] = ceil_div(positions[-1], neighbours) * neighbours
    places = np.arange(int(np.prod(positions)) * padded).reshape(*positions, padded)
    inside = places[(*(slice(n) for n in shape[1:]), slice(channels))]
    return Layout(np.moveaxis(inside, -1, 0).reshape(-1))


Layouts = Mapping[str, Layout]
"""By population, the input too; the compiler chooses for one that is not named."""
