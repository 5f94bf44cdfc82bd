"""The example of the page on conversion and STDP runs, and both ways classify."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "three_ways.md"


def test_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)
    exec(compile(code, "three_ways.md", "exec"), {})
    found = {line.split()[0]: float(line.split()[1]) for line in capsys.readouterr().out.splitlines()}
    assert found["conversion"] > 0.94 and found["STDP"] > 0.9
