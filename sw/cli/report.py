"""``lifline report``: a page to send to a colleague."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from lifline.arch.config_file import configuration
from lifline.arch.errors import InputError
from lifline.boards.board import BAUD_HZ

from .app import CoefficientsFile, Json, app, console, print_json, read_array, typed_errors
from .runs import program_of

CHOSEN_ON = 200
"""Training images of the demo on which the modes are chosen."""


@app.command("report")
def report_command(
    program: Annotated[Path | None, typer.Argument(help="program file; or a network file, compiled for --config. Without files: the demo's digits")] = None,
    spikes: Annotated[Path | None, typer.Argument(help=".npy, (time, neuron) or (batch, time, neuron) of 0/1; with --steps an event list")] = None,
    out: Annotated[Path, typer.Option("--out", "-o", help="page to write")] = Path("report.html"),
    labels: Annotated[Path | None, typer.Option(help=".npy with labels (batch)")] = None,
    sample: Annotated[int, typer.Option(min=0, help="the sample that the page opens with")] = 0,
    graph: Annotated[Path | None, typer.Option(metavar="FILE.nir", help="the graph that `lifline import` made the network of: floating point beside integers")] = None,
    dialect: Annotated[str | None, typer.Option(help="of the graph; default: the one that the network was imported with")] = None,
    device: Annotated[str | None, typer.Option(help="default: the simulated board the program was compiled for")] = None,
    board: Annotated[str | None, typer.Option(help="of the estimate of time on a board; default: one that is built with the configuration")] = None,
    link: Annotated[int, typer.Option(metavar="BAUD", help="of that board")] = BAUD_HZ,
    config: Annotated[str | None, typer.Option(metavar="NAME|FILE", help="of a network file; default: medium")] = None,
    steps: Annotated[int | None, typer.Option(help="time steps of an event list")] = None,
    coefficients: CoefficientsFile = None,
    as_json: Json = False,
) -> None:
    """Write one self-contained page: network, spikes, cycles, energy, fidelity, memory."""
    with typed_errors():
        from lifline.report.page import check_page, report

        check_page(out, [path for path in (program, spikes, labels, graph) if path is not None])
        if program is None and spikes is None:
            compiled, samples, known = _demo(config)
        elif program is None or spikes is None:
            raise InputError("give a program or network file and a file of spikes; without either it is the demo's digits")
        else:
            samples, known = read_array(spikes), None if labels is None else read_array(labels)
            compiled, _ = program_of(program, config, samples, steps)
        exact = None if graph is None else _fidelity(compiled, graph, dialect, device, samples, steps, known)
        found = report(compiled, samples, labels=known, steps=steps, device=device, sample=sample, fidelity=exact, board=board, link=link, coefficients=coefficients)
        found.save(out)
    wrong = found.measured.mismatches
    console.print("[green]everything equals the golden model[/]" if not wrong else f"[red]{wrong:,} values differ from the golden model[/]")
    console.print(f"report: {out} ({out.stat().st_size / 1e6:.1f} MB, opens in any browser)", highlight=False, markup=False)
    if as_json:
        print_json(found.figures | {"page": str(out)})
    if wrong:
        raise typer.Exit(1)


def _demo(config: str | None) -> tuple[Any, Any, Any]:
    """Program, spikes and labels of the handwritten digits."""
    from lifline.data import digits
    from lifline.driver.choose import compile_auto

    images, labels = digits.load("test")
    program, _ = compile_auto(digits.network(), configuration(config or "medium"), digits.encode(digits.load("train")[0][:CHOSEN_ON]))
    return program, digits.encode(images), labels


def _fidelity(program: Any, graph: Path, dialect: str | None, device: str | None, samples: Any, steps: int | None, labels: Any) -> Any:
    """The graph's floating-point network beside the program's integers, and the device."""
    from lifline.convert.quantisation.fidelity import fidelity
    from lifline.network.spikes import as_batch
    from lifline.report.measurement import opened

    from .convert import floating_of

    batch, _ = as_batch(samples, program.network.input.size, steps)
    exact = floating_of(graph, program.network, dialect, {})
    with opened(program, device) as board:
        return fidelity(exact, program.network, batch.reshape(*batch.shape[:2], *exact.input.shape), labels=labels, device=board)
