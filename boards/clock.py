"""The core's clock from the board's, by the phase-locked loop of each family."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from amaranth.hdl import ClockSignal, Elaboratable, Instance, Module, Signal
from amaranth.lib.cdc import ResetSynchronizer

from lifline.arch.errors import ConfigError


@dataclass(frozen=True)
class Dividers:
    """Reference, feedback and output divider; the oscillator runs ``post`` times faster than the output."""

    reference: int
    feedback: int
    post: int


@dataclass(frozen=True)
class Family:
    """Limits of one family's phase-locked loop, from the vendors' data sheets (ECP5: FPGA-DS-02012; iCE40: FPGA-TN-02052)."""

    oscillator_hz: tuple[float, float]
    detector_hz: tuple[float, float]
    references: range
    feedbacks: range
    posts: tuple[int, ...]
    feedback_from_oscillator: bool

    def output_hz(self, input_hz: float, dividers: Dividers) -> float:
        """The frequency that the dividers make."""
        return input_hz / dividers.reference * dividers.feedback / (dividers.post if self.feedback_from_oscillator else 1)

    def dividers(self, input_hz: float, wanted_hz: float) -> Dividers:
        """The dividers whose output comes nearest to ``wanted_hz`` without exceeding it.

        Raises
        ------
        ConfigError   if no setting is within the limits.
        """
        found: list[tuple[float, Dividers]] = []
        for reference in self.references:
            detector = input_hz / reference
            if not self.detector_hz[0] <= detector <= self.detector_hz[1]:
                continue
            for post in self.posts:
                for feedback in self.feedbacks:
                    setting = Dividers(reference, feedback, post)
                    output = self.output_hz(input_hz, setting)
                    if self.oscillator_hz[0] <= output * post <= self.oscillator_hz[1] and output <= wanted_hz * (1 + 1e-9):
                        found.append((wanted_hz - output, setting))
        if not found:
            raise ConfigError(f"no setting of the clock generator makes at most {wanted_hz / 1e6:g} MHz from {input_hz / 1e6:g} MHz")
        return min(found, key=lambda f: (round(f[0]), f[1].reference, f[1].post))[1]


FAMILIES = {
    "ecp5": Family((400e6, 800e6), (3.125e6, 400e6), range(1, 129), range(1, 81), tuple(range(1, 129)), False),
    "ice40": Family((533e6, 1066e6), (10e6, 133e6), range(1, 17), range(1, 129), (2, 4, 8, 16, 32, 64), True),
}


class ClockGenerator(Elaboratable):
    """Drives the ``sync`` domain, which the design defines, with ``wanted_hz`` (or the nearest frequency below) as soon as that clock is stable.

    An ECP5 has a gate in the clock tree: it stays shut until the loop has locked. Every flip-flop keeps the value that configuration gave it
    till then, and no reset has to reach it. In an iCE40 the clock runs from the start and the domain is in reset.

    Attributes
    ----------
    hz : the frequency that it makes.
    resets : whether it resets the domain; else the domain has to be one without reset.

    Raises
    ------
    ConfigError   if the family's loop cannot make it.
    """

    def __init__(self, family: str, input_hz: float, wanted_hz: float) -> None:
        self.family, self.wanted_hz = family, wanted_hz
        self.resets = family == "ice40"
        limits = FAMILIES[family]
        self.dividers = limits.dividers(input_hz, wanted_hz)
        self.hz = limits.output_hz(input_hz, self.dividers)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        source = platform.request(platform.default_clk, dir="-")
        locked, clock, dividers = Signal(), Signal(), self.dividers
        if self.family == "ecp5":
            buffered, gated = Signal(), Signal()
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
        else:
            m.submodules.loop = Instance(
                "SB_PLL40_PAD",
                p_FEEDBACK_PATH="SIMPLE", p_DIVR=dividers.reference - 1, p_DIVF=dividers.feedback - 1,
                p_DIVQ=dividers.post.bit_length() - 1, p_FILTER_RANGE=1,
                i_PACKAGEPIN=source.io, i_RESETB=1, i_BYPASS=0, o_PLLOUTGLOBAL=clock, o_LOCK=locked,
            )  # fmt: skip
            m.d.comb += ClockSignal().eq(clock)
            m.submodules.reset = ResetSynchronizer(~locked)
        # Place and route derives the constraint of the new clock from the board's and the dividers.
        return m
