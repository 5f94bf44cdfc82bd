"""The crossover map: cycles of both execution modes over firing rate, burstiness, fan-in and fan-out.

    python bench/modes.py [--preset medium --preset large] [--steps 256] [--check 6] [--picture modes.png] [--json]

One fully connected projection with its update, spikes counted, not sent. Cycles per step come from the cycle model, which equals
the core's ``busy_cycles``; ``--check`` runs so many points on the simulated board too and compares. Every input neuron is a
two-state process: while it is on it fires in every step. ``burst`` is the mean number of successive spikes; 0 stands for
independent spikes, ``1 / (1 - rate)``.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from lifline.arch.config import Config, preset
from lifline.arch.program import Mode
from lifline.arch.registers import Space
from lifline.compiler.compile import compile_network
from lifline.driver import device
from lifline.network.model import Network, Neurons, Population, Projection
from lifline.sim.cycles.model import INPUT, CycleModel

RATES = (0.002, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3, 0.5)
BURSTS = (0, 4, 16)
SHAPES = ((64, 64), (1024, 64), (64, 1024), (256, 256))
SHOWN_RATES = (0.002, 0.01, 0.05, 0.2)
"""At which the picture's axis has labels."""


def bursty(rng: np.random.Generator, steps: int, size: int, rate: float, burst: int) -> NDArray[np.uint8]:
    """Spikes (time, neuron) of the two-state process, started in its stationary distribution."""
    length = max(burst, 1 / (1 - rate))
    leave, enter = 1 / length, rate / (1 - rate) / length
    draws = rng.random((steps, size))
    spikes = np.zeros((steps, size), np.uint8)
    on = rng.random(size) < rate
    for t in range(steps):
        spikes[t] = on
        on = np.where(on, draws[t] >= leave, draws[t] < enter)
    return spikes


def network_of(config: Config, fan_in: int, fan_out: int) -> Network:
    """One projection into neurons that hardly fire: modes differ in accumulation, not in what leaves the layer."""
    weights = np.ones((fan_out, fan_in), np.int64)
    return Network(
        name="crossover",
        populations=(Population("in", (fan_in,)), Population("out", (fan_out,), Neurons(threshold=config.state_max, decay_v=200))),
        projections=(Projection(source="in", target="out", weights=weights),),
        output="out",
        state_bits=config.state_bits,
    )


def cycles_per_step(config: Config, network: Network, mode: Mode, spikes: NDArray[np.uint8]) -> float:
    """By the cycle model; the output's own spikes go nowhere and cost nothing."""
    program = compile_network(network, config, mode)
    [out] = program.populations
    model = CycleModel(
        config, program.images[Space.PROGRAM], program.images[Space.DELAYS], registers=program.registers,
        sizes={INPUT: network.input.size, out.number: out.size},
    )  # fmt: skip
    silent = np.zeros((len(spikes), out.size), np.uint8)
    return model.costs({INPUT: spikes, out.number: silent}).busy_cycles / len(spikes)


def event_faster(line: list[dict]) -> list[float]:
    """Firing rates at which event mode takes fewer cycles."""
    return [p["rate"] for p in line if p["event"] < p["dense"]]


def check(config: Config, points: list[dict], steps: int, count: int, rng: np.random.Generator) -> int:
    """How many of ``count`` random points cost another number of cycles on the simulated board."""
    wrong = 0
    with device.open(f"sim:{config.name}") as board:
        assert isinstance(board, device.LinkedDevice)
        for k in track(rng.choice(len(points), count, replace=False), f"checking {config.name}", console=Console(stderr=True), transient=True):
            point = points[int(k)]
            network = network_of(config, point["fan_in"], point["fan_out"])
            spikes = bursty(np.random.default_rng(point["seed"]), steps, point["fan_in"], point["rate"], point["burst"])
            for mode in Mode:
                board.load(compile_network(network, config, mode))
                wrong += int(board.count(spikes)[1].busy[0]) != round(point[mode.name.lower()] * steps)
    return wrong


def draw(path: Path, presets: list[str], points: list[dict]) -> None:
    """Cycles per step over the firing rate; a panel per preset and shape."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib.ticker import FuncFormatter, NullFormatter

    figure, axes = plt.subplots(
        len(presets), len(SHAPES), figsize=(3 * len(SHAPES), 2.6 * len(presets) + 0.5), squeeze=False, sharex=True, sharey=True, layout="constrained"
    )
    for name, line in zip(presets, axes, strict=True):
        for (fan_in, fan_out), axis in zip(SHAPES, line, strict=True):
            for burst, style in zip(BURSTS, ("-", "--", ":"), strict=True):
                own = [p for p in points if (p["preset"], p["fan_in"], p["fan_out"], p["burst"]) == (name, fan_in, fan_out, burst)]
                label = f"bursts of {burst}" if burst else "independent spikes"
                for mode, colour in (("event", "tab:blue"), ("dense", "tab:orange")):
                    axis.loglog([p["rate"] for p in own], [p[mode] for p in own], style, color=colour, label=f"{mode}, {label}")
            axis.set(title=f"{name}: {fan_in} to {fan_out}", xlabel="firing rate per step", ylabel="cycles per step", xticks=SHOWN_RATES)
            axis.grid(color="0.92")
            axis.label_outer()
            axis.xaxis.set_major_formatter(FuncFormatter(lambda rate, place: f"{rate:.1%}".replace(".0%", "%")))
            axis.yaxis.set_major_formatter(FuncFormatter(lambda cycles, place: f"{cycles:,.0f}"))
            for ticks in (axis.xaxis, axis.yaxis):
                ticks.set_minor_formatter(NullFormatter())
    figure.legend(*axes[0][0].get_legend_handles_labels(), loc="outside lower center", ncols=len(BURSTS))
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", action="append", help="may be given several times; default: medium and large")
    parser.add_argument("--steps", type=int, default=256)
    parser.add_argument("--check", type=int, default=6, help="points per preset that run on the simulated board too")
    parser.add_argument("--picture", type=Path, default=Path("modes.png"))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    presets, console = options.preset or ["medium", "large"], Console(stderr=True)
    points, crossovers, errors = [], [], 0
    table = Table("preset", "fan-in", "fan-out", "burst", "event is faster at rates", "event at 2 % / 10 %", "dense at 2 % / 10 %", title="cycles per step")
    for name in presets:
        config, own = preset(name), []
        for fan_in, fan_out in track(SHAPES, f"cycle model of {name}", console=console, transient=True):
            network = network_of(config, fan_in, fan_out)
            for burst in BURSTS:
                line = []
                for rate in RATES:
                    seed = len(points) + len(own) + len(line)
                    spikes = bursty(np.random.default_rng(seed), options.steps, fan_in, rate, burst)
                    cost = {m.name.lower(): cycles_per_step(config, network, m, spikes) for m in Mode}
                    line.append({"preset": name, "fan_in": fan_in, "fan_out": fan_out, "burst": burst, "rate": rate, "seed": seed} | cost)
                own += line
                rates = event_faster(line)
                crossovers.append({"preset": name, "fan_in": fan_in, "fan_out": fan_out, "burst": burst, "event_faster_at": rates})
                shown = {p["rate"]: p for p in line}
                table.add_row(
                    name, str(fan_in), str(fan_out), str(burst or "none"), f"{min(rates):.1%} to {max(rates):.1%}" if rates else "none",
                    *(f"{shown[0.02][m]:.0f} / {shown[0.1][m]:.0f}" for m in ("event", "dense")),
                )  # fmt: skip
        errors += check(config, own, options.steps, options.check, np.random.default_rng(0)) if options.check else 0
        points += own
    console.print(table)
    draw(options.picture, presets, points)
    console.print(f"picture: {options.picture}; points that differ on the simulated board: {errors}")
    if options.json:
        print(json.dumps({"points": points, "crossovers": crossovers, "checked": options.check * len(presets), "cycle_model_errors": errors}))


if __name__ == "__main__":
    main()
