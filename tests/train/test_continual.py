"""The continual-learning example runs and resumes, and its page shows what was measured."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

EXAMPLE = Path(__file__).parents[2] / "examples" / "continual"


def test_continual_learning_runs_and_resumes(tmp_path: Path) -> None:
    command = [sys.executable, EXAMPLE / "continual.py", "--epochs", "1", "--seeds", "1", "--results", tmp_path / "c.jsonl", "--json"]

    def run(*arms: str) -> list[dict]:
        done = subprocess.run([*command, "--picture", tmp_path / "c.png", "--arms", *arms], capture_output=True, text=True, check=True)
        return json.loads(done.stdout.splitlines()[-1])

    run("budgets 1")
    first = (tmp_path / "c.jsonl").read_text()
    summary = run("no budgets", "budgets 1")
    text = (tmp_path / "c.jsonl").read_text()
    assert text.startswith(first) and len(text.splitlines()) == 4 and (tmp_path / "c.png").stat().st_size > 5000
    assert [(row["scenario"], row["arm"]) for row in summary] == [(s, a) for s in ("class", "domain") for a in ("no budgets", "budgets 1")]


def test_continual_page_shows_what_was_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLE))
    from continual_report import ARMS, summarise, table

    rows = [json.loads(line) for line in (EXAMPLE / "results.jsonl").read_text().splitlines()]
    cells = {(row["scenario"], row["arm"], row["seed"]) for row in rows}
    assert len(cells) == len(rows) and {(s, a) for s, a, _ in cells} == {(s, a) for s in ("class", "domain") for a in ARMS}
    assert table(summarise(rows)) in (EXAMPLE / "README.md").read_text()
