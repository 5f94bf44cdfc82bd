"""The example of the page on cycles runs, and the benchmark behind its figure."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "cycles.md").read_text(), re.S)
    exec(compile(code, "cycles.md", "exec"), {})
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    for line in lines[:3]:  # what is chosen is what is cheaper, by the margin that is shown
        _, _, event, dense, mode, margin = line.split()
        cheaper, dearer = sorted((float(event), float(dense)))
        assert mode == ("DENSE" if cheaper == float(dense) else "EVENT") and margin == f"{dearer / cheaper - 1:.1%}"


def test_crossover_map(tmp_path: Path) -> None:
    command = [sys.executable, ROOT / "bench" / "modes.py", "--preset", "medium", "--steps", "16", "--check", "0", "--json"]
    done = subprocess.run([*command, "--picture", tmp_path / "modes.png"], capture_output=True, text=True, check=True)
    figures = json.loads(done.stdout.splitlines()[-1])
    assert len(figures["points"]) == 4 * 3 * 12 and (tmp_path / "modes.png").stat().st_size > 10_000
    silent, busy = figures["points"][0], figures["points"][11]
    assert silent["event"] < busy["event"] and busy["dense"] < busy["event"]
