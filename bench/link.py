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
from lifline.arch.frame import REQUEST_SYNC
from lifline.driver.device import LinkedDevice
from lifline.driver.link import Link
from lifline.network.result import differences
from lifline.sim.board.simulated import CompiledBoard
from lifline.sim.golden.model import GoldenModel

WAKE = Path(__file__).parents[1] / "examples" / "wake"
STEPS = 32
"""Of a beat."""
BEFORE_S = 0.12
"""A beat begins so long before its peak."""
BITS_PER_BYTE = 10
"""On a serial line, with start and stop."""


class Counting:
    """A byte stream that counts its bytes, each way, and the requests."""

    def __init__(self, inner: CompiledBoard) -> None:
        self.inner, self.sent, self.received, self.requests = inner, 0, 0, 0

    def write(self, data: bytes) -> None:
        self.sent, self.requests = self.sent + len(data), self.requests + (data[:1] == bytes([REQUEST_SYNC]))
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


def measure(preset: str, clock_hz: float, baud: int, samples: NDArray[np.uint8]) -> dict[str, Any]:
    """Figures of a batch of beats."""
    config, network = lifline.preset(preset), lifline.load_network(WAKE / "wake8.safetensors")
    board = CompiledBoard(config, byte_cycles=round(clock_hz / baud * BITS_PER_BYTE))
    counting = Counting(board)
    with LinkedDevice(Link(counting), config=config) as device:
        device.load(lifline.compile_network(network, config))
        device.run(samples[:1])
        counting.sent = counting.received = counting.requests = 0
        began = board.cycles
        result = device.run(samples)
        seconds, count = (board.cycles - began) / clock_hz, len(samples)
        assert result.cycles is not None
        return {
            "network": network.name, "preset": preset, "clock_mhz": clock_hz / 1e6, "baud": baud, "beats": count, "steps": STEPS,
            "spikes_per_beat": float(samples.sum()) / count, "requests": counting.requests / count, "bytes": (counting.sent + counting.received) / count,
            "bytes_sent": counting.sent / count, "bytes_received": counting.received / count, "core_cycles": float(result.cycles.busy.mean()),
            "beats_per_second": count / seconds, "core_beats_per_second": clock_hz / float(result.cycles.busy.mean()), "repeated": device.link.repeated,
            "lost": board.lost, "mismatches": differences(GoldenModel(network).run(samples), result),
        }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="small")
    parser.add_argument("--clock", type=float, default=30.0, help="MHz")
    parser.add_argument("--baud", type=int, default=1_000_000)
    parser.add_argument("--beats", type=int, default=40)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = measure(options.preset, options.clock * 1e6, options.baud, beats(options.beats))
    table = Table(title=f"a beat of {STEPS} steps through the link", show_header=False)
    for key, value in figures.items():
        table.add_row(key.replace("_", " "), f"{value:,.1f}" if isinstance(value, float) else str(value))
    Console(stderr=True).print(table)
    if options.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
