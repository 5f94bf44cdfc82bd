"""What every family of chips says about itself."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar

from lifline.arch.errors import ConfigError
from lifline.rtl.cells.target import GENERIC, TARGETS, Target

from ..clock import ClockGenerator
from ..estimate import Formula
from ..link import Link
from ..mapping import BestFilled, Memories, Multipliers

SEED = "--seed SEED"
"""Stands in scripts until the seed is known."""
NO_COLLISION = "setparam -set COLLISION_X_MASK 1'1 t:$memrd_v2"
"""No memory of the core is read and written at the same address in one cycle (see ``rtl/cells/memory.py``): drop the emulation."""
NO_COLLISION_BESIDE_USB = f"{NO_COLLISION} *.usb*/* %d"
"""The same but for memories between clocks, and of a library that promises no such thing."""

LUT_ROUND = "&synch2;&if,{W},{D},{R};&mfs"
LUT_MAPPING = f"scratchpad -set abc9.script +&scorr;&sweep;&dc2;{LUT_ROUND};{LUT_ROUND};{LUT_ROUND}"
"""Logic to lookup tables in three rounds, each from the structure that the one before found: 6 % fewer tables than one round of the
default, at the same depth."""


class Family(ABC):
    """A family of chips and the tools that build for it.

    Attributes
    ----------
    name : by which chips name it.
    tools : variable with which Amaranth names a tool -> the command that pip installs.
    versioned : of these variables, the tools whose versions decide what is built, and who can tell them.
    options, after_read : of yosys' synthesis for the family, and commands between reading and synthesis.
    bitstream : file of the finished build.
    memories, multipliers, tables : how synthesis maps memories and products, and an estimate of the lookup tables.
    cells : resource -> its names in the report of place and route; of the first there are as many as of the resource.
    """

    name: ClassVar[str]
    tools: ClassVar[dict[str, str]]
    versioned: ClassVar[tuple[str, ...]]
    options: ClassVar[str] = ""
    after_read: ClassVar[str] = NO_COLLISION
    bitstream: ClassVar[str]
    memories: ClassVar[Memories | BestFilled]
    multipliers: ClassVar[Multipliers | None]
    tables: ClassVar[Formula]
    cells: ClassVar[dict[str, tuple[str, ...]]]

    @property
    def target(self) -> Target:
        """What the gateware may use on these chips."""
        return TARGETS.get(self.name, GENERIC)

    @abstractmethod
    def clock(self, input_hz: float, wanted_hz: float) -> ClockGenerator:
        """The generator of the core's clock.

        Raises
        ------
        ConfigError   if it cannot make one near and below ``wanted_hz``.
        """

    def usb_clock(self, input_hz: float) -> Any:
        """The generator of the clocks of a USB port, with the board's clock as ``input``.

        Raises
        ------
        ConfigError   if there is none for these chips, or not from this clock.
        """
        raise ConfigError(f"no clock generator for USB on chips of the family {self.name}; build for their serial line, --link serial")

    def settings(self, platform: Any, clock_hz: float) -> dict[str, str]:
        """What Amaranth's platform is told beyond the design: options of the tools and parts of the scripts."""
        return {
            "synth_opts": self.options,
            "nextpnr_opts": f"{SEED} --timing-allow-fail --report report.json",
            "script_after_read": self.after_read,
        }

    def platform(self, made: type[Any]) -> Any:
        """The platform that builds, of a board's class."""
        return made()

    def plan(self, platform: Any, design: Any, clock_hz: float) -> Any:
        """Everything that enters the tools but the seed, and how they are called: a plan of Amaranth's."""
        settings = self.settings(platform, clock_hz)
        if design.link is Link.USB:
            settings["script_after_read"] = settings["script_after_read"].replace(NO_COLLISION, NO_COLLISION_BESIDE_USB)
        return platform.build(design, name="top", do_build=False, **settings)

    def used(self, folder: Path) -> tuple[dict[str, int], dict[str, int], list[tuple[float, float]]]:
        """What a build used and what there was, by resource; for each domain the clock that it reached, and what it was asked for, in MHz."""
        report = json.loads((folder / "report.json").read_text())
        placed = report["utilization"]
        used = {name: sum(placed[cell]["used"] for cell in cells if cell in placed) for name, cells in self.cells.items()}
        available = {name: placed[cells[0]]["available"] for name, cells in self.cells.items() if cells[0] in placed}
        return used, available, [(clock["achieved"], clock["constraint"]) for clock in report["fmax"].values()]
