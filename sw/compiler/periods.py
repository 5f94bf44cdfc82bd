"""Parameters that repeat with the rows, such as one per channel: found, and stored once per phase where that saves words."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from lifline.arch.config import ceil_div
from lifline.arch.program import POPULATION_5

from .layouts import Layout

Ints = NDArray[np.int64]
LONGEST = (1 << POPULATION_5["period_rows"].width) - 1
"""Rows of the longest period."""
GLANCE = 64
"""Rows that tell most periods that are none."""


class RowValues:
    """A parameter in rows of the hardware.

    Parameters
    ----------
    values : (neuron,).   padding : what padding holds, or None if that does not matter; in the last row it does not.

    Attributes
    ----------
    rows : (row, lane).   matters : (row, lane), whether there has to be this value.
    """

    def __init__(self, values: Ints, layout: Layout, lanes: int, *, padding: int | None = None) -> None:
        shape = ceil_div(layout.size, lanes), lanes
        self.rows, self.matters = np.full(shape, padding or 0, np.int64), np.full(shape, padding is not None)
        self.rows.reshape(-1)[layout.indices] = values
        self.matters[-1] = False
        self.matters.reshape(-1)[layout.indices] = True

    def _phases(self, period: int, rows: int) -> tuple[Ints, Ints]:
        """Least and greatest value of every phase and lane, within the first ``rows``; where nothing matters the least is greater."""
        count = ceil_div(rows, period) * period
        limit = np.iinfo(np.int64)
        padded = [np.full((count, self.rows.shape[1]), edge) for edge in (limit.max, limit.min)]
        for part in padded:
            part[:rows][self.matters[:rows]] = self.rows[:rows][self.matters[:rows]]
        least, greatest = (part.reshape(-1, period, part.shape[1]) for part in padded)
        return least.min(axis=0), greatest.max(axis=0)

    def repeats(self, period: int) -> bool:
        """Whether values ``period`` rows apart agree."""
        for rows in (min(GLANCE, len(self.rows)), len(self.rows)):
            least, greatest = self._phases(period, rows)
            if (least < greatest).any():
                return False
        return True

    def period(self) -> int | None:
        """The shortest period that is shorter than all rows, if there is one."""
        return next((n for n in range(1, min(LONGEST + 1, len(self.rows))) if self.repeats(n)), None)

    def phases(self, period: int) -> Ints:
        """(phase, lane) the values that repeat; 0 where nothing matters."""
        least, greatest = self._phases(period, len(self.rows))
        return np.where(least > greatest, 0, least)


def best_period(parameters: Mapping[str, RowValues]) -> tuple[int, tuple[str, ...]]:
    """The period and the parameters to store once per phase with which the fewest words remain; ``0, ()`` if each row should have its own.

    All parameters of a population have one period: that of each divides it.
    """
    periods = {name: period for name, values in parameters.items() if (period := values.period()) is not None}
    best, fewest = (0, ()), 0
    for count in range(1, len(periods) + 1):
        for names in itertools.combinations(periods, count):
            period = math.lcm(*(periods[name] for name in names))
            more = (period - len(parameters[names[0]].rows)) * count  # words, as compared with one for each row
            if period <= LONGEST and more < fewest and all(parameters[name].repeats(period) for name in names):
                best, fewest = (period, names), more
    return best
