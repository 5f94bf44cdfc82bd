"""The pictures of the pages on architecture and layers are what their script draws, and the pages show them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def words(path: Path) -> list[str]:
    """Every text in a picture; its lines depend on the version of the library that draws, its words do not."""
    return re.findall(r"<text[^>]*>([^<]*)</text>", path.read_text())


def test_pictures_are_up_to_date(tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(DOCS / "pictures.py"), "--folder", str(tmp_path)], check=True)
    drawn = sorted(tmp_path.iterdir())
    assert [p.name for p in drawn] == ["datapath.svg", "gather.svg", "lanes.svg", "software.svg", "walk.svg"]
    pages = "".join((DOCS / page).read_text() for page in ("architecture.md", "layers.md"))
    for path in drawn:
        assert words(path) == words(DOCS / path.name), f"draw it anew: python docs/pictures.py ({path.name})"
        assert len(words(path)) > 20 and f"]({path.name})" in pages


def test_every_later_kind_of_layer_is_drawn() -> None:
    assert set(words(DOCS / "lanes.svg")) >= {
        "Synaptic delays", "Graded input", "On-device learning", "Weights from outside", "Several cores",
    }  # fmt: skip
