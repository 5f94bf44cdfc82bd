"""The comparison of the three ways: rows are measured on the simulated board and resume; the page shows what was measured."""

from __future__ import annotations

import dataclasses
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

from lifline.arch.config import preset  # noqa: E402
from lifline.compiler.compile import compile_network  # noqa: E402
from lifline.compiler.program import Program  # noqa: E402
from lifline.driver import device as devices  # noqa: E402

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "three_ways"


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLE))


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
def test_rows_are_measured_on_the_board_and_resume(tmp_path: Path) -> None:
    results = tmp_path / "rows.jsonl"
    command = [sys.executable, EXAMPLE / "compare.py", "--seeds", "1", "--epochs", "2", "--board-samples", "5", "--results", results, "--json"]

    def run(*ways: str) -> list[dict]:
        done = subprocess.run([*command, "--picture", tmp_path / "ways.png", "--ways", *ways], capture_output=True, text=True, check=True)
        last = json.loads(done.stdout.splitlines()[-1])
        assert all("not measured" in model for model in last["energy_model"])
        return last["rows"]

    run("conversion, 4 steps")
    first = results.read_text()
    rows = {row["way"]: row for row in run("conversion, 4 steps", "surrogate gradient, 4 steps", "STDP, labels assigned")}
    assert results.read_text().startswith(first) and len(results.read_text().splitlines()) == 3 == len(rows)
    assert (tmp_path / "ways.png").stat().st_size > 5000
    for row in rows.values():
        assert row["mismatches"] == row["cycle_model_errors"] == 0 and row["board_samples"] == 5
        assert row["cycles"] > 100 and row["energy_uj"] > 0 and row["hidden_spikes"] > 0
    assert rows["STDP, labels assigned"]["steps"] == 16 and rows["conversion, 4 steps"]["input_spikes"] == rows["surrogate gradient, 4 steps"]["input_spikes"]
    assert rows["STDP, labels assigned"]["accuracy"] > 0.85  # needs no epochs of gradient descent


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
def test_a_board_with_one_other_weight_is_noticed(example: None) -> None:
    import ways
    from compare import measure

    class Wrong:
        """Runs the network with one input's weights changed."""

        def __init__(self, board: devices.Device) -> None:
            self.run, self._board = board.run, board

        def load(self, program: Program) -> None:
            first, *rest = program.network.projections
            weights = first.weights.copy()
            weights[0] = -weights[0]
            changed = program.network.replace(projections=(dataclasses.replace(first, weights=weights), *rest))
            self._board.load(compile_network(changed, preset("medium")))

    task = ways.load_digits()
    with devices.open("sim:medium") as board:
        row = measure(task, ways.digits.network(), lambda x: ways.digits.encode(16 * x), Wrong(board), 4)  # type: ignore[arg-type]
    assert row["mismatches"] > 0 and row["accuracy"] > 0.9


def test_the_page_shows_what_was_measured(example: None) -> None:
    from compare import WAYS
    from comparison import summarise, table

    rows = [json.loads(line) for line in (EXAMPLE / "results.jsonl").read_text().splitlines()]
    assert len({(row["data"], row["way"], row["seed"]) for row in rows}) == len(rows)
    assert all(row["mismatches"] == row["cycle_model_errors"] == 0 for row in rows)
    page = (EXAMPLE / "README.md").read_text()
    assert table(summarise(rows, WAYS)) in page and "three_ways.png" in page and all(row["energy_model"] in page for row in rows)
