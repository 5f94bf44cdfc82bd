"""STDP: the rule against sums over pairs of spikes, homeostasis, and an export that needs nothing which the hardware does not have."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from lifline import train  # noqa: E402
from lifline.arch.config import preset  # noqa: E402
from lifline.arch.errors import InputError, TrainingError  # noqa: E402
from lifline.compiler.compile import compile_network  # noqa: E402
from lifline.convert.floating.evaluate import evaluate  # noqa: E402
from lifline.convert.quantisation.quantise import quantise  # noqa: E402
from lifline.data import digits  # noqa: E402
from lifline.driver import device as devices  # noqa: E402
from lifline.network.encode import regular_spikes  # noqa: E402
from lifline.sim.golden.model import GoldenModel  # noqa: E402
from lifline.train.stdp import _present  # noqa: E402

STEPS = 16


def learned_from_pairs(spikes: np.ndarray, weights: np.ndarray, thresholds: np.ndarray, keep: float, rule: train.Stdp, total: float,
                       adaptation: float, target: float) -> tuple[np.ndarray, np.ndarray, int]:  # fmt: skip
    """Naive: no traces; every change of a weight is a sum over pairs of spike times. Weights (feature, input)."""
    w, theta, fired_in_all = weights.copy(), thresholds.copy(), 0
    features, inputs = w.shape
    for sample in spikes:
        v = [0.0] * features
        times: list[list[int]] = [[] for _ in range(features)]
        for t, row in enumerate(sample):
            # In the order of the events of a step: inputs, one by one, then the winner.
            for j in range(features):
                v[j] = keep * v[j]
            for i in np.flatnonzero(row):
                for j in range(features):
                    v[j] += w[j, i]
                    pairs = sum(math.exp(-(t - s) / rule.tau_post) for s in times[j])
                    w[j, i] = max(0.0, w[j, i] - rule.depression * w[j, i] ** rule.exponent * pairs)
            margins = [v[j] - theta[j] for j in range(features)]
            k = int(np.argmax(margins))
            if margins[k] > 0:
                for i in range(inputs):
                    pairs = sum(math.exp(-(t - s) / rule.tau_pre) for s in range(t + 1) if sample[s, i])
                    w[k, i] = min(1.0, w[k, i] + rule.potentiation * (1 - w[k, i]) ** rule.exponent * pairs)
                times[k].append(t)
                v = [0.0] * features
        for j in range(features):
            theta[j] = max(0.01 * total, theta[j] + adaptation * (len(times[j]) - target))
            fired_in_all += len(times[j])
            if times[j]:
                w[j] = np.minimum(1, w[j] * total / w[j].sum())
    return w, theta, fired_in_all


@pytest.mark.parametrize("exponent", [0.0, 0.4, 1.0])
def test_traces_are_sums_over_pairs(exponent: float) -> None:
    rng = np.random.default_rng(3)
    spikes = (rng.random((6, 20, 7)) < 0.3).astype(np.uint8)
    # Strong enough that additive weights reach both ends.
    rule = train.Stdp(potentiation=0.15, depression=0.1, tau_pre=3.0, tau_post=5.0, exponent=exponent)
    weights, thresholds, total = rng.random((4, 7)), np.full(4, 0.8), 3.0
    expected, theta, fired = learned_from_pairs(spikes, weights, thresholds, 0.8, rule, total, 0.05, 2.0)
    found, moved = np.ascontiguousarray(weights.T), thresholds.copy()
    count = _present(spikes, found, moved, 0.8, math.exp(-1 / 3), math.exp(-1 / 5), 0.15, 0.1, exponent, total, 0.05, 2.0)
    assert count.sum() == fired > 30 and (count > 0).sum() >= 3
    np.testing.assert_allclose(found.T, expected, rtol=0, atol=1e-12)
    np.testing.assert_allclose(moved, theta, rtol=0, atol=1e-12)


@pytest.mark.parametrize("lag", range(-5, 6))
def test_one_pair_changes_a_weight_by_the_exponential_of_its_age(lag: int) -> None:
    """Input 0 makes the neuron fire in step 6; input 1, too weak to, fires ``lag`` steps later (earlier if negative)."""
    spikes = np.zeros((1, 14, 2), np.uint8)
    spikes[0, 6, 0] = spikes[0, 6 + lag, 1] = 1
    weights = np.array([[0.9], [0.5]])
    count = _present(spikes, weights, np.array([0.8]), 0.0, math.exp(-1 / 3), math.exp(-1 / 4), 0.01, 0.02, 0.0, 0.0, 0.0, 0.0)
    assert count.tolist() == [1]
    change = weights[1, 0] - 0.5
    expected = 0.01 * math.exp(lag / 3) if lag <= 0 else -0.02 * math.exp(-lag / 4)
    assert change == pytest.approx(expected, rel=1e-12)
    assert weights[0, 0] == pytest.approx(0.91)


def test_the_winner_silences_the_others() -> None:
    spikes = np.ones((1, 3, 1), np.uint8)
    weights, thresholds = np.array([[0.5, 0.6]]), np.array([0.9, 0.9])
    # Both cross in step 1; the second is further above, and the first has lost its membrane in step 2.
    count = _present(spikes, weights, thresholds, 1.0, 0.5, 0.5, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0)
    assert count.tolist() == [0, 1]


@pytest.fixture(scope="module")
def data() -> tuple[np.ndarray, np.ndarray]:
    images, labels = digits.load("train")
    return regular_spikes(images / digits.LEVELS, STEPS), labels


@pytest.fixture(scope="module")
def features(data: tuple[np.ndarray, np.ndarray]) -> train.StdpFeatures:
    found = train.StdpFeatures((8, 8), 96, seed=1)
    found.fit(data[0][:1000], epochs=3)
    found.settle(data[0][:1000], rate=0.5)
    return found


def test_homeostasis_keeps_every_neuron_in_use(data: tuple[np.ndarray, np.ndarray]) -> None:
    history = train.StdpFeatures(64, 96, winners=4.0).fit(data[0][:1000], epochs=4)
    assert len(history) == 4 and history[-1]["silent"] < 0.02 and 2 < history[-1]["spikes"] < 8
    rigid = train.StdpFeatures(64, 96, winners=4.0, adaptation=0.0).fit(data[0][:1000], epochs=4)
    assert rigid[-1]["silent"] > 0.3


def test_weights_stay_in_range_and_keep_their_sum(features: train.StdpFeatures) -> None:
    assert features.weights.shape == (96, 64) and features.weights.min() >= 0 and features.weights.max() <= 1
    np.testing.assert_allclose(features.weights.mean(1), 0.15, rtol=1e-3)
    # They have become selective: of the first weights, uniform up to twice their mean, one in fifteen is below 0.02.
    assert (train.StdpFeatures(64, 96).weights < 0.02).mean() < 0.1 and (features.weights < 0.02).mean() > 0.3


def test_settled_neurons_fire_at_the_rate_asked_for_when_exported(features: train.StdpFeatures, data: tuple[np.ndarray, np.ndarray]) -> None:
    spikes = data[0][:1000]
    exact = evaluate(features.float_network(), spikes[:200], record="all").spikes["features"].sum(1)
    integers = GoldenModel(quantise(features.float_network(), spikes, per_neuron=True)).run(spikes)
    np.testing.assert_allclose(integers.spike_counts.mean(0), 0.5, atol=0.05)
    assert np.abs(exact - integers.spike_counts[:200]).mean() < 0.03


def test_seed_repeats_and_another_does_not(data: tuple[np.ndarray, np.ndarray]) -> None:
    found = []
    for seed in (0, 0, 1):
        layer = train.StdpFeatures(64, 20, seed=seed)
        layer.fit(data[0][:100], epochs=2)
        layer.settle(data[0][:100])
        found.append((layer.weights, layer.thresholds))
    assert np.array_equal(found[0][0], found[1][0]) and np.array_equal(found[0][1], found[1][1])
    assert not np.allclose(found[0][0], found[2][0])


@pytest.mark.parametrize(("method", "least"), [("linear", 0.92), ("assignment", 0.85)])
def test_feed_forward_network_classifies_and_device_equals_golden(
    method: str, least: float, features: train.StdpFeatures, data: tuple[np.ndarray, np.ndarray]
) -> None:
    spikes, labels = data
    network = train.fit_readout(features.float_network("digits"), spikes[:1000], labels[:1000], method=method)
    integers = quantise(network, spikes[:1000], config=preset("medium"), per_neuron=True)
    assert integers.is_feed_forward and {(p.source, p.target) for p in integers.projections} == {("input", "features"), ("features", "class")}
    golden = GoldenModel(integers).run(spikes[1000:], record=["all"])
    right = (golden.prediction == labels[1000:]).mean()
    assert right >= least
    # The counts on which the read-out was fitted are those of the whole network.
    alone = GoldenModel(quantise(features.float_network(), spikes[:1000], config=preset("medium"), per_neuron=True)).run(spikes[1000:])
    assert np.array_equal(alone.spike_counts, golden.records["features"]["spikes"].sum(1))
    with devices.open("golden:medium") as device:
        device.load(compile_network(integers, preset("medium")))
        assert np.array_equal(device.run(spikes[1000:]).prediction, golden.prediction)
    # What was learned matters: the same network with its first weights, settled in the same way.
    first = train.StdpFeatures(64, 96, seed=1)
    first.settle(spikes[:1000], rate=0.5)
    if method == "assignment":
        untrained = quantise(train.fit_readout(first.float_network(), spikes[:1000], labels[:1000], method=method), spikes[:1000], per_neuron=True)
        assert (GoldenModel(untrained).run(spikes[1000:]).prediction == labels[1000:]).mean() < right - 0.1


def test_read_out_is_the_regression_on_counts(features: train.StdpFeatures, data: tuple[np.ndarray, np.ndarray]) -> None:
    spikes, labels = data[0][:400], data[1][:400]
    network = train.fit_readout(features.float_network(), spikes, labels, classes=12)
    counts = GoldenModel(quantise(features.float_network(), spikes, per_neuron=True)).run(spikes).spike_counts
    integers = quantise(network, spikes, per_neuron=True)
    result = GoldenModel(integers).run(spikes)
    dense = network.projections[-1].operators[0]
    drive = network.population("class").neurons.drive  # type: ignore[union-attr]
    scores = counts @ dense.weight.T + STEPS * drive  # type: ignore[attr-defined]
    assert scores.shape == (400, 12) and np.abs(scores.sum(1)).max() < 1e-9
    assert result.v_last is not None
    np.testing.assert_allclose(result.v_last / integers.metadata["quantised"]["scales"]["class"], scores, atol=0.02)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda f, s, n: train.Stdp(tau_pre=0.0), TrainingError, "tau_pre 0.0"),
        (lambda f, s, n: train.Stdp(depression=-1.0), TrainingError, "depression -1.0"),
        (lambda f, s, n: train.StdpFeatures(0, 4), TrainingError, "at least 1"),
        (lambda f, s, n: train.StdpFeatures(4, 4, leak=1.0), TrainingError, "leak 1.0"),
        (lambda f, s, n: train.StdpFeatures(4, 4, winners=0.0), TrainingError, "winners 0.0"),
        (lambda f, s, n: train.StdpFeatures(4, 4, mean_weight=1.5), TrainingError, "mean_weight 1.5"),
        (lambda f, s, n: f.fit(s, epochs=0), TrainingError, "epochs 0"),
        (lambda f, s, n: f.fit(s[:, :, :5]), InputError, "neurons"),
        (lambda f, s, n: f.settle(s, rate=0.0), TrainingError, "rate 0.0"),
        (lambda f, s, n: train.fit_readout(n, s, np.zeros(len(s))), TrainingError, "whole number"),
        (lambda f, s, n: train.fit_readout(n, s, np.full(len(s), 3), classes=3), TrainingError, "label 3"),
        (lambda f, s, n: train.fit_readout(n, s, np.zeros(len(s), int), method="magic"), TrainingError, "linear, assignment"),
        (lambda f, s, n: train.fit_readout(n, 0 * s, np.zeros(len(s), int)), TrainingError, "never fires on these"),
        (lambda f, s, n: train.fit_readout(train.fit_readout(n, s, np.arange(len(s)) % 2), s, np.zeros(len(s), int)), TrainingError, "counts spikes"),
    ],
)
def test_refused(call: Any, error: type[Exception], message: str, features: train.StdpFeatures, data: tuple[np.ndarray, np.ndarray]) -> None:
    with pytest.raises(error, match=message):
        call(features, data[0][:20], features.float_network())
