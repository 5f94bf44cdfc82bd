"""Runs that are long, cut, stopped, in real time, or left early, on `tiny`: always the golden model's bits."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator

import numpy as np
import pytest

from lifline.arch.config import preset
from lifline.arch.errors import DeviceError, InputError
from lifline.arch.program import Mode
from lifline.arch.records import MAX_STEPS_PER_RUN
from lifline.arch.registers import SPACE_SHIFT, Space
from lifline.cli.verify import differs
from lifline.compiler.compile import compile_network
from lifline.driver import device as devices
from lifline.driver import exchange
from lifline.network.model import EarlyExit, Network, Neurons, Population, Projection
from lifline.network.result import RunResult
from lifline.sim.golden.model import GoldenModel
from lifline.sim.random.network import random_network, random_spikes

CONFIG = preset("tiny")
pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")


@pytest.fixture(scope="module")
def board() -> Iterator[devices.LinkedDevice]:
    with devices.open(f"sim:{CONFIG.name}") as opened:
        assert isinstance(opened, devices.LinkedDevice)
        yield opened


def case(seed: int, steps: int, **largest: int) -> tuple[Network, dict[tuple[str, str], Mode], np.ndarray]:
    rng = np.random.default_rng(seed)
    network = random_network(rng, config=CONFIG, **largest)
    modes = {(p.source, p.target): Mode(int(rng.integers(2))) for p in network.projections}
    return network, modes, random_spikes(rng, network, steps)


def small_network(early_exit: EarlyExit | None = None) -> Network:
    """Delays, currents and budgets: everything that a run could leave behind."""
    rng = np.random.default_rng(9)
    hidden = Neurons(threshold=20, decay_v=300, decay_i=900, budget=900)
    return Network(
        name="small", state_bits=CONFIG.state_bits, output="out", early_exit=early_exit,
        populations=(Population("in", (8,)), Population("hidden", (6,), hidden), Population("out", (5,), Neurons(threshold=30, decay_v=100))),
        projections=(
            Projection(source="in", target="hidden", weights=rng.integers(-9, 20, (6, 8)), delays=rng.integers(0, 8, 8)),
            Projection(source="hidden", target="out", weights=rng.integers(-9, 20, (5, 6)), delays=rng.integers(0, 8, 6)),
        ),
    )  # fmt: skip


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("steps", [MAX_STEPS_PER_RUN, MAX_STEPS_PER_RUN + 1, 2 * MAX_STEPS_PER_RUN + 3])
def test_long_runs_are_split_without_a_seam(board: devices.LinkedDevice, mode: Mode, steps: int) -> None:
    network = small_network()
    spikes = (np.random.default_rng(steps).random((steps, 8)) < 0.02).astype(np.uint8)
    board.load(compile_network(network, CONFIG, mode))
    result = board.run(spikes, record=["all"])
    assert not differs(GoldenModel(network).run(spikes, record=["all"]), result)
    assert result.spike_counts.sum() > 100 and result.steps[0] == steps


@pytest.mark.parametrize("seed", range(3000, 3025))
def test_any_number_of_cuts_anywhere(board: devices.LinkedDevice, seed: int) -> None:
    """Every part has the golden model's spikes, states and counters of that part."""
    network, modes, spikes = case(seed, 40)
    network = network.replace(early_exit=None)
    board.load(compile_network(network, CONFIG, modes))
    golden = GoldenModel(network)
    rng = np.random.default_rng(seed)
    cuts = sorted(set(rng.integers(1, 40, rng.integers(1, 6)).tolist()))
    whole = golden.run(spikes, record=["all", "all.v"])
    parts: list[RunResult] = []
    for k, part in enumerate(np.split(spikes, cuts)):
        record = ["all", "all.v"] if k % 2 == 0 else []
        parts.append(board.run(part, reset=k == 0, record=record))
        assert not differs(golden.run(part, reset=k == 0, record=record), parts[-1]), f"part {k}, cuts {cuts}"
    assert (np.concatenate([p.output_spikes for p in parts], axis=1) == whole.output_spikes).all()
    assert {n: int(c.spikes[0]) for n, c in whole.counters.items()} == {n: sum(int(p.counters[n].spikes[0]) for p in parts) for n in whole.counters}


@pytest.mark.parametrize("seed", range(4000, 4015))
def test_fresh_runs_see_nothing_of_earlier_ones(board: devices.LinkedDevice, seed: int) -> None:
    """Membranes, currents, budgets, counters and spikes still under way in delay lines are gone, whatever program left them."""
    before, its_modes, its_spikes = case(seed + 500, 30)
    network, modes, spikes = case(seed, 30)
    record = ["all", "all.v"] if seed % 2 else []
    expected = GoldenModel(network).run(spikes, record=record)
    for earlier, earlier_modes, earlier_spikes in ((before, its_modes, np.ones_like(its_spikes)), (network, modes, np.ones_like(spikes))):
        board.load(compile_network(earlier, CONFIG, earlier_modes))
        board.run(earlier_spikes)
        board.load(compile_network(network, CONFIG, modes))
        assert not differs(expected, board.run(spikes, record=record))
        assert not differs(expected, board.run(spikes, record=record))


@pytest.mark.parametrize("mode", list(Mode))
def test_silence_after_a_lively_run_stays_silent(board: devices.LinkedDevice, mode: Mode) -> None:
    """Nothing is scanned, so that updates follow the fetch of their program as closely as they ever do."""
    network = small_network()
    board.load(compile_network(network, CONFIG, mode))
    for steps in range(1, 10):
        board.run(np.ones((30, 8), np.uint8))
        assert any(board.read_state("out")["v"])
        assert board.run(np.zeros((steps, 8), np.uint8)).spike_counts.sum() == 0
        assert not any(board.read_state("out")["v"]) and not any(board.read_state("hidden")["i"])


def test_first_run_of_a_program_has_nothing_to_continue(board: devices.LinkedDevice) -> None:
    network = small_network()
    spikes = np.ones((20, 8), np.uint8)
    board.load(compile_network(network, CONFIG))
    expected = board.run(spikes)
    board.load(compile_network(network, CONFIG))
    assert not differs(expected, board.run(spikes, reset=False))


def test_batches_cannot_be_continued(board: devices.LinkedDevice) -> None:
    board.load(compile_network(small_network(), CONFIG))
    board.run(np.ones((3, 4, 8), np.uint8))
    with pytest.raises(InputError, match="1 after 3"):
        board.run(np.ones((4, 8), np.uint8), reset=False)


@pytest.mark.parametrize("mode", list(Mode))
def test_early_exit_ends_the_same_step_and_can_be_continued(board: devices.LinkedDevice, mode: Mode) -> None:
    rng = np.random.default_rng(5)
    exits = 0
    for margin, every in ((0, 4), (2, 8), (60, 4)):
        network = small_network(EarlyExit(every, margin))
        board.load(compile_network(network, CONFIG, mode))
        golden = GoldenModel(network)
        spikes = (rng.random((3, 50, 8)) < 0.4).astype(np.uint8)
        expected = golden.run(spikes)
        assert not differs(expected, board.run(spikes)), (margin, every)
        exits += int(expected.exited.sum())
        for k, item in enumerate(spikes):
            assert not differs(golden.run(item, reset=k == 0), board.run(item, reset=k == 0)), (margin, every, k)
    assert 0 < exits < 9




@pytest.mark.parametrize("mode", list(Mode))
def test_real_time_takes_the_time_it_should(board: devices.LinkedDevice, mode: Mode) -> None:
    network = small_network()
    spikes = (np.random.default_rng(1).random((42, 8)) < 0.3).astype(np.uint8)
    board.load(compile_network(network, CONFIG, mode))
    expected = GoldenModel(network).run(spikes)
    free = board.run(spikes).cycles
    result = board.run(spikes, period_cycles=3000)
    assert not differs(expected, result)
    assert free is not None and result.cycles is not None
    assert free.stall_period[0] == 0 and free.overruns[0] == 0
    assert result.cycles.overruns[0] == 0
    spent = sum(int(c[0]) for c in (result.cycles.busy, result.cycles.stall_input, result.cycles.stall_output, result.cycles.stall_period))
    assert 42 * 3000 <= spent <= 42 * 3000 + 2000
    assert result.cycles.busy[0] == free.busy[0]
    assert board.run(spikes).cycles.stall_period[0] == 0, "the period is a property of one run"


def test_a_period_longer_than_a_stall_is_waited_for(board: devices.LinkedDevice, monkeypatch: pytest.MonkeyPatch) -> None:
    """A window of this period takes longer than a device may be without progress."""
    monkeypatch.setattr(exchange, "STALLED_S", 0.2)
    network, spikes = small_network(), np.ones((CONFIG.window + 1, 8), np.uint8)
    board.load(compile_network(network, CONFIG))
    began = time.monotonic()
    result = board.run(spikes, period_cycles=200_000)
    assert time.monotonic() - began > 0.5
    assert not differs(GoldenModel(network).run(spikes), result) and result.cycles is not None and result.cycles.stall_period[0] > 800_000


def test_a_device_that_never_gets_its_input_has_stalled(board: devices.LinkedDevice, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "STALLED_S", 0.2)
    monkeypatch.setattr(exchange.Exchange, "_feed", lambda self, words, written, taken: 0)
    board.load(compile_network(small_network(), CONFIG))
    with pytest.raises(DeviceError, match="makes no progress since step 0"):
        board.run(np.ones((8, 8), np.uint8), period_cycles=50)


def test_periods_that_are_too_short_are_counted(board: devices.LinkedDevice) -> None:
    network = small_network()
    spikes = (np.random.default_rng(1).random((42, 8)) < 0.3).astype(np.uint8)
    board.load(compile_network(network, CONFIG))
    result = board.run(spikes, period_cycles=5)
    assert not differs(GoldenModel(network).run(spikes), result)
    assert result.cycles is not None and 5 <= result.cycles.overruns[0] <= 11
    for period in (-1, 1 << 24):
        with pytest.raises(InputError, match="period_cycles"):
            board.run(spikes, period_cycles=period)


def test_a_stopped_run_gives_what_it_has_and_cannot_be_continued(board: devices.LinkedDevice) -> None:
    network = small_network()
    spikes = (np.random.default_rng(2).random((60, 8)) < 0.3).astype(np.uint8)
    board.load(compile_network(network, CONFIG))
    expected = GoldenModel(network).run(spikes)
    stops = []
    for polls in (1, 20, 50, 80):
        inner, left = board.link.read, [polls]

        def read(where: int, count: int = 1, inner=inner, left=left) -> np.ndarray:
            left[0] -= 1
            if left[0] == 0:
                board.stop()
            return inner(where, count)

        board.link.read = read  # type: ignore[method-assign]
        try:
            result = board.run(spikes, period_cycles=500)
        finally:
            del board.link.read
        done = int(result.steps[0])
        stops.append(done)
        assert done % CONFIG.window == 0 and not result.exited[0]
        assert (result.output_spikes[0, :done] == expected.output_spikes[0, :done]).all() and not result.output_spikes[0, done:].any()
        with pytest.raises(DeviceError, match="was stopped.*reset=True"):
            board.run(spikes, reset=False)
        assert not differs(expected, board.run(spikes))
    assert any(0 < done < 60 for done in stops), stops


@pytest.mark.parametrize("writes", range(1, 40, 3))
def test_a_run_that_failed_leaves_nothing_behind(board: devices.LinkedDevice, writes: int) -> None:
    """The driver fails in the middle of a run that waits for input, for room, or computes; the next run is right."""
    network = small_network()
    spikes = (np.random.default_rng(3).random((200, 8)) < 0.5).astype(np.uint8)
    record = ["all", "all.v"]
    board.load(compile_network(network, CONFIG))
    inner, left = board.link.write, [writes]

    def write(where: int, words: object) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise KeyboardInterrupt
        inner(where, words)  # type: ignore[arg-type]

    board.link.write = write  # type: ignore[method-assign]
    try:
        with pytest.raises(KeyboardInterrupt):
            board.run(spikes, record=record)
    finally:
        del board.link.write
    with pytest.raises(DeviceError, match="failed.*reset=True"):
        board.run(spikes, reset=False)
    assert not differs(GoldenModel(network).run(spikes, record=record), board.run(spikes, record=record))


def test_records_that_nobody_asked_for_are_refused(board: devices.LinkedDevice) -> None:
    """Output that makes no sense is a device error, whatever part of its header is wrong."""
    network = small_network()
    board.load(compile_network(network, CONFIG))
    spikes = np.ones((12, 8), np.uint8)
    expected = board.run(spikes, record=["all"])
    for bit in range(32):
        inner = board.link.read

        def read(where: int, count: int = 1, bit=bit, inner=inner) -> np.ndarray:
            words = inner(where, count)
            if where >> SPACE_SHIFT == Space.OUTPUT:
                words[0] ^= np.uint32(1 << bit)
            return words

        board.link.read = read  # type: ignore[method-assign]
        try:
            assert differs(expected, board.run(spikes, record=["all"])), bit
        except DeviceError as error:
            assert "nobody asked for" in str(error)
        finally:
            del board.link.read
    assert not differs(expected, board.run(spikes, record=["all"]))


@pytest.mark.parametrize(
    ("change", "record"),
    [
        ({"max_neurons": 128, "slot_words": 128, "output_words": 16}, ["all"]),
        ({"event_lanes": 8, "dense_lanes": 0, "multipliers": 8, "max_neurons": 96, "output_words": 16, "drain_cycles": 1}, ["all", "all.v"]),
    ],
    ids=["spikes", "rows"],
)
def test_the_smallest_output_memory_that_is_allowed_is_enough(change: dict[str, int], record: list[str]) -> None:
    """All neurons of the largest population fire in every step, and nothing waits for ever."""
    config = CONFIG.replace(name="least", neuron_words=512, **change)
    size = config.max_neurons
    network = Network(
        name="full", state_bits=config.state_bits, output="out",
        populations=(Population("in", (1,)), Population("out", (size,), Neurons(threshold=1, bias=5))),
        projections=(Projection(source="in", target="out", weights=np.ones((size, 1), np.int64)),),
    )  # fmt: skip
    spikes = np.ones((4, 1), np.uint8)
    with devices.open("pysim:", config=config) as smallest:
        smallest.load(compile_network(network, config, Mode.DENSE if config.dense_lanes else Mode.EVENT))
        assert not differs(GoldenModel(network).run(spikes, record=record), smallest.run(spikes, record=record))
