"""What the link makes of a network: bytes, requests and beats per second at a baud rate, measured on the simulated board behind a line of that rate.

    python bench/link.py [--preset small] [--clock 30] [--baud 1000000] [--beats 40] [--json]

The network is the detector of ``examples/wake``, a beat of the electrocardiogram 32 time steps, each from a fresh start. The line moves a byte in ten
bits, each way at once, and loses what is not taken in time; the host takes no time, which no host does.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

import lifline
from lifline.boards.board import ICE40UP5K, Board
from lifline.driver.device import LinkedDevice
from lifline.driver.estimate import BITS_PER_BYTE
from lifline.driver.link import Link
from lifline.network.result import RunResult, decisions_of, differences
from lifline.sim.board.simulated import CompiledBoard
from lifline.sim.golden.model import GoldenModel

WAKE = Path(__file__).parents[1] / "examples" / "wake"
STEPS = 32
"""Of a beat."""
BEFORE_S = 0.12
"""A beat begins so long before its peak."""
BEFORE = 106.0
"""Beats per second of `run` on `small` at 30 MHz and 1 Mbaud, with one request at a time (interface version 8): `times` is how many times as many there are."""


class Counting:
    """A byte stream that counts its bytes, each way, and the requests."""

    def __init__(self, inner: CompiledBoard) -> None:
        self.inner, self.sent, self.received, self.requests = inner, 0, 0, 0

    def write(self, data: bytes) -> None:
        self.sent, self.requests = self.sent + len(data), self.requests + 1
        self.inner.write(data)

    def read(self, count: int) -> bytes:
        data = self.inner.read(count)
        self.received += len(data)
        return data

    def close(self) -> None:
        self.inner.close()


def beats(count: int) -> NDArray[np.uint8]:
    """Beats of a recording, (beat, time, channel)."""
    sys.path.insert(0, str(WAKE))
    from ecg import CHANNELS, STEP_US, recording

    made = recording(count * 1.0 + 10, seed=5)
    times, channels = made.events[:, 0] // STEP_US, made.events[:, 1]
    first = ((made.beats_s[1 : count + 1] - BEFORE_S) * 1e6 / STEP_US).astype(int)
    steps = np.zeros((int(times.max()) + STEPS + 1, CHANNELS), np.uint8)
    steps[times, channels] = 1
    return np.stack([steps[t : t + STEPS] for t in first])


def measure(preset: str, clock_hz: float, baud: int, samples: NDArray[np.uint8]) -> list[dict[str, Any]]:
    """Figures of a batch of beats, a row for each way to run it."""
    config, network = lifline.preset(preset), lifline.load_network(WAKE / "wake8.safetensors")
    program, golden = lifline.compile_network(network, config), GoldenModel(network).run(samples)
    board = CompiledBoard(config, byte_cycles=round(clock_hz / baud * BITS_PER_BYTE))
    counting, rows, count = Counting(board), [], len(samples)
    with LinkedDevice(Link(counting), config=config) as device:
        device.load(program)
        for name in ("run", "classify"):
            counting.sent = counting.received = counting.requests = 0
            began = board.cycles
            result = device.run(samples) if name == "run" else device.classify(samples)
            seconds = (board.cycles - began) / clock_hz
            wrong = differences(golden, result) if isinstance(result, RunResult) else int((result.scores != decisions_of(golden).scores).sum())
            chip = Board(preset, ICE40UP5K, "", preset, clock_hz, ())
            said = lifline.estimate(program, samples, board=chip, link=baud, record=() if name == "run" else None)
            rows.append({
                "call": name, "network": network.name, "preset": preset, "clock_mhz": clock_hz / 1e6, "baud": baud, "beats": count, "steps": STEPS,
                "spikes_per_beat": float(samples.sum()) / count, "requests": counting.requests / count, "bytes": (counting.sent + counting.received) / count,
                "bytes_sent": counting.sent / count, "bytes_received": counting.received / count, "core_cycles": float(said.cycles.mean()),
                "beats_per_second": count / seconds, "estimated_beats_per_second": said.samples_per_second, "times": count / seconds / BEFORE,
                "core_beats_per_second": clock_hz / float(said.cycles.mean()), "repeated": device.link.repeated, "lost": board.lost, "mismatches": wrong,
            })  # fmt: skip
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="small")
    parser.add_argument("--clock", type=float, default=30.0, help="MHz")
    parser.add_argument("--baud", type=int, default=1_000_000)
    parser.add_argument("--beats", type=int, default=40)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = measure(options.preset, options.clock * 1e6, options.baud, beats(options.beats))
    table = Table("", *[row["call"] for row in rows], title=f"a beat of {STEPS} steps through the link")
    for key in list(rows[0])[1:]:
        table.add_row(key.replace("_", " "), *[f"{row[key]:,.1f}" if isinstance(row[key], float) else str(row[key]) for row in rows])
    Console(stderr=True).print(table)
    if options.json:
        print(json.dumps({"rows": rows}))


if __name__ == "__main__":
    main()
