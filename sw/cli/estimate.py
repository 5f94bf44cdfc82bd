"""``lifline estimate``: what a program will do on a board, before anything is built."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from lifline.boards.board import BAUD_HZ, BOARDS

from .app import CoefficientsFile, Json, app, console, print_json, read_array, typed_errors
from .runs import program_of


@app.command()
def estimate(
    program: Annotated[Path, typer.Argument(help="program file; or a network file, compiled for --config in the modes that suit the spikes")],
    spikes: Annotated[Path, typer.Argument(help=".npy, (time, neuron) or (batch, time, neuron) of 0/1; with --steps an event list, rows (t, neuron)")],
    board: Annotated[str | None, typer.Option(help=f"{', '.join(BOARDS)}; default: the one that is built with the configuration")] = None,
    link: Annotated[int, typer.Option(metavar="BAUD", help="rate of the serial line")] = BAUD_HZ,
    config: Annotated[str | None, typer.Option(metavar="NAME|FILE", help="of a network file; default: medium")] = None,
    record: Annotated[list[str] | None, typer.Option(metavar="NAME", help="what is sent back besides the output, for example hidden or out.v; repeatable")] = None,
    classify: Annotated[bool, typer.Option("--classify", help="only the output's scores are sent back")] = False,
    steps: Annotated[int | None, typer.Option(help="time steps of an event list")] = None,
    coefficients: CoefficientsFile = None,
    as_json: Json = False,
) -> None:
    """Estimate samples per second, latency, what limits them, and energy."""
    from lifline.driver.energy import energy_model
    from lifline.driver.estimate import estimate as of_program
    from lifline.network.spikes import as_batch

    with typed_errors():
        array = read_array(spikes)
        compiled, _ = program_of(program, config, array, steps)
        batch, _ = as_batch(array, compiled.network.input.size, steps)
        energy = None if coefficients is None else energy_model(compiled.config, board=board, coefficients=coefficients)
        found = of_program(compiled, batch, board=board, link=link, record=None if classify else record or (), energy=energy)
        for line in found.lines():
            console.print(escape(line), highlight=False, soft_wrap=True)
    if as_json:
        print_json(dataclasses.asdict(found) | {"cycles": found.cycles.tolist(), "milliwatts": found.milliwatts})
