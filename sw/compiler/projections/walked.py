"""What kinds have in common whose passes walk: their geometry gives weight words, tables and the largest sums."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

from lifline.arch.config import Config, ceil_div
from lifline.arch.errors import CompileError
from lifline.arch.limits import RING_BITS
from lifline.arch.program import Mode
from lifline.network.connections.windows import Windowed
from lifline.network.model import Projection

from ..layouts import Layout
from .geometry import Geometry, largest_sums, walk_of
from .kind import Gathering, Ints, Part, Sums
from .places import blocks_if_whole, blocks_of, digits_of
from .walk import Walk


class Walked(ABC):
    """A kind that runs in event mode, with weights stored once."""

    visits_all = True

    @abstractmethod
    def geometry(self, projection: Projection) -> Geometry:
        """Its axes."""

    def kernel(self, projection: Projection, stored: Ints) -> Ints:
        """Stored weights as (output channel, channel of its group, row tap, column tap)."""
        connection, geometry = projection.connection, self.geometry(projection)
        assert isinstance(connection, Windowed)
        kernel = connection.kernel(stored, projection.shapes[0])
        return kernel.reshape(geometry.outputs, geometry.inputs // geometry.groups, geometry.rows.kernel, geometry.columns.kernel)

    def event_only(self, projection: Projection) -> str:
        return "runs in mode event only"

    def gathered(self, projection: Projection, stored: Ints, source: Layout, target: Layout, config: Config) -> Gathering | None:
        return None

    def sums(self, projection: Projection, stored: Ints) -> Sums:
        return Sums(*largest_sums(self.geometry(projection), self.kernel(projection, stored)))

    def reads_blocks(self, projection: Projection, lanes: int) -> bool:
        """Channel by channel, of which there are so many that blocks have no neighbours."""
        return self.geometry(projection).by_channel and 2 * projection.shapes[0][0] > lanes

    def parts(self, projection: Projection, stored: Ints, source: Layout, target: Layout, mode: Mode, config: Config) -> list[Part]:
        """One pass, or as many as the source has index ranges."""
        assert mode is Mode.EVENT
        geometry = self.geometry(projection)
        inputs = geometry.inputs, geometry.rows.length, geometry.columns.length
        outputs = geometry.outputs, geometry.rows.target, geometry.columns.target
        where = f"{projection.where}, source"
        blocks = blocks_of(target, outputs, config.lanes, f"{projection.where}, target")
        own = blocks_if_whole(source, inputs, config.lanes) if config.vectors and geometry.by_channel and blocks.neighbours == 1 else None
        vectors = own is not None and own.neighbours == 1
        digits = own.digits(inputs, where) if own is not None and vectors else digits_of(source, inputs, where)
        walk, words = walk_of(geometry, self.kernel(projection, stored), digits, blocks, vectors=vectors)
        return [
            Part(first, fan_in, ceil_div(target.size, config.lanes), words, own) for first, fan_in, own in ranges(walk, source.size, config, projection.where)
        ]


def ranges(walk: Walk, places: int, config: Config, where: str) -> list[tuple[int, int, Walk]]:
    """First place, places and walk of every pass: ranges of whole words of 32 whose indices can be divided, which begin with a new last digit.

    Raises
    ------
    CompileError   if there are no such ranges.
    """
    limit = config.mapped_fan_in
    if places <= limit:
        return [(0, places, walk)]
    turn = walk.digits[0].radix * walk.digits[1].radix * walk.lanes
    size = limit - limit % math.lcm(turn, RING_BITS)
    if not size:
        raise CompileError(
            f"{where}: its source has {places:,} places and {turn:,} of them in each turn of the last axis, a pass takes {limit:,} of whole turns; "
            "split the source population, or give it another layout"
        )
    return [(first, min(size, places - first), walk.behind(first // turn)) for first in range(0, places, size)]
