"""``lifline show``, ``compile`` and ``run``: from a network file to a result."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from lifline.arch.config import Config
from lifline.arch.config_file import configuration
from lifline.arch.errors import InputError
from lifline.arch.files import check_target, write_file
from lifline.arch.program import Mode

from .app import ConfigName, Json, app, console, print_figures, print_json, read_array, typed_errors, write_array

SHOWN = 20
"""Samples in the table of ``lifline run``."""


@app.command()
def show(network: Annotated[Path, typer.Argument(help="network file, or program file")], as_json: Json = False) -> None:
    """Show a network, or what a program was compiled from and for."""
    from lifline.compiler import program_file
    from lifline.network import file as network_file

    figures: dict[str, Any] = {}
    with typed_errors():
        if network_file.file_format(network) == program_file.FORMAT:
            program = program_file.load(network)
            described = program.network
            figures = {"config": program.config_name, "config_hash": f"{program.config_hash:08x}"} | _program_figures(program)
        else:
            described = network_file.load(network)
    console.print(described.summary())
    if figures:
        print_figures({"compiled for": f"{figures['config']} (hash {figures['config_hash']})"})
        _print_program(figures, described.name)
    if as_json:
        populations = {p.name: {"shape": list(p.shape), "neurons": p.size} for p in described.populations}
        synapses = {f"{p.source}->{p.target}": p.weights.size for p in described.projections}
        print_json({"name": described.name, "populations": populations, "synapses": synapses, "output": described.output} | figures)


def _program_figures(program: Any) -> dict[str, Any]:
    return {"modes": {f"{p.source}->{p.target}": p.mode.name.lower() for p in program.passes}, "memory": program.memory}


def _print_program(figures: dict[str, Any], title: str) -> None:
    table = Table("memory", "used", "of", "share", title=escape(title), title_style="bold")
    for name, (used, limit) in figures["memory"].items():
        table.add_row(name, f"{used:,}", f"{limit:,}", f"{used / limit:.0%}")
    for column in table.columns[1:]:
        column.justify = "right"
    console.print(table)
    console.print("modes: " + escape(", ".join(f"{name} {mode}" for name, mode in figures["modes"].items())), highlight=False)


@app.command("compile")
def compile_command(
    network: Path,
    out: Annotated[Path, typer.Option("--out", "-o", help="program file to write")],
    config: ConfigName = "medium",
    mode: Annotated[str, typer.Option(help="event, dense, or auto (chosen on --samples)")] = "event",
    samples: Annotated[Path | None, typer.Option(help=".npy with spikes (batch, time, neuron) for auto")] = None,
    objective: Annotated[str, typer.Option(help="of auto: throughput, latency or energy")] = "throughput",
    as_json: Json = False,
) -> None:
    """Compile a network file for a configuration."""
    from lifline.compiler.compile import compile_network
    from lifline.compiler.program_file import save
    from lifline.driver.choose import compile_auto
    from lifline.network.file import load

    choices = []
    with typed_errors():
        check_target(out, sources=[network, *filter(None, [samples])])
        described, target = load(network), configuration(config)
        if mode == "auto":
            if samples is None:
                raise InputError("mode auto looks at your data: give --samples FILE.npy, or choose event or dense")
            with Progress(console=console, transient=True) as progress:
                task = progress.add_task("both modes on the samples", total=1.0)
                program, choices = compile_auto(
                    described, target, read_array(samples), objective=objective, on_progress=lambda share: progress.update(task, completed=share)
                )
        elif mode.upper() in Mode.__members__:
            program = compile_network(described, target, Mode[mode.upper()])
        else:
            raise InputError(f"mode {mode!r} must be event, dense or auto")
        save(program, out)
    figures = _program_figures(program)
    _print_program(figures, f"{described.name} on {target.name}")
    if choices:
        unit = {"throughput": "cycles per sample", "latency": "cycles of the longest window", "energy": "µJ per sample, an estimate"}[objective]
        table = Table("projection", "event", "dense", "chosen", "the other takes", title=unit, title_style="bold")
        for c in choices:
            dense, margin = f"{c.dense:,.4g}" if np.isfinite(c.dense) else "-", f"{c.margin:+.1%}" if np.isfinite(c.margin) else "-"
            table.add_row(escape(f"{c.source} -> {c.target}"), f"{c.event:,.4g}", dense, c.mode.name.lower(), margin)
        console.print(table)
    if as_json:
        print_json({"program": str(out), "config": target.name} | figures)


def _own(config: Config, device: str | None) -> Config | None:
    """What `open` is told of the configuration: of a simulated board only if nothing else names it."""
    return config if device is None or device.startswith("serial:") else None


@app.command()
def run(
    program: Path,
    spikes: Annotated[Path, typer.Argument(help=".npy, (time, neuron) or (batch, time, neuron) of 0/1; with --steps an event list, rows (t, neuron)")],
    device: Annotated[str | None, typer.Option(help="default: the simulated board the program was compiled for")] = None,
    steps: Annotated[int | None, typer.Option(help="time steps of an event list")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help=".npy to write the output's spikes to, or the membranes of a read-out")] = None,
    check: Annotated[bool, typer.Option(help="compare everything that comes back with the golden model")] = True,
    as_json: Json = False,
) -> None:
    """Run a program on a device."""
    from lifline.compiler.program_file import load
    from lifline.driver import device as devices
    from lifline.network.result import differences
    from lifline.network.spikes import as_batch
    from lifline.sim.golden.model import GoldenModel

    with typed_errors():
        if out is not None:
            check_target(out, sources=(program, spikes))
        compiled = load(program)
        network = compiled.network
        batch, _ = as_batch(read_array(spikes), network.input.size, steps)
        output = network.population(network.output)
        variable = "v" if output.neurons is not None and output.neurons.cap == 0 else "spikes"
        with devices.open(device or "sim:", config=_own(compiled.config, device)) as opened, Progress(console=console, transient=True) as progress:
            task = progress.add_task("running", total=len(batch))
            opened.load(compiled)
            results = []
            for item in batch:
                results.append(opened.run(item, record=[f"{output.name}.{variable}"]))
                progress.advance(task)
        golden = GoldenModel(network) if check else None
        wrong = [differences(golden.run(item, record=[f"{output.name}.{variable}"]), r) for item, r in zip(batch, results, strict=True)] if golden else None
        if out is not None:
            whole = np.concatenate([r.records[output.name][variable] for r in results])
            write_file(out, lambda part: write_array(part, whole))
    figures = {
        "prediction": [int(r.prediction[0]) for r in results],
        "spike_counts": [r.spike_counts[0].tolist() for r in results],
        "steps": [int(r.steps[0]) for r in results],
        "busy_cycles": [int(r.cycles.busy[0]) for r in results if r.cycles is not None] or None,
        "mismatches": None if wrong is None else sum(wrong),
    }
    table = Table("sample", "prediction", "output spikes", "steps", "busy cycles", title=escape(network.name), title_style="bold")
    for k, result in enumerate(results[:SHOWN]):
        cycles = "-" if result.cycles is None else f"{int(result.cycles.busy[0]):,}"
        table.add_row(str(k), str(int(result.prediction[0])), f"{int(result.spike_counts.sum()):,}", str(int(result.steps[0])), cycles)
    if len(results) > SHOWN:
        table.caption = f"and {len(results) - SHOWN:,} more samples, see --json"
    console.print(table)
    if wrong is not None:
        console.print("[green]everything equals the golden model[/]" if not sum(wrong) else f"[red]{sum(wrong):,} values differ from the golden model[/]")
    if as_json:
        print_json(figures)
    if figures["mismatches"]:
        raise typer.Exit(1)
