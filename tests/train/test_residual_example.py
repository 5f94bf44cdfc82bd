"""The residual networks that snnTorch and SpikingJelly have trained: as objects, as an import, as integers and on the simulated board, and the page shows what was measured."""

from __future__ import annotations

import json
import re
import shutil
import sys
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from lifline.arch.config import preset
from lifline.network.file import load
from lifline.sim.golden.model import GoldenModel
from tests import shared

FOLDER = Path(__file__).parents[2] / "examples" / "residual"
DATA = shared.FOLDER / "data" / "nmnist_small.npz"
PAGE = (FOLDER / "README.md").read_text()
MEASURED = json.loads((FOLDER / "results.json").read_text())
FRAMEWORKS = ("snntorch", "spikingjelly")


@pytest.fixture
def residual(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    if reason := shared.absent("data/nmnist_small.npz"):
        pytest.skip(reason)
    pytest.importorskip("torch")
    monkeypatch.syspath_prepend(str(FOLDER))
    import residual

    return residual


def imported(residual: ModuleType, framework: str, count: int) -> tuple[Any, np.ndarray, np.ndarray, np.ndarray]:
    """The import, what the framework fires for the first test recordings, these, and their labels."""
    pytest.importorskip(framework)
    spikes, labels = (part[:count] for part in residual.NMNIST["test_samples"](str(DATA)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the frameworks' own
        network, fired = residual.imported(framework, spikes)
    return network, fired, spikes, labels


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_what_the_framework_has_trained_is_what_is_imported(residual: ModuleType, framework: str) -> None:
    from lifline.convert.floating.evaluate import evaluate

    network, fired, spikes, labels = imported(residual, framework, 40)
    np.testing.assert_array_equal(evaluate(network, spikes).output, fired)
    assert (fired.sum(1).argmax(1) == labels).mean() >= 0.85


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_board_runs_its_integers_bit_for_bit(residual: ModuleType, framework: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from lifline.convert.quantisation.quantise import quantise

    network, _, spikes, _ = imported(residual, framework, 4)
    config, training = preset("conv"), residual.calibration(str(DATA))
    integers = quantise(network, training, config=config, per_neuron=True)
    assert sum(p.target == "block2.first.neurons" for p in integers.projections) == 2, "the sum of a block goes on as one projection per part"
    monkeypatch.delitem(sys.modules, "board", raising=False)
    import board

    found = board.on_board(integers, config, "sim:", training[:10], spikes)
    assert found["mismatches"] == 0 and found["cycle_model_equal"]
    assert (found["prediction"] == GoldenModel(integers).run(spikes).prediction).all()


def test_tuned_integers_read_what_the_page_says(residual: ModuleType) -> None:
    from runpy import run_path

    network = load(FOLDER / "tuned4.safetensors")
    assert max(abs(p.weights).max() for p in network.projections) <= 7
    right = run_path(str(FOLDER / "tune.py"))["right"](network, str(DATA))
    assert re.search(rf"^\| 174 \| 175 \| 171 \| {right} \|$", PAGE, re.M)


def test_the_page_shows_what_was_measured() -> None:
    table = {cells[0].strip("`"): cells[1:] for cells in (line.split(" | ") for line in re.findall(r"^\| (.*) \|$", PAGE, re.M))}
    for name, found in MEASURED.items():
        assert found["recordings"] == 100 and found["mismatches"] == 0 and found["float_differences"] == 0 and found["cycle_model_equal"]
        shown = [f"{found['right']['framework']}", f"{found['right']['board']}", f"{found['cycles']:,}", f"{found['energy_estimate_uj']} µJ"]
        assert table[name][-4:] == shown, name
