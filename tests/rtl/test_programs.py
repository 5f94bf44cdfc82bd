"""Random networks on the simulated board, through link and driver, against the golden model: every spike, state and counter."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import numpy as np
import pytest

from lifline.arch.config import Config, preset
from lifline.arch.program import Mode
from lifline.compiler.compile import compile_network
from lifline.driver import device
from lifline.network.connections.convolution import Convolution
from lifline.network.connections.identity import Identity
from lifline.network.connections.kind import Connection
from lifline.network.connections.pooling import Pooling
from lifline.network.model import Network, Neurons, Population, Projection
from lifline.network.result import RunResult
from lifline.sim.golden.model import GoldenModel
from lifline.sim.random.network import random_network, random_spikes

CONFIG = preset("tiny")
MAPS = CONFIG.replace(
    name="maps", map_words=64, program_words=512, slot_words=512, ring_words=512, max_neurons=512, neuron_words=1024, weight_words=4096
)


@pytest.fixture(scope="module")
def board() -> Iterator[device.LinkedDevice]:
    kind = "sim" if shutil.which("g++") else "pysim"
    with device.open(f"{kind}:{CONFIG.name}") as opened:
        assert isinstance(opened, device.LinkedDevice)
        yield opened


def all_records(network: Network) -> list[str]:
    currents = [f"{p.name}.i" for p in network.populations if p.neurons is not None and p.neurons.decay_i != 4096]
    return ["all", "all.v", *currents]


def case(seed: int, max_steps: int = 40, config: Config = CONFIG) -> tuple[Network, dict[tuple[str, str], Mode], np.ndarray]:
    rng = np.random.default_rng(seed)
    network = random_network(rng, config=config)
    modes = {(p.source, p.target): Mode(int(rng.integers(2))) for p in network.projections}
    return network, modes, random_spikes(rng, network, int(rng.integers(2, max_steps)))


def mismatches(expected: RunResult, actual: RunResult) -> list[str]:
    """Names of everything that differs."""
    wrong = [name for name in ("steps", "exited", "prediction", "spike_counts") if (getattr(expected, name) != getattr(actual, name)).any()]
    if (expected.output_spikes != actual.output_spikes).any():
        wrong.append("output_spikes")
    for name, variables in expected.records.items():
        wrong += [f"{name}.{v}" for v, values in variables.items() if (values != actual.records[name][v]).any()]
    for name in expected.counters:
        a, b = expected.counters[name], actual.counters[name]
        wrong += [f"{name}.{c}" for c in ("spikes", "budget_hits", "saturations") if (getattr(a, c) != getattr(b, c)).any()]
    return wrong


@pytest.mark.parametrize("block", range(5))
def test_random_programs_agree_with_the_golden_model(board: device.LinkedDevice, block: int) -> None:
    for seed in range(block * 40, block * 40 + 40):
        network, modes, spikes = case(seed)
        # Recording state slows the steps down: without it, the engines overlap more.
        record = all_records(network) if seed % 2 else ["all"] if seed % 4 else []
        board.load(compile_network(network, CONFIG, modes))
        assert mismatches(GoldenModel(network).run(spikes, record=record), board.run(spikes, record=record)) == [], f"seed {seed}"


KERNELS: dict[str, tuple[tuple[int, ...], int, tuple[int, ...], Connection]] = {
    "3x3, padding": ((2, 5, 6), 6, (3, 3), Convolution(padding=1)),
    "3x3, stride 2": ((3, 7, 5), 5, (3, 3), Convolution(stride=2, padding=1)),
    "kernel wider than its stride 3": ((1, 8, 8), 4, (4, 5), Convolution(stride=3, padding=((2, 1), (0, 2)))),
    "stride beyond the kernel": ((2, 7, 7), 3, (1, 1), Convolution(stride=3)),
    "dilation with a stride that shares no factor": ((2, 9, 9), 4, (3, 2), Convolution(stride=(3, 2), dilation=2, padding=2)),
    "kernel larger than its source": ((2, 2, 3), 7, (5, 5), Convolution(padding=2)),
    "groups": ((4, 4, 4), 8, (3, 3), Convolution(padding=1, groups=2)),
    "depthwise": ((5, 4, 4), 5, (3, 3), Convolution(padding=1, groups=5)),
    "depthwise, by blocks": ((8, 4, 4), 8, (3, 3), Convolution(padding=1, groups=8)),
    "depthwise with padding, stride 2, by blocks": ((7, 5, 4), 7, (3, 2), Convolution(stride=2, padding=1, groups=7)),
    "one axis": ((3, 11), 6, (4,), Convolution(stride=2, padding=((3, 1),))),
    "a pool before it": ((2, 7, 7), 4, (2, 2), Convolution(pool=2, padding=1)),
    "one position": ((20, 1, 1), 9, (1, 1), Convolution()),
    "one row": ((3, 1, 9), 5, (1, 3), Convolution(padding=(0, 1))),
    "pooling": ((3, 7, 6), 3, (), Pooling(3, stride=2, padding=1)),
    "identity": ((3, 4, 5), 3, (), Identity()),
}
"""Source, channels of the target, kernel, and how they connect."""


def connected(name: str, rng: np.random.Generator) -> Network:
    """Input, the connection, the same target through a second one a step later, and a read-out of everything."""
    source, channels, kernel, connection = KERNELS[name]
    inputs = source[0] // getattr(connection, "groups", 1)

    def weights() -> np.ndarray:
        return rng.integers(-9, 20, (channels, inputs, *kernel) if kernel else (1,))

    shape = connection.output_shape(source, weights())
    hidden = Neurons(threshold=40, decay_v=600)
    return Network(
        name="connected", state_bits=MAPS.state_bits, output="out",
        populations=(Population("in", source), Population("hidden", shape, hidden), Population("out", (3,), Neurons(threshold=60, decay_v=300))),
        projections=(
            Projection(source="in", target="hidden", weights=weights(), connection=connection),
            Projection(source="in", target="hidden", weights=weights(), connection=connection, delays=3),
            Projection(source="hidden", target="out", weights=rng.integers(-9, 12, (3, int(np.prod(shape)))), delays=1),
        ),
    )  # fmt: skip


@pytest.fixture(scope="module")
def mapped_board() -> Iterator[device.LinkedDevice]:
    with device.open("sim:", config=MAPS) as opened:
        assert isinstance(opened, device.LinkedDevice)
        yield opened


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
@pytest.mark.parametrize("name", KERNELS)
def test_layers_with_maps_agree_with_the_golden_model(mapped_board: device.LinkedDevice, name: str) -> None:
    """Dense and silent steps, in runs one after the other: what the last one left in slots, rings and tables changes nothing."""
    rng = np.random.default_rng(len(name))
    for rate in (0.02, 0.2, 0.9):
        network = connected(name, rng)
        mapped_board.load(compile_network(network, MAPS))
        spikes = rng.random((19, network.populations[0].size)) < rate
        for record in (["all"], all_records(network)):
            assert mismatches(GoldenModel(network).run(spikes, record=record), mapped_board.run(spikes, record=record)) == []


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
def test_random_programs_agree_on_a_wider_configuration() -> None:
    """Rows of eight neurons and windows of eight steps: engines overlap that never meet on `tiny`."""
    config = preset("medium")
    with device.open("sim:medium") as opened:
        for seed in range(4000, 4016):
            network, modes, spikes = case(seed, config=config)
            record = (all_records(network), ["all"], [])[seed % 3]
            opened.load(compile_network(network, config, modes))
            assert mismatches(GoldenModel(network).run(spikes, record=record), opened.run(spikes, record=record)) == [], f"seed {seed}"


@pytest.mark.parametrize("seed", range(1000, 1010))
def test_run_can_be_continued_at_any_cut(board: device.LinkedDevice, seed: int) -> None:
    network, modes, spikes = case(seed)
    network = network.replace(early_exit=None)
    whole = GoldenModel(network).run(spikes)
    board.load(compile_network(network, CONFIG, modes))
    cut = int(np.random.default_rng(seed).integers(1, len(spikes)))
    first = board.run(spikes[:cut])
    second = board.run(spikes[cut:], reset=False)
    joined = np.concatenate([first.output_spikes, second.output_spikes], axis=1)
    assert (joined == whole.output_spikes).all()


def test_second_run_is_not_touched_by_the_first(board: device.LinkedDevice) -> None:
    network, modes, spikes = case(2000)
    board.load(compile_network(network, CONFIG, modes))
    record = all_records(network)
    first = board.run(spikes, record=record)
    assert mismatches(first, board.run(spikes, record=record)) == []
    assert (first.cycles is not None) and first.cycles.busy[0] > 0


@pytest.mark.parametrize("space", ["WEIGHTS", "PROGRAM"])
def test_a_flipped_bit_is_noticed(board: device.LinkedDevice, space: str) -> None:
    """The comparison can fail: flip bits of a loaded program until the spikes or states differ."""
    from lifline.arch.registers import Space, address

    network, modes, spikes = case(7)
    program = compile_network(network, CONFIG, modes)
    record = all_records(network)
    expected = GoldenModel(network).run(spikes, record=record)
    noticed = 0
    image = program.images[Space[space]]
    words = range(0, len(image), max(1, len(image) // 12)) if space == "WEIGHTS" else [program.populations[0].address + 2]
    for word in words:
        board.load(program)
        board.link.write(address(Space[space], word), [int(image[word]) ^ 0x40])
        noticed += mismatches(expected, board.run(spikes, record=record)) != []
    assert noticed > 0
