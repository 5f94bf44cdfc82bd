"""What is estimated before anything is built is what the simulated board then does: cycles, bytes, and the rate behind a line."""

from __future__ import annotations

import dataclasses
import shutil

import numpy as np
import pytest

import lifline
from lifline.arch.config import preset
from lifline.arch.errors import ConfigError, InputError
from lifline.boards.board import board
from lifline.compiler.compile import compile_network
from lifline.compiler.program import Program
from lifline.driver.estimate import BITS_PER_BYTE, estimate
from lifline.driver.link import Link
from lifline.driver.linked import LinkedDevice
from lifline.network.model import Network, Neurons, Population, Projection
from lifline.sim.board.simulated import CompiledBoard

CONFIG = preset("tiny")
CLOCK_HZ = 10e6
BOARD = dataclasses.replace(board("icebreaker"), clock_hz=CLOCK_HZ)
BAUD_HZ = 1_000_000
needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")


def program(*, fires: bool = False, early: bool = False) -> Program:
    rng = np.random.default_rng(2)
    out = Neurons(threshold=60, decay_v=500) if fires else Neurons(threshold=CONFIG.state_max, decay_v=500, cap=0)
    network = Network(
        name="small", output="out", state_bits=CONFIG.state_bits,
        populations=(Population("in", (12,)), Population("hidden", (9,), Neurons(threshold=50, decay_v=300)), Population("out", (3,), out)),
        projections=(
            Projection(source="in", target="hidden", weights=rng.integers(-9, 30, (9, 12))),
            Projection(source="hidden", target="out", weights=rng.integers(-20, 30, (3, 9))),
        ),
        early_exit=lifline.EarlyExit(every=4, margin=200) if early else None,
    )  # fmt: skip
    return compile_network(network, CONFIG)


def samples(count: int, steps: int = 16) -> np.ndarray:
    return (np.random.default_rng(3).random((count, steps, 12)) < 0.2).astype(np.uint8)


class Counting:
    """A byte stream that counts its bytes, each way."""

    def __init__(self, inner: CompiledBoard) -> None:
        self.inner, self.sent, self.received = inner, 0, 0

    def write(self, data: bytes) -> None:
        self.sent += len(data)
        self.inner.write(data)

    def read(self, count: int) -> bytes:
        data = self.inner.read(count)
        self.received += len(data)
        return data

    def close(self) -> None:
        self.inner.close()


def measured(loaded: Program, few: np.ndarray, many: np.ndarray, classify: bool) -> tuple[float, float, float]:
    """Bytes to the device and from it, and seconds, of each of the samples by which ``many`` are more than ``few``."""
    counting = Counting(CompiledBoard(CONFIG, byte_cycles=round(CLOCK_HZ / BAUD_HZ * BITS_PER_BYTE)))
    found = []
    with LinkedDevice(Link(counting)) as device:
        device.load(loaded)
        for batch in (few, many):
            before = counting.sent, counting.received, counting.inner.cycles
            _ = device.classify(batch) if classify else device.run(batch)
            found.append([b - a for a, b in zip(before, (counting.sent, counting.received, counting.inner.cycles), strict=True)])
        assert counting.inner.lost == 0 and device.link.repeated == 0
    sent, received, cycles = (np.subtract(found[1], found[0]) / (len(many) - len(few))).tolist()
    return sent, received, cycles / CLOCK_HZ


@needs_compiler
@pytest.mark.parametrize(("classify", "early"), [(True, False), (False, False), (True, True)])
def test_bytes_cycles_and_rate_are_those_of_the_simulated_board(classify: bool, early: bool) -> None:
    """Every sample alike: what comes on top for the first ones drops out."""
    loaded = program(fires=early, early=early)
    one = samples(1)
    few, many = np.repeat(one, 4, axis=0), np.repeat(one, 24, axis=0)
    found = estimate(loaded, one, board=BOARD, link=BAUD_HZ, record=None if classify else ())
    sent, received, seconds = measured(loaded, few, many, classify)
    assert (found.sent, found.received) == (sent, received) and found.whole
    assert 1 / seconds == pytest.approx(found.samples_per_second, rel=0.05)
    with lifline.open("sim:tiny") as device:
        device.load(loaded)
        if not classify:
            cycles = device.run(one).cycles
            assert cycles is not None and cycles.busy.tolist() == found.cycles.tolist()


@needs_compiler
def test_spikes_that_come_back_are_estimated_as_many_as_there_are() -> None:
    loaded, batch = program(fires=True), samples(6)
    with lifline.open("sim:tiny") as device:
        device.load(loaded)
        result = device.run(batch)
    assert result.cycles is not None
    found = estimate(loaded, batch, board=BOARD)
    assert found.cycles.tolist() == result.cycles.busy.tolist()
    records = 2 * int(result.output_spikes.any(axis=2).sum()) / len(batch)
    less = estimate(loaded, batch, board=BOARD, record=None)
    assert records > 1 and found.received - less.received >= 4 * len(loaded.populations)


def test_what_limits_is_named_and_so_is_every_estimate() -> None:
    loaded, batch = program(), samples(3)
    slow = estimate(loaded, batch, board=BOARD, link=100_000, record=None)
    fast = estimate(loaded, batch, board=dataclasses.replace(BOARD, clock_hz=1e5), link=10_000_000, record=None)
    back = estimate(loaded, batch, board=BOARD, record=("all.v",))
    assert (slow.limit, fast.limit, back.limit) == ("input", "core", "output")
    assert slow.alone_s > 1 / slow.samples_per_second > slow.core_s
    text = str(back)
    assert text.startswith("estimate for iCEBreaker") and "limited by results on the link" in text and "not measured on a board" in text and "an estimate (" in text
    assert slow.energy.dynamic == pytest.approx(fast.energy.dynamic) and slow.energy.static < fast.energy.static  # which takes longer at a slower clock
    assert slow.waiting.total > fast.waiting.total


def test_what_does_not_fit_is_said_to_be_rough() -> None:
    loaded = program()
    long = estimate(loaded, samples(1, steps=CONFIG.input_words + 1), board=BOARD)
    assert not long.whole and "roughly" in "\n".join(long.lines())


def test_boards_and_rates_that_do_not_exist_are_refused() -> None:
    with pytest.raises(InputError, match="no board is built with `tiny`.*icebreaker"):
        estimate(program(), samples(1))
    with pytest.raises(ConfigError, match="no board `nothing`"):
        estimate(program(), samples(1), board="nothing")
    for link in (0, 10**9, 1.5, "fast"):
        with pytest.raises(InputError, match="link"):
            estimate(program(), samples(1), board=BOARD, link=link)  # pyright: ignore[reportArgumentType]
