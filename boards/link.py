"""What joins a board to a computer."""

from __future__ import annotations

from enum import StrEnum

USB_CLOCKS_HZ = {"usb_io": 48e6, "usb": 12e6}
"""Domains of a USB port at full speed."""


class Link(StrEnum):
    """The ways. Both look like a serial port to the computer."""

    SERIAL = "serial"
    """A serial line, and the chip on the board that makes USB of it."""
    USB = "usb"
    """USB at full speed on pins of the FPGA."""

    @property
    def clocks_hz(self) -> dict[str, float]:
        """Domains beside the core's, by name."""
        return USB_CLOCKS_HZ if self is Link.USB else {}
