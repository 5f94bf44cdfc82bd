"""R256: fully connected 256 -> 256, a fixed number of random input spikes per step, LIF; cycles per step on the simulated board.

    python bench/r256.py --preset medium --mode event [--inputs 26] [--delays] [--record] [--steps 1000] [--json]

Cycles per step are the core's own ``busy_cycles``; the cycles in which it waited for the host's input are printed beside
them and not included. ``--inputs 256`` is the dense peak, ``--inputs 0`` the price of silence. Before the steps that are
measured run 64 others, so that as many spikes arrive as are sent. With ``--record`` the output's spikes are sent to the host.
"""

from __future__ import annotations

import argparse
import json

import numpy as np
from rich.console import Console
from rich.table import Table

from lifline.arch.config import preset
from lifline.arch.program import Mode
from lifline.compiler.compile import compile_network
from lifline.driver import device
from lifline.network.model import Network, Neurons, Population, Projection
from lifline.sim.golden.model import GoldenModel

SIZE = 256


def measure(preset_name: str, mode: Mode, inputs: int, steps: int, delays: bool, record: bool) -> dict[str, float | int | str | bool]:
    """Run the workload, check it against the golden model, return the figures."""
    config = preset(preset_name)
    rng = np.random.default_rng(0)
    weights = rng.integers(config.weight_min, config.weight_max + 1, (SIZE, SIZE))
    projection = Projection(
        source="in", target="out", weights=weights, delays=rng.integers(0, config.max_delay + 1, SIZE) if delays else None
    )
    neurons = Neurons(threshold=(1 << (config.state_bits - 2)), decay_v=200)
    network = Network(
        name="r256",
        populations=(Population("in", (SIZE,)), Population("out", (SIZE,), neurons)),
        projections=(projection,),
        output="out",
        state_bits=config.state_bits,
    )
    warm = 64  # until spikes with the longest delay have arrived
    spikes = np.zeros((warm + steps, SIZE), np.uint8)
    for t in range(warm + steps):
        spikes[t, rng.choice(SIZE, inputs, replace=False)] = 1
    golden = GoldenModel(network).run(spikes)
    with device.open(f"sim:{preset_name}") as board:
        assert isinstance(board, device.LinkedDevice)
        board.load(compile_network(network, config, mode))
        if record:
            first, second = board.run(spikes[:warm]), board.run(spikes[warm:], reset=False)
            measured = second.cycles
            outputs = np.concatenate([first.output_spikes, second.output_spikes], axis=1)
            mismatches = int((outputs != golden.output_spikes).sum())
        else:
            before, _ = board.count(spikes[:warm])
            after, measured = board.count(spikes[warm:], reset=False)
            mismatches = int(abs(before["out"].spikes[0] + after["out"].spikes[0] - golden.counters["out"].spikes[0]))
    assert measured is not None
    cycles = float(measured.busy[0]) / steps
    lanes = config.event_lanes if mode is Mode.EVENT else config.dense_lanes * config.window
    useful = inputs * SIZE / cycles
    return {
        "preset": preset_name,
        "mode": mode.name.lower(),
        "inputs": inputs,
        "delays": delays,
        "record": record,
        "steps": steps,
        "cycles_per_step": cycles,
        "input_stall_cycles_per_step": float(measured.stall_input[0]) / steps,
        "useful_sop_per_cycle": useful,
        "utilisation": useful / lanes,
        "mismatches": mismatches,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="medium")
    parser.add_argument("--mode", choices=("event", "dense"), default="event")
    parser.add_argument("--inputs", type=int, default=26)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--delays", action="store_true", help="random axonal delays up to the preset's largest")
    parser.add_argument("--record", action="store_true", help="send every output spike to the host and compare it; else compare the count of spikes")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    figures = measure(options.preset, Mode[options.mode.upper()], options.inputs, options.steps, options.delays, options.record)
    table = Table(title="R256", show_header=False)
    for key, value in figures.items():
        table.add_row(key, f"{value:.3f}" if isinstance(value, float) else str(value))
    Console(stderr=True).print(table)
    if options.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
