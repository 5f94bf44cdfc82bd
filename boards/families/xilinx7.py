"""AMD Artix-7: a project for Vivado."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from amaranth.hdl import ClockSignal, Instance, Module, Signal
from amaranth.lib import io

from lifline.arch.config import ceil_div

from ..chip import Chip
from ..clock import ClockGenerator, Loop
from ..estimate import Formula
from ..mapping import Geometry, Memories, MemoryShape, Multipliers
from .vendor import VendorFamily

LOOP = Loop((800e6, 1600e6), (19e6, 450e6), range(1, 57), range(2, 65), tuple(range(1, 129)), feedback_from_oscillator=True)
"""Limits of the phase-locked loop in the slowest speed grade, data sheet DS181."""

SMALL = 128
"""Lookup tables, two bits wide in each row of 32, that cost as little as half a block RAM."""


class Clock(ClockGenerator):
    """A gate in the clock tree stays shut until the loop has locked, as on an ECP5."""

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.buffer = buffer = io.Buffer(io.Direction.Input, self.source(platform))
        clock, feedback, locked, gated = Signal(), Signal(), Signal(), Signal()
        m.submodules.loop = Instance(
            "PLLE2_BASE",
            p_DIVCLK_DIVIDE=self.dividers.reference, p_CLKFBOUT_MULT=self.dividers.feedback, p_CLKOUT0_DIVIDE=self.dividers.post,
            p_CLKIN1_PERIOD=1e9 / platform.default_clk_frequency,
            i_CLKIN1=buffer.i, i_CLKFBIN=feedback, i_PWRDWN=0, i_RST=0, o_CLKFBOUT=feedback, o_CLKOUT0=clock, o_LOCKED=locked,
        )  # fmt: skip
        m.submodules.gate = Instance("BUFGCE", i_I=clock, i_CE=locked, o_O=gated)
        m.d.comb += ClockSignal().eq(gated)
        # Vivado derives the constraint of the new clock from the board's and the dividers.
        return m


class Xilinx7(VendorFamily):
    """XC7A, built by Vivado."""

    name = "xilinx7"
    program = "Vivado"
    bitstream = "top.bit"
    synthesis = "synth_xilinx -family xc7 -flatten"
    counts = {
        "block_ram": {"RAMB18E1": 1, "RAMB36E1": 2},
        "dsp": {"DSP48E1": 1},
    }
    memories = Memories(
        block=(
            *(Geometry(w, 16384 // w, w) for w in (1, 2, 4)), Geometry(9, 2048, 9), Geometry(18, 1024, 9), Geometry(36, 512, 9),
            *(Geometry(w, 32768 // w, w, units=2) for w in (1, 2, 4)), Geometry(9, 4096, 9, units=2), Geometry(18, 2048, 9, units=2),
            Geometry(36, 1024, 9, units=2), Geometry(72, 512, 9, units=2),
        ),
        block_cost=128,
        mode_cost=1,
        distributed=(Geometry(6, 32, 6), 8),
    )  # fmt: skip
    multipliers = Multipliers(18, 9, wider=25)
    tables = Formula((2540.0, 1.237, 0.957, 0.609, 9.77, 0.0, 0.0), 0.1)

    def least_blocks(self, memories: Iterable[MemoryShape]) -> int:
        """A small memory whose reads and writes turn out to share an address becomes lookup tables."""
        return super().least_blocks(memory for memory in memories if memory.width * ceil_div(memory.depth, 32) > SMALL)

    def clock(self, input_hz: float, wanted_hz: float) -> ClockGenerator:
        return Clock.by_loop(LOOP, input_hz, wanted_hz)


XC7A35T = Chip("XC7A35T", Xilinx7.name, lut=20800, ff=41600, block_ram=100, dsp=90)
XC7A100T = Chip("XC7A100T", Xilinx7.name, lut=63400, ff=126800, block_ram=270, dsp=240)
