"""The example of the README runs, its links lead somewhere, and its picture shows what the demo shows now."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from PIL import Image

from lifline.arch.config import preset
from lifline.cli.demo import CHOSEN_ON
from lifline.data import digits
from lifline.driver.choose import compile_auto
from lifline.driver.predict import predict, record_activity

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
PAGES = [README, ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
def test_readme_example_runs(capsys: pytest.CaptureFixture[str]) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.S)
    assert len(code.splitlines()) <= 10, "a ten-line example"
    exec(compile(code, "README.md", "exec"), {})
    assert "[" in capsys.readouterr().out


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_every_page_can_be_reached_from_the_readme() -> None:
    text = README.read_text()
    assert [page.name for page in PAGES[2:] if f"docs/{page.name}" not in text] == []


def test_picture_is_up_to_date() -> None:
    """The picture carries its figures; the cycle model says what they are now."""
    drawn = json.loads(Image.open(ROOT / "docs" / "demo.png").text["lifline"])  # type: ignore[attr-defined]
    network, config = digits.network(), preset("medium")
    record = ["all", f"{network.output}.v"]
    program, choices = compile_auto(network, config, digits.encode(digits.load("train")[0][:CHOSEN_ON]), record=record)
    costs = predict(program, config, record_activity(network, digits.encode(digits.load("test")[0])), record=record)
    now = {"modes": {c.target: c.mode.name.lower() for c in choices}, "cycles_per_image": sum(c.busy_cycles for c in costs) / len(costs)}
    assert {name: drawn[name] for name in now} == now, "draw it anew: lifline demo --picture docs/demo.png"
