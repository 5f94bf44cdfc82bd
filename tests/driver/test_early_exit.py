"""Early exit at the end of what a spike count can tell: golden model, reference, cycle model and device leave in the same step, or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import numpy as np
import pytest

from lifline.arch.config import Config
from lifline.arch.errors import CompileError
from lifline.arch.program import Mode
from lifline.cli.verify import differs
from lifline.compiler.compile import compile_network
from lifline.driver import device as devices
from lifline.driver.predict import predict, record_activity
from lifline.network.model import EarlyExit, Network, Neurons, Population, Projection
from lifline.sim.golden.model import GoldenModel
from lifline.sim.random.variants import VARIANTS

from ..sim.reference import reference_run

CONFIG = VARIANTS["narrow2"]
MOST = CONFIG.state_max
WINDOW = CONFIG.window
pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")


@pytest.fixture(scope="module")
def board() -> Iterator[devices.LinkedDevice]:
    with devices.open("sim:", config=CONFIG) as opened:
        assert isinstance(opened, devices.LinkedDevice)
        yield opened


def relay(margin: int, outputs: int = 3, config: Config = CONFIG) -> Network:
    """Every output fires when its input does."""
    return Network(
        name="relay", state_bits=config.state_bits, output="out", early_exit=EarlyExit(config.window, margin),
        populations=(Population("in", (outputs,)), Population("out", (outputs,), Neurons(threshold=1, strict=False))),
        projections=(Projection(source="in", target="out", weights=np.eye(outputs, dtype=np.int64)),),
    )  # fmt: skip


def spikes(steps: int, *starts: int) -> np.ndarray:
    """Output ``k`` fires in every step from ``starts[k]`` on."""
    return (np.arange(steps)[:, None] >= np.array(starts)).astype(np.uint8)


CASES = [
    (MOST - 1, spikes(200, 0, 200, 200), True),  # the largest margin, exceeded by a full count
    (MOST - 1, spikes(300, 0, 100, 300), False),  # the second has fired before the first was full
    (MOST - 1, spikes(300, 1, 300, 290), True),
    (MOST - 5, spikes(400, 0, 390, 400), True),
    (MOST - 5, np.where(np.arange(400)[:, None] % [1, 20, 400] == 0, 1, 0)[:, [0, 1, 1]].astype(np.uint8), False),
    (0, spikes(400, 0, 0, 9), False),  # two full counts are equal, whatever each of them would be
    (3, spikes(400, 0, 2, 130), False),
    (MOST // 2, spikes(100, 0, 100, 100), True),
]


@pytest.mark.parametrize(("margin", "train", "leaves"), CASES)
@pytest.mark.parametrize("mode", list(Mode))
def test_counts_end_at_the_largest_state_everywhere(board: devices.LinkedDevice, margin: int, train: np.ndarray, leaves: bool, mode: Mode) -> None:
    network = relay(margin)
    program = compile_network(network, CONFIG, mode)
    golden = GoldenModel(network).run(train, record=["all", "all.v"])
    _, _, steps, exited = reference_run(network, train)
    assert (int(golden.steps[0]), bool(golden.exited[0])) == (steps, exited) and exited is leaves
    board.load(program)
    result = board.run(train, record=["all", "all.v"])
    assert not differs(golden, result) and result.exited[0] == leaves
    cycles = board.run(train).cycles
    assert cycles is not None and cycles.busy[0] == predict(program, CONFIG, record_activity(network, train))[0].busy_cycles


@pytest.mark.parametrize("cut", [40, 128, 129, 200])
def test_a_full_count_stays_full_in_a_continued_run(board: devices.LinkedDevice, cut: int) -> None:
    network, train = relay(MOST - 1), spikes(260, 0, 120, 260)
    board.load(compile_network(network, CONFIG))
    golden = GoldenModel(network)
    for part, reset in ((train[:cut], True), (train[cut:], False)):
        assert not differs(golden.run(part, reset=reset), board.run(part, reset=reset))


@pytest.mark.parametrize("margin", [MOST, MOST + 1, 2 * MOST + 2, 2 * MOST + 3, 1 << 40])
def test_a_margin_that_no_count_can_exceed_is_refused_by_name(margin: int) -> None:
    with pytest.raises(CompileError, match=f"margin of {margin}: spikes are counted to {MOST}.*use a margin below {MOST}"):
        compile_network(relay(margin), CONFIG)
    train = spikes(300, 0, 300, 300)
    result = GoldenModel(relay(margin)).run(train)
    _, _, steps, exited = reference_run(relay(margin), train)
    assert not result.exited[0] and not exited and steps == 300


def test_the_largest_margin_compiles_for_every_configuration() -> None:
    for config in VARIANTS.values():
        if config.early_exit:
            program = compile_network(relay(config.state_max - 1, config=config), config)
            assert program.registers["exit_margin"] == config.state_max - 1


def test_a_run_that_sends_nothing_leaves_in_the_same_step() -> None:
    """Where rows are so wide that comparing one takes longer than what comes between the last operation and the end of the window."""
    config = VARIANTS["event-wide"]
    network, train = relay(3, outputs=config.lanes, config=config), spikes(3 * config.window, *[40] * (config.lanes - 1), 0)  # the last one leads
    program = compile_network(network, config)
    golden = GoldenModel(network).run(train)
    assert golden.exited[0] and golden.steps[0] == config.window
    with devices.open("sim:", config=config) as wide:
        assert isinstance(wide, devices.LinkedDevice)
        wide.load(program)
        for _ in range(2):
            counters, cycles = wide.count(train)
            assert counters["out"].spikes[0] == golden.counters["out"].spikes[0]
            [costs] = predict(program, config, record_activity(network, train), record=None)
            assert cycles.busy[0] == costs.busy_cycles


def test_one_output_is_compared_with_zero(board: devices.LinkedDevice) -> None:
    network = relay(MOST - 1, outputs=1)
    board.load(compile_network(network, CONFIG))
    train = np.ones((150, 1), np.uint8)
    expected = GoldenModel(network).run(train)
    assert not differs(expected, board.run(train)) and expected.exited[0] and expected.steps[0] == -(-MOST // WINDOW) * WINDOW
