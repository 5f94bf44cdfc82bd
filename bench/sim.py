"""Cycles per second of every simulation backend, running a program through the link.

    python bench/sim.py [--preset medium] [--json]
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np
from rich.console import Console
from rich.table import Table

from lifline.arch.config import preset
from lifline.compiler.compile import compile_network
from lifline.driver.device import LinkedDevice
from lifline.driver.link import Link
from lifline.network.model import Network, Neurons, Population, Projection
from lifline.sim.board.simulated import CompiledBoard, InterpretedBoard


def measure(kind: type[CompiledBoard] | type[InterpretedBoard], preset_name: str, steps: int) -> float:
    """Simulated clock cycles per second of wall time, loading excluded."""
    config = preset(preset_name)
    rng = np.random.default_rng(0)
    weights = rng.integers(config.weight_min, config.weight_max + 1, (32, 32))
    network = Network(
        name="sim",
        populations=(Population("in", (32,)), Population("out", (32,), Neurons(threshold=100, decay_v=200))),
        projections=(Projection(source="in", target="out", weights=weights),),
        output="out",
        state_bits=config.state_bits,
    )
    board = kind(config)
    device = LinkedDevice(Link(board))
    device.load(compile_network(network, config))
    spikes = (rng.random((steps, 32)) < 0.3).astype(np.uint8)
    cycles, start = board.cycles, time.perf_counter()
    device.run(spikes)
    speed = (board.cycles - cycles) / (time.perf_counter() - start)
    device.close()
    return speed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="medium")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = {
        "preset": options.preset,
        "cxxrtl_cycles_per_s": measure(CompiledBoard, options.preset, 2000),
        "amaranth_cycles_per_s": measure(InterpretedBoard, "tiny", 4),
    }
    table = Table("backend", "cycles per second", title=f"simulation speed, `{options.preset}` (Amaranth's simulator: `tiny`)")
    table.add_row("CXXRTL, native code", f"{figures['cxxrtl_cycles_per_s']:,.0f}")
    table.add_row("Amaranth's simulator", f"{figures['amaranth_cycles_per_s']:,.0f}")
    Console(stderr=True).print(table)
    if options.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
