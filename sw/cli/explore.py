"""``lifline explore``: the accelerators for a network that nothing else beats."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from lifline.arch.errors import InputError
from lifline.boards.board import BOARDS

from .app import CoefficientsFile, Json, app, console, print_figures, print_json, read_array, typed_errors

FOLDER = Path("explored")
Scheduler = Annotated[str | None, typer.Option(metavar="ADDRESS", help="of a Dask scheduler, for other machines; default: processes of this one")]
Workers = Annotated[int | None, typer.Option(min=0, help="processes; 0: this one alone; default: one per processor")]


@app.command()
def explore(
    network: Annotated[Path, typer.Argument(help="network file, or NIR graph (.nir) in floating point")],
    spikes: Annotated[Path, typer.Argument(help=".npy, (batch, time, neuron) of 0/1")],
    labels: Annotated[Path, typer.Option(help=".npy with labels (batch)")],
    calibration: Annotated[Path | None, typer.Option(help=".npy with other spikes, for scales; default: the first 100 of SPIKES")] = None,
    dialect: Annotated[str | None, typer.Option(help="of a NIR graph")] = None,
    board: Annotated[list[str] | None, typer.Option(help=f"{', '.join(BOARDS)}; repeatable; default: all")] = None,
    trials: Annotated[int, typer.Option(min=1, help="candidates that are looked at, earlier ones of the study included")] = 100,
    values: Annotated[list[str] | None, typer.Option("--set", metavar="CHOICE=A,B", help="values that are searched, e.g. lanes=8,16; repeatable")] = None,
    candidate: Annotated[str | None, typer.Option(help="look at this one alone, e.g. 'board=icebreaker dense=false lanes=8'")] = None,
    builds: Annotated[int, typer.Option(min=0, help="how many of the front are really built, minutes each (extra `boards`)")] = 0,
    folder: Annotated[Path, typer.Option(help="for the study, its cache and what it finds")] = FOLDER,
    tolerance: Annotated[float, typer.Option(help="accuracy that is given up for speed in what is chosen")] = 0.01,
    sampler: Annotated[str, typer.Option(help="guided by a model of what was found, tpe, or random")] = "guided",
    seed: Annotated[int, typer.Option(help="of the sampler")] = 0,
    costed: Annotated[int, typer.Option(min=1, help="samples whose cycles are counted")] = 32,
    coefficients: CoefficientsFile = None,
    scheduler: Scheduler = None,
    workers: Workers = None,
    as_json: Json = False,
) -> None:
    """Search the accelerators that suit a network and samples best (extra `explore`)."""
    with typed_errors():
        problem = _problem(network, spikes, labels, calibration, dialect, costed, folder, coefficients)
        if candidate is not None:
            found = _one(problem, candidate, folder, builds > 0)
            print_figures({k: f"{v:.4g}" if isinstance(v, float) else v for k, v in found.items()}, "the candidate")
        else:
            space = _space(board or list(BOARDS), values or [], problem.source.longest_delay)
            found = _search(problem, space, trials, folder, sampler, seed, builds, tolerance, scheduler, workers)
            _print(found, folder)
    if as_json:
        print_json(found)


def _problem(
    network: Path, spikes: Path, labels: Path, calibration: Path | None, dialect: str | None, costed: int, folder: Path, coefficients: Path | None,
) -> Any:
    from lifline.explore.evaluate import Problem
    from lifline.explore.requantise import CALIBRATED, FloatSource, IntegerSource
    from lifline.network import file as network_file
    from lifline.network.spikes import as_batch

    samples = read_array(spikes)
    typical = samples[:CALIBRATED] if calibration is None else read_array(calibration)
    if network.suffix == ".nir":
        from lifline.convert.nir.import_graph import import_nir

        exact = import_nir(network, dialect)
        source: Any = FloatSource(exact, typical)
    else:
        integers = network_file.load(network)
        source = IntegerSource(integers, as_batch(typical, integers.input.size, None)[0])
    return Problem(source=source, spikes=samples, labels=read_array(labels), costed=costed, cache=folder / "cache", coefficients=coefficients)


def _space(boards: list[str], values: list[str], longest_delay: int) -> Any:
    from lifline.explore.space import Space, delays_to_try

    return Space(board=tuple(boards), delays=delays_to_try(longest_delay)).changed(values)


def _one(problem: Any, text: str, folder: Path, really: bool) -> dict[str, Any]:
    """One candidate: its figures, and its files in ``folder``."""
    from lifline.explore.builds import built
    from lifline.explore.candidate import Candidate
    from lifline.explore.evaluate import evaluate
    from lifline.explore.outcome import save_outcome
    from lifline.explore.search import Trial

    choice = Candidate.parse(text)
    trial = Trial(0, choice, evaluate(problem, choice), None)
    made = {0: built(folder / "builds", (choice, trial.measured))} if really and trial.measured is not None else {}
    return save_outcome(folder, problem, [trial], made)["front"][0]


def _search(
    problem: Any, space: Any, trials: int, folder: Path, sampler: str, seed: int, builds: int, tolerance: float, scheduler: str | None, workers: int | None
) -> dict[str, Any]:
    from lifline.explore.builds import build_some
    from lifline.explore.engine import Engine
    from lifline.explore.outcome import save_outcome
    from lifline.explore.search import front_of, search

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot write into `{folder}` ({error}); name another --folder") from error
    with Engine(scheduler, workers) as engine, Progress(console=console, transient=True) as progress:
        task = progress.add_task("candidates", total=trials)

        def tell(trial: Any, ended: int) -> None:
            progress.update(task, completed=ended, description=f"candidates, last: {trial.candidate.board}, {trial.candidate.lanes} lanes")

        found = search(problem, space, trials=trials, study=folder / "study.journal", sampler=sampler, seed=seed, engine=engine, progress=tell)
        made: dict[int, Any] = {}
        if builds:
            task = progress.add_task("real builds", total=builds)
            made, failures = build_some(front_of(found), builds, folder / "builds", engine, lambda: progress.advance(task))
            for failure in failures:
                console.print(f"[yellow]not built[/]: {escape(failure)}", highlight=False, soft_wrap=True)
    return save_outcome(folder, problem, found, made, tolerance)


def _print(found: dict[str, Any], folder: Path) -> None:
    table = Table("trial", "board", "right", "us", "tables", "RAM", "MHz", "uJ", title=f"{len(found['front'])} of {found['trials'] - found['failed']} that nothing beats")
    for row in found["front"]:
        made = row["built"]
        table.add_row(
            str(row["trial"]), row["board"], f"{row['accuracy']:.1%}", f"{row['microseconds']:,.0f}", f"{made['lut']:,} built" if made else f"{row['lut']:,}",
            str(row["block_ram"]), f"{row['fmax']:.1f}" if made else f"({row['clock_mhz']:g})", f"{row['microjoules']:.2f}",
            style="bold" if row["trial"] == found["chosen"] else None,
        )  # fmt: skip
    console.print(table)
    best = next(row for row in found["front"] if row["trial"] == found["chosen"])
    console.print(f"{found['failed']} of {found['trials']} candidates do not exist or do not fit; reasons in {folder / 'front.json'}", highlight=False, soft_wrap=True)
    console.print("lookup tables and energy are estimates, the energy with a wide range (docs/energy.md); a clock in brackets is the board's, assumed", highlight=False, soft_wrap=True)
    console.print(f"chosen: trial {found['chosen']}, --config {folder / 'chosen.toml'} with {folder / 'chosen.safetensors'}; figure: {folder / 'front.png'}", highlight=False, soft_wrap=True)
    console.print(f"again: lifline explore ... --candidate '{best['candidate']}'", highlight=False, markup=False, soft_wrap=True)
