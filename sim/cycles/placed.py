"""Passes and rings as the program's words place them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lifline.arch.config import ceil_div
from lifline.arch.limits import RING_BITS

from .kernels import Covers
from .maps import Visits

Writers = tuple[int, ...]
"""Numbers of the populations that write a ring, one behind the other: more than one are bands of a population."""


@dataclass(frozen=True)
class Ring:
    """A delay ring, or as much of it as one descriptor is about: who writes it (nobody a read-out's), its first word, its rows, every neuron's delay."""

    source: Writers
    base: int
    rows: int
    delays: NDArray[np.int64]

    @property
    def end(self) -> int:
        """The word behind its last one."""
        return self.base + ceil_div(len(self.delays), RING_BITS) * self.rows


@dataclass(frozen=True)
class PlacedPass:
    """One pass: which neurons of which ring it scans, the population that it updates, or None, and what its neurons visit, or its blocks cover, if maps say."""

    ring: Ring
    first: int
    groups: int
    blocks: int
    dense: bool
    looping: bool
    own: NDArray[Any]
    population: int | None
    target: NDArray[Any]
    visits: Visits | None
    covers: Covers | None
