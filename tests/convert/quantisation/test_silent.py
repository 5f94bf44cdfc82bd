"""Layers that quantisation would silence, and outputs that nothing reaches, are errors; what changed is in the report."""

from __future__ import annotations

import dataclasses
import io
import json
from typing import Any

import numpy as np
import pytest

from lifline.arch.config import preset
from lifline.arch.errors import ConversionError, InputError
from lifline.convert.floating.evaluate import evaluate
from lifline.convert.floating.network import FloatNetwork, FloatPopulation, FloatProjection
from lifline.convert.floating.operators import Dense
from lifline.convert.nir.dialects import Reset
from lifline.convert.quantisation.changes import Change
from lifline.convert.quantisation.fidelity import fidelity
from lifline.convert.quantisation.quantise import quantise
from lifline.driver import device as devices

from .test_quantise import NONE, ONE, changed, data, neurons, two_layers


def branches(weak: float) -> FloatNetwork:
    """Two populations into one, one of them ``weak`` times as strong."""
    rng = np.random.default_rng(0)
    return FloatNetwork(
        name="branches",
        populations=(FloatPopulation("in", (10,)), *(FloatPopulation(n, (6,), neurons()) for n in "ab"), FloatPopulation("out", (3,), neurons())),
        projections=(
            *(FloatProjection(source="in", target=n, operators=(Dense(rng.normal(0.3, 0.5, (6, 10))),)) for n in "ab"),
            FloatProjection(source="a", target="out", operators=(Dense(rng.normal(0.5, 0.5, (3, 6))),)),
            FloatProjection(source="b", target="out", operators=(Dense(weak * rng.normal(0.5, 0.5, (3, 6))),)),
        ),
        output="out",
        precision="float64",
    )


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (branches(1e-4), "projection b -> out: all weights round to zero .*other weights, states or sums"),
        (two_layers(second=neurons(threshold=1e6 * ONE)), r"a -> b: all weights round to zero .*threshold 1e\+06 is far above .*with_read_out"),
        (two_layers(second=neurons(threshold=2e3 * ONE)), "output `b` never fires: its threshold 2000 is far above every membrane.*with_read_out"),
    ],
)
def test_networks_that_would_fall_silent_are_refused(network: FloatNetwork, message: str) -> None:
    with pytest.raises(ConversionError, match=message):
        quantise(network, data())


@pytest.mark.parametrize("drive", [2e-4, 1e-4])
def test_a_layer_that_fires_in_floating_point_only_is_refused(drive: float) -> None:
    """A drive below half an integer charges the float neuron in some hundred steps, and the integer one never."""
    first = neurons(keep_v=ONE, drive=drive * ONE, threshold=100 * drive * ONE, v_reset=NONE, reset=Reset.NOW_VALUE, v_start=-0.01 * 0 * ONE)
    network = two_layers(first=first, bias=0.0)
    weights = np.zeros((16, 10))
    weights[0, 0] = 4.0  # one strong synapse sets the scale
    network = changed(network, "a", Dense(weights))
    x = np.zeros((2, 300, 10), np.uint8)
    x[0, 0, 0] = 1
    strong = network.population("a").neurons
    assert strong is not None and evaluate(network, x).fired["a"] > 1
    silent = np.zeros((2, 300, 10), np.uint8)
    assert evaluate(network, silent).fired["a"]
    with pytest.raises(ConversionError, match="threshold .* is below half an integer|layer `a` fires .* and never in integers"):
        quantise(network, silent, config=preset("tiny"), weight_bits=2)


def test_a_read_out_instead_of_a_threshold_that_nothing_reaches() -> None:
    network = two_layers(second=neurons(threshold=1e6 * ONE)).with_read_out()
    q = quantise(network, data())
    assert q.population("b").neurons.cap == 0  # type: ignore[union-attr]
    report = fidelity(network, q, data(2))
    assert report.layers[1].read_out and report.layers[1].spike_agreement is None and report.layers[1].membrane_error < 0.03
    assert report.prediction_agreement > 0.9


def test_a_layer_that_is_silent_on_the_data_shows_nothing() -> None:
    network = two_layers(second=neurons(threshold=30 * ONE))
    report = fidelity(network, quantise(network, data()), data(2))
    assert report.layers[1].spike_agreement is None and not report.layers[1].read_out
    assert any("b never fire on these data" in line for line in report.advice)


def test_what_changed_is_listed_with_its_cause() -> None:
    """A slow leak that is allowed, small weights beside a large one, and a bias that vanishes."""
    weights = np.full((16, 10), 0.3)
    weights[0, 0], weights[1, 1] = 100.0, 0.31
    network = changed(two_layers(first=neurons(keep_v=(1 - 1 / 3500) * ONE, threshold=2 * ONE, strict=False)), "a", Dense(weights, np.full(16, 1e-3)))
    q = quantise(network, data(), max_decay_error=0.2)
    found = {(c.layer, c.parameter): c for c in fidelity(network, q, data(2)).changes}
    tau = found["a", "time constant of the membrane (steps)"]
    assert tau.effect == "moved" and round(tau.asked) == 3499 and round(tau.became) == 4095
    assert found["a", "bias"].effect == "rounded to zero" and found["a", "bias"].count == 1
    assert found["a", "weights of in"].effect == "rounded to zero" or found["a", "weights of in"].effect == "moved"
    report = fidelity(network, q, data(2))
    text = " ".join(report.advice)
    assert "coarser time step" in text and "biases are small" in text
    plain = json.loads(json.dumps(report.as_dict(), allow_nan=False))
    assert [Change.from_dict(c) for c in plain["changes"]] == list(report.changes)


def test_the_table_fits_80_columns() -> None:
    from rich.console import Console

    console = Console(width=80, record=True, file=io.StringIO())
    report = fidelity(two_layers(), quantise(two_layers(), data()), data(2))
    console.print(report.table())
    text = console.export_text()
    assert all(heading in text for heading in ("layer", "agree", "v error", "drift", "clipped"))
    assert all(f"{layer.spike_agreement:.3f}" in text for layer in report.layers)


def test_ties_explain_predictions_that_differ() -> None:
    """Outputs that fire alike: whatever the prediction is, a single spike decides."""
    network = two_layers()
    same = Dense(np.tile(np.random.default_rng(0).normal(0.2, 0.3, (1, 16)), (4, 1)) + np.random.default_rng(1).normal(0, 1e-3, (4, 16)))
    network = changed(network, "b", same)
    report = fidelity(network, quantise(network, data()), data(2))
    assert report.ties > 0.9
    assert report.prediction_agreement > 0.98 or any("as good as equal" in line for line in report.advice)


@pytest.mark.parametrize("url", ["golden:tiny", "golden:medium"])
def test_a_device_without_a_program_gets_the_network(url: str) -> None:
    config = preset(url.partition(":")[2])
    network = two_layers()
    with devices.open(url) as device:
        assert device.program is None
        assert fidelity(network, quantise(network, data(), config=config), data(2), device=device).board_mismatches == 0
        assert device.program is not None


@pytest.mark.parametrize("shape", [(0, 5, 10), (2, 0, 10)])
def test_nothing_to_run_is_refused(shape: tuple[int, ...]) -> None:
    empty = np.zeros(shape, np.uint8)
    network = two_layers()
    for call in (
        lambda: evaluate(network, empty), lambda: quantise(network, empty), lambda: fidelity(network, quantise(network, data()), empty),
    ):  # fmt: skip
        with pytest.raises(InputError, match="shape"):
            call()
    with pytest.raises(InputError, match="finite"):
        evaluate(network, np.full((1, 2, 10), np.nan))


@pytest.mark.parametrize("options", [{"cap": 0}, {"cap": 256}, {"cap": 1.5}, {"max_decay_error": -1}, {"max_decay_error": float("nan")}, {"headroom": float("nan")}])
def test_options_out_of_range_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ConversionError, match=next(iter(options))):
        quantise(two_layers(), data(), **options)


def test_the_declared_cap_is_kept_where_it_is_small() -> None:
    network = two_layers(first=neurons(cap=2, threshold=0.2 * ONE))
    q = quantise(network, data())
    assert q.population("a").neurons.cap == 2 and not any(c["parameter"].startswith("cap") for c in q.metadata["quantised"]["changes"])  # type: ignore[union-attr]
    many = dataclasses.replace(network.population("a"), neurons=neurons(cap=1 << 16, threshold=0.2 * ONE))
    many_spikes = network.replace(populations=tuple(many if p.name == "a" else p for p in network.populations))
    wide = quantise(many_spikes, data(), config=preset("small"))
    assert all(p.weights.any() for p in wide.projections)
