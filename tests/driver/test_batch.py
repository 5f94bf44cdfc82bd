"""Batches: requests of several samples under way at a time give what one sample after the other gives, also on a bad link."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from lifline.arch.config import preset
from lifline.arch.errors import DeviceError, LinkError
from lifline.arch.frame import QUEUE_BYTES, REQUEST_HEADER, Kind, Request
from lifline.arch.registers import REGISTERS, Space, address
from lifline.compiler.compile import compile_network
from lifline.driver.golden_device import GoldenDevice
from lifline.driver.link import Link
from lifline.driver.linked import LinkedDevice
from lifline.driver.pipeline import ALIVE
from lifline.network.result import decisions_of, differences
from lifline.sim.board.simulated import CompiledBoard
from lifline.sim.golden.model import GoldenModel
from lifline.sim.random.network import random_network, random_spikes

from .test_link import Faulty, Once

CONFIG = preset("tiny")
pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")


def drawn(seed: int, count: int = 6, steps: int = 20):
    rng = np.random.default_rng(seed)
    network = random_network(rng, config=CONFIG)
    return network, np.stack([random_spikes(rng, network, steps) for _ in range(count)])


def same(found, expected) -> bool:
    return all((getattr(found, name) == getattr(expected, name)).all() for name in ("scores", "prediction", "steps", "exited"))


@pytest.mark.parametrize("byte_cycles", [0, 40])
@pytest.mark.parametrize("seed", range(6))
def test_runs_and_decisions_are_those_of_the_golden_model(seed: int, byte_cycles: int) -> None:
    """Also behind a line, which loses what is not taken in time: nothing is."""
    network, samples = drawn(seed)
    golden = GoldenModel(network).run(samples, record=["all"])
    board = CompiledBoard(CONFIG, byte_cycles=byte_cycles)
    with LinkedDevice(Link(board)) as device:
        device.load(compile_network(network, CONFIG))
        assert differences(golden, device.run(samples, record=["all"])) == 0
        assert same(device.classify(samples), decisions_of(golden))
        one = device.run(samples[0], record=["all"])
        assert (one.output_spikes == golden.output_spikes[:1]).all()
        assert board.lost == 0 and device.link.repeated == 0
    device = GoldenDevice(CONFIG)
    device.load(compile_network(network, CONFIG))
    assert same(device.classify(samples), decisions_of(golden))


def test_a_batch_can_be_followed_by_a_run_that_goes_on() -> None:
    network, samples = drawn(3, count=1, steps=24)
    network = network.replace(early_exit=None)
    golden = GoldenModel(network)
    expected = [golden.run(samples[0][:10]), golden.run(samples[0][10:], reset=False)]
    with LinkedDevice(Link(CompiledBoard(CONFIG))) as device:
        device.load(compile_network(network, CONFIG))
        assert [differences(expected[0], device.run(samples[0][:10])), differences(expected[1], device.run(samples[0][10:], reset=False))] == [0, 0]


def test_samples_that_do_not_fit_the_memories_are_run_all_the_same() -> None:
    network, samples = drawn(4, count=3, steps=CONFIG.input_words // 2)
    samples[1] = 1  # too many spikes for the input memory
    golden = GoldenModel(network).run(samples)
    with LinkedDevice(Link(CompiledBoard(CONFIG))) as device:
        device.load(compile_network(network, CONFIG))
        assert differences(golden, device.run(samples)) == 0
        assert same(device.classify(samples), decisions_of(golden))


@pytest.mark.parametrize("seed", range(3))
def test_a_bad_link_changes_nothing_or_fails_by_name(seed: int) -> None:
    network, samples = drawn(seed + 40, count=8)
    golden = GoldenModel(network).run(samples)
    transport = Faulty(CompiledBoard(CONFIG), 0.0, seed)
    right = 0
    with LinkedDevice(Link(transport)) as device:
        device.load(compile_network(network, CONFIG))
        for rate in (0.0003, 0.001, 0.001, 0.003):
            transport.rate = rate
            try:
                assert differences(golden, device.run(samples)) == 0
                assert same(device.classify(samples), decisions_of(golden))
                right += 1
            except (LinkError, DeviceError) as error:
                assert any(word in str(error) for word in ("failed 9 times", "answered")), error
        transport.rate = 0.0
        assert right >= 2 and transport.faults > 5 and device.link.repeated > 0
        assert differences(golden, device.run(samples)) == 0


def test_a_sample_that_takes_long_is_asked_after_and_not_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the driver reads more of what it gave once it has ended."""
    monkeypatch.setattr("lifline.driver.pipeline.QUIET_S", 0.0)
    network, samples = drawn(1, count=3, steps=40)
    sent: list[Request] = []
    with LinkedDevice(Link(CompiledBoard(CONFIG))) as device:
        device.load(compile_network(network, CONFIG))
        monkeypatch.setattr("lifline.sim.board.simulated.QUIET_CYCLES", 2000)
        send = device.link.send
        monkeypatch.setattr(device.link, "send", lambda requests: [sent.extend(requests), send(requests)][1])
        for count in (1, 3):
            assert differences(GoldenModel(network).run(samples[:count], record=[network.output]), device.run(samples[:count], record=[network.output])) == 0
        assert ALIVE in sent and device.link.repeated == 0


@pytest.mark.parametrize("kind", ["drop", "duplicate", "flip"])
@pytest.mark.parametrize("sent", [True, False], ids=["request", "reply"])
def test_one_fault_anywhere_in_a_batch_changes_nothing(kind: str, sent: bool) -> None:
    network, samples = drawn(51, count=4, steps=12)
    golden = decisions_of(GoldenModel(network).run(samples))
    transport = Once(CompiledBoard(CONFIG), kind)
    with LinkedDevice(Link(transport)) as device:
        device.load(compile_network(network, CONFIG))
        for position in np.random.default_rng(7).integers(0, 500, 12).tolist():
            transport.arm(position, sent=sent)
            assert same(device.classify(samples), golden), position
        assert transport.faults > 6


def test_a_run_that_never_ends_is_left_when_the_driver_gives_up() -> None:
    """The input of a sample is lost where nobody can see it: the device waits for it, then it is asked again."""
    network, samples = drawn(6, count=2)
    with LinkedDevice(Link(CompiledBoard(CONFIG))) as device:
        device.load(compile_network(network, CONFIG))
        link = device.link
        start = Request(0, Kind.WRITE, address(Space.REGISTERS, REGISTERS["control"].offset), 1, (0x103,))
        waits = Request(0, Kind.READ_AT_REST, address(Space.REGISTERS, REGISTERS["status"].offset), 1)
        link.exchange([Request(0, Kind.WRITE, address(Space.REGISTERS, REGISTERS["steps"].offset), 1, (5,))])
        link.send([start, waits])
        link.resynchronise()
        assert link.read(address(Space.REGISTERS, REGISTERS["status"].offset))[0] & 1
        assert differences(GoldenModel(network).run(samples), device.run(samples)) == 0


def test_no_more_is_under_way_than_the_device_keeps() -> None:
    class Watching:
        """Bytes of requests whose replies have not come, by the sequence numbers of both."""

        def __init__(self, inner: CompiledBoard) -> None:
            self.inner, self.waiting, self.most, self.partial = inner, [], 0, b""

        def write(self, data: bytes) -> None:
            self.waiting.append(len(data))
            self.most = max(self.most, sum(self.waiting))
            self.inner.write(data)

        def read(self, count: int) -> bytes:
            data = self.inner.read(count)
            self.partial += data
            while len(self.partial) >= 4 and len(self.partial) >= (size := 6 + 4 * self.partial[3]):
                self.partial = self.partial[size:]
                self.waiting.pop(0)
            return data

        def close(self) -> None:
            self.inner.close()

    network, samples = drawn(8, count=10)
    watching = Watching(CompiledBoard(CONFIG))
    with LinkedDevice(Link(watching)) as device:
        device.load(compile_network(network, CONFIG))
        device.classify(samples)
    assert REQUEST_HEADER < QUEUE_BYTES // 2 < watching.most <= max(QUEUE_BYTES, 9 + 4 * 128)
