"""The reference that Sphinx makes from the docstrings: no warnings, every module in it, the notation of sections understood."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
COMMAND = ["-m", "sphinx", "-W", "--keep-going", "docs/reference"]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the built pages."""
    folder = tmp_path_factory.mktemp("reference")
    done = subprocess.run([sys.executable, *COMMAND, str(folder), "-q", "-E"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def notation() -> ModuleType:
    spec = importlib.util.spec_from_file_location("notation", ROOT / "docs" / "reference" / "notation.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_module_is_described(pages: Path) -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    text = "".join(page.read_text() for page in (pages / "pages").glob("*.html"))
    for top, folder in settings["package-dir"].items():
        for file in (ROOT / folder).rglob("*.py"):
            parts = [top, *file.relative_to(ROOT / folder).with_suffix("").parts]
            assert f'id="module-{".".join(parts).removesuffix(".__init__")}"' in text, parts


def test_ports_parameters_and_errors_are_lists_of_their_own(pages: Path) -> None:
    text = (pages / "pages" / "lifline.compiler.projections.html").read_text()
    assert "<strong>first, fan_in</strong>" in text and "<strong>words</strong>" in text
    text = (pages / "pages" / "lifline.driver.html").read_text()
    assert text.count("Raises<span") > 10


def test_the_command_is_the_one_of_contributing() -> None:
    assert f"python {' '.join(COMMAND)} build/reference" in (ROOT / "CONTRIBUTING.md").read_text()


@pytest.mark.parametrize(("written", "read"), [
    ("Attributes\n---\na, b : shape (x,).   c : all of\nthem.", "Attributes\n----------\na, b\n    shape (x,).\nc\n    all of\n    them."),
    ("Members\n-------\na : one of\ntwo.   b : three", "Members\n-------\na\n    one of\n    two.\nb\n    three"),
    ("Raises\n------\nValueError   if a : b\nLinkError, DeviceError   as :meth:`run`;\nboth.", "Raises\n------\nValueError\n    if a : b\nLinkError, DeviceError\n    as :meth:`run`;\n    both."),
    ("Parameters\n----------\nname : int\n    What it is.", "Parameters\n----------\nname\n    int\n    What it is."),
    ("Returns\n-------\nSpikes (batch, *shape) of 0/1, *all*.", "Returns\n-------\nSpikes (batch, \\*shape) of 0/1, *all*."),
    ("One line.\n\nNotes\n-----\na : b", "One line.\n\nNotes\n-----\na : b"),
])  # fmt: skip
def test_notation(notation: ModuleType, written: str, read: str) -> None:
    assert notation.written_out(written.split("\n")) == read.split("\n")
