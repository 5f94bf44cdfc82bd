"""Populations in bands: for whoever uses a device they are one, with the golden model's values and the cycle model's cycles."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import numpy as np
import pytest

import lifline
from lifline.arch.program import Mode
from lifline.compiler.compile import compile_network, fits
from lifline.compiler.program import Program
from lifline.driver import device as devices
from lifline.driver.account import account
from lifline.driver.predict import activity_of, predict, record_activity
from lifline.network.connections.convolution import Convolution
from lifline.network.connections.fully_connected import FullyConnected
from lifline.network.connections.pooling import Pooling
from lifline.network.model import Network, Neurons, Population, Projection, ResetRule
from lifline.sim.golden.model import GoldenModel
from lifline.sim.random.variants import VARIANTS

CONFIG = VARIANTS["maps"]
STEPS = 37


def network() -> Network:
    """Two convolutions, pooling, a fully connected end; delays per neuron, thresholds per neuron, a budget, a late reset."""
    rng = np.random.default_rng(11)
    shapes = {"in": (4, 8, 8), "wide": (7, 8, 8), "sum": (9, 6, 8), "small": (9, 3, 4), "out": (5,)}
    populations = [
        Population("in", shapes["in"]),
        Population("wide", shapes["wide"], Neurons(threshold=rng.integers(8, 40, 448), decay_v=300, decay_i=900, budget=rng.integers(1, 9, 448))),
        Population("sum", shapes["sum"], Neurons(threshold=20, bias=np.repeat(rng.integers(-3, 4, 9), 48), decay_v=100, reset=ResetRule.LATE_SUBTRACT)),
        Population("small", shapes["small"], Neurons(threshold=1, decay_v=4096, strict=False)),
        Population("out", shapes["out"], Neurons(threshold=30)),
    ]

    def weights(*shape: int) -> np.ndarray:
        return rng.integers(-12, 15, shape)

    projections = [
        Projection(source="in", target="wide", weights=weights(7, 4, 3, 3), connection=Convolution(padding=1), delays=0),
        Projection(source="wide", target="sum", weights=weights(9, 7, 3, 3), connection=Convolution(padding=((0, 0), (1, 1))), delays=rng.integers(0, 4, 7)),
        Projection(source="in", target="sum", weights=weights(9, 4, 2, 1), connection=Convolution(dilation=(2, 1)), delays=2),
        Projection(source="sum", target="small", weights=[1], connection=Pooling(2)),
        Projection(source="small", target="out", weights=weights(5, 108), connection=FullyConnected()),
    ]
    return Network(name="bands", populations=tuple(populations), projections=tuple(projections), output="out", state_bits=CONFIG.state_bits)


NETWORK = network()
MODES = {(p.source, p.target): Mode.DENSE if isinstance(p.connection, Convolution) else Mode.EVENT for p in NETWORK.projections}


def program() -> Program:
    return compile_network(NETWORK, CONFIG, MODES)


def spikes(seed: int = 0, steps: int = STEPS) -> np.ndarray:
    return (np.random.default_rng(seed).random((steps, 256)) < 0.15).astype(np.uint8)


@pytest.fixture(scope="module")
def board() -> Iterator[devices.LinkedDevice]:
    if shutil.which("g++") is None:
        pytest.skip("needs a C++ compiler")
    with devices.open("sim:maps", config=CONFIG) as opened:
        assert isinstance(opened, devices.LinkedDevice)
        opened.load(program())
        yield opened


def test_the_program_has_bands() -> None:
    bands = {name: len(program().bands(name)) for name in program().order}
    assert bands["wide"] > 3 and bands["sum"] > 3 and bands["small"] == bands["out"] == 1
    assert [p.number for p in program().populations] == list(range(sum(bands.values())))


def test_records_counters_and_cycles_are_those_of_one_population(board: devices.LinkedDevice) -> None:
    expected, found = GoldenModel(NETWORK).run(spikes(), record=["all", "all.v", "wide.i"]), board.run(spikes(), record=["all", "all.v", "wide.i"])
    for name, variables in expected.records.items():
        for variable, values in variables.items():
            assert np.array_equal(found.records[name][variable], values) and (values.any() or name == "small"), f"{name}.{variable}"
        assert found.counters[name].spikes.tolist() == expected.counters[name].spikes.tolist()
        assert found.counters[name].budget_hits.tolist() == expected.counters[name].budget_hits.tolist()
    assert expected.counters["wide"].budget_hits.any() and found.counters.keys() == expected.counters.keys()
    counters, cycles = board.count(spikes())
    assert counters["sum"].spikes.tolist() == expected.counters["sum"].spikes.tolist()
    [costs] = predict(program(), CONFIG, activity_of(NETWORK, spikes(), GoldenModel(NETWORK).run(spikes(), record=["all"])), record=None)
    assert costs.busy_cycles == int(cycles.busy[0])


def test_states_are_read_back_as_one_population(board: devices.LinkedDevice) -> None:
    golden = lifline.open("golden")
    golden.load(program())
    for name in ("wide", "sum"):
        board.load(program())
        assert not any(values.any() for values in board.read_state(name).values())
        board.run(spikes())
        golden.run(spikes())
        expected, found = golden.read_state(name), board.read_state(name)
        assert found.keys() >= {"v"} and all(np.array_equal(found[k], expected[k]) for k in found) and expected["v"].any()


def test_runs_go_on(board: devices.LinkedDevice) -> None:
    whole = GoldenModel(NETWORK).run(spikes(3, 60), record=["all"])
    board.run(spikes(3, 60)[:21])
    rest = board.run(spikes(3, 60)[21:], reset=False, record=["all"])
    for name in ("wide", "sum", "out"):
        assert np.array_equal(rest.records[name]["spikes"][0], whole.records[name]["spikes"][0, 21:])


def test_auto_takes_dense_mode_where_it_is_cheaper_and_an_account_has_one_line_for_a_population() -> None:
    net = NETWORK.replace(populations=NETWORK.populations[:2], projections=NETWORK.projections[:1], output="wide")
    busy = np.ones((16, 256), np.uint8)
    chosen, [choice] = lifline.compile_auto(net, CONFIG, busy)
    assert choice.mode is Mode.DENSE and len(chosen.bands("wide")) == 8 and choice.dense * 1.5 < choice.event < np.inf
    activity = record_activity(net, busy)
    [cost] = predict(chosen, CONFIG, activity)
    found = account(chosen, activity)
    assert [(layer.name, layer.neurons) for layer in found.layers] == [("wide", 448)] and found.cycles == cost.busy_cycles
    assert [(c.event, c.dense) for c in found.choices] == [(choice.event, choice.dense)]


def test_auto_takes_the_mode_that_is_left_where_a_population_is_too_large_for_the_other() -> None:
    """`sum` has 96 blocks and there are 64 slots: only bands of it fit."""
    assert not fits(NETWORK, CONFIG, Mode.EVENT)
    program, choices = lifline.compile_auto(NETWORK, CONFIG, spikes())
    assert program.modes == MODES | {("small", "out"): program.modes["small", "out"]}
    assert [c.event for c in choices][:3] == [np.inf] * 3 and all(c.dense < np.inf for c in choices[:3]) and choices[3].event < choices[3].dense == np.inf


def test_convolutions_that_do_not_fit_in_dense_mode_stay_in_event_mode() -> None:
    """A position of the source has 88 places and begins with a word after each 11 words: a list of 64 entries holds none."""
    few, rng = CONFIG.replace(name="short", list_entries=64), np.random.default_rng(2)
    net = Network(
        name="both", state_bits=CONFIG.state_bits, output="out",
        populations=(Population("in", (3, 8, 8)), Population("a", (88, 2, 2), Neurons(threshold=3)), Population("out", (8, 2, 2), Neurons(threshold=3))),
        projections=(
            Projection(source="in", target="a", weights=rng.integers(0, 9, (88, 3, 4, 4)), connection=Convolution(stride=4)),
            Projection(source="a", target="out", weights=rng.integers(0, 9, (8, 88, 1, 1)), connection=Convolution()),
        ),
    )  # fmt: skip
    _, (first, second) = lifline.compile_auto(net, few, np.ones((8, 192), np.uint8))
    assert first.mode is Mode.EVENT and first.event < first.dense < np.inf and second.mode is Mode.EVENT and second.dense == np.inf
