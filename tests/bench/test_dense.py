"""Dense networks in integers do what they were trained for, and their budgets are counted right."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lifline.data import digits

from .test_benches import run

BENCH = Path(__file__).parents[2] / "bench"


@pytest.fixture
def dense(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCH))
    return importlib.import_module("dense")


def test_integers_follow_the_exact_network(dense: Any) -> None:
    """Scores in integers, scaled back, are near those in floating point, and nearly always the same one is largest."""
    images = digits.load("train")[0]
    rng = np.random.default_rng(1)
    exact = [(rng.normal(0, 0.3, (20, 64)), rng.normal(0, 0.3, 20)), (rng.normal(0, 0.3, (10, 20)), rng.normal(0, 0.3, 10))]
    layers = dense.in_integers(exact, images)
    assert all(np.abs(layer.weights).max() == 127 for layer in layers)
    scores, whole = images / 16, images.astype(np.int64)
    for (weights, biases), layer in zip(exact, layers, strict=True):
        scores = scores @ weights.T + biases
        scores = scores if layer.factor is None else np.maximum(scores, 0)
        whole = layer.run(whole)
        assert layer.factor is None or 0 <= whole.min() < whole.max() <= 255
    assert np.corrcoef(scores.reshape(-1), whole.reshape(-1))[0, 1] > 0.999
    assert (scores.argmax(axis=1) == whole.argmax(axis=1)).mean() > 0.97


def test_a_smaller_dense_network_is_set_beside_the_spiking_one() -> None:
    pytest.importorskip("optuna")
    figures = run("dense", "--seeds", "1", "--hidden", "0", "16")
    linear, hidden = figures["dense"]
    assert (linear["operations"], hidden["operations"]) == (640, 64 * 16 + 16 * 10)
    assert linear["weight_bits_read"] == 640 * 8 and linear["state_bits_moved"] == (64 + 2 * 10) * 8 and linear["memory_bits"] == 640 * 8 + 10 * 32 + 74 * 8
    assert 0.93 < linear["accuracy"] < 1 and 0.93 < hidden["accuracy"] < 1
    spiking = figures["pairs"][0]["spiking"]
    assert spiking["accuracy"] == pytest.approx(352 / 360) and spiking["weights"] == 21440 and spiking["weight_bits_read"] == 8 * spiking["operations"]
    assert figures["pairs"][2]["dense"]["network"] == "dense, no hidden"  # two bits cost the spiking network much
