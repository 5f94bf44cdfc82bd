"""NeuroBench's metrics are its own, of exactly the spikes that the golden model finds."""

from __future__ import annotations

import numpy as np
import pytest

import lifline
from lifline.arch.errors import ConversionError, InputError
from lifline.driver.predict import record_activity
from lifline.report.neurobench import neurobench_metrics

pytest.importorskip("neurobench")


def small_network(readout: bool = True, **changes: object) -> lifline.Network:
    rng = np.random.default_rng(1)
    weights = rng.integers(-100, 127, (12, 8))
    weights[rng.random(weights.shape) < 0.25] = 0
    projections = [
        lifline.Projection(source="in", target="hidden", weights=weights, weight_shift=4, delays=rng.integers(0, 4, 8)),
        lifline.Projection(source="hidden", target="hidden", weights=rng.integers(-300, 300, (12, 12)), delays=1),
        lifline.Projection(source="hidden", target="out", weights=rng.integers(-100, 127, (3, 12)), weight_shift=4),
    ]
    populations = [
        lifline.Population("in", (8,)), lifline.Population("hidden", (12,), lifline.Neurons(threshold=np.arange(900, 912), decay_v=300, decay_i=2000)),
        lifline.Population("out", (3,), lifline.Neurons(cap=0) if readout else lifline.Neurons(threshold=700)),
    ]  # fmt: skip
    return lifline.Network(name="small", output="out", state_bits=18, populations=populations, projections=projections, **changes)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def spikes() -> np.ndarray:
    """More samples than are measured at once."""
    return (np.random.default_rng(2).random((100, 10, 8)) < 0.3).astype(np.uint8)


def test_figures_agree_with_the_golden_model(spikes: np.ndarray) -> None:
    network = small_network()
    predictions = lifline.sim.golden.model.GoldenModel(network).run(spikes).prediction  # type: ignore[attr-defined]
    labels = np.where(np.arange(100) < 80, predictions, (predictions + 1) % 3)
    found, activity = neurobench_metrics(network, spikes, labels), record_activity(network, spikes)
    assert found["ClassificationAccuracy"] == pytest.approx(0.8)
    counted = found["SynapticOperations"]
    assert counted["Effective_ACs"] == pytest.approx(sum(activity.operations(q.source, (q.weights != 0).sum(axis=0)) for q in network.projections))
    assert counted["Effective_MACs"] == 0 and counted["Dense"] == 10 * (8 * 12 + 12 * 12 + 12 * 3)
    fired = activity.spikes["hidden"].astype(bool)
    assert 0 < fired.mean() < 1
    assert found["ActivationSparsity"] == pytest.approx(1 - fired.mean())
    assert found["ConnectionSparsity"] == pytest.approx(np.concatenate([(q.weights == 0).reshape(-1) for q in network.projections]).mean(), abs=5e-5)
    one_byte, two_bytes, delays, states, thresholds = 8 * 12 + 12 * 3, 2 * 12 * 12, 8 + 1, 4 * (2 * 12 + 3), 4 * 12
    assert found["Footprint"] == one_byte + two_bytes + delays + states + thresholds


def test_steps_after_an_early_exit_are_without_spikes(spikes: np.ndarray) -> None:
    network = small_network(readout=False)
    early = small_network(readout=False, early_exit=lifline.EarlyExit(every=2, margin=0))
    labels = np.zeros(100, np.int64)
    steps = record_activity(early, spikes).steps
    assert steps.min() < 10
    found = [neurobench_metrics(n, spikes, labels)["SynapticOperations"]["Effective_ACs"] for n in (network, early)]
    executed = np.arange(10)[None, :, None] < steps[:, None, None]
    activity = record_activity(early, spikes)
    fired = {name: (own * executed).sum(axis=(0, 1)) for name, own in activity.spikes.items()}
    assert found[1] == pytest.approx(sum(float(fired[q.source] @ (q.weights != 0).sum(axis=0)) for q in early.projections) / 100)
    assert 0 < found[1] < found[0]


def test_what_cannot_be_measured_is_refused_by_name(spikes: np.ndarray) -> None:
    network = small_network()
    with pytest.raises(InputError, match=r"labels have shape \(3,\)"):
        neurobench_metrics(network, spikes, np.zeros(3, np.int64))
    pooled = lifline.Network(
        name="pooled", output="out", state_bits=18,
        populations=[lifline.Population("in", (1, 4, 4)), lifline.Population("out", (1, 2, 2), lifline.Neurons(threshold=5))],
        projections=[lifline.Projection(source="in", target="out", weights=[3], connection=lifline.Pooling(size=2))],
    )  # fmt: skip
    with pytest.raises(ConversionError, match=r"projection `in` -> `out` is a .*NeuroBench's metrics are there for fully connected ones"):
        neurobench_metrics(pooled, np.zeros((2, 3, 16), np.uint8), np.zeros(2, np.int64))
