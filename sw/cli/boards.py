"""``lifline boards``, ``build`` and ``program``: from a configuration to a board that carries it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from lifline.arch.config import Config
from lifline.arch.config_file import configuration
from lifline.arch.errors import ConfigError

from .app import Json, app, console, print_json, typed_errors

FOLDER = Path("build-board")


@app.command()
def boards(
    board: Annotated[str | None, typer.Option(help="all that is known of one of them")] = None,
    as_json: Json = False,
) -> None:
    """Show the boards that bitstreams can be built for, what fits them and what that holds; with --board one of them in full."""
    from lifline.boards import board as known
    from lifline.driver.overview import board_row, overview

    with typed_errors():
        rows = overview() if board is None else [board_row(board, known.board(board))]
    console.print(_all_boards(rows) if board is None else _one_board(rows[0]))
    if as_json:
        print_json({"boards": rows})


def _thousands(number: float) -> str:
    return f"{number / 1000:,.0f} k" if number >= 10_000 else f"{number / 1000:.1f} k"


def _all_boards(rows: list[dict[str, Any]]) -> Table:
    """80 columns are enough."""
    said = (
        "fits: the largest preset. built: the configuration it is built with, which the columns behind it are about; * with fewer weights. R256: time steps per second of 256 x "
        "256 weights with 26 spikes in each, as the core computes them, and as the line brings them at "
        f"{rows[0]['baud_hz'] // 1_000_000} Mbaud; - does not fit. With the chip's resources: --board NAME, --json"
    )
    table = Table(box=box.SIMPLE_HEAD, padding=0, show_edge=False, caption=said, caption_justify="left")
    for name in ("board", "chip", "fits", "built"):
        table.add_column(name, no_wrap=True)
    for name in ("MHz", "weights", "neurons", "R256\ncore", "R256\nline"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        base, changed, _ = row["config"].partition("+")
        rates = [_thousands(row["r256"][name]) for name in ("core", "link")] if row["r256"] else ["-", "-"]
        table.add_row(
            row["board"], row["chip"], row["largest"] or "nothing", base + ("*" if changed else ""), f"{row['clock_mhz']:g}",
            _thousands(row["holds"]["weights"]), f"{row['holds']['neurons']:,}", *rates,
        )  # fmt: skip
    return table


def _one_board(row: dict[str, Any]) -> Table:
    from lifline.boards.capacity import NAMES
    from lifline.boards.chip import RESOURCES

    chip, takes, holds = row["available"], row["takes"], row["holds"]
    table = Table(title=row["title"], show_header=False, title_style="bold")
    table.add_row("chip", f"{row['chip']}, family {row['family']}")
    table.add_row("largest preset that fits", row["largest"] or "none")
    table.add_row("built with", f"{row['config']} at {row['clock_mhz']:g} MHz")
    for name in (n for n in RESOURCES if n in NAMES and (n in chip or takes[n])):
        table.add_row(NAMES[name], f"{'about ' if name == 'lut' else ''}{takes[name]:,} of {chip.get(name, 0):,}")
    table.add_row("holds", f"{holds['weights']:,} weights, {holds['neurons']:,} neurons, {holds['inputs']:,} inputs, delays to {holds['max_delay']} steps")
    faster = f"{row['fastest_baud_hz']:,} baud with --baud" if row["fastest_baud_hz"] else "what its firmware can do with --baud"
    table.add_row("serial line", f"{row['baud_hz']:,} baud, {row['link_bytes_per_s'] / 1000:g} kB/s each way; through its {row['adapter']} up to {faster}")
    if row["usb"]:
        table.add_row("USB on the FPGA", f"port {row['usb']}, full speed, with --link usb")
    rates = row["r256"]
    table.add_row("256 x 256, 26 spikes per step", f"{rates['core']:,.0f} steps/s in the core, {rates['link']:,.0f} on the line" if rates else "does not fit")
    return table


@app.command()
def build(
    board: Annotated[str, typer.Option(help="one of `lifline boards`")],
    config: Annotated[str | None, typer.Option(metavar="NAME|FILE", help="default: the one that suits the board")] = None,
    folder: Annotated[Path, typer.Option(help="where to build")] = FOLDER,
    clock: Annotated[float | None, typer.Option(help="clock of the core in MHz; default: the board's")] = None,
    baud: Annotated[int | None, typer.Option(help="rate of the serial line; default: 1000000")] = None,
    link: Annotated[str, typer.Option(metavar="serial|usb", help="usb: on pins of the FPGA, where `lifline boards --board` names a port")] = "serial",
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
            if link != "serial":
                raise ConfigError(f"the {known.board(board).title} is built for its serial line only: leave --link out")
            return _project(board, chosen, folder, clock, baud, as_json)
        task = progress.add_task(f"{chosen.name} for {board}", total=1.0)
        said: list[str] = []

        def show(stage: str, share: float) -> None:
            progress.update(task, description=f"{stage} of {chosen.name} for {board}", completed=share)
            if not console.is_terminal and said[-1:] != [stage]:
                said.append(stage)
                console.print(f"{stage} of {chosen.name} for {board}, {100 * share:.0f} % done", highlight=False, soft_wrap=True)

        report = builds.build(
            board, chosen, folder, clock_hz=None if clock is None else clock * 1e6, link=link, baud_hz=baud,
            seed=seed, seeds=seeds, force=force, on_progress=show,
        )
    table = Table(title=f"{report.config} on {report.board}", show_header=False, title_style="bold")
    for name, value in report.rows():
        table.add_row(name, escape(value))
    console.print(table)
    if as_json:
        print_json(report.figures())


def _project(board: str, config: Config, folder: Path, clock: float | None, baud: int | None, as_json: bool) -> None:
    """Write the project for a vendor's tools and say what it needs."""
    from lifline.boards.board import BAUD_HZ
    from lifline.boards.board import board as known
    from lifline.boards.project import write_project

    with console.status(f"writing the project of {config.name} for {board}, and counting what it takes"):
        project = write_project(board, known(board), config, folder, clock_hz=None if clock is None else clock * 1e6, baud_hz=BAUD_HZ if baud is None else baud)
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
