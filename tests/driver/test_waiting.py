"""Sources larger than the list and populations that fill the output memory: nothing waits for ever, no bit and no cycle differs."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from lifline.arch.config import Config
from lifline.arch.program import Mode
from lifline.cli.verify import differs
from lifline.compiler.compile import compile_network
from lifline.driver import device as devices
from lifline.driver.link import Link
from lifline.driver.predict import predict, record_activity
from lifline.network.model import Network, Neurons, Population, Projection
from lifline.sim.board.simulated import CompiledBoard
from lifline.sim.golden.model import GoldenModel
from lifline.sim.random.variants import VARIANTS

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")


class SlowHost(CompiledBoard):
    """The clock runs on for a while before every request, so that the output memory is full most of the time."""

    def __init__(self, config: Config, pause: int) -> None:
        super().__init__(config, trace=True)
        self._pause = pause

    def write(self, data: bytes) -> None:
        self.advance(self._pause)
        super().write(data)


def check(config: Config, network: Network, spikes: np.ndarray, record: list[str], *, pause: int = 0, stalls: bool | None = None) -> None:
    """One run against the golden model, and if nothing waited for the host against the cycle model. ``stalls``: whether it has to wait."""
    program = compile_network(network, config, Mode.EVENT)
    with devices.LinkedDevice(Link(SlowHost(config, pause)), url=f"sim:{config.name}", config=config) as device:
        device.load(program)
        result = device.run(spikes, record=record)
    assert not differs(GoldenModel(network).run(spikes, record=record), result)
    assert result.cycles is not None
    waited = bool(result.cycles.stall_output[0])
    assert stalls is None or waited == stalls
    if not waited:
        [costs] = predict(program, config, record_activity(network, spikes), record=record)
        assert costs.busy_cycles == result.cycles.busy[0]


def layers(config: Config, *sizes: int, weights: int = 9, threshold: int = 30) -> Network:
    """Fully connected populations one after the other."""
    rng = np.random.default_rng(sum(sizes))
    populations = [Population("p0", (sizes[0],)), *(Population(f"p{k}", (n,), Neurons(threshold=threshold, decay_v=500)) for k, n in enumerate(sizes[1:], 1))]
    projections = [
        Projection(source=a.name, target=b.name, weights=rng.integers(-weights // 2, weights, (b.size, a.size)))
        for a, b in zip(populations, populations[1:], strict=False)
    ]
    return Network(
        name="layers", populations=tuple(populations), projections=tuple(projections), output=populations[-1].name, state_bits=config.state_bits
    )


@pytest.mark.parametrize("record", [[], ["all"], ["all", "all.v"]], ids=["nothing", "spikes", "states"])
@pytest.mark.parametrize("density", [0.1, 0.6, 1])
def test_sources_of_four_times_the_list(density: float, record: list[str]) -> None:
    """The input and a population, both in one pass each."""
    config = VARIANTS["short-list"]
    large = 4 * config.list_entries
    network = layers(config, large, 5, large, 7)
    spikes = (np.random.default_rng(1).random((11, large)) < density).astype(np.uint8)
    assert [p.fan_in for p in compile_network(network, config, Mode.EVENT).passes] == [large, 5, large]
    check(config, network, spikes, record)
    check(config, network, spikes, record, pause=2_000)


def test_sources_that_just_fit_and_just_do_not() -> None:
    """Scanning ahead with every neuron active fills the list as far as it can be."""
    config = VARIANTS["short-list"]
    for size in (config.words_ahead * 32, config.words_ahead * 32 + 1, config.list_entries, config.list_entries + 1):
        for blocks in (1, 4):
            check(config, layers(config, size, blocks * config.lanes), np.ones((9, size), np.uint8), ["all"])


@pytest.mark.parametrize("size", [63, 64, 65, 80])
@pytest.mark.parametrize("record", [[], ["all", "all.v"]], ids=["nothing", "states"])
def test_a_recurrent_network_whose_list_cannot_hold_a_step(size: int, record: list[str]) -> None:
    """To itself, and by way of another population; all of its neurons fire in most steps."""
    config = VARIANTS["short-list"]
    plain = layers(config, 5, size, size, 7, weights=4, threshold=2)
    back = np.random.default_rng(size).integers(-1, 3, (size, size))
    for source in ("p1", "p2"):
        network = plain.replace(projections=(*plain.projections, Projection(source=source, target="p1", weights=back, delays=1)))
        assert compile_network(network, config, Mode.EVENT).is_recurrent
        check(config, network, (np.random.default_rng(3).random((9, 5)) < 0.5).astype(np.uint8), record)


@pytest.mark.parametrize("neurons", [8448, 8192, 5000])
@pytest.mark.parametrize("pause", [0, 6_000], ids=["quick-host", "slow-host"])
def test_large_recorded_populations(neurons: int, pause: int) -> None:
    """8,448 recorded neurons have room for the spikes of one step only, 8,192 for those of two if the host has read all others."""
    config = VARIANTS["many-rows"]
    network = layers(config, 3, neurons, threshold=5)
    spikes = (np.random.default_rng(2).random((6, 3)) < 0.6).astype(np.uint8)
    check(config, network, spikes, ["all"], pause=pause, stalls=True if pause else None)


def test_states_of_a_large_population_are_recorded() -> None:
    config = VARIANTS["many-rows"]
    check(config, layers(config, 3, 8192, threshold=5), np.ones((2, 3), np.uint8), ["all", "all.v"], pause=6_000, stalls=True)
