"""What a walk needs to know of two layouts: the digits of a source's places, and the blocks and lanes of a target's."""

from __future__ import annotations

from dataclasses import dataclass

from lifline.arch.config import ceil_div
from lifline.arch.errors import CompileError
from lifline.arch.maps import LARGEST_RADIX

from ..layouts import Layout

Shape = tuple[int, int, int]
"""Channels, rows and columns."""


def three_axes(shape: tuple[int, ...]) -> Shape:
    """A population's shape as channels, rows and columns; a single axis of positions is columns, more than two are two."""
    channels, *positions = shape
    rows = 1
    for size in positions[:-1]:
        rows *= size
    return channels, rows, positions[-1] if positions else 1


@dataclass(frozen=True)
class Digits:
    """How a place becomes three digits.

    Attributes
    ----------
    radices : of the first two.   axes : for each digit the axis that it counts: 0 channels, 1 rows, 2 columns.
    """

    radices: tuple[int, int]
    axes: tuple[int, int, int]


def digits_of(layout: Layout, shape: Shape, where: str) -> Digits:
    """The digits of the places of a population of this shape; axes of one neuron come first and need no radix.

    Raises
    ------
    CompileError   for a layout that three digits cannot count.
    """
    return _digits(layout.strides(shape), shape, [axis for axis in range(3) if shape[axis] > 1], where)


def _digits(strides: tuple[int, ...] | None, shape: Shape, counted: list[int], where: str) -> Digits:
    """Likewise, of what has ``strides``; axes that are not ``counted`` come first."""
    long = sorted((strides[axis], axis) for axis in counted) if strides else []
    axes = [axis for axis in range(3) if axis not in counted] + [axis for _, axis in long]
    steps = [1] * (3 - len(long)) + [stride for stride, _ in long]
    radices = steps[1] // steps[0], steps[2] // steps[1]
    whole = steps[0] == 1 and steps[1] % steps[0] == 0 and steps[2] % steps[1] == 0
    if strides is None or not whole or any(shape[axes[digit]] > radices[digit] for digit in range(2)):
        raise CompileError(
            f"{where}: its layout does not count channels, rows and columns one within another; use `position_major`, or leave its layout to the compiler"
        )
    if max(radices) > LARGEST_RADIX:
        raise CompileError(f"{where}: {max(radices):,} places from one position to the next are more than {LARGEST_RADIX:,}, which entries are divided by")
    return Digits(radices, (axes[0], axes[1], axes[2]))


@dataclass(frozen=True)
class Blocks:
    """How the places of a target lie in blocks.

    Attributes
    ----------
    neighbours : columns in a block.   channel_lanes : lanes from one of them to the next; all of them if there is one.
    steps : slots from one block of channels, row and block of columns to the next.
    """

    neighbours: int
    channel_lanes: int
    steps: Shape

    def alike(self, other: Blocks) -> bool:
        """Whether the neurons of a block are in the same lanes as those of the other one's."""
        return (self.neighbours, self.channel_lanes) == (other.neighbours, other.channel_lanes)

    def grid(self, shape: Shape) -> Shape:
        """Blocks of channels, rows, and blocks of columns that a population of this shape has."""
        return ceil_div(shape[0], self.channel_lanes), shape[1], ceil_div(shape[2], self.neighbours)

    def digits(self, shape: Shape, where: str) -> Digits:
        """The digits of the blocks of a population of this shape.

        Raises
        ------
        CompileError   for blocks that three digits cannot count.
        """
        grid = self.grid(shape)
        return _digits(self.steps, grid, [axis for axis in range(3) if grid[axis] > 1 or axis == 0], where)


def blocks_if_whole(layout: Layout, shape: Shape, lanes: int) -> Blocks | None:
    """The blocks of a population of this shape; None for a layout that is not position by position, in whole blocks."""
    strides = layout.strides(shape)
    channels, rows, columns = shape
    if strides is None or (channels > 1 and strides[0] != 1):
        return None
    column = strides[2] if columns > 1 else lanes
    row = strides[1] if rows > 1 else lanes
    neighbours = lanes // column if 0 < column < lanes else 1
    if row % lanes or neighbours * column % lanes:
        return None
    return Blocks(neighbours, lanes // neighbours, (1, row // lanes, max(column // lanes, 1)))


def blocks_of(layout: Layout, shape: Shape, lanes: int, where: str) -> Blocks:
    """The blocks of a population of this shape.

    Raises
    ------
    CompileError   for a layout that is not position by position, in whole blocks.
    """
    blocks = blocks_if_whole(layout, shape, lanes)
    if blocks is None:
        raise CompileError(
            f"{where}: its layout does not put positions one after the other, in whole blocks of {lanes} lanes; use `position_major`, "
            "or leave its layout to the compiler"
        )
    return blocks
