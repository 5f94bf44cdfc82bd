"""What all commands of ``lifline`` share: the application, its options, and how errors and figures look."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lifline import __version__
from lifline.arch.config import PRESETS
from lifline.arch.errors import InputError, LiflineError

app = typer.Typer(help="Spiking neural networks on FPGAs, every bit checked.", no_args_is_help=True, pretty_exceptions_enable=False)
console = Console(stderr=True)


def _version(wanted: bool) -> None:
    if wanted:
        print(f"lifline {__version__}")
        raise typer.Exit()


@app.callback()
def main(version: Annotated[bool, typer.Option("--version", is_eager=True, callback=_version, help="print the version and leave")] = False) -> None:
    """Spiking neural networks on FPGAs, every bit checked."""


Json = Annotated[bool, typer.Option("--json", help="print one JSON object as the last line")]
ConfigName = Annotated[str, typer.Option("--config", metavar="NAME|FILE", help=f"{', '.join(PRESETS)}, or a file of `lifline config new`")]


CoefficientsFile = Annotated[Path | None, typer.Option("--coefficients", metavar="FILE", help="of energy, measured on a board: docs/energy.md")]


@contextmanager
def typed_errors() -> Iterator[None]:
    """Typed errors, and files that the system does not give, become one line (on a terminal: wrapped at words) and exit status 1."""
    try:
        yield
    except (LiflineError, OSError) as error:
        # Names in a message may come from a file of a stranger: no control codes reach the terminal.
        message = "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in str(error))
        console.print(f"[red]{type(error).__name__}[/]: {escape(message)}", highlight=False, soft_wrap=not console.is_terminal)
        raise typer.Exit(1) from error


def print_json(figures: Mapping[str, Any]) -> None:
    """One JSON object on one line of standard output; everything for people goes to standard error."""
    print(json.dumps(figures), flush=True)


def print_figures(figures: Mapping[str, Any], title: str | None = None) -> None:
    """A table of names and values."""
    table = Table(title=title, show_header=False, title_style="bold")
    for name, value in figures.items():
        table.add_row(name.replace("_", " "), escape(f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)))
    console.print(table)


def read_array(path: Path) -> np.ndarray:
    """An array from a ``.npy`` file.

    Raises
    ------
    InputError   if there is no such file, or it is not a ``.npy`` file.
    """
    try:
        if path.is_file():  # mapped first: a header may ask for more than the file holds
            return np.array(np.lib.format.open_memmap(path, mode="r"))
        with path.open("rb") as file:
            return np.lib.format.read_array(file, allow_pickle=False)
    except Exception as error:  # whatever the library raises on bytes that it does not understand
        raise InputError(f"{path} cannot be read as a .npy array ({error}); write one with numpy.save") from error


def write_array(path: Path, array: np.ndarray) -> None:
    """An array to a ``.npy`` file of exactly this name."""
    with path.open("wb") as file:
        np.save(file, array)
