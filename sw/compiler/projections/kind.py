"""What the compiler asks every kind of projection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lifline.arch.config import Config
from lifline.arch.program import Mode
from lifline.network.model import Projection

from ..bands import Band
from ..layouts import Layout
from .gather import Gather
from .walk import Walk

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Sums:
    """The largest sums that one step can add to the accumulators of a population, by sign; (target,) each, not negative."""

    positive: Ints
    negative: Ints

    def __add__(self, other: Sums) -> Sums:
        return Sums(self.positive + other.positive, self.negative + other.negative)


@dataclass(frozen=True, eq=False)
class Part:
    """What one pass accumulates.

    Attributes
    ----------
    first, fan_in : presynaptic places ``first .. first + fan_in - 1``; ``first`` is a multiple of 32.
    blocks : blocks of postsynaptic neurons that it has slots for.   words : its weight words, (word, lane), lanes without a neuron are 0.
    walk, gather : which of them each presynaptic place meets, or, in dense mode, each block; neither: one per block, places after one another.
    offset : weight word that the pass begins to count from; it may lie before the first.
    """

    first: int
    fan_in: int
    blocks: int
    words: Ints
    walk: Walk | None = None
    gather: Gather | None = None
    offset: int = 0


class Gathering(Protocol):
    """A projection in dense mode whose target may be computed in bands.

    Attributes
    ----------
    cuts : blocks of a target position, and of a row of them: bands are rows, or positions of one row.
    """

    @property
    def cuts(self) -> tuple[int, int]: ...

    def covers(self, bands: Sequence[Band]) -> list[range]:
        """Source rows that every band scans: together all of them, so that each is cleared by whom reads it last."""
        ...

    def parts(self, bands: Sequence[Band], covers: Sequence[range], config: Config) -> list[list[Part]]:
        """The passes of every band, which scan the source rows of its cover.

        Raises
        ------
        CompileError   for sources and kernels that are too large.
        """
        ...

    def cost(self, bands: Sequence[Band], covers: Sequence[range], config: Config) -> int:
        """Cycles of a window that bands differ in, roughly."""
        ...


class Kind(Protocol):
    """One kind of projection. ``stored`` are the weights that the weight memory holds, of the shape of the projection's own.

    Attributes
    ----------
    visits_all : a pass of :meth:`parts` may add to any block; else block after block has weight words of its own, of which a pass can take some.
    """

    visits_all: bool

    def sums(self, projection: Projection, stored: Ints) -> Sums:
        """The largest sums that stored weights can make, if every presynaptic neuron spikes at most once in a step."""
        ...

    def reads_blocks(self, projection: Projection, lanes: int) -> bool:
        """Whether its source had better stand position by position: blocks of it, of so many lanes, are entries then, in place of its neurons."""
        ...

    def parts(self, projection: Projection, stored: Ints, source: Layout, target: Layout, mode: Mode, config: Config) -> list[Part]:
        """The passes that accumulate it in ``mode``, for all blocks of the target, and the weight words that each reads; together they see every synapse once.

        Parts count neurons as the hardware does: ``source`` and ``target`` say where they are.

        Raises
        ------
        CompileError   for layouts that it cannot follow, and sources that are too large.
        """
        ...

    def event_only(self, projection: Projection) -> str:
        """Why it has no dense mode; empty if it has one."""
        ...

    def gathered(self, projection: Projection, stored: Ints, source: Layout, target: Layout, config: Config) -> Gathering | None:
        """What accumulates it in dense mode in place of :meth:`parts`, if something does.

        Raises
        ------
        CompileError   for layouts that dense mode cannot follow.
        """
        ...
