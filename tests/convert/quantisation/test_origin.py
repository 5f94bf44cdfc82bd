"""Thresholds below the start of the membrane, or not positive at all: counted from elsewhere, exactly, or refused."""

from __future__ import annotations

import numpy as np
import pytest

from lifline.arch.errors import ConversionError
from lifline.convert.floating.evaluate import evaluate
from lifline.convert.nir.dialects import Reset
from lifline.convert.quantisation.fidelity import fidelity
from lifline.convert.quantisation.quantise import STARTERS, quantise

from .test_quantise import NONE, ONE, data, fine, neurons, two_layers


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"v_start": 0.6, "drive": 0.075, "threshold": 0.6}, id="rest equals the threshold, as Norse's v_leak = v_th"),
        pytest.param({"v_start": 0.8, "drive": 0.1, "threshold": 0.5}, id="rest above the threshold: fires by itself"),
        pytest.param({"v_start": 0.8, "drive": 0.1, "threshold": 0.5, "reset": Reset.LATE_VALUE}, id="the same, reset late"),
        pytest.param({"v_start": 0.3, "reset": Reset.NOW_SUBTRACT}, id="starts elsewhere, reset by subtraction"),
        pytest.param({"v_start": 0.3, "reset": Reset.LATE_SUBTRACT}, id="the same, late"),
        pytest.param({"threshold": -0.25, "v_reset": -1.0}, id="negative threshold, reset below it"),
        pytest.param({"threshold": -0.25, "v_reset": -1.0, "v_min": -1.5}, id="the same with a clamp"),
        pytest.param({"threshold": 0.0, "v_reset": -1.0, "reset": Reset.LATE_VALUE}, id="threshold zero, reset late"),
        pytest.param({"v_start": 5.0, "threshold": 4.0, "drive": 5 * 0.125}, id="starts far above: a pulse of many parts"),
    ],
)
@pytest.mark.parametrize("seed", range(2))
def test_membranes_are_counted_from_where_thresholds_are_positive(changes: dict, seed: int) -> None:
    values = {"reset": Reset.NOW_VALUE} | {k: v if isinstance(v, Reset) or k == "v_min" else v * ONE for k, v in changes.items()}
    network = two_layers(seed, first=neurons(**values))
    q = quantise(network, data(), config=fine())
    theta = q.population("a").neurons.threshold  # type: ignore[union-attr]
    assert np.min(theta) > 100
    exact = evaluate(network, data(2), record="all")
    assert 0.01 < exact.spikes["a"].mean()
    report = fidelity(network, q, data(2))
    assert all(layer.spike_agreement is not None and layer.spike_agreement > 0.985 and layer.membrane_error < 0.05 for layer in report.layers)


def test_the_first_step_is_right_without_any_input() -> None:
    """Nothing but the start of the membrane decides here whether a neuron fires in the first step."""
    x = np.zeros((2, 6, 10), np.uint8)
    for start, fires in ((0.8, True), (0.6, True), (0.5, False)):
        network = two_layers(first=neurons(reset=Reset.NOW_VALUE, keep_v=0.875 * ONE, v_start=start * ONE, threshold=0.45 * ONE), bias=0.0)
        moved = quantise(network, np.concatenate([x, x + 1]), config=fine())
        from lifline.sim.golden.model import GoldenModel

        spikes = GoldenModel(moved).run(x, record=["a"]).records["a"]["spikes"]
        assert spikes[:, 0].all() == fires and (evaluate(network, x, record=["a"]).spikes["a"][:, 0].all() == fires)


def test_what_brings_a_membrane_to_its_start_fires_once() -> None:
    network = two_layers(first=neurons(v_start=0.3 * ONE))
    q = quantise(network, data())
    assert q.population("start").size == STARTERS and q.population("start").neurons.budget == 1  # type: ignore[union-attr]
    from lifline.sim.golden.model import GoldenModel

    spikes = GoldenModel(q).run(data(), record=["start"]).records["start"]["spikes"]
    assert spikes[:, 0].all() and not spikes[:, 1:].any()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"threshold": -0.5 * ONE, "reset": Reset.NOW_SUBTRACT}, "`a`: threshold -0.5 is not positive, and the reset rule now_subtract"),
        ({"threshold": NONE, "reset": Reset.LATE_SUBTRACT}, "`a`: threshold 0 is not positive"),
        ({"threshold": -0.5 * ONE, "reset": Reset.NOW_VALUE, "v_min": -0.5, "v_reset": -0.5 * ONE}, "`a`: threshold -0.5 is not positive and not above the clamp"),
        ({"v_start": 0.8 * ONE, "threshold": 0.5 * ONE, "reset": Reset.NOW_VALUE, "keep_i": 0.5 * ONE}, "`a`: the membrane starts at 0.8, which a synaptic"),
    ],
)
def test_what_cannot_be_counted_from_elsewhere_is_refused(changes: dict, message: str) -> None:
    network = two_layers(first=neurons(**changes))
    evaluate(network, data())
    with pytest.raises(ConversionError, match=message):
        quantise(network, data())


def test_a_read_out_shows_its_own_membrane() -> None:
    """What is reported is the membrane itself: it is not counted from elsewhere, and the pulse brings its start."""
    network = two_layers(second=neurons(threshold=None, reset=Reset.NONE, v_start=0.5 * ONE, drive=0.0625 * ONE))
    report = fidelity(network, quantise(network, data(), config=fine()), data(2))
    assert report.layers[1].read_out and report.layers[1].membrane_error < 0.02
