"""Run the trained network on a board and compare every value with the golden model: right answers, cycles, power and energy.

    python examples/speech/board.py gsc_v2_testset_logmel.npz [--network speech.safetensors] [--device sim:] [--samples 100]

Modes are chosen by ``auto`` on recordings of the validation speakers. Prints one line of JSON; cycles and energy (an estimate) are per recording. ``mismatches`` counts
differing values of results, counters and the read-out's membranes in every step; ``cycle_model_equal`` says whether the cycle model has foretold the busy cycles of
every recording; ``milliwatts`` are what the estimate makes of one recording after another, as they are spoken, if the clock stops while nothing is computed, and if it does not.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path

import numpy as np
from sound import SECONDS, Recordings, bit_planes

import lifline
from lifline.arch.config import preset
from lifline.driver.account import Account, account
from lifline.driver.choose import compile_auto
from lifline.driver.energy import energy_model
from lifline.driver.predict import record_activity
from lifline.network.file import load
from lifline.network.result import differences
from lifline.sim.golden.model import GoldenModel

HERE = Path(__file__).parent
RECORD = ["word.v"]
BOARD = "ulx3s-85f"


def by_layer(costs: Account) -> dict[str, dict[str, object]]:
    """Rate, spikes, cycles and the modes of what arrives, by population."""
    modes: dict[str, dict[str, str]] = {}
    for p in costs.projections:
        if p.chosen:
            modes.setdefault(p.target, {})[p.source] = p.mode.name.lower()
    return {
        layer.name: {"rate": round(layer.rate, 3), "spikes": round(layer.spikes), "cycles": round(layer.cycles), "modes": modes[layer.name]}
        for layer in costs.layers
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="gsc_v2_testset_logmel.npz")
    parser.add_argument("--network", default=str(HERE / "speech.safetensors"))
    parser.add_argument("--config", default="conv85")
    parser.add_argument("--device", default="sim:", help="URL of a board with this configuration")
    parser.add_argument("--megahertz", type=float, default=70.0, help="clock of the board")
    parser.add_argument("--samples", type=int, default=100)
    options = parser.parse_args()
    network, config = load(options.network), preset(options.config)
    heard, held_out = Recordings.read(options.data, "test"), Recordings.read(options.data, "validation")
    # The file is in the order of words: recordings from all over it.
    chosen = np.linspace(0, len(heard.labels) - 1, options.samples).round().astype(int)
    spikes, labels = bit_planes(heard.energies[chosen].astype(np.float32)), heard.labels[chosen]
    program, _ = compile_auto(network, config, bit_planes(held_out.energies[:: max(len(held_out.labels) // 16, 1)].astype(np.float32)), record=RECORD)
    with lifline.open(options.device, config=config) as device:
        device.load(program)
        result = device.run(spikes, record=RECORD)
    energy = dataclasses.replace(energy_model(config, board=BOARD), clock_hz=options.megahertz * 1e6)
    costs = account(program, record_activity(network, spikes), record=RECORD, energy=energy)
    assert result.v_last is not None and result.cycles is not None
    busy = float(result.cycles.busy.mean())
    waiting = energy.waiting(config, SECONDS - busy / energy.clock_hz)
    print(
        json.dumps(
            {
                "recordings": len(labels),
                "right": int((result.v_last.argmax(1) == labels).sum()),
                "mismatches": differences(GoldenModel(network).run(spikes, record=RECORD), result),
                "cycles": round(busy),
                "cycle_model_equal": bool((result.cycles.busy == costs.busy_cycles).all()),
                "milliseconds": round(busy / options.megahertz / 1e3, 2),
                "energy_estimate_uj": round(costs.microjoules, 1),
                "milliwatts": round((costs.microjoules + waiting.static) / SECONDS / 1e3, 3),
                "milliwatts_clock_running": round((costs.energy + waiting).total / SECONDS / 1e3, 1),
                "energy_model": costs.energy_model,
                "memory": program.memory,
                "input_rate": round(costs.input_rate, 3),
                "layers": by_layer(costs),
            }
        )
    )


if __name__ == "__main__":
    main()
