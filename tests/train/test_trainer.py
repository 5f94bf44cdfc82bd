"""Training learns, repeats, resumes bit for bit, stops early, and says what is wrong."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from lifline import train  # noqa: E402
from lifline.sim.golden.model import GoldenModel  # noqa: E402


def order_task(count: int = 240, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Two bursts of input in one order or the other: without memory, chance."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 2, count)
    spikes = rng.random((count, 12, 8)) < 0.02
    for k, label in enumerate(labels):
        first = rng.integers(0, 3)
        for half, start in ((label, first), (1 - label, first + 5)):
            spikes[k, start : start + 3, half * 4 : half * 4 + 4] |= rng.random((3, 4)) < 0.6
    return spikes.astype(np.uint8), labels


def build(seed: int = 0, delays: bool = True, budget: train.FiringBudget | None = None) -> train.SpikingNetwork:
    torch.manual_seed(seed)
    net = train.SpikingNetwork("order", 8, quantisation=train.Quantisation())
    net.add(train.LIF("hidden", 16, learn_decay=True, budget=budget))
    net.add(train.LeakyIntegrator("class", 2))
    net.connect("input", "hidden", train.AxonalDelays(7) if delays else None)
    net.connect("hidden", "class")
    return net


def parameters(net: train.SpikingNetwork) -> list[np.ndarray]:
    return [p.detach().numpy().copy() for p in net.parameters()]


def test_learns_delays_and_exports_what_it_trained() -> None:
    spikes, labels = order_task()
    net = build()
    trainer = train.Trainer(epochs=12, batch_size=24, learning_rate=1e-2, progress=False)
    history = trainer.fit(net, spikes, labels)
    assert history[-1]["loss"] < 0.3 * history[0]["loss"]
    test_spikes, test_labels = order_task(seed=1)
    assert trainer.accuracy(net, test_spikes, test_labels) > 0.9
    prediction = GoldenModel(net.to_network()).run(test_spikes).prediction
    np.testing.assert_array_equal(prediction, trainer.predict(net, test_spikes))
    assert len(np.unique(net.to_network().projections[0].delays)) > 2


def test_seed_reproduces_and_another_does_not() -> None:
    spikes, labels = order_task(60)
    runs = []
    for seed in (0, 0, 1):
        net = build()
        train.Trainer(epochs=2, batch_size=20, seed=seed, progress=False).fit(net, spikes, labels)
        runs.append(np.concatenate([p.ravel() for p in parameters(net)]))
    np.testing.assert_array_equal(runs[0], runs[1])
    assert (runs[0] != runs[2]).any()


@pytest.mark.parametrize("stop_after", [1, 3])
def test_resumes_bit_for_bit(stop_after: int, tmp_path: Path) -> None:
    class Interrupt:
        def add_scalar(self, tag: str, scalar_value: float, global_step: int) -> None:
            if global_step == stop_after:
                raise KeyboardInterrupt

    spikes, labels = order_task(60)

    def noisy(samples: np.ndarray, rng: np.random.Generator | None) -> np.ndarray:
        return samples if rng is None else samples & (rng.random(samples.shape) < 0.9)

    def trainer(**options: object) -> train.Trainer:
        return train.Trainer(epochs=5, batch_size=20, encode=noisy, progress=False, slope=train.SlopeSchedule(1, 4), **options)

    whole, parts = build(budget=train.FiringBudget()), build(budget=train.FiringBudget())
    wanted = trainer().fit(whole, spikes, labels, (spikes, labels))
    file = tmp_path / "checkpoint.pt"
    with pytest.raises(KeyboardInterrupt):
        trainer(checkpoint=file, loggers=[Interrupt()]).fit(parts, spikes, labels, (spikes, labels))
    resumed = build(seed=9, budget=train.FiringBudget())
    assert trainer(checkpoint=file).fit(resumed, spikes, labels, (spikes, labels)) == wanted
    for ours, theirs in zip(parameters(resumed), parameters(whole), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    with pytest.raises(train.TrainingError, match="is of a run with 5 epochs"):
        train.Trainer(epochs=6, checkpoint=file, progress=False).fit(resumed, spikes, labels)


def test_stops_early_and_keeps_the_best() -> None:
    spikes, labels = order_task(60)
    net = build(delays=False)
    trainer = train.Trainer(epochs=200, learning_rate=3e-2, patience=3, progress=False)
    history = trainer.fit(net, spikes, labels, (spikes, labels))
    accuracies = [row["validation"] for row in history]
    best = int(np.argmax(accuracies))
    assert len(history) == best + 4 < 200
    assert trainer.accuracy(net, spikes, labels) == accuracies[best]


def test_budgets_become_hard_during_training() -> None:
    spikes, labels = order_task(60)
    net = build(budget=train.FiringBudget(0.2, pressure=1.0))
    trainer = train.Trainer(epochs=6, batch_size=20, learning_rate=1e-2, hard_budgets=0.5, progress=False)
    history = trainer.fit(net, spikes, labels, (spikes, labels))
    network = net.to_network()
    budgets = np.broadcast_to(network.population("hidden").neurons.budget, 16)
    counts = GoldenModel(network).run(spikes, record="hidden").records["hidden"]["spikes"].sum(1)
    assert (counts <= budgets).all() and budgets.max() <= np.ceil(0.2 * 12)
    assert trainer.accuracy(net, spikes, labels) == max(row["validation"] for row in history[3:])


def test_logs_to_csv(tmp_path: Path) -> None:
    spikes, labels = order_task(30)
    file = tmp_path / "log.csv"
    history = train.Trainer(epochs=2, loggers=[train.CsvLogger(file)], progress=False).fit(build(), spikes, labels)
    with file.open() as lines:
        rows = list(csv.DictReader(lines))
    assert {r["tag"] for r in rows} == {"loss", "rate/hidden", "rate/class"}
    assert [float(r["value"]) for r in rows if r["tag"] == "loss"] == [row["loss"] for row in history]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 0}, "must be positive"),
        ({"epochs": 1, "freeze_delays": 2.0}, "freeze_delays 2.0"),
        ({"epochs": 1, "hard_budgets": -0.1}, "hard_budgets -0.1"),
        ({"epochs": 1, "patience": 2}, "patience needs validation data"),
        ({"epochs": 1, "patience": 0}, "patience 0"),
        ({"epochs": 1, "rule": "x", "loss": train.cross_entropy("x")}, "no rule `x`"),
    ],
)
def test_refuses(options: dict[str, object], message: str) -> None:
    spikes, labels = order_task(10)
    with pytest.raises(train.TrainingError, match=message):
        train.Trainer(progress=False, **options).fit(build(), spikes, labels)


def test_refuses_labels_without_a_neuron() -> None:
    spikes, labels = order_task(10)
    for wrong in (labels + 1, labels - 1):
        with pytest.raises(train.TrainingError, match=r"do not fit the 2 neurons of `class`"):
            train.Trainer(epochs=1, progress=False).fit(build(), spikes, wrong)


def test_refuses_a_loss_that_is_not_finite() -> None:
    spikes, labels = order_task(10)
    with pytest.raises(train.TrainingError, match="the loss is nan"):
        train.Trainer(epochs=1, loss=lambda activity, labels: activity.scores().sum() * float("nan"), progress=False).fit(build(), spikes, labels)
