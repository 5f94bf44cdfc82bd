"""The demo's data, encoding and packaged network."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from lifline.arch.config import preset
from lifline.arch.program import Mode
from lifline.compiler.compile import compile_network
from lifline.data import digits
from lifline.driver import device
from lifline.sim.golden.model import GoldenModel


def test_split_is_every_fifth_sample() -> None:
    assert len(digits.load("test")[0]) == 360 and len(digits.load("train")[0]) == 1437
    with pytest.raises(ValueError, match="'valid'"):
        digits.load("valid")


def test_brighter_pixels_fire_earlier_and_black_ones_never() -> None:
    spikes = digits.encode(np.array([[0, 1, 16] + [0] * 61]))
    assert spikes.shape == (1, digits.STEPS, 64) and spikes.sum() == 2
    assert spikes[0, 15, 1] and spikes[0, 0, 2]


def test_packaged_network_reaches_97_percent_in_integers() -> None:
    images, labels = digits.load("test")
    result = GoldenModel(digits.network()).run(digits.encode(images))
    assert (result.prediction == labels).mean() >= 0.97
    assert all(c.saturations.sum() == 0 for c in result.counters.values())


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
def test_digits_on_the_simulated_board_in_both_modes() -> None:
    config = preset("tiny").replace(
        name="digits", state_bits=18, accumulator_bits=18, weight_words=8192, max_neurons=256, neuron_words=1024, ring_words=256,
        delay_entries=512, list_entries=512, weight_shifts=(0, 4),
    )  # fmt: skip
    from lifline.driver.link import Link
    from lifline.sim.board.simulated import CompiledBoard

    images, _ = digits.load("test")
    spikes = digits.encode(images[:3])
    network = digits.network()
    expected = GoldenModel(network).run(spikes)
    board = device.LinkedDevice(Link(CompiledBoard(config)), config=config)
    for mode in Mode:
        board.load(compile_network(network, config, mode))
        result = board.run(spikes)
        assert (result.prediction == expected.prediction).all()
        assert expected.v_last is not None and result.v_last is not None and (result.v_last == expected.v_last).all()
    board.close()
