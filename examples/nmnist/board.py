"""Run the trained network on a board and compare every value with the golden model: right answers, cycles and energy per recording.

    python examples/nmnist/board.py nmnist_small.npz [--network nmnist.safetensors] [--device sim:conv] [--samples 100]

Prints one line of JSON, cycles and energy (an estimate) per recording. ``mismatches`` counts differing values of results, counters and the read-out's membranes in
every step; ``cycle_model_equal`` says whether the cycle model has foretold the busy cycles of every recording.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from train import test_samples

import lifline
from lifline.arch.config import preset
from lifline.compiler.compile import compile_network
from lifline.driver.account import account
from lifline.driver.predict import record_activity
from lifline.network.file import load
from lifline.network.result import differences
from lifline.sim.golden.model import GoldenModel

HERE = Path(__file__).parent
RECORD = ["digit.v"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="nmnist_small.npz")
    parser.add_argument("--network", default=str(HERE / "nmnist.safetensors"))
    parser.add_argument("--config", default="conv")
    parser.add_argument("--device", default="sim:", help="URL of a board with this configuration")
    parser.add_argument("--samples", type=int, default=100)
    options = parser.parse_args()
    network, config = load(options.network), preset(options.config)
    spikes, labels = (part[: options.samples] for part in test_samples(options.data))
    program = compile_network(network, config)
    with lifline.open(options.device, config=config) as device:
        device.load(program)
        result = device.run(spikes, record=RECORD)
    costs = account(program, record_activity(network, spikes), record=RECORD)
    assert result.v_last is not None and result.cycles is not None
    print(
        json.dumps(
            {
                "recordings": len(labels),
                "right": int((result.v_last.argmax(1) == labels).sum()),
                "mismatches": differences(GoldenModel(network).run(spikes, record=RECORD), result),
                "cycles": round(float(result.cycles.busy.mean())),
                "cycle_model_equal": bool((result.cycles.busy == costs.busy_cycles).all()),
                "milliseconds_at_90_mhz": round(float(result.cycles.busy.mean()) / 90e3, 2),
                "energy_estimate_uj": round(costs.microjoules, 1),
                "energy_model": costs.energy_model,
                "layers": {layer.name: {"rate": round(layer.rate, 4), "cycles": round(layer.cycles), "spikes": round(layer.spikes)} for layer in costs.layers},
            }
        )
    )


if __name__ == "__main__":
    main()
