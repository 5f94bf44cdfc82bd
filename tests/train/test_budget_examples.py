"""The budgets example: it runs and resumes, notices a device that differs, and its page shows what was measured."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from lifline.sim.golden.model import GoldenModel  # noqa: E402
from tests import shared  # noqa: E402

EXAMPLES = Path(__file__).parents[2] / "examples"
FSDD = shared.FOLDER / "data" / "fsdd_logmel.npz"
needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")


def rows_of(name: str) -> list[dict]:
    return [json.loads(line) for line in (EXAMPLES / name / "results.jsonl").read_text().splitlines()]


@needs_compiler
def test_a_device_that_differs_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES / "budgets"))
    import budgets

    net = budgets.build(40, 0, 0.3)
    spikes = (np.random.default_rng(0).random((2, 30, 40)) < 0.3).astype(np.uint8)
    net.enforce_budgets(30)
    network = net.eval().to_network()
    row = budgets.measure(network, spikes, np.zeros(2, np.int64), "sim:medium")
    counters = GoldenModel(network).run(spikes).counters
    assert row["differing"] == 0 and row["input_spikes"] == spikes.sum() / 2
    assert row["hidden_spikes"] == sum(counters[name].spikes.sum() for name in ("hidden1", "hidden2")) / 2
    assert row["budget_hits"] == sum(counters[name].budget_hits.sum() for name in ("hidden1", "hidden2")) / 2 > 0
    net.release_budgets()
    other = net.to_network()
    monkeypatch.setattr(budgets, "GoldenModel", lambda _: GoldenModel(other))
    assert budgets.measure(network, spikes, np.zeros(2, np.int64), "sim:medium")["differing"] > 0


def test_networks_with_and_without_budgets_start_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES / "budgets"))
    import budgets

    plain, with_budgets = (budgets.build(40, 3, pressure) for pressure in (0.0, 0.3))
    own = dict(plain.named_parameters())
    assert all(torch.equal(own[name], p) for name, p in with_budgets.named_parameters() if "budget" not in name)


@needs_compiler
@shared.needs("data/fsdd_logmel.npz")
def test_budgets_run_and_resume(tmp_path: Path) -> None:
    command = [sys.executable, EXAMPLES / "budgets" / "budgets.py", FSDD, "--epochs", "3", "--seeds", "1", "--samples", "20", "--results", tmp_path / "r.jsonl", "--networks", tmp_path, "--json"]

    def run(*pressures: str) -> list[dict]:
        done = subprocess.run([*command, "--picture", tmp_path / "b.png", "--pressures", *pressures], capture_output=True, text=True, check=True)
        return json.loads(done.stdout.splitlines()[-1])

    run("0")
    first = (tmp_path / "r.jsonl").read_text()
    assert len(list(tmp_path.glob("0-0-3.safetensors"))) == 1
    plain, budgets = run("0", "3")
    assert (tmp_path / "r.jsonl").read_text().startswith(first) and (tmp_path / "b.png").stat().st_size > 3000
    assert plain["budget_hits"] == 0 == plain["differing"] == budgets["differing"] and budgets["fewer_hidden_spikes"] > 0


@needs_compiler
@shared.needs("data/fsdd_logmel.npz")
def test_committed_networks_give_the_measured_figures(tmp_path: Path) -> None:
    """All samples in the golden model; a few of them on the board, which must not differ from it."""
    command = [sys.executable, EXAMPLES / "budgets" / "budgets.py", FSDD, "--first-seed", "1", "--seeds", "1"]

    def run(results: Path, *options: str) -> list[dict]:
        subprocess.run([*command, "--results", results, *options], check=True, capture_output=True)
        return [json.loads(line) for line in results.read_text().splitlines()]

    found = run(tmp_path / "all.jsonl", "--device", "golden:medium")
    rows = {row["pressure"]: row for row in rows_of("budgets") if row["seed"] == 1}
    assert len(found) == len(rows) == 2
    for row in found:
        # What a later core takes for it may change, what it computes may not.
        other = {"busy_cycles": 0, "weight_reads": 0, "device": ""}
        assert row | other == rows[row["pressure"]] | other
    assert [(row["samples"], row["differing"]) for row in run(tmp_path / "some.jsonl", "--samples", "20")] == [(20, 0), (20, 0)]


def test_budgets_page_shows_what_was_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES / "budgets"))
    from budgets_report import summarise, table

    rows = rows_of("budgets")
    assert len({(row["seed"], row["pressure"]) for row in rows}) == len(rows) and all(row["device"].startswith("sim:") for row in rows)
    summary = summarise(rows)
    assert table(summary) in (EXAMPLES / "budgets" / "README.md").read_text()
    plain, budgets = summary
    assert plain["seeds"] == budgets["seeds"] >= 3 and plain["differing"] == budgets["differing"] == 0
    assert budgets["fewer_hidden_spikes"] >= 0.38 and budgets["points_lost"] <= 0.5


@shared.needs("data/fsdd_logmel.npz")
def test_every_speaker_is_left_out_once() -> None:
    command = [sys.executable, EXAMPLES / "fsdd" / "train.py", FSDD, "--unseen", "all", "--hidden", "8", "--epochs", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    *speakers, mean = (json.loads(line) for line in done.stdout.splitlines())
    assert [row["unseen"] for row in speakers] == list("012345") and len({row["input_spikes"] for row in speakers}) == 6
    assert mean["mean_accuracy"] == pytest.approx(np.mean([row["test_accuracy"] for row in speakers]), abs=1e-4)
