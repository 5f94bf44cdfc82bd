"""The synapses of a projection in training: what weights there are, and how spikes become synaptic input through them.

One class for every kind of :mod:`lifline.network.connections`, whose integers it computes; another kind is another subclass and a line in
:data:`KINDS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from lifline.network.connections.axes import Axis
from lifline.network.connections.convolution import Convolution
from lifline.network.connections.fully_connected import FullyConnected
from lifline.network.connections.identity import Identity
from lifline.network.connections.kind import Connection, Shape
from lifline.network.connections.pooling import Pooling
from lifline.network.connections.sparse import Sparse
from lifline.network.connections.windows import Window, Windowed

Through = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""Synaptic input (batch, time, target) of spikes (batch, time, source) and weights."""


def fully_connected(spikes: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Synaptic input (batch, time, target) of spikes (batch, time, source) through weights (target, source)."""
    return spikes @ weights.T


def delayed(synapses: Through, spikes: torch.Tensor, weights: torch.Tensor, delay: int, first: int = 0) -> torch.Tensor:
    """Synaptic input of spikes that all take ``delay`` steps, from step ``first`` on."""
    kept = spikes[:, max(first - delay, 0) : max(spikes.shape[1] - delay, 0)]
    x = synapses(kept, weights)
    missing = spikes.shape[1] - first - x.shape[1]
    return functional.pad(x, (0, 0, missing, 0)) if missing else x


class Synapses:
    """Base: the synapses that ``connection`` makes between populations of these shapes.

    Attributes
    ----------
    weight_shape : of the weights in training; the first axis is one of target neurons, of target channels, or has one entry for all of them.
    multiplicity : largest number of synapses of one neuron that have the same weight, as a pool before a convolution makes them.

    Raises
    ------
    NetworkError   for shapes that do not fit.
    """

    def __init__(self, connection: Connection, source: Shape, target: Shape, weight_shape: Shape) -> None:
        self.connection, self.source, self.target, self.weight_shape = connection, source, target, weight_shape
        self.multiplicity = 1
        connection.validate(self._no_weights(), source, target)

    def _no_weights(self) -> np.ndarray:
        return np.broadcast_to(np.int64(0), self.weight_shape)

    @property
    def per_neuron(self) -> int:
        """Largest number of synapses of a target neuron."""
        return prod(self.weight_shape[1:]) * self.multiplicity

    def initial(self, weights: torch.Tensor) -> torch.Tensor:
        """The weights that training starts with, of any that were drawn."""
        return weights

    def exported(self, weights: torch.Tensor) -> torch.Tensor:
        """Trained weights in the shape that the connection gives them."""
        return weights

    def imported(self, weights: torch.Tensor) -> torch.Tensor:
        """The reverse of :meth:`exported`."""
        return weights

    def __call__(self, spikes: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """Synaptic input (batch, time, target) of spikes (batch, time, source); sums of integers below 2^24 are exact."""
        raise NotImplementedError


class Dense(Synapses):
    """Fully connected."""

    def __init__(self, connection: Connection, source: Shape, target: Shape, kernel: Shape, learned: bool) -> None:
        super().__init__(connection, source, target, (prod(target), prod(source)))

    def __call__(self, spikes: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        return fully_connected(spikes, weights)


class Masked(Synapses):
    """Sparse: trained as a matrix whose other weights are and stay 0."""

    def __init__(self, connection: Sparse, source: Shape, target: Shape, kernel: Shape, learned: bool) -> None:
        self.ends = torch.from_numpy(connection.targets.copy()), torch.from_numpy(connection.sources.copy())
        super().__init__(connection, source, target, (prod(target), prod(source)))
        self.mask = torch.zeros(self.weight_shape).index_put_(self.ends, torch.ones(len(connection.sources)))

    def _no_weights(self) -> np.ndarray:
        return np.broadcast_to(np.int64(0), self.ends[0].shape)

    @property
    def per_neuron(self) -> int:
        return int(self.mask.sum(1).max())

    def initial(self, weights: torch.Tensor) -> torch.Tensor:
        return weights * self.mask

    def exported(self, weights: torch.Tensor) -> torch.Tensor:
        return weights[self.ends]

    def imported(self, weights: torch.Tensor) -> torch.Tensor:
        return torch.zeros(self.weight_shape, dtype=weights.dtype).index_put_(self.ends, weights)

    def __call__(self, spikes: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        return fully_connected(spikes, weights * self.mask)


class _Windows(Synapses):
    """Windows over positions."""

    window: Window

    def __init__(self, connection: Windowed, source: Shape, target: Shape, weight_shape: Shape) -> None:
        super().__init__(connection, source, target, weight_shape)
        self.window = connection.window(self._no_weights(), source)

    def _padded(self, spikes: torch.Tensor) -> torch.Tensor:
        """Spikes as images (batch * time, channel, row, column), summed up in pools and padded with zeros."""
        rows, columns = self.window.plane
        images = spikes.reshape(-1, self.window.channels, rows.length, columns.length)
        if max(rows.pool, columns.pool) > 1:
            images = functional.avg_pool2d(images, (rows.pool, columns.pool), divisor_override=1)
        padding = (columns.before, columns.after, rows.before, rows.after)
        return functional.pad(images, padding) if any(padding) else images


class Convolved(_Windows):
    """A convolution."""

    def __init__(self, connection: Convolution, source: Shape, target: Shape, kernel: Shape, learned: bool) -> None:
        sizes = kernel * (len(source) - 1) if len(kernel) == 1 else kernel
        super().__init__(connection, source, target, (target[0], source[0] // connection.groups, *sizes))
        self.multiplicity = prod(axis.pool for axis in self.window.axes)

    def __call__(self, spikes: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        rows, columns = self.window.plane
        kernels = weights.reshape(*weights.shape[:2], rows.kernel, columns.kernel)
        images = self._padded(spikes).contiguous(memory_format=torch.channels_last)  # several times as fast
        with torch.backends.nnpack.flags(enabled=False):  # its fast transforms leave the integers
            sums = functional.conv2d(
                images, kernels, stride=(rows.stride, columns.stride), dilation=(rows.dilation, columns.dilation), groups=self.window.groups
            )
        return sums.reshape(*spikes.shape[:2], prod(self.target))

    @property
    def line(self) -> Axis | None:
        """The only axis of positions, if there is one and it is not pooled: then time can be the other axis of one convolution."""
        axes = self.window.axes
        return axes[0] if len(axes) == 1 and axes[0].pool == 1 else None

    def over_time(self, spikes: torch.Tensor, weights: Sequence[torch.Tensor], first: int, gap: int) -> torch.Tensor:
        """The sum of what ``weights`` bring that are ``first``, ``first + gap``, ``first + 2 * gap``... steps late, in one convolution over time and positions."""
        axis, (batch, steps, _) = self.line, spikes.shape
        assert axis is not None
        first = min(first, steps)
        kept = spikes[:, : steps - first].reshape(batch, steps - first, self.window.channels, axis.length)
        images = kept.transpose(1, 2).contiguous(memory_format=torch.channels_last)
        images = functional.pad(images, (axis.before, axis.after, first + (len(weights) - 1) * gap, 0))
        kernels = torch.stack([*reversed(weights)], 2)
        with torch.backends.nnpack.flags(enabled=False):  # as above
            sums = functional.conv2d(images, kernels, stride=(1, axis.stride), dilation=(gap, axis.dilation), groups=self.window.groups)
        return sums.transpose(1, 2).reshape(batch, steps, prod(self.target))


class Pooled(_Windows):
    """Sums over windows, with one weight for all."""

    def __init__(self, connection: Pooling, source: Shape, target: Shape, kernel: Shape, learned: bool) -> None:
        super().__init__(connection, source, target, (1,))
        self.multiplicity = prod(axis.kernel for axis in self.window.axes)

    def __call__(self, spikes: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        rows, columns = self.window.plane
        sums = functional.avg_pool2d(self._padded(spikes), (rows.kernel, columns.kernel), (rows.stride, columns.stride), divisor_override=1)
        return sums.reshape(*spikes.shape[:2], prod(self.target)) * weights


class OneToOne(Synapses):
    """Neuron to neuron, with one weight for all, or one per channel if they are learned."""

    def __init__(self, connection: Connection, source: Shape, target: Shape, kernel: Shape, learned: bool) -> None:
        super().__init__(connection, source, target, (source[0],) if learned else (1,))

    def __call__(self, spikes: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        return spikes * weights.repeat_interleave(spikes.shape[2] // len(weights))


KINDS: dict[type[Connection], Callable[[Any, Shape, Shape, Shape, bool], Synapses]] = {
    FullyConnected: Dense, Convolution: Convolved, Pooling: Pooled, Identity: OneToOne, Sparse: Masked,
}  # fmt: skip
"""By kind; made of a connection, the shapes of source and target, the size of a kernel, and whether weights are learned."""
