"""The notebooks run from a clean kernel, end with a picture, and are kept without what a run leaves in them."""

from __future__ import annotations

import importlib.util
import io
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "examples" / "notebooks"
LONGEST_CELL = 14


def load_runner() -> Any:
    spec = importlib.util.spec_from_file_location("notebook_runner", FOLDER / "run.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


runner = load_runner()


def texts(notebook: Any) -> str:
    return "".join(output.text for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs if output.output_type == "stream")


def test_every_notebook_is_listed_and_no_other() -> None:
    assert {path.stem for path in FOLDER.glob("*.ipynb")} == set(runner.NAMES)
    assert all(f"]({name}.ipynb)" in (FOLDER / "README.md").read_text() for name in runner.NAMES)


@pytest.mark.parametrize("name", runner.NAMES)
def test_a_notebook_is_kept_clean_and_its_cells_are_short(name: str) -> None:
    notebook = runner.read(name)
    assert (FOLDER / f"{name}.ipynb").read_text() == runner.cleaned(notebook), f"python examples/notebooks/run.py {name} --clean"
    assert notebook.cells[0].cell_type == "markdown" and notebook.cells[-1].cell_type == "code"
    assert max(len(cell.source.splitlines()) for cell in notebook.cells if cell.cell_type == "code") <= LONGEST_CELL
    assert "".join(cell.cell_type[0] for cell in notebook.cells).count("cc") <= 3, "text between cells of code"


def test_links_of_notebooks_lead_somewhere() -> None:
    for name in runner.NAMES:
        for cell in runner.read(name).cells:
            for target in re.findall(r"\]\(([^)#:]+)\)", cell.source if cell.cell_type == "markdown" else ""):
                assert (FOLDER / target).exists(), (name, target)


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
@pytest.mark.parametrize("name", runner.NAMES)
def test_a_notebook_runs_from_a_clean_kernel_and_ends_with_a_picture(name: str, tmp_path: Path) -> None:
    notebook = runner.execute(runner.read(name), tmp_path)
    drawn = runner.pictures(notebook)[-1]
    assert drawn, f"the last cell of {name} draws nothing"
    pixels = np.asarray(Image.open(io.BytesIO(drawn)).convert("RGB"))
    assert pixels.shape[0] > 200 and pixels.shape[1] > 700 and len(np.unique(pixels.reshape(-1, 3), axis=0)) > 20
    said = texts(notebook)
    if name in ("first_steps", "board"):
        assert "0 values differ" in said
    if name == "delays":
        assert "7, 6, ... 0  up: 1 spikes, down: 0 spikes" in said
    if name == "import":
        assert said.count("in integers; same prediction") == 3
    assert runner.cleaned(notebook) == (FOLDER / f"{name}.ipynb").read_text(), "what a run leaves is cleaned away"
