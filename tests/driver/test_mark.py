"""A device that was taken away since load(), by a reconfiguration or by another driver, is noticed before anything wrong is believed."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import numpy as np
import pytest

from lifline.arch.config import Config, preset
from lifline.arch.errors import DeviceError
from lifline.arch.registers import REGISTERS, Space, address
from lifline.cli.verify import differs
from lifline.compiler.compile import compile_network
from lifline.compiler.program import Program
from lifline.driver.device import LinkedDevice
from lifline.driver.link import Link
from lifline.network.model import Network, Neurons, Population, Projection
from lifline.sim.board.simulated import CompiledBoard, InterpretedBoard
from lifline.sim.golden.model import GoldenModel
from lifline.sim.random.variants import VARIANTS

CONFIG = preset("tiny")
BOARD = CompiledBoard if shutil.which("g++") else InterpretedBoard
TAKEN = "since load\\(\\); load again"


class Port:
    """A board behind a port that stays while the board is configured anew: what the FPGA held is gone."""

    def __init__(self, config: Config = CONFIG) -> None:
        self.board = BOARD(config)
        self.before: Callable[[], None] | None = None
        self.left = 0

    def reconfigure(self, config: Config = CONFIG) -> None:
        self.board.close()
        self.board = BOARD(config)

    def then(self, writes: int, act: Callable[[], None]) -> None:
        """Call ``act`` before the write after ``writes`` others."""
        self.left, self.before = writes, act

    def write(self, data: bytes) -> None:
        if self.before is not None:
            self.left -= 1
            if self.left < 0:
                act, self.before = self.before, None
                act()
        self.board.write(data)

    def read(self, count: int) -> bytes:
        return self.board.read(count)

    def close(self) -> None:
        self.board.close()


def network(name: str = "net", threshold: int = 30, config: Config = CONFIG) -> Network:
    rng = np.random.default_rng(4)
    neurons = Neurons(threshold=threshold, decay_v=200, bias=9)  # fires without any input
    return Network(
        name=name, state_bits=config.state_bits, output="out",
        populations=(Population("in", (6,)), Population("out", (9,), neurons)),
        projections=(Projection(source="in", target="out", weights=rng.integers(-2, 2, (9, 6)), delays=0),),
    )  # fmt: skip


def program(**options: int) -> Program:
    return compile_network(network(**options), CONFIG)  # type: ignore[arg-type]


def opened(port: Port) -> LinkedDevice:
    return LinkedDevice(Link(port), url="board")


SILENT, LIVELY = np.zeros((12, 6), np.uint8), np.ones((12, 6), np.uint8)
USES: dict[str, Callable[[LinkedDevice], object]] = {
    "silent run": lambda d: d.run(SILENT),
    "lively run": lambda d: d.run(LIVELY),
    "recorded run": lambda d: d.run(LIVELY, record=["all", "all.v"]),
    "continued run": lambda d: d.run(SILENT, reset=False),
    "batch": lambda d: d.run(np.stack([SILENT, LIVELY])),
    "count": lambda d: d.count(SILENT),
    "continued count": lambda d: d.count(SILENT, reset=False),
    "state": lambda d: d.read_state("out"),
}


@pytest.mark.parametrize("use", USES)
def test_a_device_that_was_reconfigured_since_load_says_so(use: str) -> None:
    port = Port()
    device = opened(port)
    device.load(program())
    expected = GoldenModel(network()).run(SILENT)
    assert not differs(expected, device.run(SILENT)) and expected.spike_counts.sum() > 0
    port.reconfigure()
    for _ in range(2):
        with pytest.raises(DeviceError, match=f"board: the device was reconfigured.*{TAKEN}"):
            USES[use](device)
    device.load(program())
    assert not differs(expected, device.run(SILENT))
    device.close()


@pytest.mark.parametrize("use", USES)
def test_two_drivers_on_one_stream_are_told_apart(use: str) -> None:
    port = Port()
    first, second = opened(port), opened(port)
    first.load(program())
    first.run(SILENT)
    second.load(program(threshold=77))
    with pytest.raises(DeviceError, match=f"loaded by another driver {TAKEN}"):
        USES[use](first)
    assert not differs(GoldenModel(network(threshold=77)).run(LIVELY), second.run(LIVELY)), "and the second is not disturbed"
    assert second.read_state("out")["v"].any()
    first.load(program())
    with pytest.raises(DeviceError, match=TAKEN):
        USES[use](second)
    assert not differs(GoldenModel(network()).run(LIVELY), first.run(LIVELY))
    port.close()


@pytest.mark.parametrize("same", [False, True])
def test_the_same_program_loaded_by_another_driver_counts_as_another(same: bool) -> None:
    """Its state is not this driver's: a continued run would go on from somewhere else."""
    port = Port()
    first, second = opened(port), opened(port)
    shared = program()
    first.load(shared)
    first.run(LIVELY)
    second.load(shared if same else program())
    second.run(SILENT)
    with pytest.raises(DeviceError, match=TAKEN):
        first.run(LIVELY, reset=False)
    port.close()


@pytest.mark.parametrize("writes", [*range(14), 20, 30])
@pytest.mark.parametrize("train", [SILENT, LIVELY], ids=["silent", "lively"])
def test_a_device_reconfigured_in_the_middle_of_a_run_is_noticed(writes: int, train: np.ndarray) -> None:
    """Wherever it happens: the run has ended by then and is right, or the reconfiguration is named."""
    port = Port()
    device = opened(port)
    device.load(program())
    train = np.tile(train, (5, 1))
    expected = GoldenModel(network()).run(train, record=["all"])
    port.then(writes, port.reconfigure)
    try:
        result = device.run(train, record=["all"])
    except DeviceError as error:
        assert "was reconfigured" in str(error), error
    else:
        assert port.before is not None and not differs(expected, result), "it was over before"
    port.before = None
    device.load(program())
    assert not differs(expected, device.run(train, record=["all"]))
    device.close()


@pytest.mark.parametrize("writes", [2, 6, 9, 12])
def test_another_driver_that_loads_in_the_middle_of_a_run_is_noticed(writes: int) -> None:
    port = Port()
    device, other = opened(port), opened(port)
    device.load(program())
    train = np.tile(LIVELY, (20, 1))
    port.then(writes, lambda: other.load(program(threshold=50)))
    with pytest.raises(DeviceError, match=TAKEN):
        device.run(train, record=["all"])
    assert not differs(GoldenModel(network(threshold=50)).run(train), other.run(train))
    port.close()


def test_a_load_that_was_broken_off_belongs_to_nobody() -> None:
    """Another driver began to load, and died: what the device holds is neither program."""
    port = Port()
    first, second = opened(port), opened(port)
    first.load(program())

    def die() -> None:
        raise KeyboardInterrupt

    port.then(10, die)
    with pytest.raises(KeyboardInterrupt):
        second.load(program(threshold=50))
    for device, message in ((first, "being loaded by another driver"), (second, "no program is loaded")):
        with pytest.raises(DeviceError, match=message):
            device.run(SILENT)
    port.close()


def test_a_load_learns_what_the_device_is_now() -> None:
    """It was reconfigured with another configuration: the program is refused by name, and one for the new configuration runs."""
    port, other = Port(), VARIANTS["window2"] if BOARD is InterpretedBoard else VARIANTS["narrow2"]
    device = LinkedDevice(Link(port), url="board", config=other)
    device.load(program())
    port.reconfigure(other)
    with pytest.raises(DeviceError, match="was reconfigured"):
        device.run(SILENT)
    with pytest.raises(DeviceError, match=f"compiled for `tiny`.*the device board is `{other.name}`"):
        device.load(program())
    small = network(config=other)
    device.load(compile_network(small, other))
    assert not differs(GoldenModel(small).run(LIVELY), device.run(LIVELY))
    device.close()


def test_marks_are_never_zero_and_differ(monkeypatch: pytest.MonkeyPatch) -> None:
    port = Port()
    device = opened(port)
    where, marks = address(Space.REGISTERS, REGISTERS["load_mark"].offset), []
    assert device.link.read(where)[0] == 0
    for _ in range(3):
        device.load(program())
        marks.append(int(device.link.read(where)[0]))
    monkeypatch.setattr("secrets.randbits", lambda bits: 0)
    device.load(program())
    marks.append(int(device.link.read(where)[0]))
    assert 0 not in marks and len(set(marks)) == 4
    device.close()


def test_a_run_that_ends_by_itself_is_an_error() -> None:
    """Somebody else has stopped it, and loaded nothing."""
    port = Port()
    device = opened(port)
    device.load(program())
    stranger = Link(port)
    port.then(12, lambda: stranger.write(address(Space.REGISTERS, REGISTERS["control"].offset), [4]))
    with pytest.raises(DeviceError, match=r"ended after \d+ of 240 steps, which nobody asked for"):
        device.run(np.tile(LIVELY, (20, 1)))
    assert not differs(GoldenModel(network()).run(LIVELY), device.run(LIVELY))
    device.close()
