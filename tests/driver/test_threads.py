"""One owner at a time: threads, forks, signal handlers; stop() and close() from anywhere. Never a crash, never wrong data."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lifline.arch.config import preset
from lifline.arch.errors import DeviceError, LiflineError, LinkError
from lifline.cli.verify import differs
from lifline.compiler.compile import compile_network
from lifline.driver import device as devices
from lifline.driver.link import Link
from lifline.network.model import Network, Neurons, Population, Projection
from lifline.sim.board.simulated import CompiledBoard, InterpretedBoard
from lifline.sim.golden.model import GoldenModel

CONFIG = preset("tiny")
FAST = shutil.which("g++") is not None
KINDS = ["sim:tiny"] if FAST else ["pysim:tiny"]
BOARD = CompiledBoard if FAST else InterpretedBoard
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
PATIENCE_S = 60.0


def network(threshold: int = 30) -> Network:
    rng = np.random.default_rng(4)
    return Network(
        name="net", state_bits=CONFIG.state_bits, output="out",
        populations=(Population("in", (6,)), Population("out", (9,), Neurons(threshold=threshold, decay_v=200))),
        projections=(Projection(source="in", target="out", weights=rng.integers(-9, 20, (9, 6)), delays=2),),
    )  # fmt: skip


PROGRAM = compile_network(network(), CONFIG)
TRAIN = (np.random.default_rng(0).random((40, 6)) < 0.4).astype(np.uint8)
EXPECTED = GoldenModel(network()).run(TRAIN)


def loaded(url: str = KINDS[0]) -> Any:
    device = devices.open(url)
    device.load(PROGRAM)
    return device


class Worker(threading.Thread):
    """Calls ``act`` and keeps what it returned or raised."""

    def __init__(self, act: Callable[[], Any], name: str = "worker") -> None:
        super().__init__(name=name, daemon=True)
        self.act, self.result, self.error = act, None, None

    def run(self) -> None:
        try:
            self.result = self.act()
        except BaseException as error:  # noqa: BLE001
            self.error = error

    def done(self) -> Worker:
        self.join(PATIENCE_S)
        assert not self.is_alive(), "it hangs"
        return self


class Gate:
    """Holds a device inside a call until it is opened: the next frame waits."""

    def __init__(self, device: Any) -> None:
        self.inside, self.open = threading.Event(), threading.Event()
        self.link, inner = device.link, device.link.transport

        class Held:
            def write(_, data: bytes) -> None:
                self.inside.set()
                assert self.open.wait(PATIENCE_S)
                inner.write(data)

            def read(_, count: int) -> bytes:
                return inner.read(count)

            def close(_) -> None:
                inner.close()

        device.link.transport = Held()


USES: dict[str, Callable[[Any], object]] = {
    "run()": lambda d: d.run(TRAIN),
    "count()": lambda d: d.count(TRAIN),
    "load()": lambda d: d.load(PROGRAM),
    "read_state()": lambda d: d.read_state("out"),
    "info()": lambda d: d.info(),
}


@pytest.mark.parametrize("first", USES)
@pytest.mark.parametrize("second", USES)
def test_a_device_in_use_is_refused_by_the_name_of_its_thread(first: str, second: str) -> None:
    device = loaded()
    device.run(TRAIN)
    gate = Gate(device)
    worker = Worker(lambda: USES[first](device), name="sensor loop")
    worker.start()
    assert gate.inside.wait(PATIENCE_S)
    with pytest.raises(DeviceError, match=f"{KINDS[0]} is in use by thread `sensor loop`, for {first[:-2]}.*; one at a time"):
        USES[second](device)
    gate.open.set()
    assert worker.done().error is None
    assert not differs(EXPECTED, device.run(TRAIN)), "the refused call has left nothing behind"
    device.close()


@pytest.mark.skipif(not FAST, reason="slow without a C++ compiler")
@pytest.mark.parametrize("url", ["sim:tiny", "golden:tiny"])
def test_many_threads_at_once_get_the_right_bits_or_an_error(url: str) -> None:
    device, right, refused = loaded(url), [0], [0]

    def hammer() -> None:
        for _ in range(15):
            try:
                result = device.run(TRAIN)
            except DeviceError as error:
                assert "is in use by thread `" in str(error) or "in use by another thread" in str(error), error
                refused[0] += 1
            else:
                assert not differs(EXPECTED, result)
                right[0] += 1

    workers = [Worker(hammer, name=f"worker {k}") for k in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        assert worker.done().error is None, worker.error
    assert right[0] > 0 and right[0] + refused[0] == 60
    assert not differs(EXPECTED, device.run(TRAIN))
    device.close()


def test_a_run_within_a_run_of_the_same_thread_is_refused_too() -> None:
    device = loaded()
    inner, nested = device.link.read, []

    def read(where: int, count: int = 1) -> np.ndarray:
        if not nested:
            nested.append(True)
            with pytest.raises(DeviceError, match="in use by thread `MainThread`, for run"):
                device.run(TRAIN)
        return inner(where, count)

    device.link.read = read
    assert not differs(EXPECTED, device.run(TRAIN)) and nested
    device.close()


@pytest.mark.skipif(not FAST, reason="slow without a C++ compiler")
@pytest.mark.parametrize("round_", range(6))
def test_close_during_a_run_stops_it_first(round_: int) -> None:
    """From another thread: the run gives the steps that it has done, and the device is closed."""
    device = loaded()
    gate = Gate(device)
    long = np.tile(TRAIN, (2000, 1))
    worker = Worker(lambda: device.run(long))
    worker.start()
    assert gate.inside.wait(PATIENCE_S)
    closer = Worker(device.close)
    gate.open.set()
    time.sleep(0.02 * round_)
    closer.start()
    closer.done()
    assert closer.error is None
    worker.done()
    if worker.error is None:
        steps = int(worker.result.steps[0])
        expected = GoldenModel(network()).run(long[: max(steps, 1)])
        assert steps < len(long) and np.array_equal(worker.result.output_spikes[0, :steps], expected.output_spikes[0, :steps])
    else:
        assert isinstance(worker.error, LiflineError) and "closed" in str(worker.error)
    with pytest.raises(LinkError, match="closed; open it again"):
        device.run(TRAIN)
    device.close()


@pytest.mark.parametrize("use", ["load()", "read_state()", "info()"])
def test_close_during_anything_else_ends_it_by_name(use: str) -> None:
    device = loaded()
    device.run(TRAIN)
    gate = Gate(device)
    worker = Worker(lambda: USES[use](device))
    worker.start()
    assert gate.inside.wait(PATIENCE_S)
    closer = Worker(device.close)
    closer.start()
    while not device.link._ended:
        time.sleep(0.001)
    gate.open.set()
    assert closer.done().error is None
    if worker.done().error is not None:  # what needed one frame only may have had it
        assert isinstance(worker.error, LinkError) and "closed; open it again" in str(worker.error)
    assert use == "info()" or worker.error is not None


def test_close_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that hangs in its transport: close() gives up on it, and it ends with a typed error when it comes back."""
    monkeypatch.setattr("lifline.driver.linked.CLOSE_S", 0.2)
    device = loaded()
    gate = Gate(device)
    worker = Worker(lambda: device.run(TRAIN))
    worker.start()
    assert gate.inside.wait(PATIENCE_S)
    began = time.monotonic()
    device.close()
    assert time.monotonic() - began < 10
    gate.open.set()
    assert isinstance(worker.done().error, LinkError)


def test_stop_from_any_thread_ends_the_run_under_way_and_only_that() -> None:
    device = loaded()
    device.stop()  # nobody runs: nothing happens
    assert not differs(EXPECTED, device.run(TRAIN))
    inner, count = device.link.read, [0]

    def read(where: int, number: int = 1) -> np.ndarray:
        count[0] += 1
        if count[0] == 6:
            stopper = Worker(device.stop)
            stopper.start()
            stopper.done()
        return inner(where, number)

    device.link.read = read
    result = device.run(TRAIN, period_cycles=500)
    del device.link.read
    assert result.steps[0] < len(TRAIN)
    assert not differs(EXPECTED, device.run(TRAIN))
    device.close()
    device.stop()


@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="needs POSIX signals")
@pytest.mark.parametrize("act", ["stop", "close"])
@pytest.mark.parametrize("frames", [1, 2, 6, 13])
@pytest.mark.parametrize("where", ["link", "board"])
def test_stop_and_close_from_a_signal_handler(act: str, frames: int, where: str) -> None:
    """The handler runs in the middle of the very call that it ends: between frames, or while the board has this thread's turn."""
    device = loaded()
    board, left = device.link.transport, [frames]
    inner = device.link.read if where == "link" else board.write

    def interrupted(*arguments: Any) -> Any:
        left[0] -= 1
        if left[0] == 0:
            with board._turns.turn():
                signal.raise_signal(signal.SIGALRM)
        return inner(*arguments)

    if where == "link":
        device.link.read = interrupted
    else:
        board.write = interrupted
    before = signal.signal(signal.SIGALRM, lambda *_: getattr(device, act)())
    try:
        result = device.run(np.tile(TRAIN, (50 if FAST else 4, 1)))
    finally:
        signal.signal(signal.SIGALRM, before)
    assert left[0] <= 0 and result.steps[0] < len(TRAIN) * (50 if FAST else 4)
    if act == "stop":
        assert not differs(EXPECTED, device.run(TRAIN))
        device.close()
    with pytest.raises(LinkError, match="closed"):
        device.run(TRAIN)


@pytest.mark.skipif(not FAST, reason="slow without a C++ compiler")
def test_threads_on_one_board_or_link_take_turns() -> None:
    """Below the device: frames of two links in two threads do not mix, and a board is never in two calls at once."""
    board = CompiledBoard(CONFIG)
    links = [Link(board), Link(board)]
    shared = Link(board)

    def hammer(link: Link, first: int) -> None:
        for k in range(150):
            words = [(first << 16) + k, k]
            link.write((4 << 20) + first, [w & 7 for w in words])
            assert link.read((4 << 20) + first, 2).tolist() == [w & 7 for w in words]
            assert link.read(0, 3)[0] == int.from_bytes(b"LIFL", "little")

    workers = [Worker(lambda link=link, k=k: hammer(link, 2 * k)) for k, link in enumerate([*links, shared, shared])]
    for worker in workers:
        worker.start()
    for worker in workers:
        assert worker.done().error is None, worker.error
    assert sum(link.repeated for link in (*links, shared)) == 0
    closer = Worker(board.close)
    closer.start()
    closer.done()
    with pytest.raises(LinkError, match="closed"):
        board.read(1)


@needs_fork
@pytest.mark.parametrize("kind", ["sim" if FAST else "pysim", "serial", "golden"])
def test_a_forked_child_is_refused_and_disturbs_nothing(kind: str) -> None:
    """In a process of its own, that forks before and after a run; what the golden model does, its copy may do as well."""
    script = f"""
import os, sys
from tests.driver.test_threads import *

kind = {kind!r}
server = None
if kind == "serial":
    from lifline.sim.board.serve import PseudoTerminal
    server = PseudoTerminal(BOARD(CONFIG))
    threading.Thread(target=server.serve, daemon=True).start()
device = loaded(f"serial:{{server.path}}?timeout=30" if server else f"{{kind}}:tiny")
first, second = TRAIN[:20], TRAIN[20:]
golden = GoldenModel(network())
assert not differs(golden.run(first), device.run(first))
child = os.fork()
if child == 0:
    code = 1
    try:
        if kind == "golden":
            code = 0 if not differs(GoldenModel(network()).run(TRAIN), device.run(TRAIN)) else 2
        else:
            code = 0
            for use in USES.values():
                try:
                    use(device)
                    code = 3
                except LinkError as error:
                    if f"was opened by process {{os.getppid()}}, this is process {{os.getpid()}}, a fork of it" not in str(error):
                        code = 4
            try:
                device.link.transport.read(1)
                code = 5
            except LinkError:
                pass
            device.stop()
            device.link.transport.close()
        device.close()
    finally:
        os._exit(code)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, "child"
assert not differs(golden.run(second, reset=False), device.run(second, reset=False)), "the parent goes on"
device.close()
print("fine")
"""
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", script], capture_output=True, text=True, timeout=300, check=False,
        cwd=os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))),
    )  # fmt: skip
    assert done.stdout == "fine\n", done.stderr[-3000:]


def test_the_golden_model_is_closed_during_a_run_without_harm() -> None:
    device = loaded("golden:tiny")
    worker = Worker(lambda: device.run(np.tile(TRAIN, (500, 1))))
    worker.start()
    device.close()
    worker.done()
    assert worker.error is None or isinstance(worker.error, DeviceError)
    with pytest.raises(DeviceError, match="no program is loaded"):
        device.run(TRAIN)
