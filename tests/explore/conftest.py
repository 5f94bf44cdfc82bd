"""A small network, samples that it tells apart, and the search's problem."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import lifline
from lifline.explore.evaluate import Problem
from lifline.explore.requantise import IntegerSource


def small_network() -> lifline.Network:
    rng = np.random.default_rng(3)
    projections = [
        lifline.Projection(source="in", target="hidden", weights=rng.integers(-100, 127, (24, 16)), weight_shift=4, delays=rng.integers(0, 6, 16)),
        lifline.Projection(source="hidden", target="out", weights=rng.integers(-100, 127, (4, 24)), weight_shift=4, delays=2),
    ]
    populations = [
        lifline.Population("in", (16,)), lifline.Population("hidden", (24,), lifline.Neurons(threshold=1500, decay_v=300)),
        lifline.Population("out", (4,), lifline.Neurons(cap=0)),
    ]  # fmt: skip
    return lifline.Network(name="small", output="out", state_bits=18, populations=populations, projections=projections)


@pytest.fixture(scope="session")
def network() -> lifline.Network:
    return small_network()


@pytest.fixture(scope="session")
def spikes() -> np.ndarray:
    return (np.random.default_rng(4).random((24, 12, 16)) < 0.3).astype(np.uint8)


@pytest.fixture(scope="session")
def problem(network: lifline.Network, spikes: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Problem:
    """Labels are what the network itself says of the first samples, and another class for the last two."""
    from lifline.sim.golden.model import GoldenModel

    labels = GoldenModel(network).run(spikes).prediction.copy()
    labels[-2:] = (labels[-2:] + 1) % 4
    folder: Path = tmp_path_factory.mktemp("problem")
    return Problem(source=IntegerSource(network, spikes[:8]), spikes=spikes, labels=labels, costed=4, cache=folder / "cache")
