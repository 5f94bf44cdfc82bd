"""Whole programs on mapped netlists, against the golden model."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from lifline.arch.config import preset
from lifline.arch.errors import LiflineError, NetlistError
from lifline.arch.program import Mode
from lifline.boards.synthesis import synthesised
from lifline.cli.verify import differs, random_program
from lifline.compiler.compile import compile_network
from lifline.data import digits
from lifline.driver.device import GoldenDevice, LinkedDevice
from lifline.driver.link import Link
from lifline.sim.board.build import cache_folder
from lifline.sim.board.simulated import CompiledBoard
from lifline.sim.netlist.board import NetlistBoard
from lifline.sim.netlist.circuit import UNKNOWN, Circuit
from lifline.sim.netlist.reader import read_netlist

IMAGES = 10


def netlist(name: str, family: str) -> Circuit:
    return read_netlist(synthesised(preset(name), family, cache_folder()))


@pytest.fixture(scope="module", params=["ice40", "ecp5"])
def tiny(request: pytest.FixtureRequest) -> Circuit:
    return netlist("tiny", request.param)


def agree(circuit: Circuit, name: str, seeds: list[int]) -> None:
    """Every spike, state, counter and busy cycle of random programs: those of the golden model and of the compiled simulation."""
    config = preset(name)
    board = NetlistBoard(circuit)
    device, compiled, golden = LinkedDevice(Link(board)), LinkedDevice(Link(CompiledBoard(config))), GoldenDevice(config)
    for seed in seeds:
        _, program, spikes = random_program(seed, config)
        results = []
        for one in (device, compiled, golden):
            one.load(program)
            results.append(one.run(spikes, record="all.v"))
        ours, simulated, expected = results
        assert not differs(expected, ours), seed
        assert ours.cycles is not None and simulated.cycles is not None
        assert np.array_equal(ours.cycles.busy, simulated.cycles.busy), seed  # how long it waits for the host is the host's
    board.close()


def test_tiny_runs_whole_programs(tiny: Circuit) -> None:
    agree(tiny, "tiny", [0, 2])


def with_table(circuit: Circuit, **changes: object) -> Circuit:
    """A copy in which the table before a bit of the answer is another one."""
    [data] = [r.data for r in circuit.registers if r.output == circuit.outputs["o__payload"][0]]
    tables = [dataclasses.replace(t, **changes) if t.output == data else t for t in circuit.tables]  # type: ignore[arg-type]
    assert tables != circuit.tables
    return dataclasses.replace(circuit, tables=tables)


def test_a_wrong_table_is_noticed(tiny: Circuit) -> None:
    with pytest.raises(LiflineError):
        LinkedDevice(Link(NetlistBoard(with_table(tiny, content=0)))).info()


def test_what_depends_on_the_contents_after_power_up_is_noticed(tiny: Circuit) -> None:
    with pytest.raises(NetlistError, match="depends on something that is undefined: lanes differ"):
        LinkedDevice(Link(NetlistBoard(with_table(tiny, inputs=(UNKNOWN,) * 4, content=0x8000)))).info()


@pytest.mark.long
@pytest.mark.parametrize(("name", "family"), [("small", "ice40"), ("medium", "ecp5")])
def test_the_netlists_of_the_boards_run_whole_programs(name: str, family: str) -> None:
    agree(netlist(name, family), name, list(range(6)))


@pytest.mark.long
@pytest.mark.parametrize(("name", "family", "mode"), [("small", "ice40", Mode.EVENT), ("medium", "ecp5", Mode.EVENT), ("medium", "ecp5", Mode.DENSE)])
def test_the_netlists_of_the_boards_know_digits(name: str, family: str, mode: Mode) -> None:
    config = preset(name)
    network = digits.network().replace(state_bits=min(config.state_bits, digits.network().state_bits))
    program = compile_network(network, config, mode)
    board, golden = NetlistBoard(netlist(name, family)), GoldenDevice(config)
    device = LinkedDevice(Link(board))
    for one in (golden, device):
        one.load(program)
    for image in digits.encode(digits.load("test")[0][:IMAGES]):
        assert not differs(golden.run(image, record=["all", f"{network.output}.v"]), device.run(image, record=["all", f"{network.output}.v"]))
    board.close()
