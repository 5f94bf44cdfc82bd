"""The C driver against the golden model and the Python driver, on the simulated board, with and without faults on the link."""

from __future__ import annotations

import ctypes
from pathlib import Path

import numpy as np
import pytest

from lifline.arch.config import preset
from lifline.arch.frame import crc16
from lifline.arch.image import IMAGE_HEADER
from lifline.arch.program import Mode
from lifline.arch.records import INPUT_END_OF_STEP, MAX_STEPS_PER_RUN
from lifline.compiler.compile import compile_network
from lifline.compiler.layouts import Layout
from lifline.compiler.program import Program
from lifline.driver.link import Link
from lifline.driver.linked import LinkedDevice
from lifline.embedded.image import image_of
from lifline.network.connections.convolution import Convolution
from lifline.network.file import load
from lifline.network.model import EarlyExit, Network, Neurons, Population, Projection
from lifline.sim.board.build import compiler
from lifline.sim.board.simulated import CompiledBoard
from lifline.sim.golden.model import GoldenModel
from lifline.sim.random.network import random_network, random_spikes
from lifline.sim.random.variants import VARIANTS

from ..driver import test_bands
from ..driver.test_link import Faulty
from .c_driver import COMPILER, CDevice, CDriverError, closing, compile_library

pytestmark = pytest.mark.skipif(COMPILER is None or compiler() is None, reason="needs a C and a C++ compiler")
TINY = preset("tiny")
ROOT = Path(__file__).parents[2]
NO_REPLY, REFUSED, CONFIG, PROGRAM, NOT_LOADED, TAKEN, ARGUMENT, INPUT, FAILED = -2, -3, -6, -7, -9, -10, -11, -12, -15


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    return compile_library(tmp_path_factory.mktemp("driver"))


def case(seed: int) -> tuple[Network, np.ndarray]:
    rng = np.random.default_rng(seed)
    network = random_network(rng, config=TINY).replace(early_exit=None)
    return network, random_spikes(rng, network, int(rng.integers(2, 40)))


def events(network: Network, result: object) -> list[tuple[int, int, int]]:
    """(step, population, neuron) of every spike that the golden model records, sorted."""
    numbers = {name: k for k, name in enumerate(name for name in network.order if name != network.input.name)}
    found = []
    for name, values in result.records.items():  # type: ignore[attr-defined]
        found += [(int(t), numbers[name], int(n)) for t, n in np.argwhere(values["spikes"][0])]
    return sorted(found)


def recorded(network: Network) -> list[str]:
    return [p.name for p in network.populations if p.neurons is not None and p.neurons.cap]


@pytest.mark.parametrize("seed", range(12))
def test_spikes_counters_and_membranes_are_those_of_the_golden_model(library: ctypes.CDLL, seed: int) -> None:
    network, spikes = case(seed)
    program = compile_network(network, TINY, Mode(seed % 2))
    names = recorded(network)
    expected = GoldenModel(network).run(spikes, record=names)
    with closing(CompiledBoard(TINY)) as board, LinkedDevice(Link(CompiledBoard(TINY))) as other:
        device = CDevice(library, board)
        device.load(image_of(program))
        for name in names:
            device.record(program.population(name).number)
        assert device.run(spikes) == (len(spikes), False)
        assert sorted(device.spikes) == events(network, expected)
        for p in program.populations:
            counters = expected.counters[p.name]
            assert device.counters(p.number) == [int(counters.spikes[0]), int(counters.budget_hits[0]), int(counters.saturations[0])]
        other.load(program)
        told = other.run(spikes, record=names)
        if network.output in names:  # else the Python driver has the membranes of the output sent, which takes cycles
            assert told.cycles is not None and device.cycles()[0] == int(told.cycles.busy[0])
        for p in program.populations:
            assert (device.membranes(p.number, p.size) == other.read_state(p.name)["v"]).all()


def test_convolutions_run_from_an_image_and_neurons_come_back_under_their_numbers(library: ctypes.CDLL) -> None:
    config, rng = VARIANTS["maps"], np.random.default_rng(4)
    neurons = Neurons(threshold=30, bias=2)
    network = Network(
        name="convolutions", output="out", state_bits=config.state_bits,
        populations=(Population("in", (2, 4, 5)), Population("wide", (9, 4, 5), neurons), Population("out", (3, 2, 2), neurons)),
        projections=(
            Projection(source="in", target="wide", weights=rng.integers(-20, 30, (9, 2, 3, 3)), connection=Convolution(padding=1)),
            Projection(source="wide", target="out", weights=rng.integers(-20, 30, (3, 9, 2, 2)), connection=Convolution(stride=2)),
        ),
    )  # fmt: skip
    spikes = random_spikes(rng, network, 20)
    program = compile_network(network, config)
    assert not program.layouts["wide"].is_identity and not program.layouts["out"].is_identity
    expected = GoldenModel(network).run(spikes, record=["wide", "out", "all.v"])
    with closing(CompiledBoard(config)) as board:
        device = CDevice(library, board)
        device.load(image_of(program))
        for p in program.populations:
            device.record(p.number)
        assert device.run(spikes) == (len(spikes), False)
        assert sorted(device.spikes) == events(network, expected)
        for p in program.populations:
            assert device.membranes(p.number, p.size).tolist() == expected.records[p.name]["v"][0, -1].tolist()


def assert_like_python(library: ctypes.CDLL, program: Program, spikes: np.ndarray, *, cut: int) -> None:
    """Spikes, counters and membranes of all populations, in two runs, are those of the Python driver on another board, and of the golden model."""
    network, config = program.network, program.config
    names = recorded(network)
    with closing(CompiledBoard(config)) as board, LinkedDevice(Link(CompiledBoard(config)), config=config) as other:
        device = CDevice(library, board)
        device.load(image_of(program))
        for name in names:
            device.record(program.order.index(name))
        device.run(spikes[:cut])
        device.run(spikes[cut:], fresh=False)
        other.load(program)
        told = other.run(spikes, record=names)
        assert sorted(device.spikes) == events(network, told) == events(network, GoldenModel(network).run(spikes, record=names))
        for number, name in enumerate(program.order):
            counted = told.counters[name]
            assert device.counters(number) == [int(counted.spikes[0]), int(counted.budget_hits[0]), int(counted.saturations[0])]
            assert (device.membranes(number, network.population(name).size) == other.read_state(name)["v"]).all()
        device.record(program.order.index(names[0]), on=False)
        device.spikes.clear()
        device.run(spikes[:cut])
        assert {population for _, population, _ in device.spikes} <= {program.order.index(name) for name in names[1:]}


def test_bands_are_one_population(library: ctypes.CDLL) -> None:
    program = compile_network(test_bands.NETWORK, test_bands.CONFIG, test_bands.MODES)
    assert len(program.bands("wide")) > 3 and len(program.bands("sum")) > 3 and not program.layouts["in"].is_identity
    assert_like_python(library, program, test_bands.spikes(5, 21), cut=9)


@pytest.mark.parametrize("mode", [Mode.EVENT, Mode.DENSE])
def test_the_network_of_n_mnist_runs_from_c(library: ctypes.CDLL, mode: Mode) -> None:
    network, config = load(ROOT / "examples/nmnist/nmnist.safetensors"), preset("conv")
    program = compile_network(network, config, {(p.source, p.target): mode if isinstance(p.connection, Convolution) else Mode.EVENT for p in network.projections})
    assert (max(len(program.bands(name)) for name in program.order) > 1) is (mode is Mode.DENSE)
    assert_like_python(library, program, (np.random.default_rng(1).random((4, network.input.size)) < 0.05).astype(np.uint8), cut=3)


def test_an_input_in_another_order_takes_neurons_by_their_numbers(library: ctypes.CDLL) -> None:
    """More places than a byte names, for neurons that it would; within a step the neurons come in any order."""
    spikes = (np.random.default_rng(3).random((30, 3)) < 0.5).astype(np.uint8)
    expected = events(two_neurons(), GoldenModel(two_neurons()).run(spikes, record=["out"]))
    words: list[int] = []
    for step in spikes:
        words += [*map(int, np.flatnonzero(step)[::-1]), INPUT_END_OF_STEP]
    for places in ([2, 0, 1], [200, 7, 131]):
        config = TINY.replace(max_neurons=256) if max(places) >= TINY.max_neurons else TINY
        program = compile_network(two_neurons(), config, layouts={"in": Layout(np.array(places))})
        with closing(CompiledBoard(config)) as board:
            device = CDevice(library, board)
            device.load(image_of(program))
            device.record(0)
            device.run_words(words, len(spikes))
            assert sorted(device.spikes) == expected and expected


@pytest.mark.parametrize("seed", [20, 21, 22])
def test_runs_go_on_where_the_last_one_ended(library: ctypes.CDLL, seed: int) -> None:
    network, spikes = case(seed)
    program = compile_network(network, TINY)
    names = recorded(network)
    with closing(CompiledBoard(TINY)) as board:
        device = CDevice(library, board)
        device.load(image_of(program))
        for name in names:
            device.record(program.population(name).number)
        cut = len(spikes) // 2 or 1
        device.run(spikes[:cut])
        if cut < len(spikes):
            device.run(spikes[cut:], fresh=False)
        assert sorted(device.spikes) == events(network, GoldenModel(network).run(spikes, record=names))


@pytest.mark.parametrize("seed", range(6))
def test_faults_on_the_link_change_nothing_or_fail_by_name(library: ctypes.CDLL, seed: int) -> None:
    network, spikes = case(30 + seed)
    program = compile_network(network, TINY)
    names = recorded(network)
    expected = events(network, GoldenModel(network).run(spikes, record=names))
    with closing(CompiledBoard(TINY)) as board:
        device = CDevice(library, board)
        device._transport = Faulty(board, 2e-4 * (1 + seed), seed)
        try:
            device.load(image_of(program))
            for name in names:
                device.record(program.population(name).number)
            device.run(spikes)
            assert sorted(device.spikes) == expected
        except CDriverError as error:
            assert error.code == NO_REPLY, error


def two_neurons(exit_: EarlyExit | None = None) -> Network:
    return Network(
        name="two", state_bits=TINY.state_bits, output="out", early_exit=exit_,
        populations=(Population("in", (3,)), Population("out", (2,), Neurons(threshold=1))),
        projections=(Projection(source="in", target="out", weights=np.array([[9, 0, 0], [0, 9, 0]])),),
    )  # fmt: skip


def test_early_exit_and_a_stop_by_the_receiver_end_a_run(library: ctypes.CDLL) -> None:
    spikes = np.zeros((200, 3), np.uint8)
    spikes[:, 0] = 1
    with closing(CompiledBoard(TINY)) as board:
        device = CDevice(library, board)
        device.load(image_of(compile_network(two_neurons(EarlyExit(every=8, margin=3)), TINY)))
        assert device.run(spikes) == (8, True)
        device.load(image_of(compile_network(two_neurons(), TINY)), 9)
        device.record(0)
        device.stop_after = 1
        steps, exited = device.run(spikes)
        assert steps < 200 and not exited and len(device.spikes) <= steps


def test_what_is_wrong_is_refused_by_name(library: ctypes.CDLL) -> None:
    image = image_of(compile_network(two_neurons(), TINY))
    spikes = np.zeros((4, 3), np.uint8)
    end = INPUT_END_OF_STEP

    def code(call: object, *arguments: object, **named: object) -> int:
        with pytest.raises(CDriverError) as error:
            call(*arguments, **named)  # type: ignore[operator]
        assert str(error.value) != "unknown error"
        return error.value.code

    with closing(CompiledBoard(TINY)) as board:
        device = CDevice(library, board)
        assert code(device.run, spikes) == NOT_LOADED
        assert code(device.counters, 0) == NOT_LOADED
        for position in (0, 1, 5, len(image) // 2, len(image) - 1):
            damaged = image.copy()
            damaged[position] ^= 1 << position % 32
            assert code(device.load, damaged) == PROGRAM
        assert code(device.load, image[:-1]) == PROGRAM
        assert code(device.load, image, 0) == ARGUMENT
        other = image.copy()
        other[[name for name, _ in IMAGE_HEADER].index("config_hash")] ^= 1
        other[-1] = crc16(other[:-1].astype("<u4").tobytes())
        assert code(device.load, other) == CONFIG
        device.load(image)
        assert code(device.run, spikes, fresh=False) == FAILED
        assert code(device.record, 1) == ARGUMENT
        assert code(device.run_words, [], 0) == ARGUMENT
        assert code(device.run_words, [end] * 8193, MAX_STEPS_PER_RUN + 1) == ARGUMENT
        for words, steps in (([3, end], 1), ([end], 2), ([end, end], 1), ([end, 0], 1), ([], 1)):
            assert code(device.run_words, words, steps) == INPUT
        assert device.run(spikes) == (4, False)
        with LinkedDevice(Link(board)) as second:
            second.load(compile_network(two_neurons(), TINY))
            assert code(device.run, spikes) == TAKEN
            assert code(device.membranes, 0, 2) == TAKEN


def test_a_device_that_says_nothing_is_no_reply(library: ctypes.CDLL) -> None:
    class Silent:
        def write(self, data: bytes) -> None: ...

        def read(self, count: int) -> bytes:
            return b""

        def close(self) -> None: ...

    with pytest.raises(CDriverError, match="check cable, port and baud rate") as error:
        CDevice(library, Silent())
    assert error.value.code == NO_REPLY


def test_input_waits_for_room_and_output_is_taken_away(library: ctypes.CDLL) -> None:
    """Many more words than either memory holds; in real time the device is slower than the link."""
    rng = np.random.default_rng(4)
    network = Network(
        name="slow", state_bits=TINY.state_bits, output="out",
        populations=(Population("in", (3,)), Population("out", (64,), Neurons(threshold=90, decay_v=400))),
        projections=(Projection(source="in", target="out", weights=rng.integers(-60, 120, (64, 3))),),
    )  # fmt: skip
    spikes = (rng.random((200, 3)) < 0.8).astype(np.uint8)
    assert spikes.sum() + len(spikes) > 2 * TINY.input_words
    program, expected = compile_network(network, TINY), GoldenModel(network).run(spikes, record=["out"])
    with closing(CompiledBoard(TINY)) as board:
        device = CDevice(library, board)
        device.load(image_of(program))
        device.record(0)
        assert device.run(spikes, period=1500) == (len(spikes), False)
    assert len(device.spikes) > TINY.output_words and sorted(device.spikes) == events(network, expected)
