"""Recurrent networks on the simulated board: every spike, state, counter and cycle, in parts, in real time, and what recurrence costs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import numpy as np
import pytest

from lifline.arch.config import preset
from lifline.arch.program import Mode
from lifline.compiler.compile import compile_network
from lifline.compiler.components import Execution
from lifline.compiler.random_layouts import drawn_modes
from lifline.driver import device as devices
from lifline.driver.choose import compile_auto
from lifline.driver.predict import activity_of, predict
from lifline.network.model import Network, Neurons, Population, Projection
from lifline.sim.golden.model import GoldenModel
from lifline.sim.random.network import random_modes, random_network, random_spikes
from lifline.sim.random.variants import VARIANTS

from ..rtl.test_programs import all_records, mismatches

CONFIG = preset("tiny")
pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")


@pytest.fixture(scope="module")
def board() -> Iterator[devices.LinkedDevice]:
    with devices.open(f"sim:{CONFIG.name}") as opened:
        assert isinstance(opened, devices.LinkedDevice)
        yield opened


def drawn(seed: int) -> tuple[np.random.Generator, Network]:
    """A network with feedback, of which the compiler has something to do step by step."""
    rng = np.random.default_rng(seed)
    while True:
        network = random_network(rng, config=CONFIG, recurrent=True)
        if compile_network(network, CONFIG).is_recurrent:
            return rng, network


def test_random_networks_agree_with_the_golden_model_and_the_cycle_model(board: devices.LinkedDevice) -> None:
    seen: set[Execution] = set()
    for seed in range(40):
        rng, network = drawn(seed)
        program, spikes = compile_network(network, CONFIG, drawn_modes(network, CONFIG, random_modes(rng, network, CONFIG))), random_spikes(rng, network, int(rng.integers(2, 40)))
        record = (all_records(network), ["all"], [])[seed % 3]
        board.load(program)
        everything = GoldenModel(network).run(spikes, record=all_records(network))
        result = board.run(spikes, record=record)
        assert mismatches(GoldenModel(network).run(spikes, record=record), result) == [], f"seed {seed}"
        assert result.cycles is not None
        if not result.cycles.stall_output[0]:
            [costs] = predict(program, CONFIG, activity_of(network, spikes, everything), record=record)
            assert costs.busy_cycles == result.cycles.busy[0], f"seed {seed}"
        seen |= {p.execution for p in program.passes}
    assert seen == set(Execution)


@pytest.mark.parametrize("back", ["hidden", "second"])
@pytest.mark.parametrize("mode", [Mode.EVENT, Mode.DENSE])
def test_a_list_that_cannot_hold_a_step_makes_the_scan_wait_and_nothing_else(back: str, mode: Mode) -> None:
    """80 neurons that all fire in every second step, and come back to themselves or through another population; the list has 64 entries."""
    config, rng = VARIANTS["short-list"], np.random.default_rng(1)

    def weights() -> np.ndarray:
        return rng.integers(-2, 3, (80, 80))

    between = [] if back == "hidden" else [Projection(source="hidden", target="second", weights=weights())]
    network = Network(
        name="crowd", state_bits=config.state_bits, output="hidden",
        populations=(Population("in", (1,)), Population("hidden", (80,), Neurons(threshold=60)), *(Population(p.target, (80,), Neurons(threshold=1)) for p in between)),
        projections=(Projection(source="in", target="hidden", weights=np.full((80, 1), 120)), *between,
                     Projection(source=back, target="hidden", weights=weights(), delays=1)),
    )  # fmt: skip
    program = compile_network(network, config, {(p.source, p.target): mode if p.source != "in" else Mode.EVENT for p in network.projections})
    spikes = (np.arange(24) % 2 == 0).astype(np.uint8)[:, None]
    expected = GoldenModel(network).run(spikes, record=all_records(network))
    assert expected.records["hidden"]["spikes"].sum(axis=2).max() == 80 > config.list_entries and program.is_recurrent
    with devices.open(f"sim:{config.name}", config=config) as opened:
        opened.load(program)
        result = opened.run(spikes, record=all_records(network))
        assert mismatches(expected, result) == []
        assert isinstance(opened, devices.LinkedDevice)
        [costs] = predict(program, config, activity_of(network, spikes, expected), record=None)
        assert costs.busy_cycles == opened.count(spikes)[1].busy[0]


@pytest.mark.parametrize("seed", range(100, 108))
def test_a_run_in_parts_is_the_same_run(board: devices.LinkedDevice, seed: int) -> None:
    rng, network = drawn(seed)
    network = network.replace(early_exit=None)
    spikes, cut = random_spikes(rng, network, 31), int(rng.integers(1, 31))
    board.load(compile_network(network, CONFIG))
    golden = GoldenModel(network)
    for k, part in enumerate((spikes[:cut], spikes[cut:])):
        assert mismatches(golden.run(part, reset=k == 0, record=all_records(network)), board.run(part, reset=k == 0, record=all_records(network))) == []


def test_real_time_changes_no_bit(board: devices.LinkedDevice) -> None:
    rng, network = drawn(200)
    spikes = random_spikes(rng, network, 20)
    board.load(compile_network(network, CONFIG))
    found = board.run(spikes, period_cycles=5000, record=["all"])
    assert mismatches(GoldenModel(network).run(spikes, record=["all"]), found) == []
    assert found.cycles is not None and not found.cycles.overruns.any()


def test_choice_of_modes_says_what_recurrence_costs() -> None:
    rng, network = drawn(300)
    spikes = random_spikes(rng, network, 30)
    program, choices = compile_auto(network, CONFIG, spikes)
    slow = {(p.source, p.target) for p in program.passes if p.is_step_by_step}
    assert slow and all((c.recurrence > 0) == ((c.source, c.target) in slow) for c in choices)
    activity = activity_of(network, spikes, GoldenModel(network).run(spikes, record=["all"]))
    [own], [freed] = (predict(program, CONFIG, activity, in_windows=freed) for freed in (False, True))
    assert own.cycles[:, :-1].sum() - freed.cycles[:, :-1].sum() == pytest.approx(sum(c.recurrence for c in choices))
