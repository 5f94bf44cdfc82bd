"""Quantised networks are legal, close to floating point, and exact where they can be; what cannot be expressed is refused by name."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifline.arch.config import Config, preset
from lifline.arch.errors import CompileError, ConversionError, InputError
from lifline.compiler.compile import compile_network
from lifline.convert.floating.evaluate import evaluate
from lifline.convert.floating.network import FloatNetwork, FloatNeurons, FloatPopulation, FloatProjection
from lifline.convert.floating.operators import Delay, Dense
from lifline.convert.nir.dialects import Reset
from lifline.convert.nir.import_graph import import_nir
from lifline.convert.quantisation.fidelity import fidelity
from lifline.convert.quantisation.quantise import quantise
from lifline.driver import device as devices
from lifline.network.model import Network, ResetRule
from lifline.sim.golden.model import GoldenModel

from ..fixtures import DIALECT_OF, load, needs_fixtures

ONE, NONE = np.ones(()), np.zeros(())


def neurons(**changes: Any) -> FloatNeurons:
    fields: dict[str, Any] = {
        "keep_v": 0.875 * ONE, "gain_v": ONE, "gain_i": ONE, "drive": NONE, "threshold": ONE, "reset": Reset.NOW_SUBTRACT, "v_reset": NONE,
        "strict": True, "cap": 1, "v_min": None,
    }  # fmt: skip
    return FloatNeurons(**(fields | changes))


def two_layers(seed: int = 0, first: FloatNeurons | None = None, second: FloatNeurons | None = None, bias: float = 0.1, delays: Any = 0) -> FloatNetwork:
    rng = np.random.default_rng(seed)
    weights = [rng.normal(0, 0.5, (16, 10)), rng.normal(0, 0.5, (4, 16))]
    return FloatNetwork(
        name="two",
        populations=(FloatPopulation("in", (10,)), FloatPopulation("a", (16,), first or neurons()), FloatPopulation("b", (4,), second or neurons())),
        projections=(
            FloatProjection(source="in", target="a", operators=(Dense(weights[0], np.full(16, bias)),)),
            FloatProjection(source="a", target="b", operators=(Dense(weights[1], np.full(4, bias)),), delays=np.asarray(delays)),
        ),
        output="b",
        precision="float64",
    )


def data(seed: int = 1, size: int = 10) -> np.ndarray:
    return (np.random.default_rng(seed).random((24, 40, size)) < 0.3).astype(np.uint8)


class Fine(Config):
    """Weights of 16 bits in accumulators without limit: what is left of the error is not the weights'."""

    weight_max = property(lambda self: 32767)  # type: ignore[assignment]
    accumulator_max = property(lambda self: 1 << 40)  # type: ignore[assignment]


def fine() -> Config:
    return Fine(**{f.name: getattr(preset("loihi"), f.name) for f in dataclasses.fields(Config)})


@pytest.mark.parametrize("reset", [Reset.NOW_VALUE, Reset.NOW_SUBTRACT, Reset.LATE_VALUE, Reset.LATE_SUBTRACT])
@pytest.mark.parametrize("current", [False, True])
def test_fine_weights_leave_no_error(reset: Reset, current: bool) -> None:
    """With finer weights, and decays that are multiples of 1/4096, quantisation loses next to nothing: scales, biases, delays are right."""
    model = neurons(reset=reset, keep_i=0.75 * ONE if current else None, gain_i=(0.25 if current else 1) * ONE, gain_v=0.5 * ONE, drive=0.02 * ONE)
    network = two_layers(first=model, second=model, delays=np.arange(16) % 4)
    report = fidelity(network, quantise(network, data(), config=fine()), data(2))
    for layer in report.layers:
        assert layer.rate > 0.01
        assert layer.spike_agreement is not None and layer.spike_agreement > 0.99
        assert layer.membrane_error < 0.05 and layer.saturations == 0
    assert report.prediction_agreement > 0.95


@pytest.mark.parametrize("per_neuron", [False, True])
def test_weights_of_eighths_are_exact(per_neuron: bool) -> None:
    """Weights on the grid, no decay: every spike of the quantised network equals the float one."""
    rng = np.random.default_rng(4)
    weights = rng.integers(-8, 16, (6, 10)) / 8
    weights[:, 0] = 127 / 8  # fixes the scale at 8 integers per unit, or a multiple of it
    network = FloatNetwork(
        name="grid",
        populations=(FloatPopulation("in", (10,)), FloatPopulation("out", (6,), neurons(keep_v=ONE, threshold=2 * ONE, strict=False))),
        projections=(FloatProjection(source="in", target="out", operators=(Dense(weights, np.full(6, 0.125)),)),),
        output="out",
        precision="float64",
    )
    x = data()
    x[..., 0] = 0
    q = quantise(network, x, per_neuron=per_neuron)
    np.testing.assert_array_equal(GoldenModel(q).run(x).output_spikes, evaluate(network, x).output)
    neuron = q.population("out").neurons
    assert neuron is not None and not neuron.strict and np.ndim(neuron.threshold) == per_neuron


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 1 << 20), scale=st.floats(1e-3, 1e3), config=st.sampled_from(["tiny", "small", "medium", "loihi"]), per_neuron=st.booleans())
def test_quantised_networks_fit_their_configuration(seed: int, scale: float, config: str, per_neuron: bool) -> None:
    """Whatever the units of the float network, the result compiles, and a common factor of weights and thresholds changes nothing."""
    model = neurons(threshold=scale * ONE, drive=0.05 * scale * ONE)
    base = two_layers(seed, neurons(drive=0.05 * ONE), neurons(drive=0.05 * ONE))
    scaled = two_layers(seed, model, model, bias=0.1 * scale)
    operators = [(Dense(p.operators[0].weight * scale, p.operators[0].bias),) for p in scaled.projections]  # type: ignore[attr-defined]
    scaled = scaled.replace(projections=tuple(dataclasses.replace(p, operators=o) for p, o in zip(scaled.projections, operators, strict=True)))
    chosen, x = preset(config), data(seed)
    q = quantise(scaled, x, config=chosen, per_neuron=per_neuron)
    compile_network(q, chosen)
    if per_neuron:
        return
    other = quantise(base, x, config=chosen)
    for a, b in zip(q.projections, other.projections, strict=True):
        assert np.abs(a.weights - b.weights).max() <= 1 and a.weight_shift == b.weight_shift


@needs_fixtures
@pytest.mark.parametrize("name", DIALECT_OF)
def test_frameworks_graphs_stay_close(name: str) -> None:
    path, x, _, _ = load(name)
    network = import_nir(path, DIALECT_OF[name])
    rng = np.random.default_rng(3)
    random = [(rng.random((32, *x.shape[1:])) < x.mean()).astype(np.uint8) for _ in range(2)]
    q = quantise(network, random[0])
    if "conv" in name:
        assert [p.connection.name for p in q.projections[:2]] == ["convolution"] * 2
        flat = random[1].reshape(*random[1].shape[:2], -1)
        ours, written_out = (GoldenModel(n).run(flat, record="all").records for n in (q, quantise(network, random[0], unroll=True)))
        for p, records in written_out.items():
            np.testing.assert_array_equal(ours[p]["spikes"].reshape(records["spikes"].shape), records["spikes"])
    report = fidelity(network, q, random[1])
    assert report.prediction_agreement > 0.75
    assert report.layers[0].spike_agreement is not None and report.layers[0].spike_agreement > 0.85
    compile_network(q, preset("conv" if "conv" in name else "medium"))


def test_scales_use_the_weight_bits_and_keep_the_headroom() -> None:
    q = quantise(two_layers(), data(), headroom=0.25)
    peaks, scales = q.metadata["quantised"]["peaks"], q.metadata["quantised"]["scales"]
    for p in q.projections:
        assert np.abs(p.weights).max() == 127
        assert peaks[p.target] * scales[p.target] <= 0.25 * preset("medium").state_max


@pytest.mark.parametrize("cap", [1, 3])
def test_accumulators_cannot_overflow(cap: int) -> None:
    """Weights that cancel keep the membranes small, so that only the sums of either sign limit the scale; spikes count ``cap`` times."""
    def signs(size: int) -> np.ndarray:
        return np.where(np.arange(size) % 2, 1.0, -1.0) * np.random.default_rng(size).uniform(0.98, 1, size)  # on no grid

    network = FloatNetwork(
        name="wide",
        populations=(
            FloatPopulation("in", (900,)),
            FloatPopulation("many", (300,), neurons(threshold=2 * ONE, cap=cap, keep_v=NONE)),
            FloatPopulation("out", (2,), neurons(threshold=2 * ONE, keep_v=NONE)),
        ),
        projections=(
            FloatProjection(source="in", target="many", operators=(Dense(np.tile(signs(900), (300, 1))),)),
            FloatProjection(source="many", target="out", operators=(Dense(np.tile(signs(300), (2, 1))),)),
        ),
        output="out",
        precision="float64",
    )
    config = preset("small")
    for p in quantise(network, data(size=900), config=config).projections:
        largest = 1 if p.source == "in" else cap
        for sign in (1, -1):
            total = int(np.maximum(sign * p.weights, 0).sum(axis=1).max()) * largest
            assert total <= config.accumulator_max
            assert total > 0.9 * config.accumulator_max or np.abs(p.weights).max() == 127


def test_biases_behind_a_current_are_carried_by_a_constant_neuron() -> None:
    q = quantise(two_layers(first=neurons(keep_i=0.75 * ONE)), data())
    assert [p.name for p in q.populations] == ["in", "a", "b", "constant"]
    assert GoldenModel(q).run(data(), record=["constant"]).records["constant"]["spikes"].all()


def changed(network: FloatNetwork, target: str, *operators: Any) -> FloatNetwork:
    return network.replace(projections=tuple(dataclasses.replace(p, operators=operators) if p.target == target else p for p in network.projections))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: two_layers(first=neurons(reset=Reset.TESTED_TWICE)), "`a`: reset rule tested_twice"),
        (lambda: two_layers(second=neurons(reset=Reset.LATE_HOLD)), "`b`: reset rule late_hold"),
        (lambda: two_layers(second=neurons(reset=Reset.NONE)), "reset rule none"),
        (lambda: two_layers(first=neurons(keep_v=np.linspace(0.5, 0.9, 16))), "`a`: the membrane's decay differs between neurons"),
        (lambda: two_layers(first=neurons(threshold=None, reset=Reset.NONE)), "a -> b: `a` never fires"),
        (lambda: two_layers(first=neurons(v_start=0.1 * ONE, keep_i=0.5 * ONE)), "`a`: the membrane starts at 0.1"),
        (lambda: two_layers(first=neurons(threshold=-0.1 * ONE)), "`a`: threshold -0.1 is not positive"),
        (lambda: two_layers(first=neurons(keep_v=(1 - 1 / 3500) * ONE)), "`a`: the membrane has a time constant of 3,499 steps.*4,095 steps.*max_decay_error=0.15"),
        (lambda: two_layers(first=neurons(keep_v=(1 - 1e-5) * ONE)), "`a`: the membrane has a time constant of 99,999 steps.*endless"),
        (lambda: changed(two_layers(), "b", Dense(np.full((4, 16), np.nan))), "a -> b: a weight or bias is not finite"),
        (lambda: changed(two_layers(), "b", Dense(np.ones((4, 16))), Delay(np.arange(4))), "a -> b: a delay behind weights"),
    ],
)
def test_what_integers_cannot_express_is_refused_by_name(build: Any, message: str) -> None:
    network = build()
    evaluate(network, data())
    with pytest.raises(ConversionError, match=message):
        quantise(network, data())


def test_other_refusals() -> None:
    network = two_layers()
    with pytest.raises(InputError):
        quantise(network, data() * 3)
    with pytest.raises(ConversionError, match="headroom"):
        quantise(network, data(), headroom=0)
    with pytest.raises(InputError, match="no scales"):
        fidelity(network, quantise(network, data()).replace(metadata={}), data())
    with pytest.raises(InputError, match="labels"):
        fidelity(network, quantise(network, data()), data(), labels=np.zeros(3, np.int64))


def test_several_spikes_per_step_are_quantised_and_refused_by_the_compiler() -> None:
    """Room is reserved for twice the spikes per step that the calibration shows, and the cap that results is reported."""
    network = two_layers(first=neurons(cap=1 << 16, threshold=0.2 * ONE))
    q = quantise(network, data())
    most = evaluate(network, data()).most_spikes["a"]
    assert 1 < most and q.population("a").neurons.cap == 2 * most == q.metadata["quantised"]["caps"]["a"]  # type: ignore[union-attr]
    report = fidelity(network, q, data(2))
    assert report.layers[0].rate > 0.5
    assert any(c.parameter.startswith("cap") and c.asked == 1 << 16 and c.became == 2 * most for c in report.changes)
    assert any("more spikes per step" in line for line in report.advice)
    few = quantise(network, data(), cap=1)
    assert few.population("a").neurons.cap == 1  # type: ignore[union-attr]
    compile_network(few, preset("medium"))
    with pytest.raises(CompileError, match="graded"):
        compile_network(q, preset("medium"))


def test_membranes_that_start_elsewhere_are_shifted() -> None:
    model = neurons(reset=Reset.NOW_VALUE, v_reset=-0.25 * ONE, v_start=-0.25 * ONE, drive=-0.03125 * ONE)
    network = two_layers(first=model, second=model)
    report = fidelity(network, quantise(network, data(), config=fine()), data(2))
    assert all(layer.spike_agreement is not None and layer.spike_agreement > 0.99 and layer.rate > 0 for layer in report.layers)
    assert quantise(network, data()).population("a").neurons.reset is ResetRule.NOW_VALUE  # type: ignore[union-attr]


def test_report_in_all_forms_and_on_a_device(tmp_path: Path) -> None:
    read_out = neurons(threshold=None, reset=Reset.NONE)
    network = two_layers(second=read_out)
    config = preset("tiny")
    q = quantise(network, data(), config=config)
    labels = evaluate(network, data(2)).prediction
    with devices.open("golden:tiny") as device:
        device.load(compile_network(q, config))
        report = fidelity(network, q, data(2), labels=labels, device=device)
    assert report.board_mismatches == 0 and report.accuracy == 1.0 and report.accuracy_quantised == report.prediction_agreement
    values = json.loads(json.dumps(report.as_dict()))
    assert [layer["name"] for layer in values["layers"]] == ["a", "b"] and values["layers"][1]["spike_agreement"] is None
    assert report.table().row_count == 2
    for ending in ("png", "svg"):
        report.figure(tmp_path / f"report.{ending}")
        assert (tmp_path / f"report.{ending}").stat().st_size > 2000
    assert "GoldenDevice: 0 values differ" in (tmp_path / "report.svg").read_text()


def test_report_sees_a_wrong_network() -> None:
    """A flipped sign must show, and the report must say where."""
    network = two_layers()
    good = quantise(network, data())
    first, second = good.projections
    bad = good.replace(projections=(dataclasses.replace(first, weights=-first.weights), second))
    assert isinstance(bad, Network)
    report, fine_report = fidelity(network, bad, data(2)), fidelity(network, good, data(2))
    assert report.layers[0].spike_agreement < 0.5 < fine_report.layers[0].spike_agreement  # type: ignore[operator]
    assert any("`a`" in line and "per_neuron=True" in line for line in report.advice)
    good = quantise(network, data(), per_neuron=True)
    bad = good.replace(projections=(dataclasses.replace(good.projections[0], weights=-good.projections[0].weights), good.projections[1]))
    advice = fidelity(network, bad, data(2)).advice
    assert any("`a`" in line for line in advice) and not any("per_neuron" in line for line in advice)


def test_report_sees_saturation() -> None:
    network = two_layers()
    x = data()
    q = quantise(network, x[:, :2] * 0, headroom=1.0)
    strong = np.ones_like(x)
    model = q.population("a").neurons
    assert model is not None
    report = fidelity(network.replace(populations=tuple(
        p if p.name != "a" else FloatPopulation("a", p.shape, neurons(threshold=1e3 * ONE, keep_v=ONE)) for p in network.populations
    )), q.replace(populations=tuple(
        p if p.name != "a" else dataclasses.replace(p, neurons=dataclasses.replace(model, threshold=131071, decay_v=0)) for p in q.populations
    )), strong)  # fmt: skip
    assert report.layers[0].saturations and any("saturate in a" in line for line in report.advice)
