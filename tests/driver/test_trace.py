"""The trace of a simulated board: the golden model's states at every step, without recording and without a change of timing."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from lifline.arch.config import preset
from lifline.arch.program import Mode
from lifline.compiler.compile import compile_network
from lifline.driver import trace
from lifline.driver.device import LinkedDevice
from lifline.driver.link import Link
from lifline.sim.board.simulated import CompiledBoard
from lifline.sim.golden.model import GoldenModel
from lifline.sim.random.network import random_network, random_spikes

CONFIG = preset("tiny")
EVERYTHING = ["all", "all.v", "all.i", "all.x"]
pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")


@pytest.mark.parametrize("mode", list(Mode))
def test_trace_shows_every_step_and_costs_nothing(mode: Mode) -> None:
    traced, plain = CompiledBoard(CONFIG, trace=True), CompiledBoard(CONFIG)
    devices = [LinkedDevice(Link(board)) for board in (traced, plain)]
    variables: set[str] = set()
    for seed in range(12):
        rng = np.random.default_rng(seed)
        network = random_network(rng, config=CONFIG)
        program, spikes = compile_network(network, CONFIG, mode), random_spikes(rng, network, 30)
        expected = GoldenModel(network).run(spikes, record=EVERYTHING)
        for device in devices:
            device.load(program)
        assert len(traced.trace()) == 0
        results = [device.run(spikes) for device in devices]
        stored = traced.trace()
        assert trace.differs(expected, stored, program, CONFIG) == []
        assert traced.cycles == plain.cycles and str(results[0].cycles) == str(results[1].cycles)
        by_step = trace.by_step(stored, program, CONFIG)
        assert set(by_step) == {p.name for p in program.populations}
        variables |= {v for values in by_step.values() for v in values}
        for name, values in by_step.items():
            assert values["v"].shape == (int(expected.steps[0]), network.population(name).size)
    assert variables == {"x", "v", "i", "spikes"}
    for device in devices:
        device.close()


def test_trace_names_what_differs() -> None:
    rng = np.random.default_rng(1)
    network = random_network(rng, config=CONFIG)
    program, spikes = compile_network(network, CONFIG), random_spikes(rng, network, 30)
    expected = GoldenModel(network).run(spikes, record=EVERYTHING)
    board = CompiledBoard(CONFIG, trace=True)
    device = LinkedDevice(Link(board))
    device.load(program)
    device.run(spikes)
    stored = board.trace()
    population = program.populations[0]
    wrong = stored.copy()
    wrong[np.flatnonzero(wrong[:, 0] == population.row_base + population.words["v"])[3], 2] ^= 1
    assert trace.differs(expected, wrong, program, CONFIG) == [f"{population.name}.v"]
    wrong = stored.copy()
    wrong[np.flatnonzero(wrong[:, 0] == population.row_base + population.words["v"])[5], 1] ^= 1
    assert trace.differs(expected, wrong, program, CONFIG) == [f"{population.name}.spikes"]
    wrong = stored.copy()
    adds = population.row_base + population.words["i" if "i" in population.words else "v"]
    wrong[np.flatnonzero(wrong[:, 0] == adds)[5], 2 + CONFIG.multipliers] ^= 1
    assert trace.differs(expected, wrong, program, CONFIG) == [f"{population.name}.x"]
    if population.rows > 1:
        lost = np.delete(stored, np.flatnonzero(stored[:, 0] == population.row_base + population.words["v"])[0], axis=0)
        assert "a step was lost" in trace.differs(expected, lost, program, CONFIG)[0]
    device.close()


def test_board_without_trace_says_so() -> None:
    board = CompiledBoard(CONFIG)
    with pytest.raises(ValueError, match="trace=True"):
        board.trace()
    board.close()
