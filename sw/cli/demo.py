"""The demo: a trained network on the simulated board, every spike checked, with a table and a picture."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from lifline.arch.config import preset
from lifline.data import digits
from lifline.driver import device as devices
from lifline.driver.choose import ModeChoice, compile_auto
from lifline.driver.predict import EnergyModel, predict, record_activity
from lifline.network.result import RunResult
from lifline.sim.board import compiler
from lifline.sim.golden import GoldenModel

from .demo_figure import draw_demo

CHOSEN_ON = 200
"""Training images on which the modes are chosen."""
SLOW_SAMPLES = 4
"""Images run where there is no C++ compiler."""


def run_demo(console: Console, *, config_name: str, picture: Path, limit: int | None) -> dict[str, Any]:
    """Compile, run and check the digits; returns the figures that ``--json`` prints."""
    logging.basicConfig(level=logging.WARNING)
    config = preset(config_name)
    network = digits.network()
    images, labels = digits.load("test")
    fast = compiler() is not None
    if not fast:
        console.print("[yellow]no C++ compiler found: using the slow interpreted board and fewer images; install g++ for all 360[/]")
        limit = min(limit or SLOW_SAMPLES, SLOW_SAMPLES)
    images, labels = images[:limit], labels[:limit]
    spikes = digits.encode(images)
    with console.status(f"building the simulated board `{config.name}` (only once)"):
        device = devices.open(f"{'sim' if fast else 'pysim'}:{config.name}")
    assert isinstance(device, devices.LinkedDevice)
    with device:
        with console.status("choosing modes with the cycle model"):
            program, choices = compile_auto(network, config, digits.encode(digits.load("train")[0][:CHOSEN_ON]))
        device.load(program)
        golden = GoldenModel(network).run(spikes, record=["all"])
        record = ["all", f"{network.output}.v"]
        costs = predict(program, config, record_activity(network, spikes), record=record)
        results: list[RunResult] = []
        mismatches = 0
        with Progress(console=console, transient=True) as progress:
            task = progress.add_task("running on the simulated board", total=len(spikes))
            for k in range(len(spikes)):
                result = device.run(spikes[k], record=record)
                for name, variables in golden.records.items():
                    mismatches += int((variables["spikes"][k] != result.records[name]["spikes"][0]).sum())
                results.append(result)
                progress.advance(task)
    predictions = np.array([r.prediction[0] for r in results])
    mismatches += int((predictions != golden.prediction).sum())
    busy = np.array([r.cycles.busy[0] for r in results if r.cycles is not None], dtype=np.int64)
    fired = {network.input.name: int(spikes.sum())} | {n: int(c.spikes.sum()) for n, c in golden.counters.items()}
    operations = sum(fired[p.source] * p.weights.shape[0] for p in network.projections) / len(spikes)
    cycles, energy = float(busy.mean()), EnergyModel()
    reads = sum(float(c.weight_reads.sum()) for c in costs) / len(spikes)
    figures = {
        "samples": len(spikes),
        "accuracy": float((predictions == labels).mean()),
        "mismatches": mismatches,
        "modes": {f"{c.source}->{c.target}": c.mode.name.lower() for c in choices},
        "cycles_per_image": cycles,
        "cycles_per_step": cycles / spikes.shape[1],
        "cycle_model_errors": int((busy != [c.busy_cycles for c in costs]).sum()),
        "sop_per_cycle": operations / cycles,
        "peak_sop_per_cycle": {"event": config.event_lanes, "dense": config.dense_lanes * config.window},
        "energy_estimate_uj": energy.microjoules(config, cycles=cycles, weight_reads=reads, operations=operations),
        "energy_model": energy.describe(),
        "memory": {k: list(v) for k, v in program.memory.items()},
        "picture": str(picture),
    }
    _print(console, figures, choices, config.name)
    golden_first = {network.input.name: spikes[0]} | {n: v["spikes"][0] for n, v in golden.records.items()}
    spent = {f"{p.source} -> {p.target}": 0.0 for p in program.passes}
    for k, entry in enumerate(program.passes):
        spent[f"{entry.source} -> {entry.target}"] += sum(float(c.cycles[:, k].sum()) for c in costs) / len(costs)
    spent["windows, clearing"] = cycles - sum(spent.values())
    draw_demo(picture, golden_first, results[0], network.output, int(labels[0]), choices, spent)
    console.print(f"picture: {picture}")
    return figures


def _print(console: Console, figures: dict[str, Any], choices: list[ModeChoice], config: str) -> None:
    table = Table(title=f"digits on the simulated board `{config}`", show_header=False)
    table.add_row("images", str(figures["samples"]))
    table.add_row("accuracy", f"{figures['accuracy']:.2%}")
    table.add_row("spikes that differ from the golden model", str(figures["mismatches"]))
    table.add_row("cycles per image", f"{figures['cycles_per_image']:,.0f}")
    table.add_row("images whose cycles the cycle model misses", str(figures["cycle_model_errors"]))
    table.add_row("useful synaptic operations per cycle", f"{figures['sop_per_cycle']:.2f}")
    peak = figures["peak_sop_per_cycle"]
    table.add_row("peak (event / dense)", f"{peak['event']} / {peak['dense']}")
    table.add_row("energy per image, estimate", f"{figures['energy_estimate_uj']:.2f} uJ ({figures['energy_model']})")
    for name, (used, limit) in figures["memory"].items():
        table.add_row(name, f"{used:,} of {limit:,}")
    console.print(table)
    title = f"cycles per image in each mode, by the cycle model on {CHOSEN_ON} training images"
    modes = Table("projection", "event", "dense", "chosen", "margin", title=title)
    for c in choices:
        modes.add_row(f"{c.source} -> {c.target}", f"{c.event:,.0f}", f"{c.dense:,.0f}", c.mode.name.lower(), f"{c.margin:.1%}")
    console.print(modes)
    if len({c.mode for c in choices}) == 1:
        console.print(f"mode {choices[0].mode.name.lower()} wins for every projection of this network")
