"""All boards at a glance."""

from __future__ import annotations

from typing import Any

from .board import BAUD_HZ, BOARDS
from .capacity import largest_that_fits

BITS_PER_BYTE = 10
"""On a serial line: with start and stop bit."""


def overview() -> list[dict[str, Any]]:
    """For every board: ``board``, ``title``, ``chip``, ``family``, ``available`` (number by resource), ``largest`` (the largest preset that fits,
    or None), ``config`` (the one it is built with unless told otherwise), ``clock_mhz``, ``baud_hz``, ``link_bytes_per_s`` each way."""
    return [
        {
            "board": name,
            "title": board.title,
            "chip": board.chip.name,
            "family": board.chip.family,
            "available": board.chip.available(),
            "largest": fitting.name if (fitting := largest_that_fits(board.chip)) else None,
            "config": board.configuration().name,
            "clock_mhz": board.clock_hz / 1e6,
            "baud_hz": BAUD_HZ,
            "link_bytes_per_s": BAUD_HZ // BITS_PER_BYTE,
        }
        for name, board in BOARDS.items()
    ]
