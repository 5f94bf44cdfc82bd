"""Run the networks that read Braille on a board and compare every value with the golden model: right answers and cycles, one line of JSON per network.

    python examples/braille/board.py braille7.npz [--networks recurrent8 delays8 braille8] [--config medium] [--device sim:] [--out results.json]

Modes are chosen for throughput on samples of the training part. ``mismatches`` counts differing values of results, counters and the read-out's membranes in every step; ``cycle_model_equal``
says whether the cycle model has foretold the busy cycles of every sample. Cycles and energy (an estimate) are per sample.
"""

from __future__ import annotations

import argparse
import json
import runpy
from pathlib import Path
from typing import Any

import lifline
from lifline.arch.config import preset
from lifline.driver.account import account
from lifline.driver.predict import record_activity
from lifline.network.file import load
from lifline.network.result import differences
from lifline.sim.golden.model import GoldenModel

HERE = Path(__file__).parent
RECORD = ["letter.v"]
CALIBRATION = 100
"""Samples of the training part that the modes are chosen on."""


def samples(path: str, name: str) -> tuple[Any, Any, Any]:
    """Spikes of training samples; spikes and labels of the test samples, encoded for network ``name``."""
    scripts = {script: runpy.run_path(str(HERE / f"{script}.py")) for script in ("train", "recurrent")}
    spikes, labels, test = scripts["train"]["load"](path)
    kind = scripts["recurrent"]["KINDS"].get(name.rstrip("842"))

    def encode(chosen: Any) -> Any:
        return scripts["train"]["encode"](chosen, None) if kind is None else kind.encode(chosen, None)

    return encode(spikes[~test][:CALIBRATION]), encode(spikes[test]), labels[test]


def measure(path: str, name: str, config_name: str, url: str, count: int) -> dict[str, Any]:
    network, config = load(HERE / f"{name}.safetensors"), preset(config_name)
    calibration, spikes, labels = samples(path, name)
    spikes, labels = spikes[:count], labels[:count]
    program, choices = lifline.compile_auto(network, config, calibration, record=RECORD)
    with lifline.open(url, config=config) as device:
        device.load(program)
        result = device.run(spikes, record=RECORD)
    costs = account(program, record_activity(network, spikes), record=RECORD)
    assert result.v_last is not None and result.cycles is not None
    return {
        "network": name,
        "neurons": "-".join(str(p.size) for p in network.populations),
        "weights": sum(p.weights.size for p in network.projections),
        "samples": len(labels),
        "right": int((result.v_last.argmax(1) == labels).sum()),
        "mismatches": differences(GoldenModel(network).run(spikes, record=RECORD), result),
        "cycles": round(float(result.cycles.busy.mean())),
        "cycles_per_step": round(float(result.cycles.busy.mean()) / spikes.shape[1], 1),
        "cycle_model_equal": bool((result.cycles.busy == costs.busy_cycles).all()),
        "modes": {f"{c.source} -> {c.target}": c.mode.name.lower() for c in choices},
        "recurrence_cycles": round(sum(c.recurrence for c in choices)),
        "rates": {layer.name: round(layer.rate, 3) for layer in costs.layers[:-1]},
        "energy_estimate_uj": round(costs.microjoules, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="braille7.npz")
    parser.add_argument("--networks", nargs="+", default=["recurrent8", "delays8", "braille8"])
    parser.add_argument("--config", default="medium")
    parser.add_argument("--device", default="sim:", help="URL of a board with this configuration")
    parser.add_argument("--samples", type=int, default=231)
    parser.add_argument("--out", help="file for a list of all of it")
    options = parser.parse_args()
    rows = []
    for name in options.networks:
        rows.append(measure(options.data, name, options.config, options.device, options.samples))
        print(json.dumps(rows[-1]), flush=True)
    if options.out:
        Path(options.out).write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
