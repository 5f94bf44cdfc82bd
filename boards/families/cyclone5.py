"""Intel Cyclone V: a project for Quartus."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import ClockSignal, Module
from amaranth.lib import io

from lifline.arch.errors import ConfigError

from ..chip import Chip
from ..clock import ClockGenerator
from ..estimate import Formula
from ..mapping import BestFilled, Geometry, Multipliers
from .vendor import VendorFamily

MEGAFUNCTIONS = """read_verilog <<END
(* blackbox *)
module altera_std_synchronizer_bundle #(parameter width = 1, parameter depth = 2) (
    input clk, input reset_n, input [width-1:0] din, output [width-1:0] dout);
endmodule
module output_buffer #(
    parameter number_of_channels = 1, parameter use_oe = "", parameter enable_bus_hold = "", parameter use_differential_mode = "") (
    input [number_of_channels-1:0] datain, input [number_of_channels-1:0] oe, output [number_of_channels-1:0] dataout);
    assign dataout = datain;
endmodule
END
chtype -set output_buffer t:altiobuf_out
"""
"""Of those that the project uses, yosys lacks one, and of another a port."""


class Clock(ClockGenerator):
    """The board's own clock, which is there before the chip is configured."""

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.buffer = buffer = io.Buffer(io.Direction.Input, self.source(platform))
        m.d.comb += ClockSignal().eq(buffer.i)
        return m


class Cyclone5(VendorFamily):
    """5CSE, built by Quartus."""

    name = "cyclone5"
    program = "Quartus"
    bitstream = "top.sof"
    synthesis = "synth_intel_alm -family cyclonev"
    prepare = MEGAFUNCTIONS
    counts = {
        "block_ram": {"MISTRAL_M10K": 1},
        "dsp": {"MISTRAL_MUL27X27": 1, "MISTRAL_MUL18X18": 1, "MISTRAL_MUL9X9": 1},
    }
    memories = BestFilled(tuple(Geometry(w, d, w) for w, d in ((10, 1024), (5, 2048), (40, 256), (2, 4096), (20, 512), (1, 8192))), least_percent=5)
    multipliers = Multipliers(27, 0, narrowest=4)
    tables = Formula((3466.0, 1.688, 1.306, 0.832, 13.33, 0.0, 0.0), 0.12)

    def clock(self, input_hz: float, wanted_hz: float) -> ClockGenerator:
        if wanted_hz != input_hz:
            raise ConfigError(f"the core runs from this board's own clock, {input_hz / 1e6:g} MHz; leave the clock out")
        return Clock(input_hz)


CYCLONE_V_SE_A6 = Chip("5CSEBA6", Cyclone5.name, lut=83820, ff=167640, block_ram=553, dsp=224)
