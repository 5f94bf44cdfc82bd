"""The cycle model against the counter of the simulated board: equal, not near."""

from __future__ import annotations

import dataclasses
import shutil

import numpy as np
import pytest

from lifline.arch.config import PRESETS, Config
from lifline.arch.errors import InputError
from lifline.arch.program import Mode
from lifline.arch.registers import Space
from lifline.compiler.compile import compile_network
from lifline.compiler.program import Program
from lifline.compiler.random_layouts import drawn_modes
from lifline.driver import device
from lifline.driver.choose import compile_auto
from lifline.driver.coefficients import CLOCK, NOTHING
from lifline.driver.energy import energy_model
from lifline.driver.predict import predict, record_activity
from lifline.network.connections.convolution import Convolution
from lifline.network.model import Network, Neurons, Population, Projection
from lifline.sim.cycles.model import INPUT, CycleModel
from lifline.sim.random.network import random_modes, random_network, random_spikes
from lifline.sim.random.variants import VARIANTS

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
TINY = PRESETS["tiny"]
RECORDS: list[list[str]] = [[], ["all"], ["all", "all.v"]]


def random_program(rng: np.random.Generator, config: Config) -> Program:
    network = random_network(rng, config=config)
    return compile_network(network, config, drawn_modes(network, config, random_modes(rng, network, config)))


@pytest.mark.parametrize(("name", "seeds"), [("tiny", range(100)), ("medium", range(24)), ("maps", range(40))])
def test_equals_busy_cycles(name: str, seeds: range) -> None:
    config, compared = (VARIANTS | PRESETS)[name], 0
    with device.open("sim:", config=config) as board:
        assert isinstance(board, device.LinkedDevice)
        for seed in seeds:
            rng = np.random.default_rng(seed)
            program = random_program(rng, config)
            spikes = random_spikes(rng, program.network, int(rng.integers(1, 40)))
            record = RECORDS[seed % len(RECORDS)]
            board.load(program)
            counted = board.run(spikes, record=record).cycles
            assert counted is not None
            [costs] = predict(program, config, record_activity(program.network, spikes), record=record)
            if counted.stall_output[0]:
                continue  # work goes on while the core waits for room, so that less of it is left to count
            assert costs.busy_cycles == counted.busy[0], f"seed {seed}"
            compared += 1
    assert compared > 0.5 * len(seeds)


def test_continued_and_long_runs() -> None:
    rng = np.random.default_rng(5)
    config = TINY
    network = Network(
        name="long",
        populations=(Population("in", (40,)), Population("out", (9,), Neurons(threshold=300, decay_v=300))),
        projections=(Projection(source="in", target="out", weights=rng.integers(-60, 120, (9, 40)), delays=rng.integers(0, 8, 40)),),
        output="out",
        state_bits=16,
    )
    spikes = (rng.random((8300, 40)) < 0.05).astype(np.uint8)
    for mode in Mode:
        program = compile_network(network, config, mode)
        activity = record_activity(network, spikes)
        with device.open("sim:tiny") as board:
            assert isinstance(board, device.LinkedDevice)
            board.load(program)
            _, whole = board.count(spikes)
            [costs] = predict_counting(program, activity.spikes, [(0, 8300)])
            assert costs == whole.busy[0] == predict(program, config, activity, record=None)[0].busy_cycles
            _, first = board.count(spikes[:101])
            _, second = board.count(spikes[101:130], reset=False)
        assert predict_counting(program, activity.spikes, [(0, 101), (101, 29)]) == [first.busy[0], second.busy[0]]


def test_in_short_windows_a_dense_step_waits_for_the_slots_that_the_step_before_has_cleared() -> None:
    """Fewer steps than a slot needs to be written, rows of a single operation: the zero of one step is on its way when the next one asks."""
    rng = np.random.default_rng(0)
    network = Network(
        name="short",
        populations=(Population("in", (22,)), Population("out", (7,), Neurons(threshold=1000, decay_v=256, cap=0))),
        projections=(Projection(source="in", target="out", weights=rng.integers(-9, 9, (7, 22))),),
        output="out",
        state_bits=TINY.state_bits,
    )
    program = compile_network(network, TINY, Mode.DENSE)
    spikes = (rng.random((TINY.window, 22)) < 0.3).astype(np.uint8)
    with device.open("sim:tiny") as board:
        assert isinstance(board, device.LinkedDevice)
        board.load(program)
        for steps in range(1, len(spikes) + 1):
            _, counted = board.count(spikes[:steps])
            [costs] = predict(program, TINY, record_activity(network, spikes[:steps]), record=None)
            assert costs.busy_cycles == counted.busy[0], steps


def predict_counting(program: Program, spikes: dict[str, np.ndarray], runs: list[tuple[int, int]]) -> list[int]:
    """Cycles of runs (first step, steps) that send nothing."""
    numbers = {program.network.input.name: INPUT} | {p.name: p.number for p in program.populations}
    model = CycleModel(
        TINY, program.images[Space.PROGRAM], program.images[Space.DELAYS], registers=program.registers,
        sizes={n: program.network.population(name).size for name, n in numbers.items()},
    )  # fmt: skip
    activity = {n: spikes[name][0] for name, n in numbers.items()}
    return [model.costs(activity, first=first, steps=steps).busy_cycles for first, steps in runs]


@pytest.mark.parametrize("objective", ["throughput", "latency", "energy"])
def test_auto_keeps_event_mode_where_a_kind_has_no_other_and_gives_all_projections_of_a_pair_one(objective: str) -> None:
    config, rng, fires = VARIANTS["maps"], np.random.default_rng(2), Neurons(threshold=3)
    network = Network(
        name="mixed", output="out", state_bits=config.state_bits,
        populations=(Population("in", (2, 6, 6)), Population("wide", (4, 6, 6), fires), Population("out", (40,), fires)),
        projections=(
            Projection(source="wide", target="out", weights=rng.integers(-2, 5, (40, 144)), delays=3),
            Projection(source="in", target="wide", weights=rng.integers(-2, 5, (4, 1, 3, 3)), connection=Convolution(padding=1, groups=2)),
            Projection(source="wide", target="out", weights=rng.integers(-2, 5, (40, 144))),
        ),
    )  # fmt: skip
    program, choices = compile_auto(network, config, (rng.random((1, 12, 72)) < 0.6).astype(np.uint8), objective=objective)
    full, convolution = choices
    assert (convolution.source, convolution.mode, convolution.dense) == ("in", Mode.EVENT, np.inf) and full.mode is Mode.DENSE
    assert np.isfinite([full.dense, full.event, convolution.event]).all()
    assert [p.mode for p in program.passes if p.target == "out"] == [Mode.DENSE] * len([p for p in program.passes if p.target == "out"])


def test_auto_takes_the_better_mode_of_every_projection() -> None:
    rng = np.random.default_rng(0)
    busy, quiet = Population("busy", (32,), Neurons(threshold=1)), Population("quiet", (32,), Neurons(threshold=1000))
    network = Network(
        name="two",
        populations=(Population("in", (64,)), busy, quiet, Population("out", (60,), Neurons(threshold=50))),
        projections=(
            Projection(source="in", target="busy", weights=rng.integers(0, 9, (32, 64))),
            Projection(source="busy", target="quiet", weights=rng.integers(0, 9, (32, 32))),
            Projection(source="quiet", target="out", weights=rng.integers(-9, 9, (60, 32))),
        ),
        output="out",
        state_bits=16,
    )
    config = TINY.replace(weight_words=2048, max_neurons=128)
    spikes = (rng.random((2, 16, 64)) < 0.5).astype(np.uint8)
    activity = record_activity(network, spikes)
    keys = [(p.source, p.target) for p in network.projections]

    def total(modes: dict[tuple[str, str], Mode]) -> int:
        return sum(c.busy_cycles for c in predict(compile_network(network, config, modes), config, activity))

    def longest(modes: dict[tuple[str, str], Mode]) -> int:
        return max(int(c.cycles.sum(axis=1).max()) for c in predict(compile_network(network, config, modes), config, activity))

    every = [dict(zip(keys, (Mode(bits >> k & 1) for k in range(3)), strict=True)) for bits in range(8)]
    for objective, score in (("throughput", total), ("latency", longest)):
        shares: list[float] = []
        program, choices = compile_auto(network, config, spikes, objective=objective, progress=shares.append)
        assert shares == sorted(shares) and len(shares) % len(spikes) == 0 and shares[-1] == 1
        chosen = {(c.source, c.target): c.mode for c in choices}
        assert score(chosen) == min(score(modes) for modes in every)
        assert {(p.source, p.target): p.mode for p in program.passes} == chosen
    assert {c.mode for c in compile_auto(network, config, spikes)[1]} == {Mode.EVENT, Mode.DENSE}
    # Where reading weights is all that costs, a projection that is busy in every window reads fewer words in dense mode.
    model = energy_model(config)
    free = dataclasses.replace(model.switching, per_cycle=0, per_lane_bit_cycle=0, block_accesses=0, distributed_writes=0, products=0)
    nothing = dict.fromkeys(("static_uw", *CLOCK), NOTHING)
    reads_only = dataclasses.replace(model, switching=free, coefficients=dataclasses.replace(model.coefficients, **nothing))
    _, choices = compile_auto(network, config, spikes, objective="energy", energy=reads_only)
    assert choices[0].mode is Mode.DENSE and choices[0].dense < choices[0].event


def test_bad_arguments() -> None:
    rng = np.random.default_rng(1)
    program = random_program(rng, TINY)
    spikes = random_spikes(rng, program.network, 8)
    with pytest.raises(InputError, match="objective 'speed' must be one of throughput, latency, energy"):
        compile_auto(program.network, TINY, spikes, objective="speed")
    activity = record_activity(program.network, spikes).spikes
    with pytest.raises(InputError, match="does not cover steps 0..9"):
        predict_counting(program, activity, [(0, 9)])
    with pytest.raises(InputError, match="population -1 is missing"):
        predict_counting(program, activity | {program.network.input.name: activity[program.network.input.name][:, :, 1:]}, [(0, 8)])
