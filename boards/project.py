"""Projects for the vendor's tools, of chips for which nothing else places and routes; and what yosys says that they will take."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lifline.arch.config import Config
from lifline.arch.errors import ToolError

from .board import BAUD_HZ, Board
from .build import BoardDesign, check_clock, check_rate, find_tools
from .capacity import NAMES, check_fits, need
from .families.vendor import VendorFamily
from .memories import memories


@dataclass(frozen=True)
class Project:
    """A project that has been written.

    Attributes
    ----------
    board, config : names.   folder : of the project.   program : which reads it.   command : that builds it.
    clock_mhz : of the core.   baud_hz : of the serial line.
    used : memories and multipliers by yosys' synthesis for the family; nothing if it was not asked.   available : number of every resource.
    """

    board: str
    config: str
    folder: Path
    program: str
    command: str
    clock_mhz: float
    baud_hz: int
    used: dict[str, int]
    available: dict[str, int]

    def figures(self) -> dict[str, Any]:
        """Numbers and texts, for JSON."""
        return dataclasses.asdict(self) | {"folder": str(self.folder)}

    def rows(self) -> list[tuple[str, str]]:
        """Name and value of everything, for a table."""
        used = [(NAMES.get(name, name), f"{number:,} of {self.available[name]:,}") for name, number in self.used.items()]
        return [*used, ("clock", f"{self.clock_mhz:g} MHz, to be met by {self.program}"), ("serial line", f"{self.baud_hz:,} baud"), ("project", str(self.folder)), ("build it with", self.command)]


def write_project(name: str, chosen: Board, config: Config, folder: Path, *, clock_hz: float | None = None, baud_hz: int = BAUD_HZ, check: bool = True) -> Project:
    """Write a complete project of a board into a folder below ``folder``; what was there before goes.

    Parameters
    ----------
    clock_hz : the core's clock; the board's own choice if not given.
    baud_hz : of the serial line.
    check : let yosys' synthesis for the family count its memories and multipliers, half a minute.

    Raises
    ------
    ConfigError   if the configuration cannot fit the board, or its clock generator or serial chip does not offer what is asked for.
    ToolError   if the folder cannot be written, yosys is missing or fails, or it counts other memories or multipliers than the configuration has.
    """
    family = chosen.family
    assert isinstance(family, VendorFamily)
    wanted_hz, rate_hz = check_clock(chosen, clock_hz), check_rate(baud_hz)
    check_fits(config, chosen)
    platform = chosen.make_platform()
    if check:
        find_tools(name, family)
    design = BoardDesign(config, chosen, platform.default_clk_frequency, wanted_hz, baud_hz=rate_hz)
    plan = family.plan(platform, design, design.clock.hz)
    plain = re.sub(r"[^\w+=.,-]", "_", config.name)
    place = folder / f"{name}-{plain}"
    try:
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        plan.extract(str(place))
    except OSError as error:
        raise ToolError(f"cannot write `{place}` ({error}); name a folder that can be written") from error
    used = _count(place, family) if check else {}
    wanted = need(config, family.name)
    expected = {"block_ram": range(family.least_blocks(memories(config, family.name)), wanted.block_ram + 1), "dsp": range(wanted.dsp, wanted.dsp + 1)}
    for resource, number in used.items():
        if number not in expected[resource]:
            raise ToolError(
                f"{place}: yosys counts {number} {NAMES[resource]}, `{config.name}` has {getattr(wanted, resource)}: please report this, with your yosys' version"
            )
    command = f"cd {place} && bash {plan.script}.sh"
    return Project(name, config.name, place, family.program, command, design.clock.hz / 1e6, rate_hz, used, chosen.chip.available())


def _count(place: Path, family: VendorFamily) -> dict[str, int]:
    """What yosys' synthesis makes of the project's Verilog, by resource."""
    (place / "check.ys").write_text(family.script())
    done = subprocess.run([os.environ["YOSYS"], "-q", "-l", "check.log", "check.ys"], cwd=place, capture_output=True, text=True, errors="replace", check=False)
    if done.returncode:
        said = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("ERROR")]
        raise ToolError(f"yosys cannot read the project ({said[0] if said else 'no message'}); see {place / 'check.log'}")
    return family.counted(json.loads((place / "check.json").read_text())["design"]["num_cells_by_type"])
