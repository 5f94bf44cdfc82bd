"""``lifline energy``: what a program takes on a board, layer by layer; ``lifline calibrate``: coefficients from a meter."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from lifline.boards.board import BOARDS

from .app import CoefficientsFile, Json, app, console, print_json, read_array, typed_errors
from .runs import program_of

MODULES_SHOWN = 8


@app.command()
def energy(
    program: Annotated[Path, typer.Argument(help="program file; or a network file, compiled for --config in the modes that suit the spikes")],
    spikes: Annotated[Path, typer.Argument(help=".npy, (time, neuron) or (batch, time, neuron) of 0/1; with --steps an event list")],
    board: Annotated[str | None, typer.Option(help=f"{', '.join(BOARDS)}; default: the one that is built with the configuration")] = None,
    netlist: Annotated[bool, typer.Option("--netlist", help="count what the board's mapped netlist switches on these spikes: minutes")] = False,
    coefficients: CoefficientsFile = None,
    config: Annotated[str | None, typer.Option(metavar="NAME|FILE", help="of a network file; default: medium")] = None,
    steps: Annotated[int | None, typer.Option(help="time steps of an event list")] = None,
    as_json: Json = False,
) -> None:
    """Estimate energy by layer, with its range."""
    from lifline.driver.account import account
    from lifline.driver.energy import energy_model
    from lifline.driver.predict import record_activity
    from lifline.network.spikes import as_batch

    with typed_errors():
        array = read_array(spikes)
        compiled, _ = program_of(program, config, array, steps)
        batch, _ = as_batch(array, compiled.network.input.size, steps)
        model = energy_model(compiled.config, board=board, coefficients=coefficients)
        costs = account(compiled, record_activity(compiled.network, batch), energy=model)
        rows = [(layer.name, layer.cycles, layer.energy) for layer in costs.layers] + [("windows, clearing", costs.rest_cycles, costs.rest_energy)]
        found: dict[str, Any] = {"device": model.coefficients.device, "clock_hz": model.clock_hz, "quick": _figures(rows, costs.energy), "energy_model": costs.energy_model}
        waiting = model.waiting(compiled.config, 1.0)
        found["waiting_milliwatts"] = waiting.total * 1e-3
        _print("from cycles, weights and operations", compiled.network.name, rows, costs.energy)
        if netlist:
            found["netlist"] = _counted(compiled, batch, board, coefficients)
        console.print(f"while it waits: {waiting.total * 1e-3:,.3g} mW ({waiting.low * 1e-3:,.3g} to {waiting.high * 1e-3:,.3g})", highlight=False)
        console.print(escape(f"energy model: {costs.energy_model}"), highlight=False, soft_wrap=True)
    if as_json:
        print_json(found)


def _counted(program: Any, batch: Any, board: str | None, coefficients: Path | None) -> dict[str, Any]:
    """The same from the netlist."""
    from lifline.driver.netlist_energy import netlist_energy

    counted = netlist_energy(program, batch, board=board, coefficients=coefficients)
    rows = [(part.name, part.counts["cycles"], part.energy) for part in counted.layers]
    _print(f"from what the netlist switches, {counted.board}", program.network.name, rows, counted.total)
    shown = ", ".join(f"{name} {uj / counted.total.dynamic:.0%}" for name, uj in counted.modules[:MODULES_SHOWN])
    console.print(escape(f"switching by module: {shown}"), highlight=False, soft_wrap=True)
    console.print(f"host and link switch {counted.host.energy.dynamic:,.3g} µJ per sample beside that, without their clock", highlight=False, soft_wrap=True)
    return _figures(rows, counted.total) | {
        "counts": {part.name: part.counts for part in (*counted.layers, counted.host)}, "modules_uj": dict(counted.modules), "flip_flops": counted.flip_flops,
        "host_uj": counted.host.energy.dynamic, "samples": counted.samples,
    }  # fmt: skip


def _figures(rows: list[tuple[str, float, Any]], total: Any) -> dict[str, Any]:
    return {"layers": {name: {"cycles": cycles} | energy.figures for name, cycles, energy in rows}, "total": total.figures}


def _print(how: str, name: str, rows: list[tuple[str, float, Any]], total: Any) -> None:
    table = Table("layer", "cycles", "static", "clock", "dynamic", "µJ", "range", title=escape(f"{name}: energy per sample, an estimate {how}"), title_style="bold")
    for k, (layer, cycles, energy) in enumerate([*rows, ("total", sum(cycles for _, cycles, _ in rows), total)]):
        parts = [f"{getattr(energy, part):,.3f}" for part in ("static", "clock", "dynamic")]
        style = "bold" if k == len(rows) else ""
        table.add_row(escape(layer), f"{cycles:,.0f}", *parts, f"{energy.total:,.3f}", f"{energy.low:,.3g} to {energy.high:,.3g}", style=style, end_section=k == len(rows) - 1)
    for column in table.columns[1:]:
        column.justify = "right"
    console.print(table)


@app.command()
def calibrate(
    measured: Annotated[Path, typer.Argument(help="what a meter showed (.toml), see docs/energy.md")],
    out: Annotated[Path, typer.Option("--out", "-o", help="coefficients to write (.toml), for --coefficients")],
    as_json: Json = False,
) -> None:
    """Compute coefficients of energy from measured powers."""
    from lifline.arch.files import check_target
    from lifline.driver.calibration import calibration, read_measured

    with typed_errors():
        check_target(out, sources=[measured])
        found = calibration(read_measured(measured))
        found.save(out)
        table = Table("run", "measured, mW", "before", "after", "off", title=f"{found.device} at {found.clock_hz / 1e6:g} MHz", title_style="bold")
        for run in found.runs:
            table.add_row(escape(run.name), *(f"{value:,.4g}" for value in (run.measured_mw, run.before_mw, run.after_mw)), f"{run.after_mw / run.measured_mw - 1:+.1%}")
        for column in table.columns[1:]:
            column.justify = "right"
        console.print(table)
        console.print(found.described(), highlight=False, soft_wrap=True)
        console.print(f"coefficients: {out}", highlight=False, markup=False)
    if as_json:
        print_json(dataclasses.asdict(found))
