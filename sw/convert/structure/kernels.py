"""Convolutions as values: one behind another as one. All are :class:`Convolution` operators in float64, without bias."""

from __future__ import annotations

import dataclasses
from itertools import product
from math import gcd

import numpy as np

from ..floating.operators import Convolution, Floats, Shape

Kernel = Convolution


def plain(operator: Convolution) -> Kernel:
    """Its linear part."""
    return dataclasses.replace(operator, weight=operator.weight.astype(np.float64), bias=None)


def sums(channels: int, size: Shape, stride: Shape, padding: Shape) -> Kernel:
    """Sum pooling as a convolution of every channel by itself."""
    return Kernel(np.ones((channels, 1, *size)), None, stride, tuple((p, p) for p in padding), (1,) * len(size), channels)


def scaled(kernel: Kernel, *, before: Floats | None = None, after: Floats | None = None) -> Kernel:
    """With factors on the channels that come in, or on those that go out: one, or one per channel."""
    weight, rest = kernel.weight, (1,) * (kernel.weight.ndim - 2)
    if after is not None:
        weight = weight * np.broadcast_to(after, (len(weight),)).reshape(-1, 1, *rest)
    if before is not None:
        each = weight.shape[1]
        by_group = np.broadcast_to(before, (each * kernel.groups,)).reshape(kernel.groups, 1, each)
        factors = np.broadcast_to(by_group, (kernel.groups, len(weight) // kernel.groups, each))
        weight = weight * factors.reshape(len(weight), each, *rest)
    return dataclasses.replace(kernel, weight=weight)


def by_group(kernel: Kernel, groups: int) -> Floats:
    """Weights as (group, output channel of the group, input channel of the group, *kernel) for fewer groups than the kernel has, of which they are a divisor."""
    out, each = kernel.weight.shape[0] // kernel.groups, kernel.weight.shape[1]
    whole = np.zeros((groups, kernel.weight.shape[0] // groups, each * kernel.groups // groups, *kernel.weight.shape[2:]))
    inside = kernel.groups // groups
    for g in range(kernel.groups):
        at = g % inside
        whole[g // inside, at * out : (at + 1) * out, at * each : (at + 1) * each] = kernel.weight[g * out : (g + 1) * out]
    return whole


def _reads_zeros(first: Kernel, second: Kernel, shape: Shape, axis: int) -> bool:
    """Whether the padding of ``second`` is what ``first`` would give there: zeros, for its taps lie outside of its source as well."""
    between, length = first.output_shape(shape)[1 + axis], shape[1 + axis]
    other = tuple(k for k in range(first.weight.ndim) if k != 2 + axis)
    taps = np.flatnonzero(first.weight.any(axis=other)) * first.dilation[axis] - first.padding[axis][0]
    before, after = second.padding[axis]
    padded = np.concatenate((np.arange(-before, 0), np.arange(between, between + after)))
    met = padded[:, None] * first.stride[axis] + taps
    return not ((met >= 0) & (met < length)).any()


def composed(first: Kernel, second: Kernel, shape: Shape) -> Kernel | None:
    """``second`` behind ``first`` as one convolution of values of ``shape``; None if the zeros between them are not those around the values."""
    axes = first.weight.ndim - 2
    if second.weight.ndim - 2 != axes or not all(_reads_zeros(first, second, shape, axis) for axis in range(axes)):
        return None
    groups = gcd(first.groups, second.groups)
    a, b = by_group(first, groups), by_group(second, groups)
    steps = [s * d for s, d in zip(first.stride, second.dilation, strict=True)]
    # Taps of both meet on a grid; what they have in common is its spacing.
    moves = [(own if n > 1 else 0, step if m > 1 else 0) for own, step, n, m in zip(first.dilation, steps, a.shape[3:], b.shape[3:], strict=True)]
    dilation = tuple(gcd(*pair) or 1 for pair in moves)
    size = tuple(
        (own * (n - 1) + step * (m - 1)) // d + 1 for (own, step), n, m, d in zip(moves, a.shape[3:], b.shape[3:], dilation, strict=True)
    )
    weight = np.zeros((groups, b.shape[1], a.shape[2], *size))
    for inner in product(*map(range, a.shape[3:])):
        for outer in product(*map(range, b.shape[3:])):
            at = tuple((i * own + o * step) // d for i, o, (own, step), d in zip(inner, outer, moves, dilation, strict=True))
            weight[(..., *at)] += b[(..., *outer)] @ a[(..., *inner)]
    padding = tuple(
        (p[0] + q[0] * s, p[1] + q[1] * s) for p, q, s in zip(first.padding, second.padding, first.stride, strict=True)
    )
    stride = tuple(s * t for s, t in zip(first.stride, second.stride, strict=True))
    return Kernel(weight.reshape(-1, *weight.shape[2:]), None, stride, padding, dilation, groups)
