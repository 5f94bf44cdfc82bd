"""What a configuration takes on a board, and how fast it computes R256 there: builds with several placer seeds, and a run on the simulated board.

    python bench/area.py [--pair small:icebreaker --pair medium:ulx3s-25f] [--seeds 3] [--folder build-board] [--json]

Builds are found again if nothing that enters them has changed; a new one takes minutes for each seed. ``fmax_mhz`` is the median over the
seeds, ``worst_mhz`` the slowest one. R256 is the workload of ``bench/r256.py``: 26 spikes per step, 256 neurons that all of them reach. The
peers' figures below the table were measured with the same tools on the same workload, routed for the ECP5-85F, speed grade 6.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from statistics import median
from typing import Any

from r256 import SIZE, measure
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from lifline.arch.config import preset
from lifline.arch.program import Mode
from lifline.boards.build import build

PAIRS = ("small:icebreaker", "medium:ulx3s-25f", "conv:ulx3s-25f", "wide:ulx3s-85f")
INPUTS = 26
SYNAPTIC_OPERATIONS = INPUTS * SIZE
"""Of a step."""

PEERS: tuple[dict[str, Any], ...] = (
    {"config": "tinyODIN", "lut": 3132, "fmax_mhz": 39.7, "cycles_per_step": 14044.0},
    {"config": "ODIN", "lut": 13522, "fmax_mhz": 19.8, "cycles_per_step": 14631.0},
    {"config": "Spiker+", "lut": 15126, "fmax_mhz": 49.0, "cycles_per_step": 261.5},
    {"config": "catalyst-n1, one core", "lut": 15825, "fmax_mhz": 17.7, "cycles_per_step": 42093.0},
)
COLUMNS = {
    "config": "configuration", "board": "board", "lut": "lookup tables", "ff": "flip-flops", "block_ram": "block RAMs", "dsp": "multipliers",
    "fmax_mhz": "MHz, median", "worst_mhz": "worst", "cycles_per_step": "cycles per step", "us_per_step": "us per step",
    "msop_per_s": "million operations per second", "sop_per_cycle_per_klut": "per cycle and 1,000 tables",
}  # fmt: skip
"""Columns of the table, by the keys of a row."""


def speed(row: dict[str, Any]) -> dict[str, Any]:
    """A row with what follows from its lookup tables, clock and cycles."""
    us = row["cycles_per_step"] / row["fmax_mhz"]
    per_cycle = SYNAPTIC_OPERATIONS / row["cycles_per_step"]
    return row | {"us_per_step": us, "msop_per_s": SYNAPTIC_OPERATIONS / us, "sop_per_cycle_per_klut": 1000 * per_cycle / row["lut"]}


def built(pair: str, seeds: int, steps: int, folder: Path, progress: Progress) -> dict[str, Any]:
    """Build ``CONFIGURATION:BOARD`` with so many seeds, and run R256 on the simulated board."""
    name, board = pair.split(":")
    task = progress.add_task(pair, total=1.0)
    report = build(
        board, preset(name), folder, seeds=seeds, must_meet=False,
        on_progress=lambda stage, share: progress.update(task, completed=share, description=f"{pair}: {stage}"),
    )  # fmt: skip
    progress.update(task, completed=1.0, description=pair)
    cycles = measure(name, Mode.EVENT, INPUTS, steps, delays=False, record=False)
    assert cycles["mismatches"] == 0
    clocks = list(report.seeds.values())
    return speed(
        {"config": name, "board": board, **report.used, "fmax_mhz": median(clocks), "worst_mhz": min(clocks), "asked_mhz": report.constraint_mhz}
        | {"seeds": {str(seed): clock for seed, clock in report.seeds.items()}, "tools": report.tools, "cycles_per_step": cycles["cycles_per_step"]}
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pair", action="append", metavar="CONFIGURATION:BOARD", help=f"may be given several times; else {', '.join(PAIRS)}")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--folder", type=Path, default=Path("build-board"))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with Progress(console=Console(stderr=True)) as progress:
        rows = [built(pair, options.seeds, options.steps, options.folder, progress) for pair in options.pair or PAIRS]
    table = Table(title=f"R256, {options.seeds} seeds")
    for title in COLUMNS.values():
        table.add_column(title)
    for row in [*rows, *map(speed, PEERS)]:
        table.add_row(*(f"{value:,.1f}" if isinstance(value := row.get(key, ""), float) else f"{value:,}" if isinstance(value, int) else value for key in COLUMNS))
    Console(stderr=True).print(table)
    if options.json:
        print(json.dumps({"rows": rows, "peers": [speed(row) for row in PEERS]}))


if __name__ == "__main__":
    main()
