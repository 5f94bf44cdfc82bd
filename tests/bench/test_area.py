"""The bench of area and speed, with builds that need no tools."""

from __future__ import annotations

import importlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from lifline.boards.report import Report

BENCH = Path(__file__).parents[2] / "bench"


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
def test_a_row_has_the_median_clock_of_its_seeds_and_what_follows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.syspath_prepend(str(BENCH))
    area = importlib.import_module("area")

    def build(board: str, config: Any, folder: Path, *, seeds: int, must_meet: bool, on_progress: Any) -> Report:
        on_progress("routing", 0.5)
        assert (board, config.name, seeds, must_meet) == ("ulx3s-25f", "medium", 3, False)
        used = {"lut": 8000, "ff": 9000, "block_ram": 56, "dsp": 9}
        return Report(
            board, config.name, used, used, fmax_mhz=96.0, constraint_mhz=90.0, seed=2, tools={}, bitstream=folder / "x.bit", folder=folder,
            seeds={1: 91.0, 2: 96.0, 3: 80.0},
        )  # fmt: skip

    monkeypatch.setattr(area, "build", build)
    monkeypatch.setattr("sys.argv", ["area.py", "--pair", "medium:ulx3s-25f", "--steps", "40", "--folder", str(tmp_path), "--json"])
    area.main()
    figures = json.loads(capsys.readouterr().out.splitlines()[-1])
    (row,) = figures["rows"]
    assert (row["fmax_mhz"], row["worst_mhz"], row["lut"]) == (91.0, 80.0, 8000)
    assert row["us_per_step"] == pytest.approx(row["cycles_per_step"] / 91) and 400 < row["cycles_per_step"] < 500
    assert row["msop_per_s"] == pytest.approx(26 * 256 / row["us_per_step"])
    assert row["sop_per_cycle_per_klut"] == pytest.approx(26 * 256 / row["cycles_per_step"] / 8)
    assert {peer["config"]: round(peer["us_per_step"], 1) for peer in figures["peers"]}["Spiker+"] == 5.3
