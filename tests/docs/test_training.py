"""The example of the training page runs and learns, and the page names everything that the package exports."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "training.md"


def test_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S)
    exec(compile(code, "training.md", "exec"), {})
    assert float(capsys.readouterr().out.split()[0]) > 0.85


def test_page_names_the_public_interface() -> None:
    pytest.importorskip("torch")
    from lifline import train

    internal = {"LearnedDelays", "TrainableProjection", "as_spikes"}  # named in the docstrings of what is on the page
    assert {name for name in train.__all__ if f"`{name}`" not in PAGE.read_text()} <= internal
