"""A link that loses, repeats or damages bytes: right results or a typed error, never wrong data."""

from __future__ import annotations

import dataclasses
import logging
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lifline.arch.config import preset
from lifline.arch.errors import DeviceError, LinkError
from lifline.arch.frame import Reply, Status
from lifline.arch.program import Mode
from lifline.arch.registers import Space, address
from lifline.cli.verify import differs
from lifline.compiler.compile import compile_network
from lifline.driver.device import LinkedDevice
from lifline.driver.link import Link, Transport
from lifline.sim.board.simulated import CompiledBoard, InterpretedBoard
from lifline.sim.golden.model import GoldenModel
from lifline.sim.random.network import random_network, random_spikes

CONFIG = preset("tiny")
BOARD = CompiledBoard if shutil.which("g++") else InterpretedBoard


class Faulty:
    """A transport that flips, drops or repeats a byte now and then, in both directions."""

    def __init__(self, inner: Transport, rate: float, seed: int) -> None:
        self.inner, self.rate, self.rng = inner, rate, np.random.default_rng(seed)
        self.faults = 0

    def _damage(self, data: bytes) -> bytes:
        out = bytearray()
        for byte in data:
            fault = self.rng.random() < self.rate
            self.faults += fault
            kind = self.rng.integers(3) if fault else -1
            if kind == 0:
                out.append(byte ^ (1 << self.rng.integers(8)))
            elif kind == 2:
                out += bytes([byte, byte])
            elif kind < 0:
                out.append(byte)
        return bytes(out)

    def write(self, data: bytes) -> None:
        self.inner.write(self._damage(data))

    def read(self, count: int) -> bytes:
        return self._damage(self.inner.read(count))[:count]

    def close(self) -> None:
        self.inner.close()


@pytest.mark.parametrize("seed", range(4))
def test_faults_do_not_change_results(seed: int) -> None:
    rng = np.random.default_rng(seed)
    network = random_network(rng, config=CONFIG)
    spikes = random_spikes(rng, network, 20)
    transport = Faulty(BOARD(CONFIG), 0.0005, seed)
    device = LinkedDevice(Link(transport, retries=20))
    device.load(compile_network(network, CONFIG))
    result, expected = device.run(spikes), GoldenModel(network).run(spikes)
    assert (result.output_spikes == expected.output_spikes).all() and (result.steps == expected.steps).all()
    assert transport.faults > 0 and device.link.repeated > 0
    device.close()


@pytest.mark.parametrize("seed", range(10, 22))
def test_whole_runs_on_a_bad_link_are_right_or_fail_by_name(seed: int) -> None:
    """Loads, runs with state, continued runs and state read back; at the higher rates most attempts give up, none gives wrong data."""
    rng = np.random.default_rng(seed)
    network = random_network(rng, config=CONFIG).replace(early_exit=None)
    spikes = random_spikes(rng, network, 30)
    program = compile_network(network, CONFIG, {(p.source, p.target): Mode(int(rng.integers(2))) for p in network.projections})
    golden = GoldenModel(network)
    expected = [golden.run(spikes[:17], record=["all", "all.v"]), golden.run(spikes[17:], reset=False)]
    inner = BOARD(CONFIG)
    transport = Faulty(inner, 0.0, seed)
    device = LinkedDevice(Link(transport))
    right = 0
    for rate in (0.0003, 0.001, 0.003, 0.003, 0.01):
        transport.rate = rate
        try:
            device.load(program)
            first = device.run(spikes[:17], record=["all", "all.v"])
            assert not differs(expected[0], first), rate
            second = device.run(spikes[17:], reset=False)
            assert not differs(expected[1], second), rate
            right += 1
        except (LinkError, DeviceError) as error:
            assert any(word in str(error) for word in ("failed 9 times", "reads back", "answered")), error
    assert right > 0 and transport.faults > 0
    transport.rate = 0.0
    device.load(program)
    assert not differs(expected[0], device.run(spikes[:17], record=["all", "all.v"])), "after all that, a good link is good"
    device.close()


def test_dead_link_is_a_link_error() -> None:
    class Dead:
        def write(self, data: bytes) -> None: ...

        def read(self, count: int) -> bytes:
            return b""

        def close(self) -> None: ...

    with pytest.raises(LinkError, match="failed 9 times.*cable"):
        LinkedDevice(Link(Dead()))


def test_program_for_another_configuration_names_both() -> None:
    rng = np.random.default_rng(0)
    network = random_network(rng, config=CONFIG)
    device = LinkedDevice(Link(BOARD(CONFIG)))
    other = CONFIG.replace(name="other", max_delay=6, weight_words=1024)
    network = network.replace(projections=tuple(dataclasses.replace(p, delays=None) for p in network.projections))
    with pytest.raises(DeviceError, match="compiled for `other`.*tiny"):
        device.load(compile_network(network, other))
    with pytest.raises(DeviceError, match="no program"):
        device.run(np.zeros((1, 1), np.uint8))
    device.close()


def test_bad_addresses_and_registers_are_refused() -> None:
    link = Link(BOARD(CONFIG))
    for where in (address(Space.WEIGHTS, CONFIG.weight_words), address(Space.REGISTERS, 200), 0xF00000):
        with pytest.raises(DeviceError, match="BAD_ADDRESS"):
            link.read(where)
    with pytest.raises(DeviceError, match="BAD_ADDRESS"):
        link.write(address(Space.REGISTERS, 0), [1])
    link.close()


class Once(Faulty):
    """One fault of one kind at one byte, in one direction."""

    def __init__(self, inner: Transport, kind: str) -> None:
        super().__init__(inner, 0.0, 0)
        self.kind, self.sent, self.left, self.received = kind, False, -1, 0

    def arm(self, position: int, *, sent: bool) -> None:
        """The byte after ``position`` others, to the device or from it."""
        self.left, self.sent = position, sent

    def _hit(self, data: bytes) -> bytes:
        if not 0 <= self.left < len(data):
            self.left -= len(data) if self.left >= 0 else 0
            return data
        k, self.left = self.left, -1
        self.faults += 1
        replacement = {"drop": b"", "duplicate": data[k : k + 1] * 2, "flip": bytes([data[k] ^ 0x10])}[self.kind]
        return data[:k] + replacement + data[k + 1 :]

    def write(self, data: bytes) -> None:
        self.inner.write(self._hit(data) if self.sent else data)

    def read(self, count: int) -> bytes:
        data = self.inner.read(count)
        return data if self.sent else self._hit(data)[:count]


@pytest.mark.parametrize("kind", ["drop", "duplicate", "flip"])
@pytest.mark.parametrize("sent", [True, False], ids=["request", "reply"])
def test_one_fault_anywhere_in_a_load_or_a_run_changes_nothing(kind: str, sent: bool) -> None:
    rng = np.random.default_rng(31)
    network = random_network(rng, config=CONFIG).replace(early_exit=None)
    spikes, program = random_spikes(rng, network, 12), compile_network(network, CONFIG)
    expected = GoldenModel(network).run(spikes, record=["all"])
    transport = Once(BOARD(CONFIG), kind)
    device = LinkedDevice(Link(transport))
    repeated = 0
    for position in rng.integers(0, 400, 12 if BOARD is CompiledBoard else 1).tolist():
        transport.arm(position, sent=sent)
        device.load(program)
        transport.arm(position, sent=sent)
        assert not differs(expected, device.run(spikes, record=["all"])), position
        assert device.link.repeated >= repeated
        repeated = device.link.repeated
    assert transport.faults > (10 if BOARD is CompiledBoard else 0) and repeated > 0
    device.close()


def test_a_transport_that_cannot_be_referred_to_weakly_will_do() -> None:
    class Slotted:
        __slots__ = ("inner",)

        def __init__(self, inner: Transport) -> None:
            self.inner = inner

        def write(self, data: bytes) -> None:
            self.inner.write(data)

        def read(self, count: int) -> bytes:
            return self.inner.read(count)

        def close(self) -> None:
            self.inner.close()

    device = LinkedDevice(Link(Slotted(BOARD(CONFIG))))
    assert device.config == CONFIG
    device.close()
    with pytest.raises(LinkError, match="closed; open it again"):
        device.info()


LOGGER = "lifline.driver.link"


class Answers:
    """A device that answers every request as it is told, one list of replies for each; an unexpected request gets none."""

    def __init__(self, *answers: list[Reply | bytes]) -> None:
        self.answers, self.line, self.requests = list(answers), b"", 0

    def write(self, data: bytes) -> None:
        if data.strip(b"\0"):
            self.requests += 1
            answer = self.answers.pop(0) if self.answers else []
            self.line += b"".join(a.encode() if isinstance(a, Reply) else a for a in answer)

    def read(self, count: int) -> bytes:
        data, self.line = self.line[:count], self.line[count:]
        return data

    def close(self) -> None: ...


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    return [(record.levelname, record.getMessage()) for record in caplog.records if record.name == LOGGER]


def test_every_frame_is_logged_with_its_direction(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, LOGGER)
    link = Link(Answers([Reply(1, Status.OK, (7, 8))], [Reply(1, Status.OK, (7, 8)), Reply(2, Status.OK)], [Reply(3, Status.BAD_ADDRESS)]))
    link.read(0x123, 2)
    link.write(0x10000, [5, 6, 7])
    with pytest.raises(DeviceError, match="BAD_ADDRESS"):
        link.read(0xF00000)
    assert told(caplog) == [
        ("DEBUG", "-> READ of 2 words at 0x000123, sequence 1"),
        ("DEBUG", "<- READ of 2 words at 0x000123, sequence 1, status OK"),
        ("DEBUG", "-> WRITE of 3 words at 0x010000, sequence 2"),
        ("DEBUG", "<- 2 words, sequence 1, status 0: a late reply to an earlier request"),
        ("DEBUG", "<- WRITE of 0 words at 0x010000, sequence 2, status OK"),
        ("DEBUG", "-> READ of 1 words at 0xf00000, sequence 3"),
        ("DEBUG", "<- READ of 0 words at 0xf00000, sequence 3, status BAD_ADDRESS"),
    ]


def test_a_request_that_is_sent_again_is_a_warning_with_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, LOGGER)
    damaged = bytearray(Reply(3, Status.OK, (7,)).encode())
    damaged[5] ^= 1
    link = Link(Answers([], [Reply(2, Status.BAD_CRC)], [bytes(damaged)], [Reply(4, Status.OK, (7,)).encode()[:8]], [Reply(5, Status.OK, (7,))]))
    assert link.read(0x20).tolist() == [7] and link.repeated == 4
    reasons = ["no reply", "the device answered BAD_CRC", "the reply has a wrong CRC", "the reply broke off"]
    assert told(caplog) == [("WARNING", f"READ of 1 words at 0x000020: {why}; sent again, {k + 1} of 8") for k, why in enumerate(reasons)]


def test_a_good_link_warns_of_nothing(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, LOGGER)
    Link(Answers([Reply(1, Status.OK, (7,))])).read(0)
    assert told(caplog) == []


def test_nothing_is_printed_unless_somebody_asks() -> None:
    code = (
        "from lifline.driver.link import Link\nfrom lifline.arch.frame import Reply, Status\nfrom tests.driver.test_link import Answers\n"
        "Link(Answers([], [Reply(2, Status.OK, (7,))])).read(0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    assert (done.stdout, done.stderr) == ("", "")
