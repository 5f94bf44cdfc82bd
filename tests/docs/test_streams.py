"""The page on streams: its example prints what the page says, and its links lead somewhere."""

from __future__ import annotations

import re
import shutil

import pytest

from .test_pages import DOCS, run_example


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
def test_both_devices_print_the_line_of_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    first, second = run_example("streams.md", capsys).splitlines()
    assert first == second and f"`{first}`" in (DOCS / "streams.md").read_text(), first


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)", (DOCS / "streams.md").read_text()):
        assert (DOCS / target).exists(), target
