"""Convolution, pooling and identity, prepared for the golden model's kernels: small tables instead of a matrix."""

from __future__ import annotations

from itertools import product
from math import prod

import numpy as np
from numpy.typing import NDArray

from lifline.network.connections.windows import Window, Windowed
from lifline.network.model import Projection

from . import window_kernels as kernels
from .synapses import Ints, delays_of, smallest


def position_major(shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Neurons of a population (channel, *position) position by position, the channels of each together."""
    return np.arange(prod(shape)).reshape(shape[0], -1).T.reshape(-1)


def tables(window: Window, order: Ints) -> kernels.Window:
    """The tables of a window over a source whose neurons come in ``order``, for weights as :func:`arranged`.

    Targets in one row that a source meets are one run where they are neighbours and nearly everywhere as many. With another stride sources meet now more,
    now fewer, and runs whose length changes from spike to spike take longer than more of them.
    """
    rows, columns = window.plane
    outputs = window.outputs // window.groups
    together = window.groups == 1 and columns.stride == 1 and columns.dilation == 1
    down, across = ([axis.visits(place) for place in range(axis.length)] for axis in (rows, columns))
    if together:  # from one target to the next the tap falls by one: weights are kept with the last tap first
        pieces = [[(*visits[0], len(visits))] if visits else [] for visits in across]
    else:
        pieces = [[(*visit, 1) for visit in visits] for visits in across]
    runs = np.outer([len(v) for v in down], [len(v) for v in pieces]).reshape(-1)
    groups = max(-(-int(runs.max()) // kernels.TOGETHER), 1)
    places, lengths = (np.zeros((len(runs), groups * kernels.TOGETHER), kind) for kind in (np.int64, np.int32))
    for position, (vertical, horizontal) in enumerate(product(down, pieces)):
        for run, ((ky, y), (kx, x, count)) in enumerate(product(vertical, horizontal)):
            tap = ky * columns.kernel + columns.kernel - 1 - kx
            places[position, run] = ((y * columns.target + x) * window.outputs << kernels.PLACE_BITS) + tap * outputs
            lengths[position, run] = count * outputs
    channel, position = np.divmod(order, len(runs))
    group = channel // (window.channels // window.groups)
    first = (group * outputs << kernels.PLACE_BITS) + channel * rows.kernel * columns.kernel * outputs
    found = set(lengths[lengths > 0].tolist())
    return kernels.Window(position.astype(np.uint32), first, runs.astype(np.uint32), places, lengths, found.pop() if len(found) == 1 else 0)


def arranged(kernel: Ints, window: Window) -> Ints:
    """Weights (output, channel of its group, *tap) as (channel, tap row, tap column from the last, output of the group)."""
    rows, columns = window.plane
    split = kernel.reshape(window.groups, -1, window.channels // window.groups, rows.kernel, columns.kernel)
    return split.transpose(0, 2, 3, 4, 1)[:, :, :, ::-1]


class WindowSynapses:
    """What a projection through a window adds to ``x``; to its callers like :class:`~lifline.sim.golden.synapses.Synapses`.

    ``order`` : of the source's neurons; the target's are :func:`position_major`.
    """

    def __init__(self, projection: Projection, levels: int, order: Ints) -> None:
        connection = projection.connection
        assert isinstance(connection, Windowed)
        self.source, self.levels = projection.source, levels
        window = connection.window(projection.weights, projection.shapes[0])
        kernel = connection.kernel(projection.weights, projection.shapes[0]) << projection.weight_shift
        each = int(np.abs(kernel).reshape(len(kernel), -1).sum(axis=1).max())
        self.largest = each * prod(axis.pool for axis in window.axes) * levels
        self.tables, self.delays = tables(window, order), delays_of(projection, order)
        self.weights = np.ascontiguousarray(arranged(kernel, window).reshape(-1), dtype=smallest(int(np.abs(kernel).max())))

    def add(self, fired: NDArray[np.uint8], depth: int, x: Ints, start: int, stop: int) -> None:
        """Add the spikes that arrive in steps ``start..stop-1``. Cost is proportional to spikes and the weights that they meet."""
        kernels.accumulate_window(fired, depth, self.delays, self.levels, self.weights, self.tables, x, start, stop)
