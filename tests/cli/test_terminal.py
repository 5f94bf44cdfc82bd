"""What a terminal of 80 columns shows: help of every command, tables, errors; the version."""

from __future__ import annotations

import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest
import typer
from rich.cells import cell_len
from rich.console import Console
from typer.testing import CliRunner

import lifline
from lifline.cli import app as shared
from lifline.cli.main import app
from lifline.compiler.compile import compile_network
from lifline.compiler.program_file import save as save_program
from lifline.data import digits

COMMANDS = sorted(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


def shown(*words: str) -> str:
    """Output of a command on a terminal of 80 columns; none of its lines is longer."""
    result = CliRunner().invoke(app, list(words), env={"COLUMNS": "80", "TERMINAL_WIDTH": "80"})
    assert not result.exit_code, result.output
    assert max(cell_len(line) for line in result.output.splitlines()) <= 80, result.output
    assert "…" not in result.output, "nothing is cut off"
    return result.output


@pytest.mark.parametrize("command", COMMANDS)
def test_help_fits(command: str) -> None:
    assert f"lifline {command}" in shown(command, "--help").replace("root", "lifline")


def test_help_and_tables_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "--version" in shown("--help")
    save_program(compile_network(digits.network(), lifline.preset("medium")), tmp_path / "program")
    monkeypatch.setattr(shared.console, "_width", 80)
    assert "weights" in shown("info") and "hidden1" in shown("show", str(tmp_path / "program"))


def test_boards_fit_and_so_does_one_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared.console, "_width", 80)
    lines = {line.split()[0]: line.split() for line in shown("boards").splitlines() if line[:1].strip()}
    assert lines["icebreaker"][1:] == ["iCE40UP5K", "small", "small", "30", "131", "k", "512", "27", "k", "1.7", "k"]
    assert lines["ecpix-5-85"][1] == "LFE5UM5G-85F" and lines["tang-nano-20k"][3] == "medium*"
    assert "29 of 30" in shown("boards", "--board", "icebreaker") and "does not fit" in shown("boards", "--board", "tang-nano-9k")


def test_version() -> None:
    assert shown("--version") == f"lifline {lifline.__version__}\n"
    done = subprocess.run([sys.executable, "-m", "lifline", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"lifline {lifline.__version__}\n"


def test_errors_wrap_at_words_on_a_terminal_and_stay_one_line_in_scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    message = "a message that is longer than the eighty columns of the terminals that everybody still uses for it"
    for terminal, lines in ((True, 2), (False, 1)):
        file = StringIO()
        monkeypatch.setattr(shared, "console", Console(file=file, force_terminal=terminal, color_system=None, width=80))
        with pytest.raises(typer.Exit), shared.typed_errors():
            raise lifline.InputError(message)
        written = file.getvalue().splitlines()
        assert len(written) == lines and " ".join(line.strip() for line in written) == f"InputError: {message}"
