"""The small Braille networks: recurrence, or delays in place of it, on the simulated board, and the page shows what was measured."""

from __future__ import annotations

import json
import re
import runpy
import shutil
from pathlib import Path
from typing import Any

import pytest

from lifline.network.file import load
from lifline.sim.golden.model import GoldenModel
from tests import shared

FOLDER = Path(__file__).parents[2] / "examples" / "braille"
DATA = "data/braille7.npz"
MEASURED = json.loads((FOLDER / "results.json").read_text())
NETWORKS = {row["network"]: row for row in MEASURED}


def rows() -> list[dict[str, Any]]:
    """The table of the page, one dictionary per network."""
    lines = re.findall(r"^\| (.*) \|$", (FOLDER / "README.md").read_text(), re.M)
    cells = [line.split(" | ") for line in lines]
    start = next(k for k, line in enumerate(cells) if line[0] == "network")
    return [dict(zip(cells[start], line, strict=True)) for line in cells[start + 1 : start + 1 + len(NETWORKS)]]


@pytest.mark.parametrize("name", ["recurrent8", "delays8"])
def test_the_two_small_networks_have_as_many_parameters(name: str) -> None:
    network = load(FOLDER / f"{name}.safetensors")
    own = [(p.source, p.target) for p in network.projections if p.source == p.target]
    assert [p.size for p in network.populations] == ([12, 38, 7] if name == "recurrent8" else [48, 38, 7])
    assert own == ([("hidden", "hidden")] if name == "recurrent8" else [])
    assert sum(p.weights.size for p in network.projections) == NETWORKS[name]["weights"] and abs(NETWORKS[name]["weights"] - 2166) < 100


@pytest.mark.parametrize("name", list(NETWORKS))
def test_the_integers_read_as_many_samples_as_the_page_says(name: str) -> None:
    if reason := shared.absent(DATA):
        pytest.skip(reason)
    pytest.importorskip("torch")
    _, spikes, labels = runpy.run_path(str(FOLDER / "board.py"))["samples"](str(shared.FOLDER / DATA), name)
    v = GoldenModel(load(FOLDER / f"{name}.safetensors")).run(spikes).v_last
    assert v is not None and int((v.argmax(1) == labels).sum()) == NETWORKS[name]["right"]


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
@pytest.mark.parametrize("name", ["recurrent8", "delays8"])
def test_the_board_reads_as_the_golden_model_does(name: str) -> None:
    """A few samples of the real data; the committed figures are those of all."""
    if reason := shared.absent(DATA):
        pytest.skip(reason)
    pytest.importorskip("torch")
    board = runpy.run_path(str(FOLDER / "board.py"))
    found = board["measure"](str(shared.FOLDER / DATA), name, "medium", "sim:", 12)
    assert found["mismatches"] == 0 and found["cycle_model_equal"] and found["right"] >= 10
    assert found["modes"] == NETWORKS[name]["modes"]
    assert (found["recurrence_cycles"] > 0) == (name == "recurrent8")


def test_the_page_shows_what_was_measured() -> None:
    assert {row["network"].strip("`") for row in rows()} == set(NETWORKS)
    for row in rows():
        measured = NETWORKS[row["network"].strip("`")]
        assert measured["mismatches"] == 0 and measured["cycle_model_equal"] and measured["samples"] == 231
        assert row["right of 231"] == f"{measured['right']} ({measured['right'] / 231:.1%})".replace("%", " %")
        assert (row["weights"], row["cycles per sample"]) == (f"{measured['weights']:,}", f"{measured['cycles']:,}")
        assert (row["cycles per step"], row["energy, an estimate"]) == (f"{measured['cycles_per_step']}", f"{measured['energy_estimate_uj']} µJ")
