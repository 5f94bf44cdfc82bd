"""An hour of a generated electrocardiogram as a stream: when does the detector wake the larger model, and what does that cost?

    python examples/wake/wake.py [--seconds 3600] [--on-device 3600] [--device sim:small] [--out examples/wake]

The golden model hears all of it, the device the first seconds, as many as are asked for, and must agree. Writes ``results.json`` and ``wake.png`` beside this file.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from ecg import CHANNELS, STEP_US, Recording, recording
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import StrMethodFormatter
from numpy.typing import NDArray

import lifline
from lifline.driver.energy import energy_model

HERE = Path(__file__).parent
CHUNK = 25
"""Steps of a part: an answer every quarter of a second."""
SEED = 77
WITHIN_S = 1.0
"""A flag so long after the peak of a premature beat has found it."""
AWAKE_S = 2.0
"""The larger model works so long for one flag; flags meanwhile belong to the same wake."""
CLOCK_HZ = 30_000_000
BOARD = "icebreaker"
LARGER_W = 0.1
"""Assumed: a microcontroller with a larger model, awake; asleep it takes nothing."""


@dataclass(frozen=True)
class Point:
    """The detector at one margin."""

    margin: int
    false_alarms_per_hour: float
    misses: int
    premature: int
    latency_s: float
    wakes_per_hour: float
    awake_share: float
    milliwatts: float


def lead(device: Any, made: Recording) -> tuple[NDArray[np.int64], dict[str, float]]:
    """By how much "premature" leads at the end of every part, and what it took: cycles, weight words, operations, seconds."""
    clock = lifline.EventClock(STEP_US, CHANNELS, origin_us=0)
    stream = device.stream(iter(np.array_split(made.events, 200)), chunk=CHUNK, clock=clock, score="v_last")
    leads, began = [], time.perf_counter()
    spent = {"cycles": 0, "operations": 0}
    fan_out = {p.source: p.weight_matrix().shape[0] for p in device.program.network.projections}
    for part in stream:
        leads.append(int(part.scores[1] - part.scores[0]))
        if part.result.cycles is not None:
            spent["cycles"] += int(part.result.cycles.busy[0])
        spent["operations"] += int(part.result.counters["hidden"].spikes[0]) * fan_out["hidden"]
    spent["operations"] += (clock.events - clock.merged) * fan_out["crossings"]
    return np.array(leads), spent | {"late": clock.late, "early": clock.early, "steps": stream.steps, "wall_s": time.perf_counter() - began}


def judge(made: Recording, leads: NDArray[np.int64], margin: int, core_w: float) -> Point:
    """False alarms, misses, latency and power if a lead above ``margin`` is a flag."""
    ends_s = (np.arange(len(leads)) + 1) * CHUNK * STEP_US * 1e-6
    flags = ends_s[leads > margin]
    wakes: list[float] = []
    for flag in flags:
        if not wakes or flag >= wakes[-1] + AWAKE_S:
            wakes.append(float(flag))
    early = made.beats_s[made.premature]
    behind = flags[:, None] - early[None]
    meets = (behind > 0) & (behind <= WITHIN_S)
    found = meets.any(axis=0)
    right = np.array([bool(((w - early > 0) & (w - early <= WITHIN_S + AWAKE_S)).any()) for w in wakes], bool)
    latency = np.where(meets, behind, np.inf).min(axis=0, initial=np.inf)[found]
    hours, share = made.seconds / 3600, len(wakes) * AWAKE_S / made.seconds
    power = core_w + share * LARGER_W
    return Point(
        margin, float((~right).sum()) / hours, int((~found).sum()), len(early), float(np.median(latency)) if len(latency) else 0.0, len(wakes) / hours, share, power * 1e3
    )


def run(seconds: float, url: str, network: Any, on_device: float) -> dict[str, Any]:
    """Everything that the page shows."""
    made = recording(seconds, SEED)
    heard = replace(made, events=made.events[made.events[:, 0] < on_device * 1e6], seconds=min(on_device, seconds))
    with lifline.open(url) as device:
        program = lifline.compile_network(network, device.config)
        device.load(program)
        own, spent = lead(device, heard)
    with lifline.open("golden:small") as golden:
        golden.load(program)
        leads, _ = lead(golden, made)
    whole = spent["steps"] // CHUNK  # a last part that is shorter ends elsewhere
    # Event mode reads a weight word per block of lanes for every spike.
    reads = spent["operations"] / program.config.event_lanes
    model = energy_model(program.config, board=BOARD)
    computing = model.energy(program.config, cycles=spent["cycles"], weight_reads=reads, operations=spent["operations"])
    standing = model.waiting(program.config, 1.0)
    core_w = ((computing.clock + computing.dynamic) / heard.seconds + standing.static) * 1e-6
    margins = sorted({int(m) for m in np.quantile(leads, np.linspace(0.8, 0.9995, 60))})
    points = [judge(made, leads, m, core_w) for m in margins]
    best = min(points, key=lambda p: (p.misses + p.false_alarms_per_hour * seconds / 3600, p.margin))
    return {
        "seconds": seconds, "device": url, "beats": len(made.beats_s), "premature": int(made.premature.sum()), "events": len(made.events),
        "on_device": heard.seconds, "answers_compared": whole, "mismatches": int((own[:whole] != leads[:whole]).sum()), "spent": spent,
        "duty_cycle": spent["cycles"] / (heard.seconds * CLOCK_HZ),
        "core_microwatts": core_w * 1e6, "running_clock_milliwatts": standing.total * 1e-3 + core_w * 1e3 - standing.static * 1e-3, "always_awake_milliwatts": LARGER_W * 1e3,
        "energy_model": model.describe(program.config), "best": asdict(best), "points": [asdict(p) for p in points],
    }  # fmt: skip


def draw(found: dict[str, Any], path: Path) -> None:
    """Misses and power against false alarms."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    alarms = [p["false_alarms_per_hour"] for p in found["points"]]
    for axes, values, label in (
        (left, [p["misses"] for p in found["points"]], f"missed, of {found['premature']} premature beats"),
        (right, [p["milliwatts"] for p in found["points"]], "milliwatts, estimated"),
    ):
        axes.plot(alarms, values, "o-", color="#2f6fb0", markersize=4, linewidth=1)
        best = found["best"]
        axes.plot(best["false_alarms_per_hour"], best["misses" if axes is left else "milliwatts"], "o", color="#c8730a", markersize=8, label="chosen margin")
        axes.set(xlabel="false alarms per hour", ylabel=label, xscale="symlog", xlim=(-0.2, None), ylim=(0, None if axes is left else LARGER_W * 1.1e3))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axes.grid(alpha=0.3)
    right.axhline(found["always_awake_milliwatts"], color="#7d8893", linestyle="--", label="larger model always awake")
    left.legend()
    right.legend()
    figure.savefig(path, dpi=110, metadata={"Software": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3600)
    parser.add_argument("--on-device", type=float, default=3600, metavar="SECONDS")
    parser.add_argument("--device", default="sim:small")
    parser.add_argument("--network", type=Path, default=HERE / "wake8.safetensors")
    parser.add_argument("--out", type=Path, default=HERE)
    options = parser.parse_args()
    found = run(options.seconds, options.device, lifline.load_network(options.network), options.on_device)
    (options.out / "results.json").write_text(json.dumps(found, indent=1) + "\n")
    draw(found, options.out / "wake.png")
    best = found["best"]
    print(
        f"{found['premature']} premature of {found['beats']} beats: {best['misses']} missed, {best['false_alarms_per_hour']:.1f} false alarms per hour, "
        f"{best['latency_s']:.2f} s after the peak; {found['mismatches']} mismatches; the core computes {found['duty_cycle'] * 100:.4f} % of the time; "
        f"{best['milliwatts']:.2f} mW with the larger model awake {best['awake_share'] * 100:.1f} % of the time, estimated"
    )


if __name__ == "__main__":
    main()
