"""cocotb testbench: the driver's own bytes, through the generated Verilog in Icarus, against the golden model.

Run by ``test_cocotb.py``, which names the seeds in the environment variable ``LIFLINE_SEEDS``, or in ``LIFLINE_LAYERS`` layers with maps.
"""

from __future__ import annotations

import os
import random

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.task import bridge, resume
from cocotb.triggers import FallingEdge

from lifline.arch.registers import Space, address
from lifline.compiler.compile import compile_network
from lifline.driver.device import LinkedDevice
from lifline.driver.link import Link
from lifline.sim.golden.model import GoldenModel

from .test_programs import CONFIG, MAPS, all_records, case, connected, mismatches

QUIET_CYCLES = 4096


class VerilogBoard:
    """Byte stream of the simulated Verilog; both directions pause at random."""

    def __init__(self, dut: object, rng: random.Random) -> None:
        self.dut, self.rng = dut, rng
        self._received = bytearray()
        self._pending = bytearray()

    async def _cycle(self) -> bool:
        """One clock cycle; returns whether a byte moved."""
        dut, rng = self.dut, self.rng
        offered = bool(self._pending) and rng.random() < 0.9
        dut.i__valid.value = offered
        dut.i__payload.value = self._pending[0] if offered else rng.randrange(256)
        dut.o__ready.value = ready = rng.random() < 0.9
        await FallingEdge(dut.clk)  # inputs have settled; the next rising edge takes what is valid and ready now
        moved = False
        if offered and int(dut.i__ready.value):
            taken, moved = True, True
        else:
            taken = False
        if ready and int(dut.o__valid.value):
            self._received.append(int(dut.o__payload.value))
            moved = True
        if taken:
            del self._pending[0]
        return moved

    async def _run(self, count: int) -> None:
        quiet = 0
        while (self._pending or len(self._received) < count) and quiet < QUIET_CYCLES:
            quiet = 0 if await self._cycle() else quiet + 1

    def write(self, data: bytes) -> None:
        self._pending += data

    def read(self, count: int) -> bytes:
        resume(self._run)(count)
        taken = bytes(self._received[:count])
        del self._received[:count]
        return taken

    def close(self) -> None:
        self._pending.clear()


def run_case(board: VerilogBoard, seed: int, flip: bool) -> list[str]:
    """Load and run one random program; ``flip`` damages a weight behind the driver's back."""
    network, modes, spikes = case(seed, max_steps=12)
    record = all_records(network) if seed % 2 else ["all"]
    device = LinkedDevice(Link(board), url="icarus:tiny")
    device.load(compile_network(network, CONFIG, modes))
    if flip:
        damaged = 0
        for word in range(0, 8):
            value = int(device.link.read(address(Space.WEIGHTS, word))[0])
            device.link.write(address(Space.WEIGHTS, word), [value ^ 0x40404040])
            damaged += 1
        assert damaged
    return mismatches(GoldenModel(network).run(spikes, record=record), device.run(spikes, record=record))


def run_layer(board: VerilogBoard, name: str) -> list[str]:
    """Load and run one layer with maps."""
    rng = np.random.default_rng(len(name))
    network = connected(name, rng)
    spikes = rng.random((9, network.populations[0].size)) < 0.2
    device = LinkedDevice(Link(board), url="icarus:maps", config=MAPS)
    device.load(compile_network(network, MAPS))
    return mismatches(GoldenModel(network).run(spikes, record=["all"]), device.run(spikes, record=["all"]))


@cocotb.test()
async def programs(dut: object) -> None:
    """Every program of the list agrees, or none does if a fault was injected."""
    flip = os.environ.get("LIFLINE_FLIP") == "1"
    dut.rst.value = 1
    dut.i__valid.value = dut.i__payload.value = dut.o__ready.value = 0
    cocotb.start_soon(Clock(dut.clk, 10, unit="ns").start())
    for _ in range(4):
        await FallingEdge(dut.clk)
    dut.rst.value = 0
    noticed = 0
    for name in filter(None, os.environ.get("LIFLINE_LAYERS", "").split(";")):
        wrong = await bridge(run_layer)(VerilogBoard(dut, random.Random(name)), name)
        cocotb.log.info("%s: %s", name, wrong or "agrees")
        assert not wrong, f"{name}: {wrong} differ from the golden model"
    for seed in [int(s) for s in os.environ.get("LIFLINE_SEEDS", "").split()]:
        board = VerilogBoard(dut, random.Random(seed))
        wrong = await bridge(run_case)(board, seed, flip)
        cocotb.log.info("seed %d: %s", seed, wrong or "agrees")
        noticed += bool(wrong)
        assert flip or not wrong, f"seed {seed}: {wrong} differ from the golden model"
    assert noticed or not flip, "the injected fault was not noticed"
