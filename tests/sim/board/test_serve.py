"""A served board is a board on a serial port: same bits, clients come and go, and whatever breaks is a typed error in bounded time."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from lifline.arch.config import preset
from lifline.arch.errors import DeviceError, LinkError
from lifline.arch.program import Mode
from lifline.cli.verify import differs
from lifline.compiler.compile import compile_network
from lifline.compiler.program import Program
from lifline.driver import device as devices
from lifline.driver import serial_port
from lifline.driver.serial_port import SerialTransport
from lifline.sim.board.serve import PseudoTerminal
from lifline.sim.random.network import random_network, random_spikes

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs pseudo-terminals")
CONFIG = preset("tiny")
FAST = shutil.which("g++") is not None


@dataclass
class Server:
    process: subprocess.Popen[str]
    url: str


def start(*options: str) -> Server:
    command = [sys.executable, "-m", "lifline.cli.main", "serve", "--config", CONFIG.name, "--json", *options]

    def obey() -> None:
        """A shell starts what runs in the background with SIGINT ignored, and that would be inherited."""
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, preexec_fn=obey)
    assert process.stdout is not None
    return Server(process, json.loads(process.stdout.readline())["url"])


def end(server: Server) -> int:
    server.process.send_signal(signal.SIGINT)
    server.process.communicate(timeout=20)
    return server.process.returncode


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    started = start() if FAST else start("--interpreted")
    yield started
    assert end(started) == 0


@pytest.fixture
def mortal() -> Iterator[Server]:
    """A server that the test may kill."""
    started = start() if FAST else start("--interpreted")
    yield started
    started.process.kill()
    started.process.communicate()


def case(seed: int, steps: int = 25, **largest: int) -> tuple[Program, np.ndarray]:
    rng = np.random.default_rng(seed)
    network = random_network(rng, config=CONFIG, **largest)
    modes = {(p.source, p.target): Mode(int(rng.integers(2))) for p in network.projections}
    return compile_network(network, CONFIG, modes), random_spikes(rng, network, steps)


def opened(url: str) -> devices.LinkedDevice:
    device = devices.open(url)
    assert isinstance(device, devices.LinkedDevice)
    return device


def whole_run(url: str, seed: int) -> None:
    program, spikes = case(seed)
    with devices.open(url) as served, devices.open(f"golden:{CONFIG.name}") as golden:
        for device in (served, golden):
            device.load(program)
        for record in ([], ["all", "all.v"]):
            assert not differs(golden.run(spikes, record=record), served.run(spikes, record=record))
        rest = spikes[::-1]
        assert not differs(golden.run(rest, reset=False), served.run(rest, reset=False))


def test_clients_one_after_another_get_the_golden_models_bits(server: Server) -> None:
    for seed in range(6 if FAST else 1):
        whole_run(server.url, seed)


def test_interpreted_board_is_served_too() -> None:
    started = start("--interpreted")
    program, spikes = case(50, steps=5, max_inputs=8, max_size=4)
    with devices.open(started.url) as served, devices.open(f"golden:{CONFIG.name}") as golden:
        for device in (served, golden):
            device.load(program)
        assert not differs(golden.run(spikes), served.run(spikes))
    assert end(started) == 0


def test_second_driver_on_a_port_is_refused(server: Server) -> None:
    with opened(server.url), pytest.raises(LinkError, match="no other program"):
        devices.open(server.url)


class GoneAfter:
    """A transport that calls ``act`` before the n-th write."""

    def __init__(self, inner: SerialTransport, writes: int, act: object) -> None:
        self.inner, self.left, self.act = inner, writes, act

    def write(self, data: bytes) -> None:
        self.left -= 1
        if self.left == 0:
            assert callable(self.act)
            self.act()
        self.inner.write(data)

    def read(self, count: int) -> bytes:
        return self.inner.read(count)

    def close(self) -> None:
        self.inner.close()


def break_after(device: devices.LinkedDevice, writes: int, act: object) -> None:
    transport = device.link.transport
    assert isinstance(transport, SerialTransport)
    device.link.transport = GoneAfter(transport, writes, act)


class Crash(Exception):
    """The client's own end."""


def crash() -> None:
    raise Crash


@pytest.mark.skipif(not FAST, reason="slow without a C++ compiler")
@pytest.mark.parametrize("writes", [1, 4, 9, 12, 15, 20])
def test_next_client_is_not_disturbed_by_one_that_died(server: Server, writes: int) -> None:
    program, spikes = case(100, steps=400)
    device = opened(server.url)
    device.load(program)
    break_after(device, writes, crash)
    with pytest.raises(Crash):
        device.run(spikes, record=["all", "all.v"])
    device.close()
    whole_run(server.url, 101)


@pytest.mark.skipif(not FAST, reason="slow without a C++ compiler")
def test_client_that_dies_within_a_frame_or_does_not_read_its_reply(server: Server) -> None:
    for data in (b"\xa5", b"\xa5\x01\x02\x40", b"\xa5" * 5000):
        device = opened(server.url)
        device.link.transport.write(data)
        device.close()
        whole_run(server.url + "?timeout=0.05", 102)


@pytest.mark.parametrize("what", ["load", "run"])
def test_killed_server_is_a_link_error(mortal: Server, what: str) -> None:
    program, spikes = case(103, steps=400)
    device = opened(mortal.url)
    if what == "run":
        device.load(program)
    break_after(device, 7, lambda: (mortal.process.kill(), mortal.process.wait()))
    began = time.monotonic()
    with pytest.raises(LinkError, match="went away|failed"):
        device.load(program) if what == "load" else device.run(spikes)
    assert time.monotonic() - began < 10
    device.close()
    with pytest.raises(LinkError, match="cannot open"):
        devices.open(mortal.url)


@pytest.mark.parametrize("what", ["load", "run"])
def test_server_that_hangs_is_a_link_error(mortal: Server, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serial_port, "STUCK_S", 0.3)
    program, spikes = case(104, steps=400)
    device = opened(mortal.url.partition("?")[0] + "?timeout=0.05" if FAST else mortal.url)
    if what == "run":
        device.load(program)
    break_after(device, 7, lambda: mortal.process.send_signal(signal.SIGSTOP))
    with pytest.raises(LinkError, match="went away while writing|failed 9 times"):
        device.load(program) if what == "load" else device.run(spikes)
    device.close()


def test_bad_options_and_ports_are_typed_errors() -> None:
    for url in ("serial:/dev/null?baud=fast", "serial:/dev/null?speed=3", "serial:/dev/null?timeout=-1"):
        with pytest.raises(DeviceError, match="baud=1000000"):
            devices.open(url)
    for path in ("/dev/null", "/nowhere", "/"):
        with pytest.raises(LinkError, match=f"cannot open {path}"):
            devices.open(f"serial:{path}")


class Quiet:
    """A board of which no byte ever comes."""

    cycles = 0

    def write(self, data: bytes) -> None: ...

    def read(self, count: int) -> bytes:
        return b""

    def advance(self, cycles: int) -> int:
        return 0

    def close(self) -> None: ...


def serving(terminal: PseudoTerminal, name: str = "server") -> threading.Thread:
    thread = threading.Thread(target=terminal.serve, name=name, daemon=True)
    thread.start()
    while not terminal._owner.doing:
        time.sleep(0.001)
    return thread


def test_a_second_thread_that_serves_is_refused_by_name() -> None:
    terminal = PseudoTerminal(Quiet())
    thread = serving(terminal, "the first")
    with pytest.raises(DeviceError, match=f"{terminal.path} is in use by thread `the first`, for serve"):
        terminal.serve()
    terminal.stop()
    thread.join(20)
    assert not thread.is_alive()
    thread = serving(terminal)  # and again
    terminal.stop()
    thread.join(20)
    terminal.close()


def test_close_from_any_thread_ends_serving_first() -> None:
    for _ in range(5):
        terminal = PseudoTerminal(Quiet())
        thread = serving(terminal)
        terminal.close()
        thread.join(20)
        assert not thread.is_alive()
        terminal.close()
        for act in (terminal.serve, terminal.stop):
            with pytest.raises(LinkError, match=f"{terminal.path} is closed"):
                act()


def test_stop_may_be_asked_for_any_number_of_times() -> None:
    terminal = PseudoTerminal(Quiet())
    for _ in range(100_000):  # more than a pipe holds
        terminal.stop()
    terminal.serve()
    terminal.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_fork_of_a_server_takes_no_bytes_from_it() -> None:
    script = """
import os
from lifline.arch.errors import LinkError
from lifline.sim.board.serve import PseudoTerminal
from tests.sim.board.test_serve import Quiet

terminal = PseudoTerminal(Quiet())
child = os.fork()
if child == 0:
    try:
        terminal.serve()
    except LinkError as error:
        os._exit(0 if "a fork of it" in str(error) else 1)
    os._exit(2)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=100, check=False, cwd=Path(__file__).parents[3])
    assert done.stdout == "0\n", done.stderr
