"""A RISC-V system on a chip, by LiteX, with lifline's core beside the processor, which runs the C driver.

    python examples/litex/soc.py NETWORK --out build-litex [--config tiny] [--simulate]

compiles the network, writes the core (`lifline export`'s Verilog) and the driver (`lifline embed`'s C), builds the system around them and its firmware, and
with ``--simulate`` runs it in Icarus Verilog: what the firmware says on its console is printed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Any

from litex.build.generic_platform import Pins, Subsignal
from litex.build.lattice.platform import LatticeECP5Platform
from litex.gen import LiteXModule
from litex.soc.cores.uart import UART
from litex.soc.integration.export import get_csr_header, get_linker_regions
from litex.soc.integration.soc_core import SoCCore
from litex.soc.interconnect import stream
from migen import ClockDomain, ClockSignal, Instance, ResetSignal

import lifline
from lifline.arch.config_file import configuration
from lifline.embedded.image import c_source, driver_sources
from lifline.ip.verilog import Bus, module_name, verilog_of

HERE = Path(__file__).parent
ROM_BYTES, RAM_BYTES = 0x10000, 0x2000
COMPILER = "riscv64-unknown-elf-gcc"
CLOCK_HZ = 50e6


class Lifline(LiteXModule):
    """The core as LiteX sees it: a byte stream each way, in the frames that a board's serial line carries; LiteX's `UART` makes registers of them."""

    def __init__(self, module: str) -> None:
        self.sink, self.source = stream.Endpoint([("data", 8)]), stream.Endpoint([("data", 8)])
        self.specials += Instance(
            module,
            i_clk=ClockSignal(), i_rst=ResetSignal(),
            i_i__payload=self.sink.data, i_i__valid=self.sink.valid, o_i__ready=self.sink.ready,
            o_o__payload=self.source.data, o_o__valid=self.source.valid, i_o__ready=self.source.ready,
        )  # fmt: skip


class Reset(LiteXModule):
    """Clock and reset of the simulation's pins; a board has a generator here."""

    def __init__(self, platform: Any) -> None:
        self.cd_sys = ClockDomain()
        self.comb += [self.cd_sys.clk.eq(platform.request("clock")), self.cd_sys.rst.eq(platform.request("reset"))]


def make_platform() -> LatticeECP5Platform:
    """Pins of the simulation: clock, reset, and the console as bytes."""
    console = [Subsignal(f"{side}_{name}", Pins(width)) for side in ("source", "sink") for name, width in (("valid", 1), ("ready", 1), ("data", 8))]
    return LatticeECP5Platform("LFE5U-85F-6BG381C", [("clock", 0, Pins(1)), ("reset", 0, Pins(1)), ("serial", 0, *console)], toolchain="trellis")


def make_system(module: str, firmware: list[int]) -> SoCCore:
    """Processor, memories, console, and the core behind registers named ``lifline``."""
    platform = make_platform()
    system = SoCCore(
        platform, CLOCK_HZ, cpu_type="vexriscv", cpu_variant="standard", integrated_rom_size=ROM_BYTES, integrated_rom_init=firmware,
        integrated_sram_size=RAM_BYTES, uart_name="sim", with_timer=False, ident="", with_ctrl=False,
    )  # fmt: skip
    system.crg = Reset(platform)
    system.core = Lifline(module)
    system.lifline = UART(system.core, tx_fifo_depth=64, rx_fifo_depth=64, rx_fifo_rx_we=True)
    return system


def build(network: Path, config_name: str, out: Path) -> list[Path]:
    """Write everything into ``out``; returns the Verilog of the system, the core and the processor."""
    program = lifline.compile_network(lifline.load_network(network), configuration(config_name))
    out.mkdir(parents=True, exist_ok=True)
    module = module_name(program.config, Bus.STREAM)
    (out / f"{module}.v").write_text(verilog_of(program.config, Bus.STREAM))
    for name, text in driver_sources().items():
        (out / name).write_text(text)
    (out / "network.c").write_text(c_source(program, "network"))

    # Addresses first, for the firmware; then the system with it in its memory.
    plain = make_system(module, [])
    plain.finalize()
    (out / "csr.h").write_text(get_csr_header(plain.csr_regions, plain.constants, with_access_functions=False))
    (out / "regions.ld").write_text(get_linker_regions(plain.mem_regions))
    system = make_system(module, compile_firmware(out))
    system.finalize()
    verilog = system.platform.get_verilog(system, name="system")
    for name, text in {"system.v": verilog.main_source, **verilog.data_files}.items():
        (out / name).write_text(text)
    return [out / "system.v", out / f"{module}.v", *(Path(source[0]) for source in system.platform.sources)]


def compile_firmware(out: Path) -> list[int]:
    """The firmware as words, by the compiler of the distribution (Debian: ``gcc-riscv64-unknown-elf``)."""
    sources = [str(HERE / "start.S"), *(str(HERE / name) for name in ("main.c", "memory.c")), *(name for name in driver_sources() if name.endswith(".c")), "network.c"]
    options = ["-march=rv32im_zicsr", "-mabi=ilp32", "-Os", "-ffreestanding", "-nostdlib", "-nostartfiles", "-fno-tree-loop-distribute-patterns", "-std=c99", "-Wall", "-Wextra", "-Werror", "-I."]
    subprocess.run([COMPILER, *options, *sources, "-T", str(HERE / "link.ld"), "-lgcc", "-o", "firmware.elf"], cwd=out, check=True)
    subprocess.run([COMPILER.replace("gcc", "objcopy"), "-O", "binary", "firmware.elf", "firmware.bin"], cwd=out, check=True)
    data = (out / "firmware.bin").read_bytes()
    data += bytes(-len(data) % 4)
    return [int.from_bytes(data[k : k + 4], "little") for k in range(0, len(data), 4)]


def simulate(sources: list[Path], out: Path) -> str:
    """Run the system in Icarus Verilog, as Verilog of 2005, in which combinational processes begin at time zero; returns what its console says."""
    files = [str(source.resolve()) for source in (HERE / "testbench.v", *sources)]
    subprocess.run(["iverilog", "-g2005", "-o", "system.vvp", *files], cwd=out, check=True)
    return subprocess.run(["vvp", "-n", "system.vvp"], cwd=out, check=True, capture_output=True, text=True).stdout


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("network", type=Path)
    parser.add_argument("--config", default="tiny")
    parser.add_argument("--out", type=Path, default=Path("build-litex"))
    parser.add_argument("--simulate", action="store_true")
    options = parser.parse_args()
    sources = build(options.network, options.config, options.out)
    print("Verilog of system, core and processor:", *sources, sep="\n  ")
    if options.simulate:
        print(simulate(sources, options.out))
    return 0


if __name__ == "__main__":
    sys.exit(main())
