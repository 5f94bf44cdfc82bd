"""``lifline verify``: random networks, or one's own, against the golden model and the cycle model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from lifline.arch.errors import InputError

from .app import Json, app, console, print_figures, print_json, read_array, typed_errors


@app.command()
def verify(
    network: Annotated[Path | None, typer.Argument(help="your own network or program file, with --samples; else random networks")] = None,
    samples: Annotated[Path | None, typer.Option(help=".npy with spikes of your own, (batch, time, neuron)")] = None,
    each: Annotated[int, typer.Option("--faults", min=0, help="with your own network: faults of each kind that are tried")] = 3,
    random: Annotated[int, typer.Option(min=1, help="number of random programs")] = 100,
    config: Annotated[str | None, typer.Option(metavar="NAME|FILE", help="a preset, a small variant of one, a file of `lifline config new`, or all: every variant in turn; default: all, of a network file medium")] = None,
    seed: Annotated[int, typer.Option(help="first seed; each program's seed is one higher")] = 0,
    inject: Annotated[str | None, typer.Option(help="flip a bit in: weight, state, delay, map, band (words of a memory), descriptor, digit, loop, gather, pointer (of the program)")] = None,
    scheduler: Annotated[str | None, typer.Option(metavar="ADDRESS", help="of a Dask scheduler, whose workers share the random programs (extra explore)")] = None,
    workers: Annotated[int | None, typer.Option(min=1, help="share the random programs among so many processes of this machine (extra explore)")] = None,
    as_json: Json = False,
) -> None:
    """Check every value of every step on the simulated board, and every cycle: of random networks, or of your own."""
    if network is not None or samples is not None:
        _verify_own(network, samples, config, each, seed, inject, as_json)
        return
    _verify_random(config or "all", random, seed, inject, scheduler, workers, as_json)


def _verify_own(network: Path | None, samples: Path | None, config: str | None, each: int, seed: int, inject: str | None, as_json: bool) -> None:
    from .faults import FAULTS, NEED_MAPS
    from .runs import program_of
    from .verify_network import verify_network

    with typed_errors():
        if network is None or samples is None:
            raise InputError("give both, your network or program file and --samples FILE.npy; with neither, random networks are checked")
        spikes = read_array(samples)
        program, _ = program_of(network, config, spikes, None)
        kinds = [inject] if inject else [f for f in FAULTS if program.config.map_words or f not in NEED_MAPS]
        with Progress(console=console, transient=True) as progress:
            task = progress.add_task("samples and faults", total=(len(spikes) if spikes.ndim == 3 else 1) + each * len(kinds))
            found = verify_network(program, spikes, kinds=kinds, each=each, seed=seed, advance=lambda: progress.advance(task))
    wrong = found["mismatches"] or found["cycle_mismatches"]
    good = f"[green]{found['samples']} samples: every value of every step equals the golden model, every cycle the cycle model[/]"
    bad = f"[red]{found['mismatches']} of {found['samples']} samples differ ({', '.join(found['differing'])}), {found['cycle_mismatches']} in their cycles[/]"
    console.print(bad if wrong else good, highlight=False)
    if found["lines"]:
        console.print("faults injected on purpose:", *found["lines"], sep="\n  ", highlight=False, markup=False, soft_wrap=True)
        if any("; not " in line for line in found["lines"]):
            console.print("a bit that nobody noticed does not matter for these samples, or more samples are needed", highlight=False)
    if as_json:
        print_json({name: value for name, value in found.items() if name != "lines"})
    if wrong:
        raise typer.Exit(1)


def _verify_random(config: str, random: int, seed: int, inject: str | None, scheduler: str | None, workers: int | None, as_json: bool) -> None:
    from .verify import verify_random

    with typed_errors(), Progress(console=console, transient=True) as progress:
        task = progress.add_task("random programs", total=random)
        if scheduler is None and workers is None:
            report = verify_random(config, random, seed, inject, lambda: progress.advance(task))
        else:
            from lifline.explore.engine import Engine

            from .verify_many import verify_many

            with Engine(scheduler, workers) as engine:
                report = verify_many(config, random, seed, inject, engine, lambda programs: progress.advance(task, programs))
    names = ("programs", "mismatches", "cycle_mismatches", "seed", "config", "configurations", "not_covered")
    print_figures({n: ", ".join(report[n]) or "nothing" if isinstance(report[n], list) else report[n] for n in names}, "random programs against the golden model")
    for reason, programs in report["counted_alone"].items():
        if programs:
            console.print(f"{reason} in {programs}: their cycles were compared in a second run, which sends nothing")
    if report["cycle_mismatches"]:
        seeds = ", ".join(f"{d['seed']} ({d['config']}: {d['cycles'][0]:,}, model {d['cycles'][1]:,})" for d in report["differences"] if d["cycles"])
        console.print(f"cycle model differs on {report['cycle_mismatches']} of {report['programs']}: seeds {seeds}", soft_wrap=True)
    else:
        console.print(f"cycle model equal on all {report['programs']}")
    if as_json:
        print_json(report)
    if bool(report["differences"]) != (inject is not None):
        again = f"--random 1 --seed {report['seed']} --config {report['config']}"
        console.print("[red]an injected fault was not found[/]" if inject else f"[red]mismatch: reproduce with {again}[/]", soft_wrap=True)
        raise typer.Exit(1)
