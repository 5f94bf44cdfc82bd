"""Identity: blocks of the source by themselves, where they are those of the target; else a convolution of every channel by itself with a kernel of one place."""

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
from .places import Blocks, Shape, blocks_if_whole, three_axes
from .walk import Digit, Start, Walk
from .walked import Walked, ranges


class Identity(Walked):
    """Stored weights are (1,) or (channels,)."""

    def geometry(self, projection: Projection) -> Geometry:
        channels, rows, columns = three_axes(projection.shapes[0])
        return Geometry(channels, channels, channels, Axis(rows), Axis(columns), alike=projection.weights.size == 1)

    def reads_blocks(self, projection: Projection, lanes: int) -> bool:
        return len(projection.shapes[0]) > 1

    def parts(self, projection: Projection, stored: Ints, source: Layout, target: Layout, mode: Mode, config: Config) -> list[Part]:
        if len(projection.shapes[0]) > 1:
            shape = three_axes(projection.shapes[0])
            own, its = (blocks_if_whole(layout, shape, config.lanes) for layout in (source, target))
            if not config.vectors or own is None or its is None or not own.alike(its):
                return super().parts(projection, stored, source, target, mode, config)
            walk, words = _block_by_block(stored, shape, own, its, f"{projection.where}, source")
            blocks = ceil_div(target.size, config.lanes)
            return [Part(first, fan_in, blocks, words, part) for first, fan_in, part in ranges(walk, source.size, config, projection.where)]
        if not (source.is_identity and target.is_identity):
            raise CompileError(f"{projection.where} is an identity without positions, whose populations keep the network's order; give them no layout")
        walk, words = _flat(stored, source.size, config.lanes, vectors=config.vectors)
        blocks = ceil_div(target.size, config.lanes)
        return [Part(first, fan_in, blocks, words, own) for first, fan_in, own in ranges(walk, source.size, config, projection.where)]


def _block_by_block(stored: Ints, shape: Shape, source: Blocks, target: Blocks, where: str) -> tuple[Walk, Ints]:
    """Blocks of channels, rows and blocks of columns as digits, with a weight word for all blocks, or one per block of channels."""
    channels, groups = shape[0], len(stored) > 1
    digits, tables = source.digits(shape, where), []
    for axis, (number, step) in enumerate(zip(target.grid(shape), target.steps, strict=True)):
        tables.append(tuple(Start(k if groups and axis == 0 else 0, k * step, 1) for k in range(number)))
    first, second, third = (Digit(radix, tables[axis], 0, 0) for axis, radix in zip(digits.axes, (*digits.radices, 0), strict=True))
    weights = np.zeros((target.grid(shape)[0] if groups else 1, target.channel_lanes), np.int64)
    weights.reshape(-1)[: min(channels, weights.size)] = stored
    return Walk((first, second, third), target.neighbours * target.channel_lanes), np.tile(weights, target.neighbours)


def _flat(stored: Ints, neurons: int, lanes: int, *, vectors: bool) -> tuple[Walk, Ints]:
    """Lanes and blocks as digits, with a weight word per lane, or per neuron where each has its own weight; of ``vectors`` one word, or one per block."""
    own = len(stored) > 1
    blocks = ceil_div(neurons, lanes)
    if vectors:
        still, block = Digit(1, (Start(0, 0, 1),), 0, 0), Digit(0, tuple(Start(k if own else 0, k, 1) for k in range(blocks)), 0, 0)
        weights = np.zeros((blocks if own else 1, lanes), np.int64)
        weights.reshape(-1)[: min(neurons, weights.size)] = stored
        return Walk((still, still, block), lanes), weights
    used = min(neurons, lanes)
    still = Digit(1, (Start(0, 0, 1),), 0, 0)
    lane = Digit(lanes, tuple(Start(k, 0, 1) for k in range(used)), 0, 0)
    block = Digit(0, tuple(Start(k * lanes if own else 0, k, 1) for k in range(blocks)), 0, 0)
    words = np.zeros((neurons if own else used, lanes), np.int64)
    words[np.arange(len(words)), np.arange(len(words)) % lanes] = stored
    return Walk((still, lane, block)), words
