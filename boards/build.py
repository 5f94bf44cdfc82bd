"""Bitstreams: a configuration and a UART on a board, built with tools that pip installs."""

from __future__ import annotations

import dataclasses
import math
import os
import shutil
import sysconfig
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from amaranth.build.run import BuildPlan
from amaranth.hdl import ClockDomain, Elaboratable, Module
from amaranth.lib import io

from lifline.arch.config import Config
from lifline.arch.errors import ConfigError, ToolError
from lifline.arch.values import integer
from lifline.rtl.top import SerialTop

from .board import BAUD_HZ, BOARDS, Board, board
from .cache import key_of, recall, remember
from .capacity import check_fits
from .families.family import SEED, Family
from .families.vendor import VendorFamily
from .link import Link
from .progress import progress
from .report import Report, read_report, tool_versions
from .serial_chip import FASTEST_HZ, SLOWEST_HZ

POLL_S = 0.5
LOADER = {"OPENFPGALOADER": "true"}
"""Platforms name their loader as a tool that a build needs; none does."""
MAX_SEEDS = 100

OnProgress = Callable[[str, float], object]
"""Is told, twice a second, the stage of the build and the share of the whole that is done."""


class BoardDesign(Elaboratable):
    """The complete design with a board's clock and the pins of its link.

    Parameters
    ----------
    input_hz, clock_hz : of the board's clock, and the one that is wanted for the core.
    link : what joins it to a computer.   baud_hz : of the serial line, if it is that.
    serial : what stands behind the pins ``rx`` and ``tx``; the core with its link unless given.

    Raises
    ------
    ConfigError   if the board's clock generator cannot make the clocks, or its serial chip or the core the rate.
    ToolError   if luna-usb is not installed, which USB needs.
    """

    def __init__(self, config: Config, chosen: Board, input_hz: float, clock_hz: float, *, link: Link = Link.SERIAL, baud_hz: int = BAUD_HZ, serial: Any = None) -> None:
        self.clock, self.held, self.link = chosen.family.clock(input_hz, clock_hz), chosen.held, link
        if link is Link.USB:
            self.usb_clock, self.serial = chosen.family.usb_clock(input_hz), usb_top(config, chosen)
            return
        chosen.adapter.check(baud_hz, self.clock.hz)
        self.serial = serial or SerialTop(config, clock_hz=self.clock.hz, baud_hz=baud_hz, target=chosen.family.target)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.domains.sync = ClockDomain("sync", reset_less=not self.clock.resets)
        m.submodules.clock = self.clock
        m.submodules.serial = self.serial
        if self.link is Link.USB:
            self._join_usb(m, platform)
        else:
            uart = platform.request("uart", 0, dir="-")
            m.submodules.rx = rx = io.Buffer(io.Direction.Input, uart.rx)
            m.submodules.tx = tx = io.Buffer(io.Direction.Output, uart.tx)
            m.d.comb += [self.serial.rx.eq(rx.i), tx.o.eq(self.serial.tx)]
        for name in self.held:
            m.submodules[name] = io.Buffer(io.Direction.Output, platform.request(name, dir="-"))
        return m

    def _join_usb(self, m: Module, platform: Any) -> None:
        """Clocks, and the pins, which are driven by the device while it talks."""
        for name in self.link.clocks_hz:
            m.domains += ClockDomain(name, reset_less=True)
        m.submodules.usb_clock = self.usb_clock
        pins = platform.request("usb", 0, dir="-")
        port: Any = self.serial  # its members are made at run time
        m.submodules.dp = dp = io.Buffer(io.Direction.Bidir, pins.d_p)
        m.submodules.dn = dn = io.Buffer(io.Direction.Bidir, pins.d_n)
        m.submodules.pullup = pullup = io.Buffer(io.Direction.Output, pins.pullup)
        m.d.comb += [self.usb_clock.input.eq(self.clock.input), port.dp_i.eq(dp.i), port.dn_i.eq(dn.i), pullup.o.eq(port.pullup)]
        m.d.comb += [dp.o.eq(port.dp_o), dn.o.eq(port.dn_o), dp.oe.eq(port.oe), dn.oe.eq(port.oe)]


def usb_top(config: Config, chosen: Board) -> Any:
    """The core with its link behind USB.

    Raises
    ------
    ToolError   if luna-usb is not installed.
    """
    try:
        from lifline.rtl.usb_top import UsbTop
    except ImportError as error:
        raise ToolError(f"USB needs the extra `boards` ({error}): pip install 'lifline[boards]'") from error
    return UsbTop(config, target=chosen.family.target)


def build(
    name: str,
    config: Config,
    folder: Path,
    *,
    clock_hz: float | None = None,
    link: Link | str = Link.SERIAL,
    baud_hz: int | None = None,
    seed: int | None = None,
    seeds: int = 1,
    force: bool = False,
    must_meet: bool = True,
    on_progress: OnProgress | None = None,
) -> Report:
    """Build a bitstream, or find the one that was built from exactly the same: design, constraints, options, tools and their versions.

    Every seed's files are in a folder of their own, named by the hash of what entered. The best bitstream is copied to
    ``folder/BOARD-CONFIG.bit`` (``.bin`` for an iCE40), with its report beside it, ``.json`` and ``.txt`` at the end of the name.

    Parameters
    ----------
    clock_hz : the core's clock; the board's own choice if not given.
    link : what joins the board to a computer, ``"serial"`` or, where the board has it, ``"usb"``.
    baud_hz : of the serial line; :data:`~lifline.boards.board.BAUD_HZ` if not given.
    seed : of the placer, the first one; the board's own choice if not given.
    seeds : how many seeds are tried, one after the other; the one with the fastest clock is kept.
    force : build even what has been built before.
    must_meet : whether a clock that is slower than the constraint is an error; else it stands in the report, and the bitstream must not be used at the constraint.
    on_progress : is told, twice a second, the stage of the build and the share of the whole that is done.

    Raises
    ------
    ConfigError   if the configuration cannot fit the board, or the board, its clock generator or its serial chip does not offer what is asked for.
    ToolError   if a tool is missing or fails, or the timing constraint is met with no seed.
    """
    chosen = board(name)
    if isinstance(chosen.family, VendorFamily):
        raise ConfigError(f"bitstreams for the {chosen.title} are made by {chosen.family.program}: write a project for it, boards.project.write_project")
    joined, wanted_hz = check_link(chosen, link, baud_hz), check_clock(chosen, clock_hz)
    rate_hz = check_rate(BAUD_HZ if baud_hz is None else baud_hz)
    first = integer(chosen.seed if seed is None else seed, "seed of the placer:", ConfigError, low=-(1 << 31), high=(1 << 31) - 1)
    number = integer(seeds, "number of seeds:", ConfigError, low=1, high=MAX_SEEDS)
    check_fits(config, chosen)
    platform = chosen.make_platform()
    find_tools(name, chosen.family)
    design = BoardDesign(config, chosen, platform.default_clk_frequency, wanted_hz, link=joined, baud_hz=rate_hz)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ToolError(f"cannot build in `{folder}` ({error}); name a folder that can be written") from error
    versions = tool_versions(chosen.family)
    plan = chosen.family.plan(platform, design, design.clock.hz)
    reports: list[Report] = []
    for k, placed in enumerate(range(first, first + number)):
        seeded = _with_seed(plan, placed)
        key = key_of(seeded, versions)
        place = folder / key
        report = None if force else recall(place, key)
        if report is None:
            _execute(seeded, place, f"`{config.name}` for {name}", on_progress and _part_of(on_progress, k, number))
            told = None if joined is Link.USB else rate_hz
            report = read_report(place, name, chosen, config.name, seed=placed, constraint_hz=design.clock.hz, baud_hz=told, tools=versions, link=joined)
            remember(place, key, report)
        reports.append(report)
    best = max(reports, key=lambda report: (not report.missed, report.fmax_mhz))
    if must_meet and best.missed:
        raise ToolError(
            f"timing not met by `{config.name}` on {name}: {', '.join(best.missed)} with "
            f"{'seed' if number == 1 else 'the best of seeds'} {', '.join(str(r.seed) for r in reports)}; try more --seeds, or a lower --clock"
        )
    tried = {report.seed: report.fmax_mhz for report in reports}
    return dataclasses.replace(best, seeds=tried).publish(folder)


def check_link(chosen: Board, link: Link | str, baud_hz: int | None) -> Link:
    """The link that is asked for.

    Raises
    ------
    ConfigError   if there is no such link, or none on this board, or a rate is asked for beside USB, which has its own.
    """
    if link not in list(Link):
        raise ConfigError(f"no link `{link}`; choose one of {', '.join(chosen.links)}")
    if link not in chosen.links:
        raise ConfigError(f"the {chosen.title} has no USB port on pins of the FPGA; build for its serial line, or for {', '.join(n for n, b in BOARDS.items() if b.usb)}")
    if link == Link.USB and baud_hz is not None:
        raise ConfigError(f"USB has no rate to choose: leave {baud_hz} baud out, or build for the serial line")
    return Link(link)


def check_clock(chosen: Board, clock_hz: float | None) -> float:
    """The clock that is asked for, the board's own unless given.

    Raises
    ------
    ConfigError   if it is no frequency.
    """
    wanted_hz = chosen.clock_hz if clock_hz is None else clock_hz
    if not (isinstance(wanted_hz, int | float) and 0 < wanted_hz < math.inf):
        raise ConfigError(f"a clock of {wanted_hz} Hz is none; give a frequency above 0, or none for the board's own {chosen.clock_hz / 1e6:g} MHz")
    return wanted_hz


def check_rate(baud_hz: int) -> int:
    """The rate of the serial line that is asked for.

    Raises
    ------
    ConfigError   if it is none.
    """
    return integer(baud_hz, "rate of the serial line, in baud:", ConfigError, low=SLOWEST_HZ, high=FASTEST_HZ)


def find_tools(name: str, family: Family) -> None:
    """Name the tools in the environment, as Amaranth wants it, and make sure that they are there.

    Raises
    ------
    ToolError   naming those that are not.
    """
    os.environ.update({k: os.environ.get(k, v) for k, v in (LOADER | family.tools).items()})
    scripts = sysconfig.get_path("scripts")  # where pip puts the tools, on PATH or not
    if scripts not in os.environ.get("PATH", "").split(os.pathsep):
        os.environ["PATH"] = os.pathsep.join((scripts, os.environ.get("PATH", "")))
    missing = [os.environ[tool] for tool in family.tools if shutil.which(os.environ[tool]) is None]
    if missing:
        raise ToolError(f"{name} needs {', '.join(missing)}, not found on PATH: pip install 'lifline[boards]'")


def _with_seed(plan: Any, seed: int) -> BuildPlan:
    """The same with a seed of the placer."""
    seeded = BuildPlan(plan.script)
    for name, content in plan.files.items():
        seeded.add_file(name, content.replace(SEED, f"--seed {seed}") if isinstance(content, str) and name.startswith(plan.script) else content)
    return seeded


def _execute(plan: BuildPlan, folder: Path, what: str, on_progress: OnProgress | None) -> None:
    """Run the tools in ``folder``; ``what`` is for messages."""
    shutil.rmtree(folder, ignore_errors=True)
    watched = folder.resolve()  # the tools run in this folder, and with them the whole process
    try:
        with ThreadPoolExecutor(1) as tools:
            running = tools.submit(plan.execute_local, str(folder))
            while not wait([running], timeout=POLL_S).done:
                if on_progress is not None:
                    on_progress(*progress(watched))
            running.result()
    except Exception as error:
        raise ToolError(f"the build of {what} failed ({error}); see {folder / 'top.tim'}{_complaint(watched / 'top.tim')}") from error


def _part_of(on_progress: OnProgress, k: int, number: int) -> OnProgress:
    """The progress of one of several builds, as a share of all."""
    return lambda stage, share: on_progress(stage, (k + share) / number)


def _complaint(log: Path) -> str:
    """The first error that place and route reports, for the message."""
    if log.exists():
        for line in log.read_text(errors="replace").splitlines():
            if line.startswith("ERROR"):
                return f": {line}"
    return ""
