"""Builds without the tools: what enters is built once, the best seed is kept, and the report says what was used of what there is."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest
from amaranth.build.run import BuildPlan
from typer.testing import CliRunner

from lifline.arch.config import preset
from lifline.arch.errors import ConfigError, ToolError
from lifline.boards import build as builds
from lifline.boards.build import BoardDesign, build
from lifline.cli.main import app

pytest.importorskip("amaranth_boards", reason="needs the boards; pip install 'lifline[boards]'")
FMAX = {1: 31.0, 2: 33.5, 3: 29.0}
"""Seed -> MHz that the tools here reach."""


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Tools that write what they are asked for at once; the seeds that they were run with."""
    done: list[int] = []

    def execute(plan: BuildPlan, root: str) -> None:
        asked_hz = made[-1].clock.hz
        script = str(plan.files[f"{plan.script}.sh"])
        seed = int(script.partition("--seed ")[2].split()[0])
        done.append(seed)
        folder = Path(root)
        folder.mkdir(parents=True)
        cells = {"ICESTORM_LC": (4790, 5280), "ICESTORM_RAM": (29, 30), "ICESTORM_DSP": (1, 8), "ICESTORM_SPRAM": (4, 4)}
        utilization = {cell: {"used": used, "available": available} for cell, (used, available) in cells.items()}
        (folder / "report.json").write_text(json.dumps({"fmax": {"clk": {"achieved": FMAX[seed], "constraint": asked_hz / 1e6}}, "utilization": utilization}))
        (folder / "top.bin").write_bytes(bytes([seed]) * 100)

    made: list[BoardDesign] = []

    class Watched(BoardDesign):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            made.append(self)

    monkeypatch.setattr(builds, "BoardDesign", Watched)
    monkeypatch.setattr(BuildPlan, "execute_local", execute)
    monkeypatch.setattr(builds, "tool_versions", lambda family: {"yosys": os.environ.get("FAKE_VERSION", "1")})
    monkeypatch.setattr(builds, "find_tools", lambda name, family: None)
    return done


def test_the_same_is_built_once(tmp_path: Path, runs: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    first = build("icebreaker", preset("small"), tmp_path)
    again = build("icebreaker", preset("small"), tmp_path)
    assert runs == [1] and not first.cached and again.cached and (again.used, again.fmax_mhz, again.seeds) == (first.used, first.fmax_mhz, {1: 31.0})
    assert again.bitstream.read_bytes() == bytes([1]) * 100
    for change in ({"force": True}, {"clock_hz": 24e6}, {"seed": 2}):
        build("icebreaker", preset("small"), tmp_path, **change)  # type: ignore[arg-type]
    assert runs == [1, 1, 1, 2]
    assert build("icebreaker", preset("small"), tmp_path, baud_hz=3_000_000).baud_hz == 3_000_000 and runs.pop() == 1
    build("icebreaker", preset("small").replace(max_delay=7), tmp_path)
    monkeypatch.setenv("FAKE_VERSION", "2")
    build("icebreaker", preset("small"), tmp_path)
    assert len(runs) == 6


@pytest.mark.parametrize("damage", ["bitstream", "no bitstream", "no report", "nonsense"])
def test_a_damaged_build_is_built_again(damage: str, tmp_path: Path, runs: list[int]) -> None:
    folder = build("icebreaker", preset("small"), tmp_path).folder
    if damage == "bitstream":
        (folder / "top.bin").write_bytes(b"damaged")
    elif damage == "no bitstream":
        (folder / "top.bin").unlink()
    else:
        (folder / "build.json").write_text("{}" if damage == "no report" else "nonsense")
    assert not build("icebreaker", preset("small"), tmp_path).cached and runs == [1, 1]


def test_the_fastest_of_several_seeds_is_kept(tmp_path: Path, runs: list[int]) -> None:
    shown: list[float] = []
    report = build("icebreaker", preset("small"), tmp_path, seeds=3, on_progress=lambda stage, share: shown.append(share))
    assert runs == [1, 2, 3] and report.seed == 2 and report.seeds == FMAX and report.fmax_mhz == 33.5
    assert report.bitstream == tmp_path / "icebreaker-small.bin" and report.bitstream.read_bytes() == bytes([2]) * 100
    assert build("icebreaker", preset("small"), tmp_path, seed=3, clock_hz=24e6).seed == 3
    with pytest.raises(ToolError, match=r"timing not met.*29.0 MHz of 30.0 MHz with seed 3; try more --seeds"):
        build("icebreaker", preset("small"), tmp_path, seed=3, clock_hz=30e6)
    with pytest.raises(ConfigError, match="number of seeds"):
        build("icebreaker", preset("small"), tmp_path, seeds=0)


def test_the_command_prints_and_writes_what_was_used_of_what_there_is(tmp_path: Path, runs: list[int]) -> None:
    done = CliRunner().invoke(app, ["build", "--board", "icebreaker", "--folder", str(tmp_path), "--seeds", "2", "--json"], env={"COLUMNS": "120"})
    assert done.exit_code == 0, done.output
    figures = json.loads(done.stdout.splitlines()[-1])
    assert figures == json.loads((tmp_path / "icebreaker-small.bin.json").read_text())
    assert (figures["block_ram"], figures["available"]["block_ram"], figures["seed"], figures["seeds"]) == (29, 30, 2, {"1": 31.0, "2": 33.5})
    assert figures["tools"] == {"yosys": "1"} and figures["cached"] is False and Path(figures["bitstream"]).is_file()
    table = (tmp_path / "icebreaker-small.bin.txt").read_text()
    for line in ("4,790 of 5,280 (91 %)", "29 of 30 (97 %)", "33.5 MHz of 30.0 MHz", "1: 31.0 MHz, 2: 33.5 MHz"):
        assert line in table and line in done.stderr


def test_without_a_terminal_progress_is_a_line_per_stage(tmp_path: Path, runs: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    stages = iter([("synthesis", 0.0), ("synthesis", 0.2), ("placement", 0.3), ("routing", 0.6)])
    quick = BuildPlan.execute_local

    def slow(plan: BuildPlan, root: str) -> None:
        time.sleep(0.2)
        quick(plan, root)

    monkeypatch.setattr(BuildPlan, "execute_local", slow)
    monkeypatch.setattr(builds, "POLL_S", 0.02)
    monkeypatch.setattr(builds, "progress", lambda folder: next(stages, ("routing", 0.9)))
    done = CliRunner().invoke(app, ["build", "--board", "icebreaker", "--folder", str(tmp_path)])
    assert [line.split(" of ")[0] for line in done.stderr.splitlines() if "% done" in line] == ["synthesis", "placement", "routing"]


def test_boards_are_listed_with_what_fits() -> None:
    done = CliRunner().invoke(app, ["boards", "--json"])
    assert done.exit_code == 0, done.output
    rows = {row["board"]: row for row in json.loads(done.stdout.splitlines()[-1])["boards"]}
    assert {name: rows[name]["largest"] for name in ("ulx3s-25f", "ulx3s-85f", "icebreaker")} == {"ulx3s-25f": "medium", "ulx3s-85f": "large", "icebreaker": "small"}
    assert rows["icebreaker"]["available"] == {"lut": 5280, "ff": 5280, "block_ram": 30, "dsp": 8, "spram": 4}
    assert rows["ulx3s-25f"]["clock_mhz"] == 90 and rows["ulx3s-25f"]["baud_hz"] == 1_000_000
    assert all(name in done.stderr for name in rows)
