"""Three users' ways, from their own data to numbers, each a short script: they run, and end where they should."""

from __future__ import annotations

import re
import runpy
import shutil
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "examples" / "journeys"


def run(name: str, *arguments: object, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
    runpy.run_path(str(FOLDER / f"{name}.py"), run_name="__main__")


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda p: p.stem)
def test_a_journey_is_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 40


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
def test_a_researcher_gets_integers_that_keep_what_was_trained(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("snntorch")
    run("researcher", "--epochs", 3, "--samples", 60, "--device", "golden:medium", monkeypatch=monkeypatch, folder=tmp_path)
    said = " ".join(capsys.readouterr().out.split())
    found = re.search(r"accuracy: ([\d.]+)% in floating point, ([\d.]+)% quantised", said)
    assert found is not None and float(found[1]) > 60 and abs(float(found[1]) - float(found[2])) < 10
    assert (tmp_path / "researcher.html").stat().st_size < 3_000_000


def test_an_engineer_finds_every_sweep_and_has_firmware(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run("engineer", "--device", "golden:small", "--seconds", 2, monkeypatch=monkeypatch, folder=tmp_path)
    assert capsys.readouterr().out.startswith("4 sweeps in ")
    assert {"lifline.h", "lifline_driver.c", "sweeps.c"} <= {path.name for path in (tmp_path / "firmware").iterdir()}


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
def test_a_hardware_researcher_trusts_a_configuration_of_his_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run("hardware", "--programs", 6, monkeypatch=monkeypatch, folder=tmp_path)
    checked, before, after = capsys.readouterr().out.splitlines()
    assert checked == "6 random programs: 0 differ in values, 0 in cycles"
    assert float(after.split()[1]) < float(before.split()[1])
    assert "module top" in (tmp_path / "mine" / "top.v").read_text()
