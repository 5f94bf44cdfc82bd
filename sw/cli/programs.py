"""``lifline show`` and ``compile``: from a network file to a program."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.markup import escape
from rich.table import Table

from lifline.arch.config_file import configuration
from lifline.arch.errors import InputError
from lifline.arch.files import check_target
from lifline.arch.program import Mode

from .app import ConfigName, Json, app, console, print_figures, print_json, read_array, typed_errors


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
        synapses: dict[str, int] = {}
        for p in described.projections:
            pair = f"{p.source}->{p.target}"
            synapses[pair] = synapses.get(pair, 0) + p.synapses
        print_json({"name": described.name, "populations": populations, "synapses": synapses, "output": described.output} | figures)


def _program_figures(program: Any) -> dict[str, Any]:
    from lifline.compiler.projections.sparse import notes

    step_by_step = sorted({f"{p.source}->{p.target}" for p in program.passes if p.is_step_by_step})
    modes = {f"{p.source}->{p.target}": p.mode.name.lower() for p in program.passes}
    return {"modes": modes, "step_by_step": step_by_step, "notes": notes(program), "memory": program.memory}


def _print_program(figures: dict[str, Any], title: str) -> None:
    table = Table("memory", "used", "of", "share", title=escape(title), title_style="bold")
    for name, (used, limit) in figures["memory"].items():
        table.add_row(name, f"{used:,}", f"{limit:,}", f"{used / limit:.0%}")
    for column in table.columns[1:]:
        column.justify = "right"
    console.print(table)
    console.print("modes: " + escape(", ".join(f"{name} {mode}" for name, mode in figures["modes"].items())), highlight=False)
    if figures["step_by_step"]:
        console.print("step by step, as spikes come back within a window: " + escape(", ".join(figures["step_by_step"])), highlight=False)
    for note in figures["notes"]:
        console.print(escape(note), highlight=False, soft_wrap=True)


@app.command("compile")
def compile_command(
    network: Path,
    out: Annotated[Path, typer.Option("--out", "-o", help="program file to write")],
    config: ConfigName = "medium",
    mode: Annotated[str | None, typer.Option(help="event, dense, or auto: chosen on --samples. Default: auto with --samples, else event")] = None,
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
        hint = mode is None and samples is None and target.dense_lanes > 0
        mode = mode or ("event" if samples is None else "auto")
        if mode == "auto":
            if samples is None:
                raise InputError("mode auto looks at your data: give --samples FILE.npy, or choose event or dense")
            program, choices = compile_auto(described, target, read_array(samples), objective=objective)
        elif mode.upper() in Mode.__members__:
            program = compile_network(described, target, Mode[mode.upper()])
        else:
            raise InputError(f"mode {mode!r} must be event, dense or auto")
        save(program, out)
    figures = _program_figures(program)
    _print_program(figures, f"{described.name} on {target.name}")
    if choices:
        unit = {"throughput": "cycles per sample", "latency": "cycles of the longest window", "energy": "µJ per sample, an estimate"}[objective]
        recurrent = ["recurrence takes"] if program.is_recurrent else []
        table = Table("projection", "event", "dense", "chosen", "the other takes", *recurrent, title=unit, title_style="bold")
        for c in choices:
            dense, margin = f"{c.dense:,.4g}" if np.isfinite(c.dense) else "-", f"{c.margin:+.1%}" if np.isfinite(c.margin) else "-"
            table.add_row(escape(f"{c.source} -> {c.target}"), f"{c.event:,.4g}", dense, c.mode.name.lower(), margin, *([f"{c.recurrence:,.4g}"] if recurrent else []))
        console.print(table)
    if hint:
        console.print("[yellow]every layer runs in event mode; --samples FILE.npy chooses the faster mode of each, which may save half of the cycles[/]")
    if as_json:
        print_json({"program": str(out), "config": target.name} | figures)
