"""The example of the page on the search runs and prints what the page says; its table has every choice."""

from __future__ import annotations

import dataclasses

import pytest

from lifline.explore.space import Space

from .test_pages import DOCS, run_example

TEXT = (DOCS / "explore.md").read_text()


def test_the_example_prints_what_the_page_says(capsys: pytest.CaptureFixture[str]) -> None:
    printed = run_example("explore.md", capsys)
    assert "".join(f"    {line}\n" for line in printed.splitlines()) in TEXT and len(printed.splitlines()) == 3


def test_every_choice_is_described() -> None:
    table = TEXT[TEXT.index("## What is searched") : TEXT.index("## Where figures come from")]
    assert not [f.name for f in dataclasses.fields(Space) if f"`{f.name}`" not in table]
