"""The device's 32-bit counters, carried so that they count without end."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from lifline.arch.errors import DeviceError
from lifline.arch.registers import COUNTER_BITS, COUNTERS

FASTEST_HZ = 200e6
"""No board clocks its core faster."""
BLIND_S = 2**COUNTER_BITS / FASTEST_HZ
"""A counter that was not looked at for longer may have wrapped more than once."""
LOOK_S = BLIND_S / 4
"""How often the counters of a run are looked at."""


def now_s() -> float:
    """Seconds that pass for a board, too: also while this machine sleeps, where the platform can tell."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


def counted(before: NDArray[np.integer], after: NDArray[np.integer]) -> NDArray[np.int64]:
    """Events between two looks at counters that are modulo ``2^COUNTER_BITS``, if they were fewer than that; int64."""
    return (after.astype(np.int64) - before.astype(np.int64)) % (1 << COUNTER_BITS)


class CycleCounters:
    """Totals of :data:`~lifline.arch.registers.COUNTERS` since :meth:`begin`.

    Parameters
    ----------
    read : the counters of the device now.   wrapped : whether one of them has wrapped since the last fresh start.

    Attributes
    ----------
    totals : (counter,) int64.
    """

    def __init__(self, read: Callable[[], NDArray[np.uint32]], wrapped: Callable[[], bool]) -> None:
        self._read, self._wrapped = read, wrapped
        self.totals = np.zeros(len(COUNTERS), np.int64)
        self._last = np.zeros(len(COUNTERS), np.uint32)
        self._looked_s = now_s()

    def begin(self, *, fresh: bool) -> None:
        """Count from now on; ``fresh``: the next start clears the device's counters."""
        self._last = np.zeros(len(COUNTERS), np.uint32) if fresh else self._read()
        self.totals = np.zeros(len(COUNTERS), np.int64)
        self._looked_s = now_s()

    def look(self, *, due: bool = True) -> None:
        """Add what was counted since the last look; without ``due`` only if that was a while ago.

        Raises
        ------
        DeviceError   if the last look, within the same run, was so long ago that a counter may have wrapped twice.
        """
        gap = now_s() - self._looked_s
        if not due and gap < LOOK_S:
            return
        current = self._read()
        if gap > BLIND_S and self._wrapped():
            raise DeviceError(
                f"this process stood still for {gap:.0f} s in the middle of a run, and the device's {COUNTER_BITS}-bit cycle counters "
                f"bridge {BLIND_S:.0f} s: the cycles are lost; use reset=True in the next run"
            )
        self.totals += counted(self._last, current)
        self._last, self._looked_s = current, now_s()

    def again(self) -> None:
        """Begin new totals with what was counted since the last look: the device counts between runs, too."""
        self.totals = np.zeros(len(COUNTERS), np.int64)
        self.look()

    def resume(self) -> None:
        """The device stood still since the last look: the time that has passed does not matter."""
        self._looked_s = now_s()
