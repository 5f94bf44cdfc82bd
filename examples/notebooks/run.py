"""Runs notebooks from a clean kernel, or takes what an editor leaves in them out again.

    python examples/notebooks/run.py [NAME ...] [--out build/notebooks]     runs them; keeps each with its output, and the last picture as PNG
    python examples/notebooks/run.py [NAME ...] --clean                     no output, no counts: what git should see
"""

from __future__ import annotations

import argparse
import base64
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parent
NAMES = ("first_steps", "delays", "import", "board")
"""In the order in which they are meant to be read."""
METADATA = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}, "language_info": {"name": "python"}}


def read(name: str) -> Any:
    """The notebook of this name, valid."""
    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    nbformat.validate(notebook)
    return notebook


def cleaned(notebook: Any) -> str:
    """The text of a notebook without outputs and counts, with the same metadata whoever edited it."""
    notebook = nbformat.from_dict(notebook | {"metadata": METADATA})
    for cell in notebook.cells:
        cell.metadata = {}
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return nbformat.writes(notebook) + "\n"


def execute(notebook: Any, folder: Path, timeout_s: int = 600) -> Any:
    """Run all cells in a kernel of their own, with ``folder`` as its working directory.

    Raises
    ------
    nbclient.exceptions.CellExecutionError   with the cell and its traceback.
    """
    where = {"metadata": {"path": str(folder)}}
    return NotebookClient(notebook, timeout=timeout_s, kernel_name="python3", extra_arguments=["--log-level=ERROR"], resources=where).execute()


def pictures(notebook: Any) -> list[bytes]:
    """PNG of what every code cell drew; empty where one drew nothing."""
    return [
        b"".join(base64.b64decode(output.data["image/png"]) for output in cell.outputs if "image/png" in output.get("data", {}))
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], metavar="NAME", help=f"{', '.join(NAMES)}; default: all")
    parser.add_argument("--out", type=Path, default=Path("build/notebooks"))
    parser.add_argument("--clean", action="store_true")
    options = parser.parse_args()
    for name in options.names or NAMES:
        notebook = read(name)
        if options.clean:
            (FOLDER / f"{name}.ipynb").write_text(cleaned(notebook))
            continue
        options.out.mkdir(parents=True, exist_ok=True)
        execute(notebook, options.out)
        nbformat.write(notebook, options.out / f"{name}.ipynb")
        (options.out / f"{name}.png").write_bytes(pictures(notebook)[-1])
        print(f"{name}: {options.out / name}.ipynb, .png")


if __name__ == "__main__":
    main()
