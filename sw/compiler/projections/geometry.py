"""From a kernel and two layouts to weight words and a walk: what convolutions, pooling and identities have in common."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lifline.network.connections.axes import Axis

from .axes import ChannelAxis, Progression, SpatialAxis, channel_axis, spatial_axis, taps_seen, vector_axis
from .places import Blocks, Digits
from .walk import Digit, Start, Walk

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Geometry:
    """A convolution: channels in groups, rows and columns.

    Attributes
    ----------
    inputs, outputs : channels of source and target.   alike : one weight for all of a channel's taps and all channels, each to the one of its number.
    """

    inputs: int
    outputs: int
    groups: int
    rows: Axis
    columns: Axis
    alike: bool = False

    @property
    def by_channel(self) -> bool:
        """Whether every channel leads to the one of its number, and only there."""
        return self.groups == self.inputs == self.outputs


def largest_sums(geometry: Geometry, kernel: Ints) -> tuple[Ints, Ints]:
    """Positive and negative sums of (channel, row, column), flat, if every presynaptic neuron spikes once: edges see fewer taps.

    ``kernel`` is (output, input of its group, row tap, column tap).
    """
    rows, columns = taps_seen(geometry.rows), taps_seen(geometry.columns)

    def sums(weights: Ints) -> Ints:
        return np.einsum("oyx,hy,wx->ohw", weights.sum(axis=1), rows, columns, optimize=True).reshape(-1)

    return sums(np.maximum(kernel, 0)), sums(np.maximum(-kernel, 0))


def walk_of(geometry: Geometry, kernel: Ints, digits: Digits, blocks: Blocks, *, vectors: bool = False) -> tuple[Walk, Ints]:
    """The walk, and the weight words that it visits, (word, lane): a row of the kernel after the other, a column, a channel of the source, a block.

    ``vectors`` : ``digits`` are those of blocks of the source, which are whole ones at both ends; then a block of channels takes the place of a channel.
    """
    rows = spatial_axis(geometry.rows, 1, alike=geometry.alike)
    columns = spatial_axis(geometry.columns, blocks.neighbours, alike=geometry.alike)
    lanes = blocks.channel_lanes
    if vectors:
        channels = vector_axis(geometry.outputs, lanes, alike=geometry.alike)
    else:
        channels = channel_axis(geometry.inputs, geometry.outputs, geometry.groups, lanes, alike=geometry.alike)
    progressions = channels.progression, rows.progression, columns.progression
    word_steps = 1, columns.progression.rows * channels.progression.rows, channels.progression.rows
    first, second, third = (_digit(progressions[k], word_steps[k], blocks.steps[k], radix) for k, radix in zip(digits.axes, (*digits.radices, 0), strict=True))
    return Walk((first, second, third), lanes if vectors else 1), _words(kernel, rows, columns, channels)


def _digit(progression: Progression, word_step: int, slot_step: int, radix: int) -> Digit:
    table = [None if m is None else Start(m.row * word_step, m.block * slot_step, m.count) for m in progression.meetings]
    return Digit(radix, tuple(table), progression.row_step * word_step, progression.block_step * slot_step)


def _words(kernel: Ints, rows: SpatialAxis, columns: SpatialAxis, channels: ChannelAxis) -> Ints:
    """(word, lane); lanes of neighbours follow each other, each with its channels."""
    y = rows.taps[:, 0].reshape(-1, 1, 1, 1, 1)
    x = columns.taps.reshape(1, len(columns.taps), 1, -1, 1)
    out = channels.outputs.reshape(1, 1, len(channels.outputs), 1, -1)
    own = channels.inputs.reshape(1, 1, -1, 1, 1)
    words = np.where((y >= 0) & (x >= 0) & (out >= 0), kernel[out, own, y, x], 0)
    return words.reshape(-1, words.shape[3] * words.shape[4])
