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
    blocks : blocks of postsynaptic neurons that it visits.   words : its weight words, (word, lane), lanes without a neuron are 0.
    """

    first: int
    fan_in: int
    blocks: int
    words: Ints


class Kind(Protocol):
    """One kind of projection."""

    def stored(self, projection: Projection, shift: int) -> Ints:
        """The weights that the weight memory holds if the gateware shifts sums to the left by ``shift``, at most the projection's own."""
        ...

    def sums(self, stored: Ints) -> Sums:
        """The largest sums that :meth:`stored` weights can make, if every presynaptic neuron spikes at most once in a step."""
        ...

    def parts(self, stored: Ints, source: Layout, target: Layout, mode: Mode, config: Config) -> list[Part]:
        """The passes that accumulate it in ``mode``, and the weight words that each reads; together they see every synapse once.

        Parts count neurons as the hardware does: ``source`` and ``target`` say where they are.
        """
        ...
