"""What the link makes of a network: bytes, requests and beats per second at a baud rate, measured on the simulated board behind a line of that rate.

    python bench/link.py [--preset small] [--clock 30] [--baud 1000000] [--beats 40] [--dense-steps 64] [--json]

The network is the detector of ``examples/wake``, a beat of the electrocardiogram 32 time steps, each from a fresh start. The line moves a byte in ten
bits, each way at once, and loses what is not taken in time; the host takes no time, which no host does. A second table is of a dense layer with 256 inputs
of which half are active, whose input crosses packed, and as indices where one of them has another delay; a third one of a long sample: how much of
what crosses the line is input or spikes.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

import lifline
from lifline.arch.config import Config
from lifline.arch.limits import RING_BITS
from lifline.boards.board import BOARDS
from lifline.driver.device import LinkedDevice
from lifline.driver.estimate import BITS_PER_BYTE
from lifline.driver.input_words import input_words, input_writes
from lifline.driver.link import Link
from lifline.network.model import Network, Neurons, Population, Projection
from lifline.network.result import RunResult, decisions_of, differences
from lifline.sim.board.simulated import CompiledBoard
from lifline.sim.golden.model import GoldenModel

WAKE = Path(__file__).parents[1] / "examples" / "wake"
STEPS = 32
"""Of a beat."""
BEFORE_S = 0.12
"""A beat begins so long before its peak."""
INPUTS, OUTPUTS = 256, 32
"""Of the dense layer."""
LONG = 800
"""Steps of a sample that fills the device's memories many times."""
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
            seconds, wrong = timed(device, counting, clock_hz, name, samples, golden)
            chip = replace(BOARDS["icebreaker"], title=preset, config=preset, clock_hz=clock_hz, changes={})
            said = lifline.estimate(program, samples, board=chip, link=baud, record=() if name == "run" else None)
            rows.append({
                "call": name, "network": network.name, "preset": preset, "clock_mhz": clock_hz / 1e6, "baud": baud, "beats": count, "steps": STEPS,
                "spikes_per_beat": float(samples.sum()) / count, "requests": counting.requests / count, "bytes": (counting.sent + counting.received) / count,
                "bytes_sent": counting.sent / count, "bytes_received": counting.received / count, "core_cycles": float(said.cycles.mean()),
                "beats_per_second": count / seconds, "estimated_beats_per_second": said.samples_per_second, "times": count / seconds / BEFORE,
                "core_beats_per_second": clock_hz / float(said.cycles.mean()), "repeated": device.link.repeated, "lost": board.lost, "mismatches": wrong,
            })  # fmt: skip
    return rows


def timed(device: LinkedDevice, counting: Counting, clock_hz: float, call: str, samples: NDArray[np.uint8], golden: RunResult) -> tuple[float, int]:
    """Seconds of the board for a call, whose bytes are then in ``counting``, and values that differ from the golden model's."""
    counting.sent = counting.received = counting.requests = 0
    began = counting.inner.cycles
    result = device.run(samples) if call == "run" else device.classify(samples)
    seconds = (counting.inner.cycles - began) / clock_hz
    wrong = differences(golden, result) if isinstance(result, RunResult) else int((result.scores != decisions_of(golden).scores).sum())
    return seconds, wrong


def dense_network(config: Config, *, uniform: bool) -> Network:
    """A dense layer; where its inputs do not share one delay they come as indices."""
    delays = np.ones(INPUTS, int)
    delays[0] += not uniform
    weights = np.random.default_rng(1).integers(-60, 64, (OUTPUTS, INPUTS))
    return Network(
        name="dense", output="out", state_bits=config.state_bits,
        populations=(Population("in", (INPUTS,)), Population("out", (OUTPUTS,), Neurons(threshold=900, decay_v=400))),
        projections=(Projection(source="in", target="out", weights=weights, delays=delays),),
    )  # fmt: skip


def dense(clock_hz: float, baud: int, samples: NDArray[np.uint8], *, forms: tuple[bool, ...] = (False, True)) -> list[dict[str, Any]]:
    """Figures of samples with a dense input, as indices and packed, and how much of what crosses the link is input, spikes or scores."""
    config, rows = lifline.preset("medium"), []
    for uniform in forms:
        network = dense_network(config, uniform=uniform)
        program, golden = lifline.compile_network(network, config, "dense"), GoldenModel(network).run(samples)
        counting = Counting(CompiledBoard(config, byte_cycles=round(clock_hz / baud * BITS_PER_BYTE)))
        words = [input_words(program, sample) for sample in samples]
        given = sum(request.kind.word_bytes * request.count for sample in words for request in input_writes(0, sample))
        records = 8 * int(golden.output_spikes.reshape(-1, OUTPUTS // RING_BITS, RING_BITS).any(axis=2).sum())
        with LinkedDevice(Link(counting), config=config) as device:
            device.load(program)
            for call in ("run", "classify"):
                seconds, wrong = timed(device, counting, clock_hz, call, samples, golden)
                rows.append({
                    "call": call, "input": "packed" if uniform else "indices", "samples": len(samples), "steps": samples.shape[1],
                    "bytes_sent": counting.sent / len(samples), "bytes_received": counting.received / len(samples),
                    "sent_useful": given / counting.sent, "received_useful": records / counting.received,
                    "samples_per_second": len(samples) / seconds, "repeated": device.link.repeated, "mismatches": wrong,
                })  # fmt: skip
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="small")
    parser.add_argument("--clock", type=float, default=30.0, help="MHz")
    parser.add_argument("--baud", type=int, default=1_000_000)
    parser.add_argument("--beats", type=int, default=40)
    parser.add_argument("--dense-steps", type=int, default=64)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows = measure(options.preset, options.clock * 1e6, options.baud, beats(options.beats))
    active = (np.random.default_rng(2).random((2, options.dense_steps, INPUTS)) < 0.5).astype(np.uint8)
    dense_rows = dense(options.clock * 1e6, options.baud, active)
    long_rows = dense(options.clock * 1e6, options.baud, (np.random.default_rng(3).random((1, LONG, INPUTS)) < 0.5).astype(np.uint8), forms=(True,))
    show(f"a beat of {STEPS} steps through the link", rows)
    show(f"{options.dense_steps} steps of {INPUTS} inputs, half of them active, on `medium`", dense_rows)
    show(f"one sample of {LONG} such steps", long_rows)
    if options.json:
        print(json.dumps({"rows": rows, "dense": dense_rows, "long": long_rows}))


def show(title: str, rows: list[dict[str, Any]]) -> None:
    """Figures as a table, a column for each call."""
    table = Table("", *[row["call"] for row in rows], title=title)
    for key in list(rows[0])[1:]:
        table.add_row(key.replace("_", " "), *[f"{row[key]:,.2f}" if isinstance(row[key], float) else str(row[key]) for row in rows])
    Console(stderr=True).print(table)


if __name__ == "__main__":
    main()
