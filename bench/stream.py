"""Latency of a part of a stream: from the source's last step to the result, on a simulated board and behind a pseudo-terminal.

    python bench/stream.py [--preset medium] [--parts 60] [--json]

Both are simulated, so that their milliseconds say what driver and simulator take; what a board adds is said by the bytes on the link and the cycles.
"""

from __future__ import annotations

import argparse
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from lifline.arch.config import Config, preset
from lifline.compiler.compile import compile_network
from lifline.driver import device as devices
from lifline.driver.device import LinkedDevice
from lifline.network.model import Network, Neurons, Population, Projection
from lifline.sim.board.serve import PseudoTerminal
from lifline.sim.board.simulated import CompiledBoard

CHUNKS = 1, 8, 32
INPUTS, HIDDEN, OUTPUTS = 32, 32, 10
RATE = 0.1
BAUD_HZ = 1_000_000
BITS_PER_BYTE = 10
"""On a serial line, with start and stop."""
WARM_UP = 2
"""Parts that are left out: the first ones read what later ones know."""


class Counting:
    """A byte stream that counts its bytes and the requests that begin with a write."""

    def __init__(self, inner: Any) -> None:
        self.inner, self.bytes, self.requests = inner, 0, 0

    def write(self, data: bytes) -> None:
        self.bytes, self.requests = self.bytes + len(data), self.requests + 1
        self.inner.write(data)

    def read(self, count: int) -> bytes:
        data = self.inner.read(count)
        self.bytes += len(data)
        return data

    def close(self) -> None:
        self.inner.close()


def network(config: Config) -> Network:
    rng = np.random.default_rng(0)
    low, high = config.weight_min // 4, config.weight_max // 3
    sizes = {"in": INPUTS, "hidden": HIDDEN, "out": OUTPUTS}
    names = list(sizes)
    neurons = Neurons(threshold=200, decay_v=300)
    return Network(
        name="stream", output="out", state_bits=config.state_bits,
        populations=tuple(Population(n, (s,), neurons if n != "in" else None) for n, s in sizes.items()),
        projections=tuple(
            Projection(source=a, target=b, weights=rng.integers(low, high, (sizes[b], sizes[a]))) for a, b in zip(names, names[1:], strict=False)
        ),
    )  # fmt: skip


@contextmanager
def simulated(config: Config) -> Iterator[LinkedDevice]:
    with devices.open("sim:", config=config) as device:
        assert isinstance(device, LinkedDevice)
        yield device


@contextmanager
def pseudo_terminal(config: Config) -> Iterator[LinkedDevice]:
    board = CompiledBoard(config)
    port = PseudoTerminal(board)
    server = threading.Thread(target=port.serve)
    server.start()
    try:
        with devices.open(f"serial:{port.path}?timeout=5", config=config) as device:
            assert isinstance(device, LinkedDevice)
            yield device
    finally:
        port.stop()
        server.join()
        port.close()
        board.close()


def measure(device: LinkedDevice, config: Config, chunk: int, parts: int) -> dict[str, Any]:
    """Milliseconds, bytes, requests and cycles of one part of ``chunk`` steps."""
    link: Any = device.link
    link.transport = counting = Counting(link.transport)
    spikes = (np.random.default_rng(1).random((chunk * (parts + WARM_UP), INPUTS)) < RATE).astype(np.uint8)
    latencies, cycles = [], []
    for k, part in enumerate(device.stream(spikes, chunk=chunk)):
        if k == WARM_UP - 1:
            counting.bytes = counting.requests = 0
        if k >= WARM_UP:
            assert part.result.cycles is not None
            latencies.append(part.latency_s * 1e3)
            cycles.append(int(part.result.cycles.busy[0]))
    link.transport = counting.inner
    return {
        "chunk": chunk, "best_ms": min(latencies), "median_ms": float(np.median(latencies)), "p95_ms": float(np.percentile(latencies, 95)), "worst_ms": max(latencies),
        "cycles": float(np.mean(cycles)), "requests": counting.requests / parts, "link_bytes": counting.bytes / parts,
        "wire_ms": counting.bytes / parts * BITS_PER_BYTE / BAUD_HZ * 1e3,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="medium")
    parser.add_argument("--parts", type=int, default=60)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    config = preset(options.preset)
    program = compile_network(network(config), config)
    rows = []
    for name, opened in (("simulated board", simulated), ("pseudo-terminal", pseudo_terminal)):
        with opened(config) as device:
            device.load(program)
            rows += [{"device": name} | measure(device, config, chunk, options.parts) for chunk in CHUNKS]
    table = Table("device", "steps", "best", "median", "95 %", "cycles", "requests", "bytes", "wire", caption=f"milliseconds; wire: at {BAUD_HZ / 1e6:g} Mbaud")
    for r in rows:
        table.add_row(
            r["device"], str(r["chunk"]), f"{r['best_ms']:.1f}", f"{r['median_ms']:.1f}", f"{r['p95_ms']:.1f}", f"{r['cycles']:,.0f}",
            f"{r['requests']:.1f}", f"{r['link_bytes']:,.0f}", f"{r['wire_ms']:.1f}",
        )  # fmt: skip
    Console(stderr=True).print(table)
    if options.json:
        print(json.dumps({"preset": options.preset, "rows": rows}))


if __name__ == "__main__":
    main()
