"""Sipeed Tang Nano 20K; its USB bridge (BL616) has the serial port. Pins after https://wiki.sipeed.com/hardware/en/tang/tang-nano-20k."""

from amaranth.build import Attrs, Clock, Pins, Resource, Subsignal
from amaranth.vendor import GowinPlatform

CMOS = Attrs(IO_TYPE="LVCMOS33")


class TangNano20K(GowinPlatform):
    """Clock and serial port."""

    part, family = "GW2AR-LV18QN88C8/I7", "GW2AR-18C"
    default_clk = "clk27"
    resources = [
        Resource("clk27", 0, Pins("4", dir="i"), Clock(27e6), CMOS),
        Resource("uart", 0, Subsignal("tx", Pins("69", dir="o")), Subsignal("rx", Pins("70", dir="i")), Attrs(IO_TYPE="LVCMOS33", PULL_MODE="UP")),
    ]
    connectors = []
