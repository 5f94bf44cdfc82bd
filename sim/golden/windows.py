"""Convolution, pooling and identity, prepared for the golden model's kernels: small tables instead of a matrix."""

from __future__ import annotations

from math import gcd, prod

import numpy as np
from numpy.typing import NDArray

from lifline.network.connections.axes import Axis
from lifline.network.connections.windows import Window, Windowed
from lifline.network.model import Projection

from . import kernels
from .synapses import Ints, delays_of, smallest


def tap_order(axis: Axis) -> list[int]:
    """Taps in the order in which the targets that one source meets have them, class by class.

    From a target to the next that a source meets the tap falls by ``stride / gcd(stride, dilation)``.
    """
    fall = axis.stride // gcd(axis.stride, axis.dilation)
    return sorted(range(axis.kernel), key=lambda tap: (tap % fall, -tap))


def places(window: Window) -> kernels.Window:
    """The tables of a window."""
    rows, columns = window.plane
    outputs = window.outputs // window.groups
    met = [rows.visits(place) for place in range(rows.length)]
    rank = {tap: k for k, tap in enumerate(tap_order(columns))}
    across = [columns.visits(place) for place in range(columns.length)]
    firsts = [(visits[0] if visits else (0, 0)) for visits in across]
    row, column = np.divmod(np.arange(rows.length * columns.length), columns.length)
    return kernels.Window(
        source_row=row,
        source_column=column,
        rows=np.cumsum([0, *map(len, met)]),
        taps=np.array([tap for visits in met for tap, _ in visits], np.int64),
        targets=np.array([target for visits in met for _, target in visits], np.int64),
        first_target=np.array([target for _, target in firsts]) * outputs,
        first_weight=np.array([rank[tap] for tap, _ in firsts]) * outputs,
        columns=np.array([len(visits) for visits in across]) * outputs,
        step=columns.dilation // gcd(columns.stride, columns.dilation),
        group_channels=window.channels // window.groups,
        outputs=outputs,
        tap_row_size=columns.kernel * outputs,
        tap_size=rows.kernel * columns.kernel * outputs,
        row_size=columns.target * outputs,
        group_size=rows.target * columns.target * outputs,
    )


def arranged(kernel: Ints, window: Window) -> Ints:
    """Weights (output, channel of its group, *tap) as (channel, tap row, tap column by :func:`tap_order`, output of the group)."""
    rows, columns = window.plane
    split = kernel.reshape(window.groups, -1, window.channels // window.groups, rows.kernel, columns.kernel)
    return split.transpose(0, 2, 3, 4, 1)[:, :, :, tap_order(columns)]


class WindowSynapses:
    """What a projection through a window adds to ``x``; to its callers like :class:`~lifline.sim.golden.synapses.Synapses`."""

    def __init__(self, projection: Projection, levels: int) -> None:
        connection = projection.connection
        assert isinstance(connection, Windowed)
        self.source, self.shift, self.levels = projection.source, projection.weight_shift, levels
        window = connection.window(projection.weights, projection.shapes[0])
        kernel = connection.kernel(projection.weights, projection.shapes[0])
        each = int(np.abs(kernel).reshape(len(kernel), -1).sum(axis=1).max())
        bound = each * prod(axis.pool for axis in window.axes) * levels
        self.largest = bound << self.shift
        self.window, self.delays = places(window), delays_of(projection)
        self.weights = np.ascontiguousarray(arranged(kernel, window).reshape(-1), dtype=smallest(int(np.abs(kernel).max())))
        self.zero = np.zeros(projection.target_size, smallest(max(bound, 1 << 7)))

    def add(self, fired: NDArray[np.uint8], depth: int, x: Ints, start: int, stop: int) -> None:
        """Add the spikes that arrive in steps ``start..stop-1``. Cost is proportional to spikes and the weights that they meet."""
        kernels.accumulate_window(fired, depth, self.delays, self.levels, self.weights, self.zero, self.window, self.shift, x, start, stop)
