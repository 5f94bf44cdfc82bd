"""Weights that are integers on a grid already keep it: the imported float version gives the bits of the integer network it was made of."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifline.arch.config import preset
from lifline.convert.floating.network import FloatNetwork, FloatNeurons, FloatPopulation, FloatProjection
from lifline.convert.floating.operators import Dense
from lifline.convert.nir.dialects import Reset
from lifline.convert.quantisation.fidelity import fidelity
from lifline.convert.quantisation.grid import on_grid, step_of, steps_of
from lifline.convert.quantisation.quantise import quantise
from lifline.network.model import Network, Neurons, Population, Projection, ResetRule
from lifline.sim.golden.model import GoldenModel

RULES = {Reset.NOW_VALUE: ResetRule.NOW_VALUE, Reset.NOW_SUBTRACT: ResetRule.NOW_SUBTRACT, Reset.LATE_SUBTRACT: ResetRule.LATE_SUBTRACT}


def data(seed: int = 1, size: int = 12, rate: float = 0.3) -> np.ndarray:
    return (np.random.default_rng(seed).random((8, 30, size)) < rate).astype(np.uint8)


def float_version(layers: list[np.ndarray], thresholds: list[np.ndarray], biases: list[np.ndarray], reset: Reset, strict: bool, keep: float) -> FloatNetwork:
    """Layers in float32, as a framework stores them, whatever the step of their grid."""
    populations, projections = [FloatPopulation("in", (layers[0].shape[1],))], []
    for k, (w, theta, b) in enumerate(zip(layers, thresholds, biases, strict=True)):
        model = FloatNeurons(
            keep_v=np.asarray(keep), gain_v=np.ones(()), gain_i=np.ones(()), drive=np.zeros(()), threshold=np.float32(theta), reset=reset,
            v_reset=np.zeros(()), strict=strict, cap=1, v_min=None,
        )  # fmt: skip
        populations.append(FloatPopulation(f"p{k}", (len(w),), model))
        projections.append(FloatProjection(source=populations[-2].name, target=f"p{k}", operators=(Dense(np.float32(w), np.float32(b)),)))
    return FloatNetwork(name="grid", populations=tuple(populations), projections=tuple(projections), output=populations[-1].name, precision="float32")


def integer_version(layers: list[np.ndarray], thresholds: list[int], biases: list[np.ndarray], reset: Reset, strict: bool, decay: int) -> Network:
    populations, projections = [Population("in", (layers[0].shape[1],))], []
    for k, (w, theta, b) in enumerate(zip(layers, thresholds, biases, strict=True)):
        model = Neurons(threshold=theta, bias=b, decay_v=decay, reset=RULES[reset], strict=strict)
        populations.append(Population(f"p{k}", (len(w),), model))
        projections.append(Projection(source=populations[-2].name, target=f"p{k}", weights=w))
    return Network(name="grid", populations=tuple(populations), projections=tuple(projections), output=populations[-1].name)


def spikes_of(network: Network, x: np.ndarray) -> np.ndarray:
    records = GoldenModel(network).run(x, record=["p0", "p1"]).records
    return np.concatenate([records[name]["spikes"] for name in ("p0", "p1")], axis=2)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 1 << 20),
    levels=st.sampled_from([1, 3, 7, 31, 127]),
    step=st.one_of(st.sampled_from([1.0, 0.125, 1 / 3, 0.1, 1e-3]), st.floats(1e-4, 10)),
    reset=st.sampled_from(list(RULES)),
    strict=st.booleans(),
    decay=st.sampled_from([0, 4096]),
    per_neuron=st.booleans(),
)
def test_the_float_version_of_an_integer_network_gives_its_bits(
    seed: int, levels: int, step: float, reset: Reset, strict: bool, decay: int, per_neuron: bool
) -> None:
    rng = np.random.default_rng(seed)
    layers = [rng.integers(-levels // 2, levels + 1, (10, 12)), rng.integers(-levels // 2, levels + 1, (4, 10))]
    layers[0][0, 0], layers[1][0, 0] = levels, 1
    thresholds = [int(rng.integers(1, 3 * levels + 1)), int(rng.integers(1, 2 * levels + 1))]
    biases = [rng.integers(-1, 2, 10), rng.integers(-1, 2, 4)]
    exact = integer_version(layers, thresholds, biases, reset, strict, decay)
    network = float_version(
        [w * step for w in layers], [np.asarray(t * step) for t in thresholds], [b * step for b in biases], reset, strict, 1 - decay / 4096
    )
    x = data(seed)
    if not spikes_of(exact, x)[..., :10].any():
        return
    imported = quantise(network, x, per_neuron=per_neuron)
    np.testing.assert_array_equal(spikes_of(imported, x), spikes_of(exact, x))
    assert set(imported.metadata["quantised"]["grids"]) == {"p0", "p1"} and not imported.metadata["quantised"]["changes"]


@pytest.mark.parametrize("seed", range(4))
def test_every_channel_may_have_a_step_of_its_own(seed: int) -> None:
    """Rows with steps that have no small common divisor: every neuron gets its own scale, and its threshold with it."""
    rng = np.random.default_rng(seed)
    layers = [rng.integers(-40, 100, (10, 12)), rng.integers(-3, 8, (4, 10))]
    steps = rng.uniform(0.01, 0.5, (10, 1))
    thresholds = [60, 9]
    biases = [rng.integers(-2, 3, 10), np.zeros(4, np.int64)]
    exact = integer_version(layers, thresholds, biases, Reset.NOW_SUBTRACT, True, 0)
    network = float_version(
        [layers[0] * steps, layers[1] * 0.25], [60 * steps[:, 0], np.asarray(9 * 0.25)], [biases[0] * steps[:, 0], biases[1]], Reset.NOW_SUBTRACT, True, 1.0
    )
    imported = quantise(network, data(seed))
    np.testing.assert_array_equal(spikes_of(imported, data(7)), spikes_of(exact, data(7)))
    np.testing.assert_allclose(imported.metadata["quantised"]["grids"]["p0"], steps[:, 0], rtol=1e-6)


def test_rows_with_own_steps_below_one_scale_are_reported() -> None:
    rng = np.random.default_rng(0)
    w = rng.integers(-40, 100, (10, 12)) * rng.uniform(0.01, 0.5, (10, 1))
    network = float_version([w, rng.normal(0, 1, (4, 10))], [np.asarray(5.0)] * 2, [np.zeros(10), np.zeros(4)], Reset.NOW_VALUE, True, 1.0)
    p0 = network.population("p0")
    assert p0.neurons is not None
    clamped = FloatPopulation("p0", p0.shape, FloatNeurons(**{**p0.neurons.__dict__, "v_min": -1.0}))
    network = network.replace(populations=tuple(clamped if p.name == "p0" else p for p in network.populations))
    report = fidelity(network, quantise(network, data()), data(2))
    assert any("p0: every neuron's weights lie on a grid of their own" in note for note in report.notes)


def test_thresholds_between_the_points_of_the_grid_are_reported() -> None:
    layers = [np.random.default_rng(0).integers(-20, 51, (10, 12)), np.ones((4, 10), np.int64)]
    network = float_version([w * 0.5 for w in layers], [np.asarray(np.pi * 9), np.asarray(1.0)], [np.zeros(10), np.zeros(4)], Reset.NOW_VALUE, True, 1.0)
    q = quantise(network, data())
    assert any(note.startswith("p0: the weights keep their grid; thresholds") for note in q.metadata["quantised"]["notes"])
    factor, rest = divmod(int(np.abs(q.projections[0].weights).max()), int(np.abs(layers[0]).max()))
    assert not rest and np.array_equal(q.projections[0].weights, layers[0] * factor), "the weights are on the grid all the same"


def test_a_threshold_on_a_finer_grid_is_met_where_a_multiple_reaches_it() -> None:
    """Steps of 1, threshold 10.4: five integers per step make it 52."""
    layers = [np.random.default_rng(0).integers(-3, 8, (10, 12)), np.ones((4, 10), np.int64)]
    network = float_version(layers, [np.asarray(10.4), np.asarray(1.0)], [np.zeros(10), np.zeros(4)], Reset.NOW_SUBTRACT, True, 1.0)
    q = quantise(network, data())
    scale = q.metadata["quantised"]["scales"]["p0"]
    neurons = q.population("p0").neurons
    assert neurons is not None and scale == pytest.approx(round(scale)) and round(scale) % 5 == 0 and neurons.threshold == round(10.4 * scale)


@pytest.mark.parametrize(("levels", "bits"), [(7, 4), (1, 2)])
def test_fewer_weight_bits_keep_a_grid_that_fits_them(levels: int, bits: int) -> None:
    w = np.random.default_rng(0).integers(-levels, levels + 1, (10, 12))
    w[0, 0] = levels
    network = float_version([w * 0.3, np.ones((4, 10))], [np.asarray(1.5 * 0.3), np.asarray(1.0)], [np.zeros(10), np.zeros(4)], Reset.NOW_VALUE, True, 1.0)
    q = quantise(network, data(), weight_bits=bits)
    assert np.abs(q.projections[0].weights).max() <= (1 << (bits - 1)) - 1
    assert np.array_equal(q.projections[0].weights, w * (q.projections[0].weights[0, 0] // levels))


def test_no_grid_where_there_is_none() -> None:
    rng = np.random.default_rng(0)
    assert step_of(rng.normal(0, 1, 500), 127) is None
    assert step_of(np.array([1.0, 128.0]), 127) is None and step_of(np.array([1.0, 127.0]), 127) == pytest.approx(1)
    assert step_of(np.array([1.0, 1.0 + 1e-5]), 127) is None
    assert steps_of(np.array([[0.2, 0.4], [0.3, np.pi]]), 127) is None
    assert steps_of(np.zeros((2, 3)), 127) is not None
    assert list(on_grid(np.array([3.0, 2.5, 1000.0001]))) == [True, False, True]


@pytest.mark.parametrize("bits", [1, 9, 3.0, True, "8"])
def test_weight_bits_out_of_range_are_refused(bits: object) -> None:
    from lifline.arch.errors import ConversionError

    network = float_version([np.ones((2, 3)), np.ones((1, 2))], [np.ones(())] * 2, [np.zeros(2), np.zeros(1)], Reset.NOW_VALUE, True, 1.0)
    with pytest.raises(ConversionError, match="weight_bits"):
        quantise(network, data(size=3), weight_bits=bits, config=preset("medium"))  # type: ignore[arg-type]
