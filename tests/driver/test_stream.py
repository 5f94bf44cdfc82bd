"""Streams: the parts together are the run of everything, whatever feeds them; real time goes on, and what is late is counted."""

from __future__ import annotations

import asyncio
import io
import shutil
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import numpy as np
import pytest

from lifline.arch.config import preset
from lifline.arch.errors import DeviceError, InputError
from lifline.compiler.compile import compile_network
from lifline.driver import device as devices
from lifline.driver import items
from lifline.driver.stream import MOST_DUE, Stream
from lifline.network.model import EarlyExit, Network, Neurons, Population, Projection
from lifline.sensor.event_clock import EventClock
from lifline.sim.golden.model import GoldenModel

CONFIG = preset("tiny")
KIND = "sim" if shutil.which("g++") else "pysim"
RNG = np.random.default_rng(3)
STEPS = 37
TRAIN = (RNG.random((STEPS, 8)) < 0.3).astype(np.uint8)
PERIOD = 3000
"""Cycles, many more than a step and everything that the link does for a part take."""


def network(*, read_out: bool = False, early_exit: EarlyExit | None = None) -> Network:
    rng = np.random.default_rng(9)
    hidden, out = Neurons(threshold=20, decay_v=300, decay_i=900, budget=900), Neurons(threshold=30, decay_v=100, cap=0 if read_out else 1)
    return Network(
        name="small", state_bits=CONFIG.state_bits, output="out", early_exit=early_exit,
        populations=(Population("in", (8,)), Population("hidden", (6,), hidden), Population("out", (5,), out)),
        projections=(
            Projection(source="in", target="hidden", weights=rng.integers(-9, 20, (6, 8)), delays=rng.integers(0, 8, 8)),
            Projection(source="hidden", target="out", weights=rng.integers(-9, 20, (5, 6)), delays=rng.integers(0, 8, 6)),
        ),
    )  # fmt: skip


@pytest.fixture(scope="module", params=["golden", KIND])
def device(request: pytest.FixtureRequest) -> Iterator[Any]:
    with devices.open(f"{request.param}:tiny") as opened:
        yield opened


@pytest.fixture(scope="module")
def board() -> Iterator[devices.LinkedDevice]:
    with devices.open(f"{KIND}:tiny") as opened:
        assert isinstance(opened, devices.LinkedDevice)
        yield opened


def load(device: Any, net: Network) -> None:
    device.load(compile_network(net, CONFIG))


@pytest.mark.parametrize("period", [0, 5])
@pytest.mark.parametrize("chunk", [1, 7, 64])
def test_the_parts_together_are_the_run_of_everything(device: Any, chunk: int, period: int) -> None:
    net = network()
    load(device, net)
    whole = GoldenModel(net).run(TRAIN, record=["hidden"])
    device.run(TRAIN[:5])  # leaves state behind
    parts = list(device.stream(TRAIN, chunk=chunk, period=period, record="hidden"))
    assert [int(p.result.steps[0]) for p in parts] == [chunk] * (STEPS // chunk) + ([STEPS % chunk] if STEPS % chunk else [])
    assert [p.first_step for p in parts] == list(range(0, STEPS, chunk)) and [p.number for p in parts] == list(range(len(parts)))
    for find in (lambda r: r.output_spikes[0], lambda r: r.records["hidden"]["spikes"][0]):
        assert np.array_equal(np.concatenate([find(p.result) for p in parts]), find(whole))
    for name, counters in whole.counters.items():
        for what in ("spikes", "budget_hits", "saturations"):
            assert sum(int(getattr(p.result.counters[name], what)[0]) for p in parts) == int(getattr(counters, what)[0])
    assert np.array_equal(parts[-1].running_scores, whole.spike_counts[0]) and parts[-1].running == whole.prediction[0]
    assert np.array_equal(device.read_state("hidden")["v"], GoldenModelState(net)("hidden"))


class GoldenModelState:
    """Membranes behind the whole train."""

    def __init__(self, net: Network) -> None:
        self.model = GoldenModel(net)
        self.model.run(TRAIN)

    def __call__(self, population: str) -> np.ndarray:
        return self.model.state(population)["v"][0]


def rows() -> Iterator[np.ndarray]:
    yield from TRAIN


class Trickle(io.RawIOBase):
    """A pipe that gives a few bytes at a time."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def read(self, size: int = -1, /) -> bytes:
        part, self.data = self.data[: min(size, 11)], self.data[min(size, 11) :]
        return part


@pytest.mark.parametrize(
    "source",
    [
        lambda: TRAIN, lambda: TRAIN.astype(bool), lambda: TRAIN.tolist(), rows, lambda: [TRAIN[:10], TRAIN[10], TRAIN[11:11], TRAIN[11:]],
        lambda: io.BytesIO(TRAIN.tobytes()), lambda: Trickle(TRAIN.tobytes()),
    ],
    ids=["array", "bool", "lists", "generator", "mixed", "file", "pipe"],
)  # fmt: skip
def test_any_source_gives_the_same(device: Any, source: Any) -> None:
    load(device, network())
    expected = GoldenModel(network()).run(TRAIN).output_spikes[0]
    parts = list(device.stream(source(), chunk=4))
    assert np.array_equal(np.concatenate([p.result.output_spikes[0] for p in parts]), expected)


def test_events_become_steps_by_a_clock(device: Any) -> None:
    load(device, network())
    times, neurons = np.nonzero(TRAIN)
    events = np.stack([times * 1000 + RNG.integers(0, 1000, len(times)), neurons], axis=1)
    events = events[np.argsort(events[:, 0], kind="stable")]
    clock = EventClock(1000, 8, origin_us=0)
    last = int(times[-1]) + 1
    parts = list(device.stream((e for e in events), chunk=4, clock=clock))
    expected = GoldenModel(network()).run(TRAIN[:last]).output_spikes[0]
    assert np.array_equal(np.concatenate([p.result.output_spikes[0] for p in parts]), expected)
    assert (clock.events, clock.late, clock.early, clock.merged, clock.given) == (len(events), 0, 0, 0, last)


def test_predictions_of_the_part_of_all_and_of_a_window(device: Any) -> None:
    load(device, network())
    parts = list(device.stream(TRAIN, chunk=3, window=9))
    counts = [p.result.spike_counts[0] for p in parts]
    for k, part in enumerate(parts):
        assert part.prediction == counts[k].argmax() and part.running == sum(counts[: k + 1]).argmax()
        assert np.array_equal(part.windowed_scores, sum(counts[max(0, k - 2) : k + 1])) and part.windowed == part.windowed_scores.argmax()
    assert len({p.prediction for p in parts}) > 1, "else this shows nothing"


@pytest.mark.parametrize(("score", "whole"), [(None, "v_max"), ("v_max", "v_max"), ("v_sum", "v_sum"), ("v_last", "v_last")])
def test_read_outs_decide_by_their_membranes(device: Any, score: str | None, whole: str) -> None:
    net = network(read_out=True)
    load(device, net)
    parts = list(device.stream(TRAIN, chunk=5, score=score, window=10))
    expected = GoldenModel(net).run(TRAIN)
    assert np.array_equal(parts[-1].running_scores, getattr(expected, whole)[0])
    tail = GoldenModel(net)
    tail.run(TRAIN[:30])
    assert np.array_equal(parts[-1].windowed_scores, getattr(tail.run(TRAIN[30:], reset=False), whole)[0])


def test_a_decision_ends_the_stream(device: Any) -> None:
    net = network(early_exit=EarlyExit(4, 2))
    load(device, net)
    whole = GoldenModel(net).run(TRAIN)
    assert whole.exited[0] and whole.steps[0] < STEPS
    stream = device.stream(TRAIN, chunk=3)
    parts = list(stream)
    assert sum(int(p.result.steps[0]) for p in parts) == whole.steps[0] and [p.exited for p in parts] == [False] * (len(parts) - 1) + [True]
    assert np.array_equal(parts[-1].running_scores, whole.spike_counts[0]) and list(stream) == []


@pytest.mark.parametrize("period", [0, PERIOD])
def test_after_a_decision_the_steps_behind_it_begin_the_next_one(device: Any, period: int) -> None:
    net = network(early_exit=EarlyExit(4, 2))
    load(device, net)
    long = np.concatenate([TRAIN, TRAIN[::-1]])
    expected, first = [], 0
    while first < len(long):
        result = GoldenModel(net).run(long[first:])
        expected.append((int(result.steps[0]), result.spike_counts[0].tolist()))
        first += int(result.steps[0])
    found, steps = [], 0
    parts = list(device.stream(long, chunk=3, period=period, after_exit="restart"))
    for k, part in enumerate(parts):
        steps += int(part.result.steps[0])
        if part.exited or k == len(parts) - 1:
            found.append((steps, part.running_scores.tolist()))
            steps = 0
    assert found == expected and len(found) > 3
    if period and parts[0].lag_cycles is not None:
        assert all(0 <= p.lag_cycles < PERIOD for p in parts) and sum(p.overruns for p in parts) == 0


# Real time: only a device has a clock.


def spent(part: Any) -> int:
    c = part.result.cycles
    return int(c.busy[0] + c.stall_input[0] + c.stall_output[0] + c.stall_period[0])


@pytest.mark.parametrize("chunk", [1, 5, 16])
def test_real_time_goes_on_from_part_to_part(board: devices.LinkedDevice, chunk: int) -> None:
    """Every step takes one period, however small the parts; each part ends soon after its last step was due."""
    load(board, network())
    parts = list(board.stream(TRAIN, chunk=chunk, period=PERIOD))
    total, steps = 0, 0
    for part in parts:
        total, steps = total + spent(part), steps + int(part.result.steps[0])
        assert part.lag_cycles == total - steps * PERIOD and 0 < part.lag_cycles < PERIOD
    assert sum(p.overruns for p in parts) == 0 and not any(p.late_beyond_count for p in parts)


def test_time_between_parts_counts(board: devices.LinkedDevice) -> None:
    """A caller that takes longer than a period makes the next windows late, until they have caught up."""
    load(board, network())
    transport: Any = board.link.transport
    stream = board.stream(TRAIN, chunk=1, period=PERIOD)
    lags, overruns = [], []
    for k, part in enumerate(stream):
        lags.append(part.lag_cycles)
        overruns.append(part.overruns)
        if k == 9:
            transport.advance(10 * PERIOD)
    assert max(lags[:10]) < PERIOD and 8 * PERIOD < lags[10] < 11 * PERIOD and max(lags[22:]) < PERIOD
    assert sum(overruns[:10]) == 0 and overruns[10] == 1 and 7 <= sum(overruns) == stream.overruns <= 13
    assert stream.worst_lag_cycles == max(lags) and stream.lost == 0


def test_a_stream_that_is_too_late_says_that_its_schedule_began_anew(board: devices.LinkedDevice) -> None:
    load(board, network())
    transport: Any = board.link.transport
    stream = board.stream(TRAIN, chunk=1, period=50)
    lost = []
    for k, part in enumerate(stream):
        lost.append(part.late_beyond_count)
        if k == 3:
            transport.advance(50 * (MOST_DUE + 40))
        assert part.lag_cycles <= 50 * (MOST_DUE + 1)
    assert lost[4] and stream.lost == sum(lost)


def test_a_run_after_a_stream_has_its_own_clock(board: devices.LinkedDevice) -> None:
    """What the stream left on, an abandoned one too, neither counts nor makes anything due."""
    load(board, network())
    transport: Any = board.link.transport
    stream = board.stream(TRAIN, chunk=1, period=PERIOD)
    next(stream)
    transport.advance(20 * PERIOD)
    result = board.run(TRAIN[:4], reset=False, period_cycles=PERIOD)
    assert result.cycles is not None and result.cycles.overruns[0] == 0 and result.cycles.stall_input[0] < PERIOD
    assert 3 * PERIOD < result.cycles.stall_period[0] <= 4 * PERIOD


def test_long_runs_have_one_clock(board: devices.LinkedDevice, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run of several starts waits as often as it has steps."""
    load(board, network())
    monkeypatch.setattr(items, "MAX_STEPS_PER_RUN", 8)
    result = board.run(TRAIN, period_cycles=PERIOD)
    assert result.cycles is not None and result.cycles.overruns[0] == 0
    total = sum(int(c[0]) for c in (result.cycles.busy, result.cycles.stall_input, result.cycles.stall_output, result.cycles.stall_period))
    assert 0 < total - STEPS * PERIOD < 2000


# Asynchronous sources and callers.


async def later() -> AsyncIterator[np.ndarray]:
    for row in TRAIN:
        await asyncio.sleep(0)
        yield row


@pytest.mark.parametrize("source", [lambda: TRAIN, later], ids=["plain", "asynchronous"])
def test_an_asynchronous_stream_gives_the_same_while_others_go_on(device: Any, source: Any) -> None:
    load(device, network())

    async def body() -> tuple[list, int]:
        ticks, over = 0, False

        async def others() -> None:
            nonlocal ticks
            while not over:
                ticks += 1
                await asyncio.sleep(0)

        task = asyncio.ensure_future(others())
        parts = [part async for part in device.stream(source(), chunk=4)]
        over = True
        await task
        return parts, ticks

    parts, ticks = asyncio.run(body())
    expected = GoldenModel(network()).run(TRAIN).output_spikes[0]
    assert np.array_equal(np.concatenate([p.result.output_spikes[0] for p in parts]), expected) and ticks > len(parts)


def test_a_cancelled_stream_leaves_the_device_free(board: devices.LinkedDevice) -> None:
    load(board, network())

    async def body() -> None:
        stream = board.stream(later(), chunk=16, period=1 << 20)
        task = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0.3)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [part async for part in stream] == []

    asyncio.run(body())
    assert np.array_equal(board.run(TRAIN).output_spikes, GoldenModel(network()).run(TRAIN).output_spikes)


def test_closing_from_another_thread_ends_the_part_under_way(board: devices.LinkedDevice) -> None:
    load(board, network())
    stream = board.stream(TRAIN, chunk=32, period=1 << 20)
    timer = threading.Timer(0.2, stream.close)
    timer.start()
    parts = list(stream)
    timer.join()
    assert len(parts) == 1 and 0 <= parts[0].result.steps[0] < 32


# What is refused.


@pytest.mark.parametrize("intruder", ["run", "load", "stream"])
def test_a_stream_needs_the_device_alone(device: Any, intruder: str) -> None:
    load(device, network())
    stream = device.stream(TRAIN, chunk=4)
    next(stream)
    assert device.read_state("out")["v"].shape == (5,)
    next(stream)
    if intruder == "run":
        device.run(TRAIN)
    elif intruder == "load":
        load(device, network())
    else:
        next(device.stream(TRAIN, chunk=4))
    with pytest.raises(DeviceError, match="something else ran since the stream's last part.*start a new one"):
        next(stream)
    assert list(stream) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"chunk": 0}, "chunk, the steps of a part, 0 must be an integer of at least 1"),
        ({"chunk": 1.5}, "chunk"),
        ({"period": -1}, "period_cycles"),
        ({"period": 1, "chunk": MOST_DUE}, "below 255 in real time"),
        ({"window": 5, "chunk": 2}, "window 5 must be a multiple of the chunk, 2 steps"),
        ({"after_exit": "go"}, "after_exit 'go' must be one of stop, restart"),
        ({"score": "v_max"}, "fires and has spike_counts"),
        ({"record": "nothing"}, "no population `nothing`"),
        ({"clock": EventClock(10, 7)}, "7 neurons; the network's input has 8"),
    ],
)
def test_options_that_mean_nothing_are_refused_at_once(device: Any, options: dict[str, Any], message: str) -> None:
    load(device, network())
    with pytest.raises(InputError, match=message):
        device.stream(TRAIN, **options)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (lambda: 3, "3 is no source"),
        (lambda: [[0, 1]], "input has 8"),
        (lambda: [TRAIN[None]], r"shape \(1, 37, 8\)"),
        (lambda: [np.full(8, 2)], "spike value 2"),
        (lambda: io.BytesIO(TRAIN.tobytes()[:-3]), "ends in the middle of a step: 5 of 8 bytes"),
        (lambda: io.BytesIO(bytes([7] * 8)), "spike value 7"),
        (lambda: io.StringIO("00000000"), "open it for reading bytes"),
    ],
)
def test_sources_that_give_no_spikes_are_refused(device: Any, source: Any, message: str) -> None:
    load(device, network())
    stream = device.stream(source(), chunk=4)
    with pytest.raises(InputError, match=message):
        list(stream)
    assert list(stream) == []


def test_an_asynchronous_source_needs_an_asynchronous_loop(device: Any) -> None:
    load(device, network())
    with pytest.raises(InputError, match="async for"):
        next(device.stream(later()))


def test_a_device_without_a_program_has_no_stream() -> None:
    with devices.open("golden:tiny") as device, pytest.raises(DeviceError, match="no program"):
        device.stream(TRAIN)


def test_what_is_shown_says_how_far_it_is(device: Any) -> None:
    load(device, network())
    stream: Stream = device.stream(TRAIN, chunk=30)
    assert "steps 0..30, prediction" in repr(next(stream)) and repr(stream) == "Stream(1 chunks, 30 steps, 0 overruns)"
    assert stream.worst_latency_s > 0
