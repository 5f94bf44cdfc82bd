"""The demo: a trained network on the simulated board, every spike checked, with a table and a picture."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from lifline.arch.config import Config
from lifline.arch.config_file import configuration
from lifline.arch.program import Mode
from lifline.compiler.compile import compile_network
from lifline.compiler.program import Program
from lifline.data import digits
from lifline.driver import device as devices
from lifline.driver.choose import ModeChoice, compile_auto
from lifline.driver.energy import board_for, energy_model
from lifline.driver.estimate import estimate
from lifline.driver.predict import predict, record_activity
from lifline.network.model import Network
from lifline.network.result import RunResult
from lifline.sim.board.simulated import compiler
from lifline.sim.cycles.model import Costs
from lifline.sim.golden.model import GoldenModel

from .picture import Picture, check_suffix, draw

CHOSEN_ON = 200
"""Training images on which the modes are chosen."""
SLOW_SAMPLES = 4
"""Images run where there is no C++ compiler."""


@dataclass
class _Run:
    """One run of the demo: what was run, what came back, what it should have been.

    ``choices`` has the cycles of both modes on these images; ``costs`` is what the cycle model says of every image.
    """

    network: Network
    config: Config
    program: Program
    choices: list[ModeChoice]
    spikes: NDArray[np.uint8]
    labels: NDArray[np.int64]
    golden: RunResult
    results: list[RunResult]
    costs: list[Costs]


def run_demo(console: Console, *, config_name: str, picture: Path, limit: int | None) -> dict[str, Any]:
    """Compile, run and check the digits; returns the figures that ``--json`` prints.

    Raises
    ------
    LiflineError   of many kinds: for a configuration that does not exist or is too small, a picture that cannot be written.
    """
    check_suffix(picture)
    config, network = configuration(config_name), digits.network()
    images, labels = digits.load("test")
    slow = compiler() is None
    if slow:
        console.print(f"[yellow]no C++ compiler found: Amaranth's simulator runs {SLOW_SAMPLES} images instead of all, slowly; install g++[/]")
        limit = min(limit or SLOW_SAMPLES, SLOW_SAMPLES)
    spikes, labels = digits.encode(images[:limit]), labels[:limit]
    record = ["all", f"{network.output}.v"]
    with _stage(console, "modes chosen by the cycle model"):
        program, choices = compile_auto(network, config, digits.encode(digits.load("train")[0][:CHOSEN_ON]), record=record)
        golden = GoldenModel(network).run(spikes, record=record)
        activity = record_activity(network, spikes)
        costs = predict(program, config, activity, record=record)
        choices = _on_these(network, config, choices, {m: predict(compile_network(network, config, m), config, activity, record=record) for m in _modes(config)})
    with _stage(console, f"simulated board `{config.name}` ready (built once, then kept)"):
        device = devices.open("pysim:" if slow else "sim:", config=config)
    results: list[RunResult] = []
    with device, _stage(console, f"{len(spikes)} images run and compared"), Progress(console=console, transient=True) as progress:
        task = progress.add_task("running on the simulated board", total=len(spikes))
        device.load(program)
        for image in spikes:
            results.append(device.run(image, record=record))
            progress.advance(task)
    run = _Run(network, config, program, choices, spikes, labels, golden, results, costs)
    figures = _figures(run) | {"picture": str(picture)}
    _print(console, run, figures)
    if board_for(program.config) is not None:
        for line in estimate(program, spikes, record=None, activity=activity).lines():
            console.print(escape(line), highlight=False, soft_wrap=True)
    draw(picture, _picture(run, images[0].reshape(8, 8), figures))
    console.print(f"picture: {picture}", highlight=False)
    return figures


@contextmanager
def _stage(console: Console, done: str) -> Iterator[None]:
    start = time.monotonic()
    yield
    console.print(f"[dim]{time.monotonic() - start:5.1f} s  {done}[/]", highlight=False)


def _modes(config: Config) -> tuple[Mode, ...]:
    return (Mode.EVENT, Mode.DENSE) if config.dense_lanes else (Mode.EVENT,)


def _on_these(network: Network, config: Config, choices: list[ModeChoice], costs: dict[Mode, list[Costs]]) -> list[ModeChoice]:
    """The choices with the cycles per image of both modes on the images of ``costs``."""
    cycles = {mode: np.mean([c.cycles.sum(axis=0) for c in found], axis=0) for mode, found in costs.items()}
    shown = []
    for choice in choices:
        spent = {}
        for mode in costs:
            passes = compile_network(network, config, mode).passes
            spent[mode] = sum(float(cycles[mode][k]) for k, p in enumerate(passes) if (p.source, p.target) == (choice.source, choice.target))
        shown.append(replace(choice, event=spent[Mode.EVENT], dense=spent.get(Mode.DENSE, np.inf)))
    return shown


def _figures(run: _Run) -> dict[str, Any]:
    count, network, config = len(run.spikes), run.network, run.config
    predictions = np.array([r.prediction[0] for r in run.results])
    mismatches = int((predictions != run.golden.prediction).sum())
    for k, result in enumerate(run.results):
        for name, variables in run.golden.records.items():
            mismatches += sum(int((values[k] != result.records[name][v][0]).sum()) for v, values in variables.items())
    busy = np.array([r.cycles.busy[0] for r in run.results if r.cycles is not None], dtype=np.int64)
    fired = {network.input.name: int(run.spikes.sum())} | {n: int(c.spikes.sum()) for n, c in run.golden.counters.items()}
    operations = sum(fired[p.source] * p.target_size for p in network.projections) / count
    reads = sum(float(c.weight_reads.sum()) for c in run.costs) / count
    cycles, energy = float(busy.mean()), energy_model(config)
    return {
        "samples": count,
        "images": len(digits.load("test")[1]),
        "accuracy": float((predictions == run.labels).mean()),
        "mismatches": mismatches,
        "modes": {c.target: c.mode.name.lower() for c in run.choices},
        "cycles_per_image": cycles,
        "cycles_per_step": cycles / run.spikes.shape[1],
        "cycle_model_errors": int((busy != [c.busy_cycles for c in run.costs]).sum()),
        "spikes_compared": sum(int(v["spikes"].sum()) for v in run.golden.records.values()),
        "sop_per_cycle": operations / cycles,
        "peak_sop_per_cycle": {"event": config.event_lanes, "dense": config.dense_lanes * config.window},
        "energy_estimate_uj": energy.microjoules(config, cycles=cycles, weight_reads=reads, operations=operations),
        "energy_model": energy.describe(config),
        "memory": {k: list(v) for k, v in run.program.memory.items()},
    }


def _print(console: Console, run: _Run, figures: dict[str, Any]) -> None:
    count, peak, wrong = figures["samples"], figures["peak_sop_per_cycle"], figures["mismatches"]
    errors = figures["cycle_model_errors"]
    table = Table(title=f"handwritten digits on the simulated board `{run.config.name}`", show_header=False, title_style="bold")
    table.add_row("accuracy", f"[bold]{figures['accuracy']:.2%}[/], {round(figures['accuracy'] * count)} of {count} test images")
    verdict = "[green]all equal[/]" if not wrong else f"[red]{wrong:,} differ[/]"
    table.add_row("agreement with the golden model", f"{figures['spikes_compared']:,} spikes and the read-out: {verdict}")
    table.add_row("cycles per image", f"{figures['cycles_per_image']:,.0f}, or {figures['cycles_per_step']:.0f} per time step")
    table.add_row("cycle model", "equals the counter on every image" if not errors else f"[red]misses it on {errors} images[/]")
    table.add_row("synaptic operations per cycle", f"{figures['sop_per_cycle']:.2f} real; peak {peak['event']} (event), {peak['dense']} (dense)")
    table.add_row("energy per image, an estimate", f"{figures['energy_estimate_uj']:.2f} µJ = {figures['energy_model']}")
    table.add_section()
    for name, (used, limit) in figures["memory"].items():
        table.add_row(name, f"{used:,} of {limit:,} ({used / limit:.0%})")
    console.print(table)
    modes = Table("layer", "event", "dense", "chosen", "the other takes", title="cycles per image of each layer in both modes", title_style="bold")
    modes.caption = f"chosen by the cycle model on {CHOSEN_ON} training images"
    for c in run.choices:
        dense = f"{c.dense:,.0f}" if np.isfinite(c.dense) else "-"
        margin = f"{c.margin:+.1%}" if np.isfinite(c.margin) else "-"
        modes.add_row(f"{c.target} (from {c.source})", f"{c.event:,.0f}", dense, c.mode.name.lower(), margin)
    for column in modes.columns[1:]:
        column.justify = "right"
    console.print(modes)
    if len({c.mode for c in run.choices}) == 1:
        console.print(f"mode {run.choices[0].mode.name.lower()} wins in every layer of this network")


def _picture(run: _Run, image: np.ndarray, figures: dict[str, Any]) -> Picture:
    """The first image, and the cycles of all."""
    names = [run.network.input.name, *(n for n in run.golden.records if n != run.network.output)]
    spikes = {run.network.input.name: run.spikes[0]} | {n: v["spikes"][0] for n, v in run.results[0].records.items() if n in names}
    spent = sum(c.dense if c.mode is Mode.DENSE else c.event for c in run.choices)
    wrong, label, prediction = figures["mismatches"], int(run.labels[0]), int(run.results[0].prediction[0])
    seen = f"all {figures['samples']} test images:" if figures["samples"] == figures["images"] else f"{figures['samples']} of {figures['images']} test images:"
    return Picture(
        title=f"One test image, a {label}, through the layers: recognised as {prediction}" + (" (right)" if prediction == label else ""),
        unit="image",
        image=image,
        spikes={n: spikes[n] for n in names},
        window=run.config.window,
        output=run.network.output,
        membranes=run.results[0].records[run.network.output]["v"][0],
        prediction=prediction,
        choices=run.choices,
        rest=figures["cycles_per_image"] - spent,
        facts=[
            seen,
            f"{figures['accuracy']:.1%} right",
            f"{figures['spikes_compared']:,} spikes,\n{'none' if not wrong else format(wrong, ',')} unlike the\ngolden model",
            f"{figures['cycles_per_image']:,.0f} cycles each",
        ],
        figures={name: figures[name] for name in ("samples", "accuracy", "mismatches", "modes", "cycles_per_image")},
    )
