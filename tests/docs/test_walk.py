"""The page that follows one spike prints what a run gives, and every file on the way is there; every room is passed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "walk.md").read_text()
FILES = re.findall(r"`([\w/]+\.py)`", PAGE)


def test_the_numbers_come_from_a_run(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    exec(compile(code, "walk.md", "exec"), {})
    assert f"It prints `{capsys.readouterr().out.strip()}`" in PAGE


def test_every_file_on_the_way_is_there() -> None:
    assert [file for file in FILES if not (ROOT / file).is_file()] == []


def test_the_way_leads_through_every_room_of_the_gateware() -> None:
    rooms = {folder.name for folder in (ROOT / "rtl").iterdir() if (folder / "__init__.py").exists()}
    assert rooms - {"cells"} == {Path(file).parent.name for file in FILES if file.count("/") == 2 and file.startswith("rtl/")}
