"""What a build used and reached, of what there was and was asked for."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from lifline.arch.errors import ToolError

from .board import Board
from .families.family import Family
from .link import Link

TITLES = {"lut": "lookup tables", "ff": "flip-flops", "block_ram": "block RAMs", "dsp": "multipliers", "spram": "single-port RAMs"}

CONSTRAINT_TOLERANCE = 0.01
"""Place and route rounds periods to picoseconds, and frequencies for its report."""


@dataclass(frozen=True)
class Report:
    """A finished build.

    Attributes
    ----------
    used, available : number by resource, see :data:`lifline.boards.chip.RESOURCES`.
    fmax_mhz, constraint_mhz : the core's clock that was reached, and the one that was asked for.
    link : what joins the board to a computer.   baud_hz : of its serial line, None behind USB.
    clocks_mhz : other domain -> the clock that it reached, and the one that it needs.
    seed : of the placer.   seeds : every seed that was tried, and the clock that it reached.
    tools : tool -> version.
    bitstream : the file.   folder : of all files of the build.
    cached : it was built before, from exactly the same.
    """

    board: str
    config: str
    used: dict[str, int]
    available: dict[str, int]
    fmax_mhz: float
    constraint_mhz: float
    seed: int
    tools: dict[str, str]
    bitstream: Path
    folder: Path
    link: Link = Link.SERIAL
    baud_hz: int | None = None
    clocks_mhz: dict[str, list[float]] = field(default_factory=dict)
    seeds: dict[int, float] = field(default_factory=dict)
    cached: bool = False

    @property
    def missed(self) -> list[str]:
        """Every clock that was not reached, in words."""
        clocks = {"": [self.fmax_mhz, self.constraint_mhz]} | self.clocks_mhz
        return [f"{reached:.1f} MHz of {wanted:.1f} MHz{f' of {name}' if name else ''}" for name, (reached, wanted) in clocks.items() if reached < wanted]

    def figures(self) -> dict[str, Any]:
        """Numbers and texts, for JSON; what is used stands beside the rest, by resource."""
        figures = dataclasses.asdict(self) | {"bitstream": str(self.bitstream), "folder": str(self.folder)}
        del figures["used"]
        figures["seeds"] = {str(seed): fmax for seed, fmax in self.seeds.items()}
        return {"board": self.board, "config": self.config, **self.used, **figures}

    def rows(self) -> list[tuple[str, str]]:
        """Name and value of everything, for a table."""
        rows = [
            (TITLES[name], f"{used:,} of {self.available[name]:,} ({100 * used / self.available[name]:.0f} %)" if name in self.available else f"{used:,}")
            for name, used in self.used.items()
        ]
        rows += [("clock", f"{self.fmax_mhz:.1f} MHz of {self.constraint_mhz:.1f} MHz"), *_link_rows(self), ("seed", str(self.seed))]
        if len(self.seeds) > 1:
            rows.append(("seeds tried", ", ".join(f"{seed}: {fmax:.1f} MHz" for seed, fmax in self.seeds.items())))
        rows += list(self.tools.items())
        return [*rows, ("bitstream", f"{self.bitstream}{' (built before)' if self.cached else ''}")]

    def publish(self, folder: Path) -> Report:
        """Copy the bitstream to ``folder``, under the names of board and configuration, with this report as JSON and as text."""
        plain = re.sub(r"[^\w+=.,-]", "_", self.config)  # names of configurations may hold anything
        target = folder / f"{self.board}-{plain}{self.bitstream.suffix}"
        shutil.copyfile(self.bitstream, target)
        published = dataclasses.replace(self, bitstream=target)
        target.with_name(target.name + ".json").write_text(json.dumps(published.figures(), indent=2) + "\n")
        width = max(len(name) for name, _ in published.rows())
        target.with_name(target.name + ".txt").write_text("".join(f"{name:{width}}  {value}\n" for name, value in published.rows()))
        return published


def _link_rows(report: Report) -> list[tuple[str, str]]:
    clocks = [(f"clock `{name}`", f"{reached:.1f} MHz of {wanted:.1f} MHz") for name, (reached, wanted) in report.clocks_mhz.items()]
    return [*clocks, ("link", "USB, full speed") if report.link is Link.USB else ("serial line", f"{report.baud_hz or 0:,} baud")]


def read_report(
    folder: Path, board_name: str, board: Board, config: str, *, seed: int, constraint_hz: float, tools: dict[str, str], baud_hz: int | None = None, link: Link = Link.SERIAL
) -> Report:
    """The report of a build that has just ended in ``folder``, from that of place and route.

    Raises
    ------
    ToolError   if place and route worked for other clocks than it was asked for.
    """
    used, available, clocks = board.family.used(folder)
    reached: dict[str, float] = {}
    wanted = {"": constraint_hz} | link.clocks_hz
    for name, hz in wanted.items():
        found = [achieved for achieved, applied in clocks if abs(applied * 1e6 / hz - 1) <= CONSTRAINT_TOLERANCE]
        if not found:
            applied = ", ".join(f"{applied:.2f}" for _, applied in clocks)
            raise ToolError(f"{board.title}: place and route worked for {applied} MHz, not for {hz / 1e6:.2f} MHz; see {folder / 'top.tim'}")
        reached[name] = min(found)
    return Report(
        board=board_name,
        config=config,
        used=used,
        available=available,
        fmax_mhz=reached[""],
        constraint_mhz=constraint_hz / 1e6,
        link=link,
        baud_hz=baud_hz,
        clocks_mhz={name: [reached[name], hz / 1e6] for name, hz in link.clocks_hz.items()},
        seed=seed,
        seeds={seed: reached[""]},
        tools=tools,
        bitstream=folder / board.family.bitstream,
        folder=folder,
    )


def tool_versions(family: Family) -> dict[str, str]:
    """Tool -> what it says about its version; amaranth, too, which writes what they read.

    Raises
    ------
    ToolError   if one does not run.
    """
    versions = {"amaranth": metadata.version("amaranth")}
    for name in family.versioned:
        tool = os.environ[name]
        try:
            done = subprocess.run([tool, "--version"], capture_output=True, text=True, errors="replace", check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise ToolError(f"`{tool} --version` fails ({error}); pip install --force-reinstall {tool} may help") from error
        versions[Path(tool).name] = (done.stdout + done.stderr).strip().partition("\n")[0]
    return versions
