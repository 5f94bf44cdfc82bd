"""What lies between spikes and neurons: linear operators as data, applied to a whole batch. Shapes are in framework order."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from lifline.arch.errors import ConversionError

Floats = NDArray[np.floating[Any]]
Shape = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Operator:
    """One step of a projection. Subclasses are linear apart from ``bias``."""

    def output_shape(self, shape: Shape) -> Shape:
        """Shape behind the operator for one item of ``shape``.

        Raises
        ------
        ConversionError   if the operator does not take this shape.
        """
        raise NotImplementedError

    def apply(self, x: Floats) -> Floats:
        """Apply to (batch, *shape)."""
        raise NotImplementedError

    @property
    def adds(self) -> bool:
        """Whether the operator adds a bias."""
        bias = getattr(self, "bias", None)
        return bias is not None and bool(np.any(bias))

    def without_bias(self) -> Operator:
        return dataclasses.replace(self, bias=None) if getattr(self, "bias", None) is not None else self  # type: ignore[call-arg]

    def astype(self, precision: str) -> Operator:
        """The operator with its arrays in another floating-point type."""
        arrays = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return dataclasses.replace(self, **{k: v.astype(precision) for k, v in arrays.items() if isinstance(v, np.ndarray) and v.dtype.kind == "f"})


@dataclass(frozen=True, eq=False)
class Dense(Operator):
    """``y = weight x + bias``; ``weight`` (out, in), ``bias`` (out,) or None."""

    weight: Floats
    bias: Floats | None = None

    def output_shape(self, shape: Shape) -> Shape:
        if shape != (self.weight.shape[1],):
            raise ConversionError(f"weights of shape {self.weight.shape} cannot follow values of shape {shape}")
        return (self.weight.shape[0],)

    def apply(self, x: Floats) -> Floats:
        y = x @ self.weight.T
        return y if self.bias is None else y + self.bias


@dataclass(frozen=True, eq=False)
class Convolution(Operator):
    """Convolution over one or two axes with zero padding; ``weight`` (out, in / groups, *kernel), ``padding`` (before, after) by axis."""

    weight: Floats
    bias: Floats | None
    stride: Shape
    padding: tuple[tuple[int, int], ...]
    dilation: Shape
    groups: int = 1

    def output_shape(self, shape: Shape) -> Shape:
        axes = self.weight.ndim - 2
        channels = self.weight.shape[1] * self.groups
        if len(shape) != axes + 1 or shape[0] != channels:
            raise ConversionError(f"a convolution over {axes} axes and {channels} channels cannot follow values of shape {shape}")
        reach = [d * (k - 1) + 1 for d, k in zip(self.dilation, self.weight.shape[2:], strict=True)]
        sizes = [(n + sum(p) - r) // s + 1 for n, p, r, s in zip(shape[1:], self.padding, reach, self.stride, strict=True)]
        if min(sizes) < 1:
            raise ConversionError(f"a kernel of {self.weight.shape[2:]} does not fit into values of shape {shape}")
        return (self.weight.shape[0], *sizes)

    def apply(self, x: Floats) -> Floats:
        axes = self.weight.ndim - 2
        x = np.pad(x, [(0, 0), (0, 0), *self.padding])
        reach = tuple(d * (k - 1) + 1 for d, k in zip(self.dilation, self.weight.shape[2:], strict=True))
        windows = sliding_window_view(x, reach, axis=tuple(range(2, 2 + axes)))  # type: ignore[call-overload]
        steps = tuple(slice(None, None, s) for s in self.stride) + tuple(slice(None, None, d) for d in self.dilation)
        windows = windows[(slice(None), slice(None), *steps)]
        out, each = self.weight.shape[0] // self.groups, self.weight.shape[1]
        parts = []
        for g in range(self.groups):
            kernel = self.weight[g * out : (g + 1) * out]
            seen = windows[:, g * each : (g + 1) * each]
            # (batch, *position, in * kernel) times (in * kernel, out)
            columns = np.moveaxis(seen, 1, 1 + axes).reshape(len(x), *seen.shape[2 : 2 + axes], -1)
            parts.append(np.moveaxis(columns @ kernel.reshape(out, -1).T, -1, 1))
        y = parts[0] if self.groups == 1 else np.concatenate(parts, axis=1)
        return y if self.bias is None else y + self.bias.reshape(-1, *(1,) * axes)


@dataclass(frozen=True, eq=False)
class Pool(Operator):
    """Sum, or mean (padding counts), over windows of the last axes of (channel, length) or (channel, height, width)."""

    kernel: Shape
    stride: Shape
    padding: Shape
    mean: bool

    def output_shape(self, shape: Shape) -> Shape:
        if len(shape) != len(self.kernel) + 1:
            needed = "(channel, length)" if len(self.kernel) == 1 else "(channel, height, width)"
            raise ConversionError(f"pooling over {self.kernel} needs values of shape {needed}, not {shape}")
        sizes = [(n + 2 * p - k) // s + 1 for n, p, k, s in zip(shape[1:], self.padding, self.kernel, self.stride, strict=True)]
        if min(sizes) < 1:
            raise ConversionError(f"pooling over {self.kernel} does not fit into values of shape {shape}")
        return (shape[0], *sizes)

    def apply(self, x: Floats) -> Floats:
        x = np.pad(x, [(0, 0), (0, 0), *((p, p) for p in self.padding)])
        axes = tuple(range(2, x.ndim))
        windows = sliding_window_view(x, self.kernel, axis=axes)[(slice(None), slice(None), *(slice(None, None, s) for s in self.stride))]  # type: ignore[call-overload]
        inside = tuple(range(x.ndim, windows.ndim))
        return windows.mean(axis=inside, dtype=x.dtype) if self.mean else windows.sum(axis=inside, dtype=x.dtype)


@dataclass(frozen=True, eq=False)
class Scale(Operator):
    """``y = scale * x``, element by element."""

    scale: Floats

    def output_shape(self, shape: Shape) -> Shape:
        try:
            fits = np.broadcast_shapes(shape, self.scale.shape) == shape
        except ValueError:
            fits = False
        if not fits:
            raise ConversionError(f"a scale of shape {self.scale.shape} cannot follow values of shape {shape}")
        return shape

    def apply(self, x: Floats) -> Floats:
        return x * self.scale


@dataclass(frozen=True, eq=False)
class Reshape(Operator):
    """Same values in another shape; flattening is its common case."""

    shape: Shape

    def output_shape(self, shape: Shape) -> Shape:
        if int(np.prod(shape)) != int(np.prod(self.shape)):
            raise ConversionError(f"values of shape {shape} cannot take shape {self.shape}")
        return self.shape

    def apply(self, x: Floats) -> Floats:
        return x.reshape(len(x), *self.shape)


@dataclass(frozen=True, eq=False)
class Offset(Operator):
    """``y = x + bias``, element by element; ``bias`` of the values' shape, or None."""

    bias: Floats | None

    def output_shape(self, shape: Shape) -> Shape:
        if self.bias is not None and self.bias.shape != shape:
            raise ConversionError(f"an offset of shape {self.bias.shape} cannot follow values of shape {shape}")
        return shape

    def apply(self, x: Floats) -> Floats:
        return x if self.bias is None else x + self.bias


@dataclass(frozen=True, eq=False)
class Select(Operator):
    """Values in another order, or some of them: flat position ``index`` of the input for each value of an output of ``shape``; -1 is a zero."""

    index: NDArray[np.int64]
    shape: Shape

    def output_shape(self, shape: Shape) -> Shape:
        size = int(np.prod(shape))
        if self.index.size != int(np.prod(self.shape)) or self.index.max(initial=-1) >= size:
            raise ConversionError(f"{self.index.size} positions up to {self.index.max(initial=-1)} cannot choose among values of shape {shape}")
        return self.shape

    def apply(self, x: Floats) -> Floats:
        flat = x.reshape(len(x), -1)
        return np.where(self.index >= 0, flat[:, np.maximum(self.index, 0)], np.zeros((), x.dtype)).reshape(len(x), *self.shape)


@dataclass(frozen=True, eq=False)
class Delay(Operator):
    """``y(t) = x(t - steps)``, zero before; ``steps`` is one integer or one per element. The evaluator keeps its history."""

    steps: NDArray[np.int64]

    def output_shape(self, shape: Shape) -> Shape:
        if self.steps.ndim and self.steps.shape != shape:
            raise ConversionError(f"delays of shape {self.steps.shape} cannot follow values of shape {shape}")
        return shape

    def apply(self, x: Floats) -> Floats:
        raise NotImplementedError("a delay has a history; the evaluator applies it")
