"""Dense convolutions: from a kernel, two layouts and the bands of a target to the gathers of its passes, and their weight words."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lifline.arch.config import Config, ceil_div
from lifline.arch.errors import CompileError
from lifline.arch.limits import RING_BITS
from lifline.arch.maps import MAP
from lifline.arch.program import GATHER_6
from lifline.network.connections.axes import Axis

from ..bands import Band
from ..layouts import Layout
from .gather import Gather
from .geometry import Geometry
from .kind import Part
from .places import Blocks, Shape
from .walk import Start

Ints = NDArray[np.int64]
PASS_CYCLES = 45
"""Of a pass beside its scans and blocks, roughly."""
LARGEST_STEP = (1 << GATHER_6["group_step"].width - 1) - 1


@dataclass(frozen=True)
class Positions:
    """How the places of a source are positions: ``channels`` places each, ``width`` of them in a row, ``places`` in all."""

    channels: int
    width: int
    places: int

    @property
    def step(self) -> int:
        """Words of 32 places after which a word begins with a position again."""
        return math.lcm(self.channels, RING_BITS) // RING_BITS

    def words(self, first: int, end: int) -> range:
        """Words that hold the positions ``first .. end - 1``, the first one of which begins with a position."""
        start = first * self.channels // RING_BITS
        return range(start - start % self.step, ceil_div(min(end * self.channels, self.places), RING_BITS))


def positions_of(layout: Layout, shape: Shape, where: str) -> Positions:
    """The positions of a population of this shape.

    Raises
    ------
    CompileError   for a layout that is not position by position.
    """
    strides, (channels, rows, columns) = layout.strides(shape), shape
    if strides is not None:
        column = strides[2] if columns > 1 else strides[1] if rows > 1 else max(layout.size, 1)
        row = strides[1] if rows > 1 else column * columns
        if column >= channels and row % column == 0 and row >= column * columns and (channels == 1 or strides[0] == 1):
            return Positions(column, row // column, layout.size)
    raise CompileError(
        f"{where}: its layout does not put positions one after the other, the channels of each together, as dense mode reads them; use `position_major`, "
        "or leave its layout to the compiler"
    )


@dataclass(frozen=True)
class Plane:
    """The blocks of a target: ``groups`` for a position, ``columns`` of positions in a row, each with ``neighbours`` of them."""

    groups: int
    columns: int
    neighbours: int
    channel_lanes: int

    @property
    def row(self) -> int:
        """Blocks of a row."""
        return self.groups * self.columns

    def corners(self, band: Band) -> tuple[range, range]:
        """Rows and block columns of a band."""
        lines, first = divmod(band.first, self.row)
        if first or band.blocks < self.row:
            return range(lines, lines + 1), range(first // self.groups, ceil_div(first + band.blocks, self.groups))
        return range(lines, ceil_div(band.first + band.blocks, self.row)), range(self.columns)


def plane_of(blocks: Blocks, shape: Shape, total: int, where: str) -> Plane:
    """The plane of a target of this shape, which has ``total`` blocks.

    Raises
    ------
    CompileError   for a layout whose rows are not whole columns.
    """
    _, rows, columns = shape
    row = blocks.steps[1] if rows > 1 else total
    groups = blocks.steps[2] if columns > 1 else row
    if rows > 1 and row % groups:
        raise CompileError(f"{where}: its layout does not have whole blocks of columns in a row; use `position_major`, or leave its layout to the compiler")
    return Plane(groups, ceil_div(row, groups), blocks.neighbours, blocks.channel_lanes)


@dataclass(frozen=True)
class Chunk:
    """A part of a source that one pass scans: whole rows, or columns of a single row, and the words that hold them."""

    rows: range
    columns: range
    words: range


@dataclass(frozen=True, eq=False)
class Gathered:
    """A convolution in dense mode.

    Attributes
    ----------
    geometry : without groups, pools, and dilation along the columns.   kernel : (output, input, row tap, column tap).
    source, target : where its ends are.   where : what messages call it.
    """

    geometry: Geometry
    kernel: Ints
    source: Positions
    target: Plane
    where: str

    @property
    def cuts(self) -> tuple[int, int]:
        """Blocks of a target position, and of a row."""
        return self.target.groups, self.target.row

    @property
    def kernel_columns(self) -> int:
        """Source columns that a block sees: those of its first neighbour, and a stride more for each of the others."""
        return self.geometry.columns.kernel + (self.target.neighbours - 1) * self.geometry.columns.stride

    @property
    def row_words(self) -> int:
        """Weight words of a row of the kernel."""
        return self.kernel_columns * self.source.channels

    def words(self) -> Ints:
        """Weight words, (word, lane): a group of channels after the other, a row of the kernel, a column, a place of a source position."""
        outputs, inputs, rows, columns = self.kernel.shape
        plane = self.target
        whole = np.zeros((plane.groups * plane.channel_lanes, self.source.channels, rows, columns), np.int64)
        whole[:outputs, :inputs] = self.kernel
        words = np.zeros((plane.groups, rows, self.kernel_columns, self.source.channels, plane.neighbours, plane.channel_lanes), np.int64)
        for k in range(plane.neighbours):
            seen = slice(k * self.geometry.columns.stride, k * self.geometry.columns.stride + columns)
            words[:, :, seen, :, k] = whole.reshape(plane.groups, plane.channel_lanes, *whole.shape[1:]).transpose(0, 3, 4, 2, 1)
        return words.reshape(-1, plane.neighbours * plane.channel_lanes)

    def rows_seen(self, band: Band) -> range:
        """Source rows that a band needs."""
        rows, axis = self.target.corners(band)[0], self.geometry.rows
        first = min(max(rows[0] * axis.stride - axis.before, 0), axis.length)
        end = (min(rows[-1], axis.target - 1) * axis.stride) - axis.before + (axis.kernel - 1) * axis.dilation + 1
        return range(first, max(min(end, axis.length), first))

    def covers(self, bands: Sequence[Band]) -> list[range]:
        """Source rows that every band scans: together all of them, so that each is cleared by whom reads it last."""
        seen = [self.rows_seen(band) for band in bands]
        last = self.geometry.rows.length
        starts = [0, *(rows.start for rows in seen[1:]), last]
        return [range(starts[k], last if k + 1 == len(seen) else max(rows.stop, starts[k + 1])) for k, rows in enumerate(seen)]

    def chunks(self, rows: range, config: Config) -> list[Chunk]:
        """The parts of these source rows that passes scan: all neurons of each can be active and fit the list.

        Raises
        ------
        CompileError   if a position does not fit.
        """
        source, length = self.source, self.geometry.rows.length
        pointers = config.list_entries - (source.channels == 1)  # the one behind the last position is read, too
        limit = min(config.dense_fan_in, pointers, source.channels << MAP["slot"].width) // RING_BITS

        def words_of(first: int, end: int) -> range:
            return source.words(first * source.width, end * source.width if end < length else source.places)

        def piece(first: int, columns: range) -> range:
            return source.words(first * source.width + columns.start, first * source.width + columns.stop)

        if not rows:  # a band that sees nothing but padding
            rows = range(min(rows.start, length - 1), min(rows.start, length - 1) + 1)
        found: list[Chunk] = []
        row = rows.start
        while row < rows.stop:
            end = row
            while end < rows.stop and len(words_of(row, end + 1)) <= limit:
                end += 1
            if end > row:
                found.append(Chunk(range(row, end), range(source.width), words_of(row, end)))
                row = end
                continue
            column = 0
            while column < source.width:
                stop = column
                while stop < source.width and len(piece(row, range(column, stop + 1))) <= limit:
                    stop += 1
                if stop == column:
                    raise CompileError(
                        f"{self.where}: dense mode scans whole positions of its source, of {source.channels:,} places here, in {source.step:,} words of "
                        f"{RING_BITS} or more; the list of `{config.name}` holds {limit:,} of them: use mode event"
                    )
                found.append(Chunk(range(row, row + 1), range(column, stop), piece(row, range(column, stop))))
                column = stop
            row += 1
        return found

    def gather(self, band: Band, chunk: Chunk) -> Gather:
        """What the blocks of a band see of a part of the source."""
        rows, columns = self.target.corners(band)
        source, plane = self.source, self.target
        origin = chunk.rows.start * source.width + chunk.columns.start - chunk.words.start * RING_BITS // source.channels  # of the part, in the pass

        def lines(row: int) -> Start | None:
            tap, count = _inside(self.geometry.rows, row, chunk.rows)
            at = row * self.geometry.rows.stride - self.geometry.rows.before + tap * self.geometry.rows.dilation
            slot = origin + (at - chunk.rows.start) * source.width
            return Start(tap * self.row_words - slot * source.channels, slot, count) if count > 0 else None

        across = Axis(
            self.geometry.columns.length, self.kernel_columns, self.geometry.columns.stride * plane.neighbours, 1, self.geometry.columns.before
        )
        inside = range(chunk.columns.start, min(chunk.columns.stop, across.length))

        def places(column: int) -> Start | None:
            tap, count = _inside(across, column, inside)
            slot = column * across.stride - across.before + tap - chunk.columns.start
            return Start((tap - slot) * source.channels, slot, count) if count > 0 else None

        dilated = source.width * self.geometry.rows.dilation
        (across_words, columns_table), (down_words, rows_table) = _from_zero(map(places, columns)), _from_zero(map(lines, rows))
        return Gather(
            columns_table, rows_table, plane.groups, source.channels, self.geometry.rows.kernel * self.row_words,
            self.row_words - dilated * source.channels, dilated, across_words + down_words,
        )  # fmt: skip

    def parts(self, bands: Sequence[Band], covers: Sequence[range], config: Config) -> list[list[Part]]:
        """The passes of every band, which scan the source rows of its cover.

        Raises
        ------
        CompileError   for sources and kernels that are too large.
        """
        words = self.words()
        if len(words) // self.target.groups > LARGEST_STEP:
            raise CompileError(
                f"{self.where}: {len(words) // self.target.groups:,} weight words of its kernel for each block of channels are more than {LARGEST_STEP:,}, "
                "which dense mode takes; use mode event"
            )
        return [
            [
                Part(
                    first := chunk.words.start * RING_BITS, min(chunk.words.stop * RING_BITS, self.source.places) - first, band.blocks, words,
                    gather=(gather := self.gather(band, chunk)), offset=gather.offset,
                )
                for chunk in self.chunks(cover, config)
            ]
            for band, cover in zip(bands, covers, strict=True)
        ]  # fmt: skip


    def cost(self, bands: Sequence[Band], covers: Sequence[range], config: Config) -> int:
        """Cycles of a window that bands differ in, roughly: scans, blocks that something reaches, and what a pass takes besides."""
        return sum(
            len(chunk.words) * config.window + self.gather(band, chunk).reached * (config.window + config.drain_cycles) + PASS_CYCLES
            for band, cover in zip(bands, covers, strict=True)
            for chunk in self.chunks(cover, config)
        )


def _from_zero(table: Iterable[Start | None]) -> tuple[int, tuple[Start | None, ...]]:
    """A table whose weight words are not negative, and what was taken from all of them."""
    words = list(table)
    least = min((word.weight for word in words if word is not None), default=0)
    return least, tuple(word and replace(word, weight=word.weight - least) for word in words)


def _inside(axis: Axis, target: int, source: range) -> tuple[int, int]:
    """First tap of a target position that lies in ``source``, and how many do; none if that is not positive."""
    at = target * axis.stride - axis.before
    first = max(0, ceil_div(source.start - at, axis.dilation))
    return first, min(axis.kernel, (source.stop - 1 - at) // axis.dilation + 1) - first
