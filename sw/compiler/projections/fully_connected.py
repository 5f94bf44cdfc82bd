"""Fully connected: a weight word per presynaptic neuron and block, block after block."""

from __future__ import annotations

import numpy as np

from lifline.arch.config import Config, ceil_div
from lifline.arch.limits import RING_BITS
from lifline.arch.program import Mode
from lifline.network.model import Projection

from ..layouts import Layout
from .kind import Gathering, Ints, Part, Sums


class FullyConnected:
    """Stored weights are (target, source)."""

    visits_all = False

    def sums(self, projection: Projection, stored: Ints) -> Sums:
        return Sums(np.maximum(stored, 0).sum(axis=1), np.maximum(-stored, 0).sum(axis=1))

    def reads_blocks(self, projection: Projection, lanes: int) -> bool:
        return False

    def parts(self, projection: Projection, stored: Ints, source: Layout, target: Layout, mode: Mode, config: Config) -> list[Part]:
        """One pass in event mode; in dense mode as many presynaptic neurons per pass as the list of active ones takes, in whole ring words."""
        stored = target.spread(source.spread(stored, axis=1), axis=0)
        size = stored.shape[1]
        limit = config.dense_fan_in if mode is Mode.DENSE else config.event_fan_in
        limit -= limit % RING_BITS
        return [self._part(stored[:, first : first + limit], first, config.lanes) for first in range(0, size, limit)]

    def event_only(self, projection: Projection) -> str:
        return ""

    def gathered(self, projection: Projection, stored: Ints, source: Layout, target: Layout, config: Config) -> Gathering | None:
        return None

    def _part(self, stored: Ints, first: int, lanes: int) -> Part:
        targets, fan_in = stored.shape
        blocks = ceil_div(targets, lanes)
        padded = np.zeros((blocks * lanes, fan_in), np.int64)
        padded[:targets] = stored
        return Part(first, fan_in, blocks, padded.reshape(blocks, lanes, fan_in).transpose(0, 2, 1).reshape(-1, lanes))
