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
from lifline.network.result import RunResult
from lifline.sim.board import compiler
from lifline.sim.golden import GoldenModel

PICOJOULE_PER_SOP = 30.0
PICOJOULE_PER_CYCLE = 400.0
"""Coefficients of the energy estimate: assumed, of the order of published ECP5 designs; not measured on a board."""
MEASURED = 8
"""Images used to choose the modes."""
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
        with console.status("choosing modes") as status:
            measured = spikes[: MEASURED if fast else 1]
            program, choices = compile_auto(
                network, config, device, measured, progress=lambda text: status.update(f"choosing modes: {text}")
            )
        device.load(program)
        golden = GoldenModel(network).run(spikes, record=["all"])
        results: list[RunResult] = []
        mismatches = 0
        with Progress(console=console, transient=True) as progress:
            task = progress.add_task("running on the simulated board", total=len(spikes))
            for k in range(len(spikes)):
                result = device.run(spikes[k], record=["all", f"{network.output}.v"])
                for name, variables in golden.records.items():
                    mismatches += int((variables["spikes"][k] != result.records[name]["spikes"][0]).sum())
                results.append(result)
                progress.advance(task)
        predictions = np.array([r.prediction[0] for r in results])
        mismatches += int((predictions != golden.prediction).sum())
        busy = np.array([r.cycles.busy[0] for r in results if r.cycles is not None], dtype=np.int64)
        steps = spikes.shape[1]
    fired = {network.input.name: int(spikes.sum())} | {n: int(c.spikes.sum()) for n, c in golden.counters.items()}
    sop = sum(fired[p.source] * p.weights.shape[0] for p in network.projections) / len(spikes)
    cycles = float(busy.mean())
    energy = (sop * PICOJOULE_PER_SOP + cycles * PICOJOULE_PER_CYCLE) * 1e-6
    figures = {
        "samples": len(spikes),
        "accuracy": float((predictions == labels).mean()),
        "mismatches": mismatches,
        "modes": {f"{c.source}->{c.target}": c.mode.name.lower() for c in choices},
        "cycles_per_image": cycles,
        "cycles_per_step": cycles / steps,
        "sop_per_cycle": sop / cycles,
        "peak_sop_per_cycle": {"event": config.event_lanes, "dense": config.dense_lanes * config.window},
        "energy_estimate_uj": energy,
        "memory": {k: list(v) for k, v in program.memory.items()},
        "picture": str(picture),
    }
    _print(console, figures, choices, config.name)
    golden_first = {network.input.name: spikes[0]} | {n: v["spikes"][0] for n, v in golden.records.items()}
    _draw(picture, golden_first, results[0], network.output, int(labels[0]), choices)
    console.print(f"picture: {picture}")
    return figures


def _print(console: Console, figures: dict[str, Any], choices: list[ModeChoice], config: str) -> None:
    table = Table(title=f"digits on the simulated board `{config}`", show_header=False)
    table.add_row("images", str(figures["samples"]))
    table.add_row("accuracy", f"{figures['accuracy']:.2%}")
    table.add_row("spikes that differ from the golden model", str(figures["mismatches"]))
    table.add_row("cycles per image", f"{figures['cycles_per_image']:,.0f}")
    table.add_row("useful synaptic operations per cycle", f"{figures['sop_per_cycle']:.2f}")
    peak = figures["peak_sop_per_cycle"]
    table.add_row("peak (event / dense)", f"{peak['event']} / {peak['dense']}")
    model = f"{PICOJOULE_PER_SOP:g} pJ per operation + {PICOJOULE_PER_CYCLE:g} pJ per cycle, assumed, not measured"
    table.add_row("energy per image, estimate", f"{figures['energy_estimate_uj']:.2f} uJ ({model})")
    for name, (used, limit) in figures["memory"].items():
        table.add_row(name, f"{used:,} of {limit:,}")
    console.print(table)
    modes = Table("projection", "all event", "this one dense", "chosen", "margin", title=f"cycles per image, measured on {MEASURED} images")
    for c in choices:
        margin = abs(c.event_cycles - c.dense_cycles) / max(c.event_cycles, 1)
        modes.add_row(f"{c.source} -> {c.target}", f"{c.event_cycles:,.0f}", f"{c.dense_cycles:,.0f}", c.mode.name.lower(), f"{margin:.1%}")
    console.print(modes)
    if len({c.mode for c in choices}) == 1:
        console.print(f"mode {choices[0].mode.name.lower()} wins for every projection of this network")


def _draw(path: Path, spikes: dict[str, np.ndarray], result: RunResult, output: str, label: int, choices: list[ModeChoice]) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    layers = [n for n in spikes if n != output]
    figure, axes = plt.subplots(len(layers) + 2, 1, figsize=(8, 9), layout="constrained")
    for axis, name in zip(axes, layers, strict=False):
        t, n = np.nonzero(spikes[name])
        axis.scatter(t, n, s=4, color="black")
        axis.set(ylabel=name, xlim=(-0.5, len(spikes[name]) - 0.5), ylim=(-1, spikes[name].shape[1]))
    membrane = result.records[output]["v"][0]
    for k in range(membrane.shape[1]):
        chosen = k == int(result.prediction[0])
        axes[-2].plot(membrane[:, k], color="tab:red" if chosen else "0.7", label=f"digit {k}" if chosen else None)
    axes[-2].set(ylabel=f"{output}: membrane", xlabel="time step", xlim=(-0.5, len(membrane) - 0.5))
    axes[-2].legend(loc="upper left")
    axes[0].set_title(f"first test image: a {label}, recognised as {int(result.prediction[0])}")
    names = [f"{c.source} -> {c.target}" for c in choices]
    axes[-1].barh(names, [c.event_cycles - c.dense_cycles for c in choices], color="tab:blue")
    axes[-1].axvline(0, color="black", lw=0.8)
    axes[-1].set_xlabel("cycles per image saved by dense mode (negative: event mode is faster)")
    axes[-1].invert_yaxis()
    figure.savefig(path, dpi=120)
    plt.close(figure)
