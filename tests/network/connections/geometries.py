"""Geometries of windows to try, and what they mean, position by position."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from lifline.network.connections.convolution import Convolution
from lifline.network.connections.pooling import Pooling

CHANNELS = (1, 3, 4, 20, 65)
LENGTHS = st.integers(1, 7)


def convolved(connection: Convolution, weights: NDArray, source: NDArray) -> NDArray:
    """The definition, one target position after the other; source and result are (channel, *position) of one or two axes."""
    axes = source.ndim - 1
    source, weights = (a if axes == 2 else np.expand_dims(a, -2) for a in (source, weights))
    each = connection.normalised(source.shape if axes == 2 else source.shape[:1] + source.shape[2:])
    stride, dilation, pool, padding = (tuple(v) if axes == 2 else (one, *v) for one, v in ((1, each.stride), (1, each.dilation), (1, each.pool), ((0, 0), each.padding)))
    channels, height, width = source.shape
    rows, columns = height // pool[0], width // pool[1]
    summed = np.zeros((channels, rows, columns), np.int64)
    for y in range(rows * pool[0]):
        for x in range(columns * pool[1]):
            summed[:, y // pool[0], x // pool[1]] += source[:, y, x]
    padded = np.pad(summed, ((0, 0), *padding))
    outputs, inputs, taps_y, taps_x = weights.shape
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, (taps_y, taps_x), strict=True)]
    made = [(padded.shape[k + 1] - reach[k]) // stride[k] + 1 for k in (0, 1)]
    result = np.zeros((outputs, *made), np.int64)
    for o in range(outputs):
        first = o // (outputs // connection.groups) * inputs
        for y in range(made[0]):
            for x in range(made[1]):
                for ky in range(taps_y):
                    for kx in range(taps_x):
                        at = padded[first : first + inputs, y * stride[0] + ky * dilation[0], x * stride[1] + kx * dilation[1]]
                        result[o, y, x] += int(weights[o, :, ky, kx] @ at)
    return result if axes == 2 else result[:, 0]


@st.composite
def convolutions(draw: st.DrawFn) -> tuple[Convolution, tuple[int, ...], tuple[int, ...]]:
    """A convolution that has at least one target position, the shape of its weights, and that of its source."""
    axes = draw(st.sampled_from([1, 2]))
    channels, outputs = draw(st.sampled_from(CHANNELS)), draw(st.sampled_from(CHANNELS))
    groups = draw(st.sampled_from([g for g in range(1, channels + 1) if channels % g == 0 and outputs % g == 0]))
    stride, pool, padding, dilation, kernel, length = [], [], [], [], [], []
    for _ in range(axes):
        stride.append(draw(st.integers(1, 4)))
        pool.append(draw(st.integers(1, 3)))
        padding.append((draw(st.integers(0, 3)), draw(st.integers(0, 3))))
        dilation.append(draw(st.integers(1, 2)))
        length.append(draw(st.integers(pool[-1], 7)))
        room = length[-1] // pool[-1] + sum(padding[-1])
        kernel.append(draw(st.integers(1, min(5, (room - 1) // dilation[-1] + 1))))
    connection = Convolution(stride=tuple(stride), padding=tuple(padding), dilation=tuple(dilation), groups=groups, pool=tuple(pool))
    return connection, (outputs, channels // groups, *kernel), (channels, *length)


@st.composite
def poolings(draw: st.DrawFn) -> tuple[Pooling, tuple[int, ...]]:
    """A pooling with at least one target position, and the shape of its source."""
    axes = draw(st.sampled_from([1, 2]))
    padding = [(draw(st.integers(0, 2)), draw(st.integers(0, 2))) for _ in range(axes)]
    length = [draw(LENGTHS) for _ in range(axes)]
    size = tuple(draw(st.integers(1, n + sum(p))) for n, p in zip(length, padding, strict=True))
    stride = draw(st.none() | st.tuples(*[st.integers(1, 4)] * axes))
    return Pooling(size, stride, tuple(padding)), (draw(st.sampled_from(CHANNELS)), *length)
