"""``lifline run``: from samples to numbers and a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlencode

import numpy as np
import typer
from numpy.typing import NDArray

from lifline.arch.config_file import configuration
from lifline.arch.errors import InputError
from lifline.arch.files import check_target, write_file

from .app import CoefficientsFile, Json, app, console, print_json, read_array, typed_errors, write_array

REPORTS = (".json", ".txt")


@app.command()
def run(
    program: Annotated[Path, typer.Argument(help="program file; or a network file, compiled for --config in the modes that suit the spikes")],
    spikes: Annotated[Path, typer.Argument(help=".npy, (time, neuron) or (batch, time, neuron) of 0/1; with --steps an event list, rows (t, neuron)")],
    device: Annotated[str | None, typer.Option(help="default: the simulated board the program was compiled for")] = None,
    config: Annotated[str | None, typer.Option(metavar="NAME|FILE", help="of a network file; default: medium")] = None,
    labels: Annotated[Path | None, typer.Option(help=".npy with labels (batch), for the accuracy")] = None,
    record: Annotated[list[str] | None, typer.Option(metavar="NAME", help="what to send back, for example hidden, out.v or all; repeatable")] = None,
    period: Annotated[int, typer.Option(metavar="CYCLES", help="clock cycles per time step, in real time; 0: no waiting")] = 0,
    steps: Annotated[int | None, typer.Option(help="time steps of an event list")] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help=".npy for the output's spikes, or the membranes of a read-out; .npz for everything that is recorded"),
    ] = None,
    picture: Annotated[Path | None, typer.Option(help="figure to write (.png, .svg, .pdf): a sample through the layers, and the cycles")] = None,
    sample: Annotated[int, typer.Option(min=0, help="the sample in the picture")] = 0,
    waveform: Annotated[Path | None, typer.Option("--vcd", help="waveform to write, of a few steps: Amaranth's simulator runs them, slowly")] = None,
    report: Annotated[Path | None, typer.Option(help="file for all figures (.json), or for what is printed (.txt)")] = None,
    check: Annotated[bool, typer.Option("--check/--no-check", help="compare everything that comes back with the golden model")] = True,
    coefficients: CoefficientsFile = None,
    as_json: Json = False,
) -> None:
    """Run samples on a device: accuracy, rates, cycles and energy by layer."""
    from lifline.driver.energy import board_for, energy_model
    from lifline.driver.estimate import estimate
    from lifline.network.spikes import as_batch
    from lifline.report.measurement import measure

    from .outcome import Outcome

    with typed_errors():
        if waveform is not None:
            if device is not None:
                raise InputError(f"a waveform shows a simulated board of its own, not `{device}`; leave --device away")
            device = f"pysim:?{urlencode({'vcd': waveform})}"
        _check_files((program, spikes, *([labels] if labels else [])), out, picture, report)
        compiled, network_compiled = program_of(program, config, read_array(spikes), steps)
        batch, _ = as_batch(read_array(spikes), compiled.network.input.size, steps)
        if sample >= len(batch):
            raise InputError(f"sample {sample} must be in 0..{len(batch) - 1}")
        energy = energy_model(compiled.config, coefficients=coefficients)
        measured = measure(
            compiled, batch, labels=None if labels is None else read_array(labels), device=device, period=period, check=check, energy=energy,
            record=[*(record or []), *(["all"] if picture is not None else [])],
        )  # fmt: skip
        known = board_for(compiled.config) is not None
        outcome = Outcome(measured, sample, estimate(compiled, batch, record=record or (), activity=measured.activity, energy=energy) if known else None)
        if network_compiled:
            console.print(f"compiled for `{compiled.config_name}`, modes chosen on these spikes", highlight=False)
        outcome.print_to(console)
        if out is not None:
            arrays = outcome.records if out.suffix == ".npz" else None
            write_file(out, lambda part: _write(part, arrays, outcome.output))
        if picture is not None:
            from .picture import draw

            draw(picture, outcome.picture())
            console.print(f"picture: {picture}", highlight=False, markup=False)
        if report is not None:
            text = outcome.as_json() if report.suffix == ".json" else outcome.as_text()
            write_file(report, lambda part: part.write_text(text + "\n"))
        if waveform is not None:
            console.print(f"waveform: {waveform}; GTKWave and Surfer show it", highlight=False, markup=False)
    if as_json:
        print_json(outcome.figures)
    if outcome.figures["mismatches"]:
        raise typer.Exit(1)


def _check_files(sources: tuple[Path, ...], out: Path | None, picture: Path | None, report: Path | None) -> None:
    """Refuse, before anything has run, what could not be written at the end.

    Raises
    ------
    InputError, OutputError   naming it.
    """
    from .picture import check_suffix

    for path in (out, picture, report):
        if path is not None:
            check_target(path, sources=sources)
    if picture is not None:
        check_suffix(picture)
    if report is not None and report.suffix not in REPORTS:
        raise InputError(f"the report cannot be written as `{report.name}`: its name must end in {' or '.join(REPORTS)}")


def program_of(path: Path, config: str | None, spikes: NDArray[Any], steps: int | None) -> tuple[Any, bool]:
    """The program, and whether it was compiled just now, from a network file.

    Raises
    ------
    ProgramError   if the file is neither, or was compiled for another configuration than ``config``.
    """
    from lifline.compiler.program_file import load
    from lifline.driver.choose import compile_auto
    from lifline.network import file as network_file
    from lifline.network.spikes import as_batch

    if path.is_file() and network_file.file_format(path) == network_file.FORMAT:
        network = network_file.load(path)
        batch, _ = as_batch(spikes, network.input.size, steps)
        return compile_auto(network, configuration(config or "medium"), batch)[0], True
    program = load(path)
    if config is not None:
        program.check_config(configuration(config))
    return program, False


def _write(path: Path, records: dict[str, NDArray[Any]] | None, output: NDArray[Any]) -> None:
    if records is None:
        write_array(path, output)
    else:
        with path.open("wb") as file:
            np.savez_compressed(file, **records)  # type: ignore[arg-type]
