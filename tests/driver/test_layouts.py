"""Programs whose neurons are in another order in the hardware, with padding: nothing of it can be seen from outside."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import numpy as np
import pytest

from lifline.arch.config import preset
from lifline.arch.errors import InputError
from lifline.compiler import program_file
from lifline.compiler.compile import compile_network
from lifline.compiler.layouts import Layout, position_major
from lifline.compiler.program import Program
from lifline.compiler.random_layouts import compile_with_random_layouts
from lifline.driver import device, trace
from lifline.driver.choose import compile_auto
from lifline.driver.link import Link
from lifline.driver.predict import predict, record_activity
from lifline.network.model import EarlyExit, Network, Neurons, Population, Projection
from lifline.sim.board.simulated import CompiledBoard
from lifline.sim.golden.model import GoldenModel

from ..rtl.test_programs import CONFIG, all_records, case, mismatches

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
EVERYTHING = ["all", "all.v", "all.i", "all.x"]


@pytest.fixture(scope="module")
def traced() -> Iterator[tuple[CompiledBoard, device.LinkedDevice]]:
    board = CompiledBoard(CONFIG, trace=True)
    with device.LinkedDevice(Link(board)) as opened:
        yield board, opened


def drawn(seed: int) -> tuple[Program, np.ndarray]:
    network, modes, spikes = case(seed)
    return compile_with_random_layouts(np.random.default_rng(seed), network, CONFIG, modes), spikes


def permuted(seed: int) -> tuple[Program, np.ndarray]:
    """Every population in any order, without padding."""
    network, modes, spikes = case(seed)
    rng = np.random.default_rng(seed)
    return compile_network(network, CONFIG, modes, {p.name: Layout(rng.permutation(p.size)) for p in network.populations}), spikes


def same_state(program: Program, board: device.LinkedDevice, spikes: np.ndarray) -> bool:
    golden = device.GoldenDevice(CONFIG)
    golden.load(program)
    golden.run(spikes)
    for p in program.populations:
        expected = golden.read_state(p.name)
        if any((values != expected[name]).any() for name, values in board.read_state(p.name).items()):
            return False
    return True


@pytest.mark.parametrize("block", range(5))
def test_nothing_of_a_layout_can_be_seen(traced: tuple[CompiledBoard, device.LinkedDevice], block: int) -> None:
    board, opened = traced
    padded = 0
    for seed in range(block * 24, block * 24 + 24):
        program, spikes = (permuted if seed % 4 == 0 else drawn)(seed)
        network = program.network
        padded += any(layout.size > layout.neurons for layout in program.layouts.values())
        record = all_records(network) if seed % 2 else ["all"] if seed % 3 else []
        opened.load(program)
        golden = GoldenModel(network)
        expected = golden.run(spikes, record=record)
        board.trace()
        actual = opened.run(spikes, record=record)
        assert mismatches(expected, actual) == [], f"seed {seed}"
        assert trace.differs(golden.run(spikes, record=EVERYTHING), board.trace(), program, CONFIG) == [], f"seed {seed}"
        if not expected.exited.any():
            assert same_state(program, opened, spikes), f"seed {seed}"
        [costs] = predict(program, CONFIG, record_activity(network, spikes), record=record)
        assert actual.cycles is not None
        assert actual.cycles.stall_output[0] or costs.busy_cycles == actual.cycles.busy[0], f"seed {seed}"
    assert padded >= 8


@pytest.mark.parametrize("seed", range(1000, 1006))
def test_run_can_be_continued_at_any_cut(traced: tuple[CompiledBoard, device.LinkedDevice], seed: int) -> None:
    network, modes, spikes = case(seed)
    network = network.replace(early_exit=None)
    _, opened = traced
    opened.load(compile_with_random_layouts(np.random.default_rng(seed), network, CONFIG, modes))
    whole, cut = GoldenModel(network).run(spikes), int(np.random.default_rng(seed).integers(1, len(spikes)))
    parts = [opened.run(spikes[:cut]), opened.run(spikes[cut:], reset=False)]
    assert (np.concatenate([part.output_spikes for part in parts], axis=1) == whole.output_spikes).all()


CHANNELS = Neurons(threshold=np.repeat([30, 40, 50], 12), bias=np.repeat([1, 0, 2], 12), decay_v=300)


def image_network(output: Neurons, **options: object) -> Network:
    """An image of two channels, three channels of the same size, and two neurons."""
    rng = np.random.default_rng(4)
    return Network(
        name="image", state_bits=CONFIG.state_bits, output="out",
        populations=(Population("in", (2, 4, 3)), Population("hidden", (3, 4, 3), CHANNELS), Population("out", (2,), output)),
        projections=(
            Projection(source="in", target="hidden", weights=rng.integers(-3, 12, (36, 24)), delays=2),
            Projection(source="hidden", target="out", weights=rng.integers([[0], [-9]], [[9], [1]], (2, 36)), delays=np.repeat([0, 3, 1], 12)),
        ),
    ).replace(**options)  # fmt: skip


IMAGE = {"in": position_major((2, 4, 3), 4), "hidden": position_major((3, 4, 3), 4), "out": Layout(np.array([9, 0]))}
SPIKES = (np.random.default_rng(8).random((60, 24)) < 0.2).astype(np.uint8)


@pytest.mark.parametrize("mode", ["event", "dense"])
def test_padding_with_a_positive_bias_of_all_neither_fires_nor_counts_nor_leads(traced: tuple[CompiledBoard, device.LinkedDevice], mode: str) -> None:
    """Without the masks the padding beside the two neurons would fire in every step, be counted, and win."""
    network = image_network(Neurons(threshold=60, bias=45, decay_v=1000), early_exit=EarlyExit(4, 2))
    _, opened = traced
    opened.load(compile_network(network, CONFIG, mode, IMAGE))
    expected, actual = (runs.run(SPIKES, record=all_records(network)) for runs in (GoldenModel(network), opened))
    assert mismatches(expected, actual) == [] and expected.exited.all() and 0 < expected.counters["out"].spikes[0]


def test_parameters_of_channels_cost_words_by_channel() -> None:
    """Three parameters of three channels: a word of each for a position of two rows, and two for padded channels, not for all 24 rows."""
    network = image_network(Neurons(threshold=60))
    plain, ordered = (compile_network(network, CONFIG, layouts=layouts) for layouts in (None, IMAGE))
    (_, own), (hidden, _) = plain.populations, ordered.populations
    assert own.rows == 1 and (plain.population("hidden").rows, plain.population("hidden").row_words) == (18, 3)
    assert (hidden.rows, hidden.row_words) == (24, 1), "theta, bias, and who exists"
    assert hidden.row_base == 3 * 2 and ordered.memory["neuron words"][0] == 3 * 2 + 24 + 1 + ordered.population("out").rows * 2
    assert plain.memory["neuron words"][0] == 18 * 3 + 1 + 1


def test_a_layout_survives_in_a_file(tmp_path, traced: tuple[CompiledBoard, device.LinkedDevice]) -> None:
    program = compile_network(image_network(Neurons(threshold=60)), CONFIG, layouts=IMAGE)
    program_file.save(program, tmp_path / "program")
    loaded = program_file.load(tmp_path / "program")
    assert loaded.layouts == program.layouts and all(np.array_equal(loaded.images[space], image) for space, image in program.images.items())
    traced[1].load(loaded)
    assert mismatches(GoldenModel(program.network).run(SPIKES), traced[1].run(SPIKES)) == []


def test_modes_are_chosen_for_the_layout() -> None:
    network = image_network(Neurons(threshold=60))
    program, _ = compile_auto(network, CONFIG, SPIKES, layouts=IMAGE)
    assert program.layouts["hidden"] == IMAGE["hidden"]


def test_spikes_have_the_shape_of_the_network(traced: tuple[CompiledBoard, device.LinkedDevice]) -> None:
    """Not of the hardware, whose input is larger."""
    program = compile_network(image_network(Neurons(threshold=60)), CONFIG, layouts={"in": Layout(np.arange(24) + 8)})
    traced[1].load(program)
    with pytest.raises(InputError, match="24"):
        traced[1].run(np.zeros((4, 32), np.uint8))
    assert preset("tiny") == program.config
