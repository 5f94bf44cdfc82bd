"""UPduino 3: amaranth-boards' platform with the USB bridge as a serial port, and the crystal as the clock.

The bridge (FT232H) shares two pins with the flash memory, from which the chip has started by then; the flash stays deselected. The oscillator reaches
the chip when the board's jumper OSC is closed; the chip's own, of up to 10 % error, is no clock for a serial line.
"""

from amaranth.build import Attrs, Pins, PinsN, Resource, Subsignal
from amaranth_boards.upduino_v3 import UpduinoV3Platform

CMOS = Attrs(IO_STANDARD="SB_LVCMOS")


class UPduino3(UpduinoV3Platform):
    """With a serial port, on the crystal."""

    default_clk = "clk12"
    resources = [
        *UpduinoV3Platform.resources,
        Resource("uart", 0, Subsignal("tx", Pins("14", dir="o")), Subsignal("rx", Pins("15", dir="i")), CMOS),
        Resource("flash_select", 0, PinsN("16", dir="o"), CMOS),
    ]
