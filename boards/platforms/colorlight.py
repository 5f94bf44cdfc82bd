"""Colorlight i5 and i9, modules with an ECP5, on the extension board that Muse Lab sells them with; its CMSIS-DAP adapter has the serial port.

Pins after https://github.com/wuxx/Colorlight-FPGA-Projects; both modules have them in the same places.
"""

from amaranth.build import Attrs, Clock, Pins, Resource, Subsignal
from amaranth.vendor import LatticeECP5Platform

CMOS = Attrs(IO_TYPE="LVCMOS33")


class ColorlightI5(LatticeECP5Platform):
    """Version 7.0."""

    device, package, speed = "LFE5U-25F", "BG381", "6"
    default_clk = "clk25"
    resources = [
        Resource("clk25", 0, Pins("P3", dir="i"), Clock(25e6), CMOS),
        Resource("uart", 0, Subsignal("tx", Pins("J17", dir="o")), Subsignal("rx", Pins("H18", dir="i")), CMOS),
    ]
    connectors = []


class ColorlightI9(ColorlightI5):
    """Version 7.2."""

    device = "LFE5U-45F"
