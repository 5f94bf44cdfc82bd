"""Input as indices or as a bit per neuron, whichever is shorter: the words, and that runs give the same bits with both."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from lifline.arch.config import preset
from lifline.arch.frame import BYTE_TOP, MAX_WORDS, Kind, Request
from lifline.arch.records import INPUT_BITS, INPUT_END_OF_STEP, INPUT_PACKED_STEPS, packed_words
from lifline.compiler.compile import compile_network
from lifline.compiler.program import Program
from lifline.driver.input_words import input_words, input_writes
from lifline.driver.link import Link
from lifline.driver.linked import LinkedDevice
from lifline.network.model import EarlyExit, Network, Neurons, Population, Projection
from lifline.network.result import decisions_of, differences
from lifline.sim.board.simulated import CompiledBoard
from lifline.sim.golden.model import GoldenModel

CONFIG = preset("tiny")
needs_board = pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")


def network(inputs: int, *, delays: object = 1, early_exit: EarlyExit | None = None, threshold: int = 900, seed: int = 0) -> Network:
    rng = np.random.default_rng(seed)
    weights = rng.integers(-60, 90, (8, inputs)) * np.arange(1, 9)[:, None] // 8  # the last neuron leads
    return Network(
        name="dense", state_bits=CONFIG.state_bits, output="out", early_exit=early_exit,
        populations=(Population("in", (inputs,)), Population("out", (8,), Neurons(threshold=threshold, decay_v=400))),
        projections=(Projection(source="in", target="out", weights=weights, delays=delays),),
    )  # fmt: skip


def spikes_of(words: np.ndarray, program: Program, steps: int) -> np.ndarray:
    """What the gateware makes of input words, as :mod:`lifline.arch.records` says it."""
    places, width, found = program.layouts["in"].size, packed_words(program.layouts["in"].size), []
    left, step, position = 0, np.zeros(places, np.uint8), 0
    while position < len(words):
        word = int(words[position])
        if left:
            bits = [int(w) >> k & 1 for w in words[position : position + width] for k in range(INPUT_BITS)]
            assert not any(bits[places:])
            found.append(np.array(bits[:places], np.uint8))
            left, position = left - 1, position + width
            continue
        position += 1
        if word == INPUT_END_OF_STEP:
            found.append(step)
            step = np.zeros(places, np.uint8)
        elif word > INPUT_END_OF_STEP:
            left = word - INPUT_END_OF_STEP
            assert left <= INPUT_PACKED_STEPS and not step.any()
        else:
            step[word] = 1
    assert not left and len(found) == steps
    return program.layouts["in"].gather(np.stack(found))


def drawn(inputs: int, steps: int, seed: int) -> np.ndarray:
    """Steps from silent to all active."""
    rng = np.random.default_rng(seed)
    return (rng.random((steps, inputs)) < rng.random((steps, 1)) ** 3).astype(np.uint8)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("inputs", [1, 15, 33, 96, 128, 129, 250])
def test_the_words_say_the_spikes_and_never_take_more_bytes_than_indices(inputs: int, seed: int) -> None:
    program = compile_network(network(inputs), CONFIG)
    spikes = drawn(inputs, 40, seed)
    words = input_words(program, spikes)
    assert (spikes_of(words, program, 40) == spikes).all()
    count = int(spikes.sum()) + 40
    frames = input_writes(0, words)
    assert [w for r in frames for w in r.payload] == words.tolist()
    around = Request(0, Kind.WRITE_BYTES, 0, 0).sent_bytes
    assert sum(r.sent_bytes for r in frames) <= count * (1 if inputs <= BYTE_TOP else 2) + around * -(-count // MAX_WORDS)


def test_a_dense_step_takes_a_bit_per_neuron_and_a_sparse_one_its_spikes() -> None:
    program = compile_network(network(250), CONFIG)
    full, sparse = np.ones((31, 250), np.uint8), np.eye(31, 250, dtype=np.uint8)
    words = input_words(program, full)
    assert len(words) == 31 * packed_words(250) + 3 == 31 * 16 + 3
    assert sum(r.kind.word_bytes * r.count for r in input_writes(0, words)) == 2 * len(words)
    assert input_words(program, sparse).tolist() == [w for k in range(31) for w in (k, INPUT_END_OF_STEP)]
    mixed = input_words(program, np.concatenate([sparse[:2], full[:1], sparse[2:4]]))
    assert len(mixed) == 4 * 2 + 1 + 16
    assert {r.kind for r in input_writes(0, input_words(program, sparse))} == {Kind.WRITE_BYTES}


def test_neurons_with_delays_of_their_own_come_as_indices() -> None:
    program = compile_network(network(60, delays=np.arange(60) % 5 + 1), CONFIG)
    assert program.packed_step == 0
    assert len(input_words(program, np.ones((3, 60), np.uint8))) == 3 * 61


@needs_board
@pytest.mark.parametrize("inputs", [17, 96, 250])
def test_runs_give_the_golden_models_bits_however_they_are_cut(inputs: int) -> None:
    net, spikes = network(inputs, seed=inputs), drawn(inputs, 210, inputs)
    program, golden = compile_network(net, CONFIG), GoldenModel(net).run(spikes, record=["all"])
    words = input_words(program, spikes)
    assert (words > INPUT_END_OF_STEP).any() and len(words) > CONFIG.input_words
    with LinkedDevice(Link(CompiledBoard(CONFIG))) as device:
        device.load(program)
        assert differences(golden, device.run(spikes, record=["all"])) == 0
        assert differences(golden, device.run(spikes, record=["all"], period_cycles=900)) == 0
        parts = [device.run(part, record=["out"], reset=not k) for k, part in enumerate(np.split(spikes, [7, 8, 41]))]
        assert (np.concatenate([part.output_spikes[0] for part in parts]) == golden.output_spikes[0]).all()
        streamed = [part.result.output_spikes[0] for part in device.stream(iter(spikes), chunk=11)]
        assert (np.concatenate(streamed) == golden.output_spikes[0]).all()
        short = spikes.reshape(21, 10, inputs)
        found, expected = device.classify(short), decisions_of(GoldenModel(net).run(short))
        assert (found.scores == expected.scores).all()


@needs_board
def test_a_run_that_leaves_early_or_is_stopped_forgets_the_rest_of_its_packed_steps() -> None:
    net = network(250, early_exit=EarlyExit(every=4, margin=1), threshold=12000)
    spikes = np.ones((200, 250), np.uint8)
    golden = GoldenModel(net).run(spikes)
    sparse = drawn(250, 12, 3)
    expected = GoldenModel(net).run(sparse, record=["all"])
    with LinkedDevice(Link(CompiledBoard(CONFIG))) as device:
        device.load(compile_network(net, CONFIG))
        for _ in range(2):
            found = device.run(spikes)
            assert found.exited.all() and differences(golden, found) == 0
            assert differences(expected, device.run(sparse, record=["all"])) == 0
        model = GoldenModel(net)
        assert differences(model.run(spikes), device.run(spikes)) == 0
        assert differences(model.run(sparse, reset=False), device.run(sparse, reset=False)) == 0

        def stop(done: float) -> None:
            device.stop()

        device.load(compile_network(network(250), CONFIG))
        device.run(np.ones((3000, 250), np.uint8), progress=stop)
        assert differences(GoldenModel(network(250)).run(sparse), device.run(sparse)) == 0
