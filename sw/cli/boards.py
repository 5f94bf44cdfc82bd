"""``lifline boards``, ``build`` and ``program``: from a configuration to a board that carries it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.progress import Progress
from rich.table import Column, Table

from lifline.arch.config import Config
from lifline.arch.config_file import configuration
from lifline.arch.errors import ConfigError

from .app import Json, app, console, print_json, typed_errors

FOLDER = Path("build-board")


@app.command()
def boards(as_json: Json = False) -> None:
    """Show the boards that bitstreams can be built for, with their chips, and what fits them."""
    from lifline.boards.overview import overview

    with typed_errors():
        rows = overview()
    table = Table(Column("board", no_wrap=True), "chip", "tables", "block RAM", "mult.", "fits", "MHz", "kB/s")
    for row in rows:
        chip = row["available"]
        memory = f"{chip['block_ram']}" + (f" + {chip['spram']} large" if "spram" in chip else "")
        table.add_row(
            row["board"], row["chip"], f"{chip['lut']:,}", memory, str(chip.get("dsp", 0)), row["largest"] or "nothing",
            f"{row['clock_mhz']:g}", f"{row['link_bytes_per_s'] / 1000:g}",
        )  # fmt: skip
    console.print(table)
    if as_json:
        print_json({"boards": rows})


@app.command()
def build(
    board: Annotated[str, typer.Option(help="one of `lifline boards`")],
    config: Annotated[str | None, typer.Option(metavar="NAME|FILE", help="default: the one that suits the board")] = None,
    folder: Annotated[Path, typer.Option(help="where to build")] = FOLDER,
    clock: Annotated[float | None, typer.Option(help="clock of the core in MHz; default: the board's")] = None,
    seed: Annotated[int | None, typer.Option(help="of the placer; the board's own choice if not given")] = None,
    seeds: Annotated[int, typer.Option(min=1, max=100, help="how many seeds to try; the fastest is kept")] = 1,
    force: Annotated[bool, typer.Option("--force", help="build even what was built before from exactly the same")] = False,
    as_json: Json = False,
) -> None:
    """Build a bitstream (extra `boards`); takes a few minutes, and nothing if it was built before. For chips of AMD and Intel: write a project for their tools."""
    from lifline.boards import board as known
    from lifline.boards import build as builds
    from lifline.boards.families.vendor import VendorFamily

    with typed_errors(), Progress(console=console, transient=True) as progress:
        chosen = configuration(config) if config else known.board(board).configuration()
        if isinstance(known.board(board).family, VendorFamily):
            if seed is not None or seeds != 1:
                raise ConfigError(f"the {known.board(board).title} is placed by the vendor's tools: leave --seed and --seeds out")
            return _project(board, chosen, folder, clock, as_json)
        task = progress.add_task(f"{chosen.name} for {board}", total=1.0)
        said: list[str] = []

        def show(stage: str, share: float) -> None:
            progress.update(task, description=f"{stage} of {chosen.name} for {board}", completed=share)
            if not console.is_terminal and said[-1:] != [stage]:
                said.append(stage)
                console.print(f"{stage} of {chosen.name} for {board}, {100 * share:.0f} % done", highlight=False, soft_wrap=True)

        report = builds.build(
            board, chosen, folder, clock_hz=None if clock is None else clock * 1e6, seed=seed, seeds=seeds, force=force, on_progress=show
        )
    table = Table(title=f"{report.config} on {report.board}", show_header=False, title_style="bold")
    for name, value in report.rows():
        table.add_row(name, escape(value))
    console.print(table)
    if as_json:
        print_json(report.figures())


def _project(board: str, config: Config, folder: Path, clock: float | None, as_json: bool) -> None:
    """Write the project for a vendor's tools and say what it needs."""
    from lifline.boards.board import board as known
    from lifline.boards.project import write_project

    with console.status(f"writing the project of {config.name} for {board}, and counting what it takes"):
        project = write_project(board, known(board), config, folder, clock_hz=None if clock is None else clock * 1e6)
    table = Table(title=f"{project.config} on {project.board}, for {project.program}", show_header=False, title_style="bold")
    for name, value in project.rows():
        table.add_row(name, escape(value))
    console.print(table)
    if as_json:
        print_json(project.figures())


@app.command()
def program(
    bitstream: Annotated[Path | None, typer.Argument(metavar="FILE", help="default: the newest that was built for the board")] = None,
    board: Annotated[str | None, typer.Option(help="one of `lifline boards`")] = None,
    flash: Annotated[bool, typer.Option("--flash", help="keep it in the board's flash; else it is gone with the power")] = False,
    listing: Annotated[bool, typer.Option("--list", help="show what is plugged in, and load nothing")] = False,
    folder: Annotated[Path, typer.Option(help="where bitstreams were built")] = FOLDER,
) -> None:
    """Load a bitstream into a board, through openFPGALoader."""
    from lifline.boards import program as programs
    from lifline.boards.board import BOARDS

    with typed_errors():
        if listing:
            console.print(escape(programs.attached() or "nothing is plugged in"), highlight=False)
            return
        if board is None:
            raise ConfigError(f"name the board: --board {', '.join(BOARDS)}")
        file = bitstream or programs.built(board, folder)
        with console.status(f"loading {file} into {board}"):
            programs.program(board, file, flash=flash)
    where = f"flash of the {BOARDS[board].title}" if flash else f"{BOARDS[board].title}, until the power goes"
    console.print(f"{file} is in the {where}; try `lifline selftest`", highlight=False, soft_wrap=True)
