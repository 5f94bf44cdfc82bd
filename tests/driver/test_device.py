"""Opening devices, what they refuse, and the state they show: the same from every device."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator

import numpy as np
import pytest

from lifline.arch.config import INTERFACE_VERSION, preset
from lifline.arch.errors import DeviceError, InputError, LinkError
from lifline.cli.verify import differs
from lifline.compiler.compile import compile_network
from lifline.driver import device as devices
from lifline.driver.link import Link
from lifline.network.model import Network, Neurons, Population, Projection, ResetRule
from lifline.sim.board import simulated as boards
from lifline.sim.board.simulated import InterpretedBoard
from lifline.sim.golden.model import GoldenModel
from lifline.sim.random.network import random_network, random_spikes

CONFIG = preset("tiny")
KIND = "sim" if shutil.which("g++") else "pysim"


@pytest.fixture(scope="module")
def board() -> Iterator[devices.LinkedDevice]:
    with devices.open(f"{KIND}:tiny") as opened:
        assert isinstance(opened, devices.LinkedDevice)
        yield opened


def network(**options: object) -> Network:
    rng = np.random.default_rng(4)
    return Network(
        name="net", state_bits=CONFIG.state_bits, output="out",
        populations=(Population("in", (6,)), Population("out", (9,), Neurons(threshold=30, decay_v=200, **options))),  # type: ignore[arg-type]
        projections=(Projection(source="in", target="out", weights=rng.integers(-9, 20, (9, 6)), delays=2),),
    )  # fmt: skip


class Silent:
    """A port behind which nothing answers, and that remembers whether it was closed."""

    closed, port, timeout_s = False, "silent", 0.5

    def __init__(self, *_: object, **__: object) -> None: ...

    def set_rate(self, baud_hz: int, *, timeout_s: float) -> None: ...

    def write(self, data: bytes) -> None: ...

    def read(self, count: int) -> bytes:
        return b""

    def close(self) -> None:
        Silent.closed = True


@pytest.mark.parametrize(("version", "advice"), [(INTERFACE_VERSION + 1, "upgrade lifline"), (INTERFACE_VERSION - 1, "build its bitstream again")])
def test_another_interface_version_is_refused_and_named(version: int, advice: str) -> None:
    class Other(Link):
        def read(self, address: int, count: int = 1) -> np.ndarray:
            words = super().read(address, count)
            words[1] = version
            return words

    link = Other(InterpretedBoard(CONFIG))
    with pytest.raises(DeviceError, match=f"interface version {version}, this lifline speaks {INTERFACE_VERSION}; {advice}"):
        devices.LinkedDevice(link, url="board")


def test_a_port_where_nothing_answers_is_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lifline.driver.serial_port.SerialTransport", Silent)
    with pytest.raises(LinkError, match="no reply"):
        devices.open("serial:/dev/ttyUSB0")
    assert Silent.closed


def test_unknown_devices_are_refused() -> None:
    for url in ("", "usb:1", "tiny"):
        with pytest.raises(DeviceError, match="use golden:, sim:, pysim: or serial:"):
            devices.open(url)


def test_without_a_compiler_the_interpreted_board_steps_in_and_says_so(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(boards, "compiler", lambda: None)
    with caplog.at_level(logging.WARNING), devices.open("sim:tiny") as opened:
        assert opened.info()["url"] == "pysim:tiny"
    assert "no C++ compiler" in caplog.text and "install g++" in caplog.text


def test_a_configuration_of_ones_own() -> None:
    config = CONFIG.replace(name="mine", max_delay=5)
    program, spikes = compile_network(network(), config), np.ones((8, 6), np.uint8)
    with devices.open("pysim:", config=config) as opened:  # not worth a compilation
        opened.load(program)
        assert not differs(GoldenModel(network()).run(spikes), opened.run(spikes)) and opened.info()["config"] == "mine"
    board = InterpretedBoard(config)
    with devices.LinkedDevice(Link(board), url="board") as unknown, pytest.raises(DeviceError, match=f"hash {config.hash:08x}.*open.url, config"):
        unknown.load(program)


@pytest.mark.parametrize("url", [f"{KIND}:tiny", "pysim:tiny", "golden:tiny"])
def test_a_closed_device_says_so(url: str) -> None:
    device = devices.open(url)
    device.load(compile_network(network(), CONFIG))
    device.close()
    with pytest.raises((LinkError, DeviceError), match="closed; open it again|no program is loaded"):
        device.run(np.ones((4, 6), np.uint8))
    device.close()


@pytest.mark.parametrize("block", range(3))
def test_state_is_the_golden_models(board: devices.LinkedDevice, block: int) -> None:
    golden, seen = devices.open("golden:tiny"), set()
    for seed in range(7000 + 20 * block, 7020 + 20 * block if KIND == "sim" else 7001 + 20 * block):
        rng = np.random.default_rng(seed)
        drawn = random_network(rng, config=CONFIG).replace(early_exit=None)
        spikes = random_spikes(rng, drawn, 20)
        for device in (board, golden):
            device.load(compile_network(drawn, CONFIG))
        for reset in (None, True, False):  # before the first run, after a fresh one, after a continued one
            for device in (board, golden):
                if reset is not None:
                    device.run(spikes, reset=reset)
            for population in drawn.populations[1:]:
                shown, expected = board.read_state(population.name), golden.read_state(population.name)
                assert {"v"} <= shown.keys() <= expected.keys()
                for name, values in shown.items():
                    assert np.array_equal(values, expected[name]), (seed, population.name, name)
                    seen |= {name} if values.any() else set()
    assert seen >= ({"v", "i", "c", "count"} if KIND == "sim" else {"v"})


def test_state_of_late_resets_and_budgets_is_shown(board: devices.LinkedDevice) -> None:
    late = network(reset=ResetRule.LATE_SUBTRACT, budget=5, decay_i=1000)
    board.load(compile_network(late, CONFIG))
    assert not any(values.any() for values in board.read_state("out").values())
    counts = board.run(np.ones((10, 6), np.uint8)).spike_counts[0]
    state = board.read_state("out")
    assert state.keys() == {"v", "i", "c", "count"} and np.array_equal(state["count"], counts) and counts.max() == 5


@pytest.mark.parametrize("url", [f"{KIND}:tiny", "golden:tiny"])
def test_state_of_what_has_none_is_refused(url: str) -> None:
    with devices.open(url) as device:
        with pytest.raises(DeviceError, match="no program"):
            device.read_state("out")
        device.load(compile_network(network(), CONFIG))
        for name in ("in", "nowhere"):
            with pytest.raises(InputError, match=f"`{name}`.*there are out"):
                device.read_state(name)


BAD = [
    {"spikes": np.zeros((4, 5), np.uint8)}, {"spikes": np.full((4, 6), 2)}, {"spikes": np.full((4, 6), np.nan)}, {"spikes": np.zeros((4, 6))},
    {"spikes": np.zeros((2, 4, 6), np.uint8)}, {"spikes": [[9, 0]], "steps": 4}, {"spikes": np.zeros((4, 6), np.uint8), "record": "nowhere"},
    {"spikes": np.zeros((4, 6), np.uint8), "record": "out.u"},
]  # fmt: skip


@pytest.mark.parametrize("url", [f"{KIND}:tiny", "golden:tiny"])
def test_bad_input_in_between_loses_nothing(url: str) -> None:
    spikes = (np.random.default_rng(1).random((30, 6)) < 0.4).astype(np.uint8)
    with devices.open(url) as device:
        device.load(compile_network(network(), CONFIG))
        golden = GoldenModel(network())
        for start in (0, 15):
            part = spikes[start : start + 15]
            assert not differs(golden.run(part, reset=not start), device.run(part, reset=not start))
            for arguments in BAD:
                with pytest.raises(InputError):
                    device.run(**arguments, reset=False)


@pytest.mark.parametrize("url", ["sim:tiny?vcd=run.vcd", "golden:tiny?vcd=run.vcd", "pysim:tiny?trace=1"])
def test_only_amaranths_simulator_writes_waveforms(url: str) -> None:
    with pytest.raises(DeviceError, match=r"nothing can follow `\?` here but vcd=run.vcd"):
        devices.open(url)
