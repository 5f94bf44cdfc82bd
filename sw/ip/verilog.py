"""The core behind a bus as one Verilog file."""

from __future__ import annotations

import enum
from collections.abc import Callable

from amaranth.back import verilog
from amaranth.lib.wiring import Component

from lifline.arch.config import Config
from lifline.rtl.buses.top import AxiTop, WishboneTop
from lifline.rtl.top import Top


class Bus(enum.StrEnum):
    """How the system talks to the core."""

    STREAM = "stream"
    """bytes in frames, both ways, with ``valid`` and ``ready``"""
    AXI = "axi"
    """AXI4-Lite, and AXI4-Stream for input and records"""
    WISHBONE = "wishbone"
    """Wishbone B4, classic"""


TOPS: dict[Bus, Callable[[Config], Component]] = {Bus.STREAM: Top, Bus.AXI: AxiTop, Bus.WISHBONE: WishboneTop}


def module_name(config: Config, bus: Bus) -> str:
    """Name of the top-level module: an identifier."""
    return "".join(c if c.isascii() and c.isalnum() else "_" for c in f"lifline_{config.name}_{bus}")


def verilog_of(config: Config, bus: Bus) -> str:
    """Verilog-2005 of a core, for any tool; clock ``clk``, synchronous reset ``rst``, active high."""
    return verilog.convert(TOPS[bus](config), name=module_name(config, bus), strip_internal_attrs=True, emit_src=False)
