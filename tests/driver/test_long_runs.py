"""Counters without end: of cycles, of populations, of time steps and of stream positions; started close to where they wrap."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import numpy as np
import pytest

from lifline.arch.config import preset
from lifline.arch.errors import DeviceError
from lifline.arch.program import FIRST_COUNTER, Mode
from lifline.arch.records import MAX_STEPS_PER_RUN
from lifline.arch.registers import COUNTER_BITS, COUNTER_STEP, COUNTERS, REGISTERS, STATUS_COUNTER_WRAPPED, Space, address
from lifline.cli.verify import differs
from lifline.compiler.compile import compile_network
from lifline.driver import counters as counters_module
from lifline.driver import device as devices
from lifline.driver.counters import BLIND_S, LOOK_S, CycleCounters, counted
from lifline.driver.predict import predict, record_activity
from lifline.network.model import Network, Neurons, Population, Projection
from lifline.sim.golden.model import GoldenModel

CONFIG = preset("tiny")
END = 1 << COUNTER_BITS
KIND = "sim" if shutil.which("g++") else "pysim"
needs_compiler = pytest.mark.skipif(KIND == "pysim", reason="needs a C++ compiler")


@pytest.fixture(scope="module")
def board() -> Iterator[devices.LinkedDevice]:
    with devices.open(f"{KIND}:{CONFIG.name}") as opened:
        assert isinstance(opened, devices.LinkedDevice)
        yield opened


def network() -> Network:
    """Fires a lot, suppresses some of it, and saturates."""
    rng = np.random.default_rng(3)
    hidden = Neurons(threshold=32000, decay_v=0, budget=2, bias=9000)
    return Network(
        name="lively", state_bits=CONFIG.state_bits, output="out",
        populations=(Population("in", (8,)), Population("hidden", (6,), hidden), Population("out", (5,), Neurons(threshold=30, decay_v=100))),
        projections=(
            Projection(source="in", target="hidden", weights=rng.integers(60, 127, (6, 8)), weight_shift=3),
            Projection(source="in", target="out", weights=rng.integers(-9, 20, (5, 8))),
            Projection(source="hidden", target="out", weights=rng.integers(-9, 20, (5, 6)), delays=rng.integers(0, 8, 6)),
        ),
    )  # fmt: skip


def train(steps: int, seed: int = 0) -> np.ndarray:
    return (np.random.default_rng(seed).random((steps, 8)) < 0.4).astype(np.uint8)


def set_counters(board: devices.LinkedDevice, start: int) -> None:
    """As after a long run: every cycle counter at ``start``, rounded down to what can be set, and every population's too."""
    for name in COUNTERS:
        board.link.write(address(Space.REGISTERS, REGISTERS[name].offset), [start & -COUNTER_STEP])
    assert board.program is not None
    for population in board.program.populations:
        board.link.write(address(Space.PROGRAM, population.address + FIRST_COUNTER), [start] * 3)


@pytest.mark.parametrize("before", [1, 64, 1000, 3000])
@pytest.mark.parametrize("mode", list(Mode))
def test_a_run_across_the_end_of_every_counter_counts_on(board: devices.LinkedDevice, before: int, mode: Mode) -> None:
    """``before`` events before the end: some counters wrap in the first window, some later, some not at all; results cannot tell."""
    steps = 120 if KIND == "sim" else 40
    board.load(compile_network(network(), CONFIG, mode))
    golden = GoldenModel(network())
    first, second = train(12), train(steps, 1)
    for part, reset in ((first, True), (second, False)):
        expected = golden.run(part, reset=reset)
        if not reset:
            plain = board.run(part, reset=False, period_cycles=300)
            board.run(first)  # once more, and now with counters that are close to their end
            set_counters(board, END - before)
        result = board.run(part, reset=reset, period_cycles=0 if reset else 300)
        assert not differs(expected, result)
        assert result.counters["hidden"].budget_hits[0] > 0 and result.counters["hidden"].saturations[0] > 0
    assert result.cycles is not None and plain.cycles is not None
    for name in ("busy", "overruns"):
        assert getattr(result.cycles, name).dtype == np.int64
        assert getattr(result.cycles, name)[0] == getattr(plain.cycles, name)[0]
    assert 0 <= result.cycles.stall_period[0] < 300 * steps and 0 <= result.cycles.stall_input[0] < END // 2
    status = board.info()["status"]
    assert status & STATUS_COUNTER_WRAPPED, "the device itself says that a counter has wrapped"


@needs_compiler
def test_cycles_equal_the_cycle_model_across_the_end(board: devices.LinkedDevice) -> None:
    program, spikes = compile_network(network(), CONFIG), train(400)
    board.load(program)
    board.run(spikes[:8])
    set_counters(board, END - 2000)
    cycles = board.run(spikes[8:], reset=False).cycles
    whole, part = (predict(program, CONFIG, record_activity(network(), s))[0].busy_cycles for s in (spikes, spikes[:8]))
    assert cycles is not None and part < whole
    fresh = board.run(spikes).cycles
    assert fresh is not None and fresh.busy[0] == whole
    assert abs(int(cycles.busy[0]) - (whole - part)) < 200  # the start of a fresh run, which clears the rings


@needs_compiler
def test_every_part_of_a_long_run_may_wrap_once(board: devices.LinkedDevice) -> None:
    """A population's counters are read after every part, so that a run of many parts may count to more than 2^32 in all."""
    steps = 2 * MAX_STEPS_PER_RUN + 100
    silent = train(steps) & (np.arange(steps)[:, None] % 50 == 0)
    board.load(compile_network(network(), CONFIG))
    expected = GoldenModel(network()).run(silent)
    board.run(silent[:1])
    inner, parts = board.link.read, [0]
    where = {p.name: address(Space.PROGRAM, p.address + FIRST_COUNTER) for p in board.program.populations}  # type: ignore[union-attr]
    added = 3_000_000_000  # what a larger device might count in one part

    def read(at: int, count: int = 1) -> np.ndarray:
        words = inner(at, count)
        if at == where["hidden"]:
            parts[0] += 1
            words = ((words.astype(np.int64) + added * parts[0]) % END).astype(np.uint32)
        return words

    board.link.read = read  # type: ignore[method-assign]
    try:
        result = board.run(silent)
    finally:
        del board.link.read
    assert parts[0] == 3
    assert result.counters["hidden"].spikes[0] == int(expected.counters["hidden"].spikes[0]) + 3 * added
    assert result.counters["out"].spikes[0] == expected.counters["out"].spikes[0]


@needs_compiler
def test_continued_runs_go_on_for_more_steps_than_are_counted(board: devices.LinkedDevice) -> None:
    """Past step 65,536 and as many output words, with cuts that are no multiples of anything."""
    board.load(compile_network(network(), CONFIG))
    golden, steps = GoldenModel(network()), 0
    for k, part in enumerate((8190, 8195, 16387, 30001, 8191, 999)):
        spikes = train(part, k) & (np.arange(part)[:, None] % 9 == 0)
        record = ["out"] if k % 2 else ["out", "hidden"]
        assert not differs(golden.run(spikes, reset=k == 0, record=record), board.run(spikes, reset=k == 0, record=record)), k
        steps += part
    assert steps > 1 << 16


@pytest.mark.parametrize(
    ("before", "after", "events"),
    [(0, 0, 0), (5, 9, 4), (END - 1, 0, 1), (END - 1, END - 1, 0), (1, 0, END - 1), (END // 2, END // 2 - 1, END - 1), (END - 64, 64, 128)],
)
def test_differences_are_modulo_the_counters_width(before: int, after: int, events: int) -> None:
    for kind in (np.uint32, np.int64):
        found = counted(np.array([before], kind), np.array([after], np.uint32))
        assert found.tolist() == [events] and found.dtype == np.int64


class Clock:
    """A device's counters and the time of day, both moved by the test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.count, self.reads, self.wrapped = 1000.0, np.zeros(len(COUNTERS), np.int64), 0, False
        monkeypatch.setattr(counters_module, "now_s", lambda: self.now)

    def read(self) -> np.ndarray:
        self.reads += 1
        return (self.count % END).astype(np.uint32)

    def counters(self) -> CycleCounters:
        return CycleCounters(self.read, lambda: self.wrapped)


def test_a_year_is_counted_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look every few seconds, as a run makes them, at 200 MHz."""
    clock, rng = Clock(monkeypatch), np.random.default_rng(0)
    clock.count += END - 1000
    found = clock.counters()
    found.begin(fresh=False)
    start = clock.count.copy()
    for _ in range(20_000):  # 20,000 looks of a year; each is a wrap in three
        passed = LOOK_S * (1 + rng.random())
        clock.now += passed
        clock.count += (rng.dirichlet(np.ones(len(COUNTERS))) * passed * 200e6).astype(np.int64)
        found.look(due=False)
    found.look()
    assert (found.totals == clock.count - start).all() and found.totals.sum() > 1000 * END


def test_counters_are_looked_at_as_often_as_needed_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    found = clock.counters()
    found.begin(fresh=True)
    for _ in range(100):
        clock.now += LOOK_S / 10
        found.look(due=False)
    assert 9 <= clock.reads <= 10


@pytest.mark.parametrize("wrapped", [False, True])
def test_a_process_that_stood_still_is_an_error_if_counters_may_have_wrapped_twice(monkeypatch: pytest.MonkeyPatch, wrapped: bool) -> None:
    clock = Clock(monkeypatch)
    found = clock.counters()
    found.begin(fresh=True)
    clock.now, clock.wrapped = clock.now + BLIND_S + 1, wrapped
    clock.count += 77
    if wrapped:
        with pytest.raises(DeviceError, match="stood still for 22 s.*reset=True"):
            found.look(due=False)
    else:
        found.look(due=False)
        assert (found.totals == 77).all()
    found.begin(fresh=True)
    clock.now += 10 * BLIND_S  # between runs the device counts nothing
    found.resume()
    found.look()
    assert (found.totals == clock.count).all()


@needs_compiler
def test_a_run_looks_at_the_counters_while_it_waits(board: devices.LinkedDevice, monkeypatch: pytest.MonkeyPatch) -> None:
    """Time flies here, and a counter wraps in most looks: none is missed."""
    clock = [0.0]

    def now_s() -> float:
        clock[0] += LOOK_S / 6
        return clock[0]

    monkeypatch.setattr(counters_module, "now_s", now_s)
    board.load(compile_network(network(), CONFIG))
    board.run(train(4))
    inner, looks, added = board.link.read, [0], 3_000_000_000
    at = address(Space.REGISTERS, REGISTERS[COUNTERS[0]].offset)

    def read(where: int, count: int = 1) -> np.ndarray:
        words = inner(where, count)
        if where == at:
            looks[0] += 1
            words[1] = (int(words[1]) + looks[0] * added) % END
        return words

    board.link.read = read  # type: ignore[method-assign]
    try:
        result = board.run(train(300, 2), reset=False)
    finally:
        del board.link.read
    assert result.cycles is not None and looks[0] > 5
    assert 0 <= result.cycles.stall_input[0] - (looks[0] - 1) * added < added // 2
