"""Olimex GateMateA1-EVB; its RP2040 is the programmer and has the serial port. Pins after https://github.com/OLIMEX/GateMateA1-EVB."""

from amaranth.build import Attrs, Clock, Pins, Resource, Subsignal

from ..families.gatemate import GateMatePlatform


class GateMateA1Evb(GateMatePlatform):
    """Clock and serial port."""

    device = "CCGM1A1"
    default_clk = "clk10"
    resources = [
        Resource("clk10", 0, Pins("IO_SB_A8", dir="i"), Clock(10e6), Attrs(SCHMITT_TRIGGER="true")),
        Resource("uart", 0, Subsignal("tx", Pins("IO_SA_B6", dir="o")), Subsignal("rx", Pins("IO_SA_A6", dir="i"))),
    ]
    connectors = []
