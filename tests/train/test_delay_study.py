"""The delay study: the generated task, sizes of the compared networks, cells that resume, and a page that shows what was measured."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

ROOT = Path(__file__).parents[2]
STUDY = ROOT / "examples" / "delay_study"


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(STUDY))


def test_only_timing_tells_the_motions_apart(example: None) -> None:
    from motion import CLASSES, SIZE, STEPS, motion

    spikes, labels = motion(1200, 5)
    again, _ = motion(1200, 5)
    assert np.array_equal(spikes, again) and spikes.shape == (1200, STEPS, 2 * SIZE * SIZE) and set(labels) == set(range(CLASSES))
    counts = spikes.sum((1, 2))
    means = np.array([counts[labels == label].mean() for label in range(CLASSES)])
    slow, fast = means.reshape(4, 3)[:, 0], means.reshape(4, 3)[:, 2]
    assert np.ptp(means) < 0.15 * counts.mean() and (slow < 1.05 * fast).all()
    time = (spikes * np.arange(STEPS)[None, :, None]).sum((1, 2)) / counts
    assert np.ptp([time[labels == label].mean() for label in range(0, CLASSES, 3)]) < 2


def test_networks_are_as_large_as_the_comparison_says(example: None) -> None:
    from study import build, hidden_size, parameters
    from tasks import load

    task = load("motion", None)
    wanted = parameters(task.channels, 48, task.classes, "axonal")
    for kind, factor in (("recurrent", 1), ("recurrent x3", 3), ("axonal", 1)):
        hidden = hidden_size(task.channels, 48, task.classes, kind)
        count = parameters(task.channels, hidden, task.classes, kind)
        assert abs(count / (factor * wanted) - 1) < 0.02
        net = build(task, kind, 0, hidden, 24)
        delays = sum(p.numel() for d in net.delays for p in d.parameters())
        assert sum(p.weight.numel() for p in net.projections) + delays == count


def test_cells_run_and_resume(tmp_path: Path) -> None:
    command = [sys.executable, STUDY / "study.py", "--epochs", "1", "--seeds", "1", "--results", tmp_path / "cells.jsonl", "--json"]

    def run(*kinds: str) -> list[dict]:
        done = subprocess.run([*command, "--picture", tmp_path / "delays.png", "--kinds", *kinds], capture_output=True, text=True, check=True)
        return json.loads(done.stdout.splitlines()[-1])

    run("axonal", "recurrent")
    first = (tmp_path / "cells.jsonl").read_text()
    summary = run("axonal", "recurrent", "synaptic")
    text = (tmp_path / "cells.jsonl").read_text()
    assert text.startswith(first) and len(text.splitlines()) == 3 and (tmp_path / "delays.png").stat().st_size > 5000
    cells = {row["kind"]: row for row in summary}
    assert cells["axonal"]["cycles"] > 0 and cells["synaptic"]["cycles"] is cells["recurrent"]["weight_reads"] is None
    # One word of weights per spike and 16 targets; spikes that would arrive after the last step are not read.
    assert 0.5 < cells["axonal"]["weight_reads"] / cells["axonal"]["reads_per_spike"] <= 1


def test_the_page_shows_what_was_measured(example: None) -> None:
    from report import summarise, table

    rows = [json.loads(line) for line in (STUDY / "results.jsonl").read_text().splitlines()]
    assert len({(row["task"], row["kind"], row["seed"]) for row in rows}) == len(rows)
    assert table(summarise(rows)) in (ROOT / "docs" / "delays.md").read_text()
