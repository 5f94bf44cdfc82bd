"""The generated Verilog as a board: the driver's own bytes through a simulator that cocotb drives. Needs cocotb, and Icarus Verilog (``iverilog``)."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from cocotb.clock import Clock
from cocotb.task import resume
from cocotb.triggers import FallingEdge, ReadOnly

from lifline.arch.config import Config
from lifline.arch.errors import ToolError

from .simulated import QUIET_CYCLES

TOP = "top"
"""Name of the Verilog module."""


class VerilogBoard:
    """Byte stream of the core in a cocotb test; see :class:`lifline.driver.link.Transport`. Use it in ``cocotb.task.bridge``, as the driver waits for it.

    Parameters
    ----------
    dut : the core, as cocotb hands it over.   rng : both directions pause at random; without it they never do.
    """

    def __init__(self, dut: Any, rng: random.Random | None = None) -> None:
        self.dut, self.rng = dut, rng
        self._received = bytearray()
        self._pending = bytearray()

    def _goes_on(self) -> bool:
        return self.rng is None or self.rng.random() < 0.9

    async def _cycle(self) -> bool:
        """One clock cycle, from a falling edge to the next; returns whether a byte moved."""
        dut = self.dut
        offered = bool(self._pending) and self._goes_on()
        dut.i__valid.value = offered
        dut.i__payload.value = self._pending[0] if offered else 0 if self.rng is None else self.rng.randrange(256)
        dut.o__ready.value = ready = self._goes_on()
        await ReadOnly()  # inputs have settled; the rising edge takes what is valid and ready now, and after it both may be others
        taken, given = offered and bool(int(dut.i__ready.value)), ready and bool(int(dut.o__valid.value))
        if given:
            self._received.append(int(dut.o__payload.value))
        await FallingEdge(dut.clk)
        if taken:
            del self._pending[0]
        return taken or given

    async def _run(self, count: int) -> None:
        quiet = 0
        while (self._pending or len(self._received) < count) and quiet < QUIET_CYCLES:
            quiet = 0 if await self._cycle() else quiet + 1

    def write(self, data: bytes) -> None:
        """Send bytes; the core takes them while somebody reads."""
        self._pending += data

    def read(self, count: int) -> bytes:
        """``count`` bytes, or what there is when the core falls silent."""
        resume(self._run)(count)
        taken = bytes(self._received[:count])
        del self._received[:count]
        return taken

    def close(self) -> None:
        """Forget what was not sent."""
        self._pending.clear()


async def begin(dut: Any) -> None:
    """Start the clock, 10 ns, and reset the core."""
    import cocotb

    dut.rst.value = 1
    dut.i__valid.value = dut.i__payload.value = dut.o__ready.value = 0
    cocotb.start_soon(Clock(dut.clk, 10, unit="ns").start())
    for _ in range(4):
        await FallingEdge(dut.clk)
    dut.rst.value = 0


def compile_verilog(config: Config, folder: Path) -> Path:
    """Write the core as Verilog, ``top.v``, into ``folder`` and compile it for cocotb's runner; returns the folder.

    Raises
    ------
    ToolError   without Icarus Verilog.
    """
    import shutil

    from amaranth.back import verilog
    from cocotb_tools.runner import get_runner

    from lifline.rtl.top import Top

    if shutil.which("iverilog") is None:
        raise ToolError("Icarus Verilog (`iverilog`) is not installed; take it from your distribution, as by apt-get install iverilog")
    (folder / f"{TOP}.v").write_text(verilog.convert(Top(config), name=TOP))
    get_runner("icarus").build(
        sources=[folder / f"{TOP}.v"], hdl_toplevel=TOP, build_dir=folder, always=True, timescale=("1ns", "1ps"),
        build_args=["-g2005"],  # evaluates combinational processes at time zero, which SystemVerilog need not
    )  # fmt: skip
    return folder
