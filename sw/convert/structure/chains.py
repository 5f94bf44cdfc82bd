"""A chain of operators -> one connection and its weights, in floating point, or the reason why it has none but that of all neurons with all."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from math import prod

import numpy as np

from lifline.network.connections.convolution import Convolution
from lifline.network.connections.identity import Identity
from lifline.network.connections.kind import Connection
from lifline.network.connections.pooling import Pooling

from ..floating import operators as floating
from ..floating.operators import Dense, Floats, Offset, Operator, Pool, Reshape, Scale, Select, Shape
from .index_maps import as_convolution, columns_of
from .kernels import Kernel, composed, plain, scaled, sums


class Unstructured(Exception):
    """Why a chain is fully connected. ``usual``: it is so by design, and nobody expects anything else."""

    def __init__(self, reason: str, *, usual: bool = False) -> None:
        super().__init__(reason)
        self.usual = usual


@dataclass(frozen=True, eq=False)
class Structure:
    """What a chain without its biases computes.

    Attributes
    ----------
    connection, weights : as in :class:`~lifline.network.projections.Projection`, weights in float64.
    source, target : shapes that the connection gives the populations; None for an identity that takes any.
    """

    connection: Connection
    weights: Floats
    source: Shape | None
    target: Shape | None


def structure_of(operators: tuple[Operator, ...], source: Shape) -> Structure:
    """The connection of a chain behind values of shape ``source``.

    Raises
    ------
    Unstructured   for a chain that only a weight per pair of neurons expresses.
    """
    chain = _Chain(source)
    for operator in _merged(operators, source):
        chain.add(operator)
    return chain.structure()


def _merged(operators: tuple[Operator, ...], source: Shape) -> list[Operator]:
    """The chain with values that are chosen, or put among others, right before a dense layer chosen by the layer's weights."""
    found: list[tuple[Operator, Shape]] = []
    shape = source
    for operator in operators:
        before, shape = shape, operator.output_shape(shape)
        if isinstance(operator, Dense):
            reshapes = 0
            while reshapes < len(found) and isinstance(found[-1 - reshapes][0], Reshape | Offset):
                reshapes += 1
            select, selected = found[-1 - reshapes] if reshapes < len(found) else (None, ())
            if isinstance(select, Select):
                size = prod(selected)
                found[-1 - reshapes :] = [(Reshape((size,)), selected)]
                operator, before = Dense(columns_of(select, operator.weight.astype(np.float64), size)), (size,)
        found.append((operator, before))
    return [operator for operator, _ in found]


class _Chain:
    """Sum pooling, then factors per channel, then a convolution: every chain that has a structure is brought to this form, operator by operator."""

    def __init__(self, source: Shape) -> None:
        self.source = self.held = self.shape = source
        self.pool: Pool | None = None
        self.factors: Floats = np.ones(())
        self.kernel: Kernel | None = None

    def add(self, operator: Operator) -> None:
        match operator:
            case Offset():
                return
            case Reshape():
                self._reshape(operator.shape)
                return
            case Scale():
                self._scale(operator)
            case Dense():
                self._dense(operator)
            case floating.Convolution():
                self._needs_shape()
                self._convolve(plain(operator))
            case Pool():
                self._needs_shape()
                self._pool(operator)
            case Select():
                if not self._started and len(self.held) != len(self.shape):
                    self._needs_shape()
                kernel = as_convolution(operator, self.held)
                if kernel is None:
                    raise Unstructured("puts values in an order that no convolution gives (a flip, a transposition, a part of the positions)")
                self._convolve(kernel)
            case _:
                raise Unstructured(f"has a {type(operator).__name__}")
        self.shape = operator.output_shape(self.shape)

    @property
    def _started(self) -> bool:
        return self.pool is not None or self.kernel is not None or self.factors.ndim > 0

    def _reshape(self, shape: Shape) -> None:
        self.shape = shape
        if not self._started:
            self.source = self.held = shape

    def _needs_shape(self) -> None:
        if self.shape != self.held:
            raise Unstructured(f"takes values of shape {self.held} for ones of {self.shape}")

    def _scale(self, operator: Scale) -> None:
        factors = np.broadcast_to(operator.scale.astype(np.float64), self.shape).reshape(self.held)
        channels = factors.reshape(len(factors), -1)[:, 0]
        if not np.array_equal(factors, np.broadcast_to(channels.reshape(-1, *(1,) * (len(self.held) - 1)), self.held)):
            raise Unstructured("has a factor that differs between the positions of a channel")
        uniform = (channels == channels[0]).all()
        after = channels[0] if uniform else channels
        if self.kernel is None:
            self.factors = self.factors * after
        else:
            self.kernel = scaled(self.kernel, after=after)

    def _dense(self, operator: Dense) -> None:
        if self.pool is None:
            raise Unstructured("is a dense layer", usual=True)
        # All positions that are left, in one window.
        weight = operator.weight.astype(np.float64).reshape(len(operator.weight), *self.held)
        axes = len(self.held) - 1
        self._convolve(Kernel(weight, None, (1,) * axes, ((0, 0),) * axes, (1,) * axes))

    def _behind_pool(self) -> Shape:
        return self.source if self.pool is None else self.pool.output_shape(self.source)

    def _composed(self, first: Kernel, second: Kernel, shape: Shape) -> Kernel:
        found = composed(first, second, shape)
        if found is None:
            raise Unstructured("has layers one behind the other whose padding lies between them, so that no single convolution is both")
        return found

    def _convolve(self, kernel: Kernel) -> None:
        if self.pool is not None and not _aligned(self.pool):
            self._unfold()
        if self.kernel is None:
            self.kernel, self.factors = scaled(kernel, before=self.factors), np.ones(())
        else:
            self.kernel = self._composed(self.kernel, kernel, self._behind_pool())
        self.held = kernel.output_shape(self.held)

    def _unfold(self) -> None:
        """Pooling that a convolution cannot have in front becomes a convolution itself."""
        assert self.pool is not None
        window = scaled(sums(self.source[0], self.pool.kernel, self.pool.stride, self.pool.padding), after=self.factors)
        self.kernel = window if self.kernel is None else self._composed(window, self.kernel, self.source)
        self.pool, self.factors = None, np.ones(())

    def _pool(self, operator: Pool) -> None:
        share = 1 / prod(operator.kernel) if operator.mean else 1.0
        summed = dataclasses.replace(operator, mean=False)
        if self.kernel is None and self.pool is None:
            self.pool = summed
            self.factors = self.factors * share
        elif self.kernel is None and self.pool is not None and _aligned(self.pool) and _aligned(summed):
            size = tuple(a * b for a, b in zip(self.pool.kernel, summed.kernel, strict=True))
            self.pool = Pool(size, size, (0,) * len(size), False)
            self.factors = self.factors * share
        else:
            self._convolve(scaled(sums(self.held[0], summed.kernel, summed.stride, summed.padding), after=np.asarray(share)))
            return
        self.held = summed.output_shape(self.held)

    def structure(self) -> Structure:
        if self.kernel is not None:
            return self._convolution(self.kernel)
        if self.pool is None:
            any_shape = self.factors.ndim == 0
            return Structure(Identity(), self.factors.reshape(-1), *((None, None) if any_shape else (self.source, self.held)))
        if self.factors.ndim == 0:
            pooling = Pooling(self.pool.kernel, self.pool.stride, self.pool.padding)
            return Structure(pooling, self.factors.reshape(1), self.source, self.held)
        if not _aligned(self.pool):
            self._unfold()
            assert self.kernel is not None
            return self._convolution(self.kernel)
        axes = len(self.source) - 1
        return self._convolution(Kernel(self.factors.reshape(-1, 1, *(1,) * axes), None, (1,) * axes, ((0, 0),) * axes, (1,) * axes, self.source[0]))

    def _convolution(self, kernel: Kernel) -> Structure:
        if kernel.weight.size >= prod(self.source) * prod(self.held):
            raise Unstructured("has as many weights as all pairs of neurons", usual=True)
        pool = 1 if self.pool is None else self.pool.kernel
        connection = Convolution(kernel.stride, kernel.padding, kernel.dilation, kernel.groups, pool)
        return Structure(connection, kernel.weight, self.source, self.held)


def _aligned(pool: Pool) -> bool:
    """Whether every value goes into one sum at most, as pooling in front of a convolution does."""
    return pool.stride == pool.kernel and not any(pool.padding)


def per_channel(structure: Structure, channels: int) -> Structure:
    """The same with a weight for every channel of the target, for scales that differ between channels."""
    weights, axes = structure.weights, 0 if structure.source is None else len(structure.source) - 1
    match structure.connection:
        case Identity():
            return dataclasses.replace(structure, weights=np.broadcast_to(weights, (channels,)).copy())
        case Pooling() as pooling if pooling.stride == pooling.size and not np.any(pooling.padding):
            connection = Convolution(groups=channels, pool=pooling.size)
            return dataclasses.replace(structure, connection=connection, weights=np.full((channels, 1, *(1,) * axes), weights[0]))
        case Pooling() as pooling:
            size = np.broadcast_to(pooling.size, (axes,))
            connection = Convolution(pooling.stride or pooling.size, pooling.padding, groups=channels)
            return dataclasses.replace(structure, connection=connection, weights=np.full((channels, 1, *size), weights[0]))
    return structure
