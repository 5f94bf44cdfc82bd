"""The C driver's input words: those of the Python driver, as indices or as a bit per neuron, and the same results."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from lifline.arch.config import preset
from lifline.arch.frame import BYTE_TOP, REQUEST_HEADER, WORD_TOP, Kind
from lifline.arch.records import INPUT_END_OF_STEP
from lifline.arch.registers import Space, address
from lifline.compiler.compile import compile_network
from lifline.driver.input_words import input_words
from lifline.embedded.image import image_of
from lifline.sim.board.build import compiler
from lifline.sim.board.simulated import CompiledBoard
from lifline.sim.golden.model import GoldenModel

from ..driver.test_input_words import drawn, network, spikes_of
from .c_driver import COMPILER, CDevice, closing, compile_library
from .test_driver import events

pytestmark = pytest.mark.skipif(COMPILER is None or compiler() is None, reason="needs a C and a C++ compiler")
TINY = preset("tiny")
FIRST, END = address(Space.INPUT, 0), address(Space.INPUT, 0) + TINY.input_words


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    return compile_library(tmp_path_factory.mktemp("driver"))


class Watched:
    """A board, and the input words that are written to it."""

    def __init__(self) -> None:
        self.board, self.words, self.bytes = CompiledBoard(TINY), [], 0

    def write(self, data: bytes) -> None:
        kind, count, where = Kind(data[2]), data[3], int.from_bytes(data[4:7], "little")
        if not kind.reads and FIRST <= where < END:
            payload = data[REQUEST_HEADER : REQUEST_HEADER + kind.word_bytes * count]
            self.words += (
                [b % BYTE_TOP | WORD_TOP * (b >= BYTE_TOP) for b in payload] if kind is Kind.WRITE_BYTES else np.frombuffer(payload, "<u2").tolist()
            )
            self.bytes += len(payload)
        self.board.write(data)

    def read(self, count: int) -> bytes:
        return self.board.read(count)

    def close(self) -> None:
        self.board.close()


@pytest.mark.parametrize("inputs", [3, 17, 96, 128, 129, 250])
def test_they_are_those_of_the_python_driver(library: ctypes.CDLL, inputs: int) -> None:
    net, spikes = network(inputs, seed=inputs), drawn(inputs, 150, inputs)
    program, expected = compile_network(net, TINY), GoldenModel(net).run(spikes, record=["out"])
    with closing(Watched()) as board:
        device = CDevice(library, board)
        device.load(image_of(program))
        device.record(0)
        for first in (0, 40):
            part = spikes[first : first + 40 if not first else None]
            board.words.clear()
            device.run(part, fresh=not first)
            assert inputs <= 7 or board.words == input_words(program, part).tolist()  # packed words of so few cross as bytes, which Python takes into account
            assert (spikes_of(np.array(board.words), program, len(part)) == part).all()
        assert sorted(device.spikes) == events(net, expected)


def test_dense_input_crosses_as_bits_and_delays_of_neurons_do_not(library: ctypes.CDLL) -> None:
    full = np.ones((30, 250), np.uint8)
    with closing(Watched()) as board:
        device = CDevice(library, board)
        device.load(image_of(compile_network(network(250), TINY)))
        assert device.run(full) == (30, False)
        assert board.bytes == 2 * (30 * 16 + 2)
        uneven = network(60, delays=np.arange(60) % 5 + 1)
        device.load(image_of(compile_network(uneven, TINY)), 9)
        board.words.clear()
        device.run(full[:, :60])
        assert len(board.words) == 30 * 61 and max(board.words) == INPUT_END_OF_STEP


def test_a_neuron_that_is_named_twice_counts_once(library: ctypes.CDLL) -> None:
    net = network(33)
    steps = [[0, 32, 32, 5, 5, 7, 0], [1] * 9]
    spikes = np.array([[k in step for k in range(33)] for step in steps], np.uint8)
    expected = GoldenModel(net).run(spikes, record=["out"])
    with closing(Watched()) as board:
        device = CDevice(library, board)
        device.load(image_of(compile_network(net, TINY)))
        device.record(0)
        device.run_words([word for step in steps for word in (*step, INPUT_END_OF_STEP)], 2)
        assert max(board.words) > INPUT_END_OF_STEP
        assert sorted(device.spikes) == events(net, expected)
