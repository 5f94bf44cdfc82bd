"""The examples of the training page run, print what it says and learn, and the page names everything that the package exports."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "training.md"
EXAMPLES = re.findall(r"```python\n(.*?)```\n(?:\n((?: {4}[^\n]*\n)+))?", PAGE.read_text(), re.S)


@pytest.mark.parametrize(("code", "shown"), EXAMPLES)
def test_examples_run(code: str, shown: str, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch")
    exec(compile(code, "training.md", "exec"), {})
    printed = capsys.readouterr().out
    if shown:
        assert printed == textwrap.dedent(shown)
    else:
        assert float(printed.split()[0]) > 0.85  # accuracy of the long one


def test_every_example_is_run() -> None:
    assert len(EXAMPLES) == PAGE.read_text().count("```python") == 3


def test_page_names_the_public_interface() -> None:
    pytest.importorskip("torch")
    from lifline import train

    internal = {"LearnedDelays", "TrainableProjection", "as_spikes"}  # named in the docstrings of what is on the page
    assert {name for name in train.__all__ if f"`{name}`" not in PAGE.read_text()} <= internal
