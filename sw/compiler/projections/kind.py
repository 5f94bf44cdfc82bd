"""What the compiler asks every kind of projection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lifline.arch.config import Config
from lifline.arch.program import Mode
from lifline.network.model import Projection

from ..layouts import Layout
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
    walk : which of them each presynaptic place meets; None: one per block, places after one another.
    """

    first: int
    fan_in: int
    blocks: int
    words: Ints
    walk: Walk | None = None


class Kind(Protocol):
    """One kind of projection. ``stored`` are the weights that the weight memory holds, of the shape of the projection's own."""

    def sums(self, projection: Projection, stored: Ints) -> Sums:
        """The largest sums that stored weights can make, if every presynaptic neuron spikes at most once in a step."""
        ...

    def parts(self, projection: Projection, stored: Ints, source: Layout, target: Layout, mode: Mode, config: Config) -> list[Part]:
        """The passes that accumulate it in ``mode``, and the weight words that each reads; together they see every synapse once.

        Parts count neurons as the hardware does: ``source`` and ``target`` say where they are.

        Raises
        ------
        CompileError   for layouts that it cannot follow, and sources that are too large.
        """
        ...
