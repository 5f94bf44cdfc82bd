"""Identity: a convolution of every channel by itself with a kernel of one place; where there are no positions, neurons are counted by blocks."""

from __future__ import annotations

import numpy as np

from lifline.arch.config import Config, ceil_div
from lifline.arch.errors import CompileError
from lifline.arch.program import Mode
from lifline.network.connections.axes import Axis
from lifline.network.model import Projection

from ..layouts import Layout
from .geometry import Geometry
from .kind import Ints, Part
from .places import three_axes
from .walk import Digit, Start, Walk
from .walked import Walked, ranges


class Identity(Walked):
    """Stored weights are (1,) or (channels,)."""

    def geometry(self, projection: Projection) -> Geometry:
        channels, rows, columns = three_axes(projection.shapes[0])
        return Geometry(channels, channels, channels, Axis(rows), Axis(columns), alike=projection.weights.size == 1)

    def parts(self, projection: Projection, stored: Ints, source: Layout, target: Layout, mode: Mode, config: Config) -> list[Part]:
        if len(projection.shapes[0]) > 1:
            return super().parts(projection, stored, source, target, mode, config)
        if not (source.is_identity and target.is_identity):
            raise CompileError(f"{projection.where} is an identity without positions, whose populations keep the network's order; give them no layout")
        walk, words = _flat(stored, source.size, config.lanes)
        blocks = ceil_div(target.size, config.lanes)
        return [Part(first, fan_in, blocks, words, own) for first, fan_in, own in ranges(walk, source.size, config, projection.where)]


def _flat(stored: Ints, neurons: int, lanes: int) -> tuple[Walk, Ints]:
    """Lanes and blocks as digits, with a weight word per lane, or per neuron where each has its own weight."""
    own = len(stored) > 1
    used = min(neurons, lanes)
    still = Digit(1, (Start(0, 0, 1),), 0, 0)
    lane = Digit(lanes, tuple(Start(k, 0, 1) for k in range(used)), 0, 0)
    block = Digit(0, tuple(Start(k * lanes if own else 0, k, 1) for k in range(ceil_div(neurons, lanes))), 0, 0)
    words = np.zeros((neurons if own else used, lanes), np.int64)
    words[np.arange(len(words)), np.arange(len(words)) % lanes] = stored
    return Walk((still, lane, block)), words
