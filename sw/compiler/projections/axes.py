"""One axis of a convolution: which blocks and which rows of weights a presynaptic coordinate meets, as an arithmetic progression."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lifline.arch.config import ceil_div
from lifline.network.connections.axes import Axis

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Meeting:
    """What one coordinate meets: weights from ``row`` on, blocks from ``block`` on, ``count`` of them, each a step of its progression further."""

    row: int
    block: int
    count: int


@dataclass(frozen=True)
class Progression:
    """One axis, as presynaptic coordinates see it.

    Attributes
    ----------
    meetings : by coordinate; None where nothing is reached.   row_step, block_step : from one meeting of a coordinate to its next.
    rows : rows of weights along this axis.
    """

    meetings: tuple[Meeting | None, ...]
    row_step: int
    block_step: int
    rows: int


def taps_seen(axis: Axis) -> Ints:
    """(target, tap) spikes of one channel that a tap can add to a target neuron in a step: as many as are pooled, 0 in the padding."""
    at = np.arange(axis.target)[:, None] * axis.stride + np.arange(axis.kernel) * axis.dilation - axis.before
    return np.where((at >= 0) & (at < axis.pooled), axis.pool, 0)


@dataclass(frozen=True, eq=False)
class SpatialAxis:
    """A spatial axis with ``neighbours`` neurons in a block.

    Attributes
    ----------
    progression : its meetings.   taps : (row, neighbour) the tap of the kernel that a row of weights holds for every neighbour, or -1.
    """

    progression: Progression
    taps: Ints


def spatial_axis(axis: Axis, neighbours: int, *, alike: bool = False) -> SpatialAxis:
    """Meetings along one spatial axis.

    A block of ``neighbours`` target neurons sees the source like one neuron of a convolution whose stride is as many times larger, and whose
    kernel holds that of each of them, moved by its stride. ``offset`` counts places from the first that a block sees.

    ``alike`` : all taps have the same weight, so that one row of weights serves all of them, where a block has no neighbours.
    """
    pitch = neighbours * axis.stride
    span = (axis.kernel - 1) * axis.dilation + (neighbours - 1) * axis.stride
    blocks = ceil_div(axis.target, neighbours)

    def taps(offset: int, in_block: int = neighbours) -> list[int]:
        places = [divmod(offset - lane * axis.stride, axis.dilation) for lane in range(neighbours)]
        return [tap if not rest and 0 <= tap < axis.kernel and lane < in_block else -1 for lane, (tap, rest) in enumerate(places)]

    reached: list[list[int]] = []
    for place in range(axis.length):
        at = place // axis.pool + axis.before
        near = range(max(ceil_div(at - span, pitch), 0), min(at // pitch + 1, blocks)) if place // axis.pool < axis.pooled else ()
        reached.append([b for b in near if max(taps(at - b * pitch, axis.target - b * neighbours)) >= 0])
    step = math.gcd(*(b - met[0] for met in reached for b in met[1:])) or 1
    runs = [range(met[0], met[-1] + 1, step) if met else range(0) for met in reached]
    offsets = [[place // axis.pool + axis.before - b * pitch for b in run] for place, run in enumerate(runs)]
    # Offsets that one place meets follow each other, so that they are a row apart.
    used = sorted({offset for met in offsets for offset in met}, key=lambda offset: (offset % (pitch * step), offset)) or [0]
    if alike and neighbours == 1:
        rank, row_step, used = dict.fromkeys(used, 0), 0, used[:1]
    else:
        rank, row_step = {offset: row for row, offset in enumerate(used)}, -1
    meetings = tuple(Meeting(rank[met[0]], run[0], len(run)) if run else None for run, met in zip(runs, offsets, strict=True))
    table = np.array([taps(offset) for offset in used], np.int64).reshape(-1, neighbours)
    return SpatialAxis(Progression(meetings, row_step, step, len(used)), table)


@dataclass(frozen=True, eq=False)
class ChannelAxis:
    """The axis of channels.

    Attributes
    ----------
    progression : its meetings.   inputs : (row,) channel of the source, within its group, whose weights a row holds.
    outputs : (row, channel lane) the target's channel that they lead to, or -1.
    """

    progression: Progression
    inputs: Ints
    outputs: Ints


def channel_axis(source: int, target: int, groups: int, lanes: int, *, alike: bool = False) -> ChannelAxis:
    """Meetings along the channels, of which ``lanes`` are in a block.

    ``alike`` : each channel leads to the one of its number, all with the same weight, so that blocks share their rows.
    """
    own_in, own_out = source // groups, target // groups
    if alike:
        rows = min(source, lanes)
        meetings = tuple(Meeting(channel % lanes, channel // lanes, 1) for channel in range(source))
        lane = np.arange(rows)[:, None] == np.arange(lanes)
        return ChannelAxis(Progression(meetings, 1, 1, rows), np.zeros(rows, np.int64), np.where(lane, np.arange(rows)[:, None], -1))
    first, last = (np.arange(groups) * own_out // lanes, ((np.arange(groups) + 1) * own_out - 1) // lanes)
    group = np.arange(source) // own_in
    counts = (last - first + 1)[group]
    rows = np.concatenate([[0], np.cumsum(counts)])
    meetings = tuple(Meeting(int(rows[c]), int(first[group[c]]), int(counts[c])) for c in range(source))
    channel = np.repeat(np.arange(source), counts)
    block = np.arange(rows[-1]) - rows[channel] + first[group[channel]]
    outputs = block[:, None] * lanes + np.arange(lanes)
    inside = (outputs // own_out == group[channel][:, None]) & (outputs < target)
    return ChannelAxis(Progression(meetings, 1, 1, int(rows[-1])), channel % own_in, np.where(inside, outputs, -1))


def vector_axis(channels: int, lanes: int, *, alike: bool = False) -> ChannelAxis:
    """Meetings of whole blocks of channels, each with the block of its number, whose lanes hold the weights of its channels.

    ``alike`` : they are all the same, so that blocks share their row; lanes of padding, to which nothing is added, may have it, too.
    """
    blocks = ceil_div(channels, lanes)
    rows = 1 if alike else blocks
    meetings = tuple(Meeting(0 if alike else block, block, 1) for block in range(blocks))
    outputs = np.arange(rows * lanes).reshape(rows, lanes)
    return ChannelAxis(Progression(meetings, 1, 1, rows), np.zeros(rows, np.int64), np.where(outputs < channels, outputs, -1))
