"""The chip between a board's serial line and USB, and the rates that it can make."""

from __future__ import annotations

from dataclasses import dataclass

from lifline.arch.errors import ConfigError
from lifline.rtl.top import MAX_BAUD_ERROR, divisor

EIGHTHS = 8
"""Divisors of FTDI's chips go in eighths (application note AN232B-05)."""
SLOWEST_HZ, FASTEST_HZ = 9600, 12_000_000
"""Of serial lines that anybody builds: no adapter is faster."""


@dataclass(frozen=True)
class SerialChip:
    """A USB serial adapter.

    Attributes
    ----------
    name : what stands on it.
    base_hz : of FTDI's chips: rates are this, two thirds, half of it, and from there on ``base_hz / (n + k/8)``. 0: a microcontroller whose firmware decides.
    """

    name: str
    base_hz: int = 0

    def rate(self, wanted_hz: float) -> float:
        """The nearest rate that it can make; of firmware that is not known, the wanted one."""
        return min(self._around(wanted_hz), key=lambda rate: abs(rate - wanted_hz)) if self.base_hz else wanted_hz

    def check(self, baud_hz: int, clock_hz: float) -> None:
        """Whether chip and core, with this clock, make the same rate, each within half of what a receiver tolerates.

        Raises
        ------
        ConfigError   if they do not; it names the rates nearest to ``baud_hz`` that both make.
        """
        made = self.rate(baud_hz)
        if abs(made / baud_hz - 1) > MAX_BAUD_ERROR:
            problem = f"the board's {self.name} makes {made:.0f} baud, not {baud_hz}"
        elif not _makes(clock_hz, baud_hz):
            problem = f"a clock of {clock_hz / 1e6:g} MHz does not make {baud_hz} baud within {100 * MAX_BAUD_ERROR:g} %"
        else:
            return
        raise ConfigError(f"{problem}; rates near it that both make: {', '.join(map(str, self.nearest(baud_hz, clock_hz))) or 'none'}")

    def nearest(self, baud_hz: int, clock_hz: float) -> list[int]:
        """The next slower and the next faster rate that chip and core make, as far as there are any."""
        possible = self.rates(clock_hz)
        slower, faster = [r for r in possible if r <= baud_hz], [r for r in possible if r > baud_hz]
        return slower[-1:] + faster[:1]

    def rates(self, clock_hz: float) -> list[int]:
        """Rates that chip and core make, in whole baud, the slowest first; of firmware those that a core makes exactly."""
        if self.base_hz:
            found = self._all()
        else:
            found = [clock_hz / cycles for cycles in range(1, int(clock_hz / SLOWEST_HZ) + 1)]
        return sorted({round(rate) for rate in found if rate >= SLOWEST_HZ and _makes(clock_hz, round(rate))})

    def _all(self) -> list[float]:
        longest = self.base_hz // SLOWEST_HZ
        return [float(self.base_hz), self.base_hz / 1.5, *(self.base_hz * EIGHTHS / k for k in range(2 * EIGHTHS, (longest + 1) * EIGHTHS))]

    def _around(self, wanted_hz: float) -> list[float]:
        """The rates on both sides of the wanted one."""
        k = max(2 * EIGHTHS, int(self.base_hz * EIGHTHS / wanted_hz))
        return [float(self.base_hz), self.base_hz / 1.5, self.base_hz * EIGHTHS / k, self.base_hz * EIGHTHS / (k + 1)]


def _makes(clock_hz: float, baud_hz: int) -> bool:
    try:
        divisor(clock_hz, baud_hz)
    except ConfigError:
        return False
    return True


FT231X = SerialChip("FT231X", 3_000_000)
FT232H = SerialChip("FT232H", 12_000_000)
FT2232H = SerialChip("FT2232H", 12_000_000)
"""Rates of FTDI's chips: AN232B-05, and the data sheets DS_FT231X and DS_FT2232H."""
I_LINK = SerialChip("iCELink")
DAP_LINK = SerialChip("CMSIS-DAP adapter")
BL702 = SerialChip("BL702")
RP2040 = SerialChip("RP2040")
ADAPTER = SerialChip("adapter of your own")
"""Microcontrollers: their makers name no fastest rate."""
