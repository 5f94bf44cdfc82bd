"""cocotb testbench: the driver's own bytes, through the generated Verilog in Icarus, against the golden model.

Run by ``test_cocotb.py``, which names the seeds in the environment variable ``LIFLINE_SEEDS``, or in ``LIFLINE_LAYERS`` layers with maps.
"""

from __future__ import annotations

import os
import random

import cocotb
import numpy as np
from cocotb.task import bridge

from lifline.arch.registers import Space, address
from lifline.compiler.compile import compile_network
from lifline.driver.device import LinkedDevice
from lifline.driver.link import Link
from lifline.network.model import Network, Projection
from lifline.sim.board.verilog import VerilogBoard, begin
from lifline.sim.golden.model import GoldenModel

from .test_programs import CONFIG, MAPS, all_records, case, connected, mismatches

RECURRENT = "recurrent, "
"""Before the name of a layer: its target is read by itself, too."""


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
    return compared(device, network, spikes, record)


def compared(device: LinkedDevice, network: Network, spikes: np.ndarray, record: list[str]) -> list[str]:
    """Names of what differs; no byte may be lost on the way, or the pauses would not be what is tested."""
    wrong = mismatches(GoldenModel(network).run(spikes, record=record), device.run(spikes, record=record))
    assert device.link.repeated == 0, f"{device.link.repeated} requests were sent again"
    return wrong


def run_layer(board: VerilogBoard, name: str) -> list[str]:
    """Load and run one layer with maps."""
    rng = np.random.default_rng(len(name))
    network = connected(name.removeprefix(RECURRENT), rng)
    if name.startswith(RECURRENT):
        size = network.population("hidden").size
        network = network.replace(
            projections=(*network.projections, Projection(source="hidden", target="hidden", weights=rng.integers(-9, 12, (size, size)), delays=1))
        )
    spikes = rng.random((9, network.populations[0].size)) < 0.2
    device = LinkedDevice(Link(board), url="icarus:maps", config=MAPS)
    device.load(compile_network(network, MAPS))
    return compared(device, network, spikes, ["all"])


@cocotb.test()
async def programs(dut: object) -> None:
    """Every program of the list agrees, or none does if a fault was injected."""
    flip = os.environ.get("LIFLINE_FLIP") == "1"
    await begin(dut)
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
