"""From trained snnTorch and SpikingJelly objects to the board, compared at every step of the way: one line of JSON per framework.

    python examples/residual/board.py nmnist_small.npz [--frameworks snntorch spikingjelly] [--device sim:] [--samples 100] [--out results.json]

``float_differences`` counts output spikes in which the import, in floating point, differs from the framework on the test recordings; ``mismatches`` values (results, counters, spikes and membranes
of every layer in every step) in which the board differs from the golden model of the quantised network. ``right`` is the number of test recordings read right by the framework and by the
board. Scales and modes are chosen on recordings of the training part. Cycles and energy (an estimate) are per recording.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from residual import FRAMEWORKS, NMNIST, calibration, imported

import lifline
from lifline.arch.config import Config, preset
from lifline.convert.floating.evaluate import evaluate
from lifline.convert.quantisation.fidelity import fidelity
from lifline.convert.quantisation.quantise import quantise
from lifline.driver.account import account
from lifline.driver.predict import record_activity
from lifline.network.model import Network
from lifline.network.result import differences
from lifline.sim.golden.model import GoldenModel

MODES = 20
"""Recordings of the training part that the modes are chosen on."""


def on_board(network: Network, config: Config, url: str, training: np.ndarray, spikes: np.ndarray) -> dict[str, Any]:
    """What a board makes of ``spikes``, and every value that it differs in."""
    record = [f"{p.name}.{what}" for p in network.populations[1:] for what in ("spikes", "v")]
    program, choices = lifline.compile_auto(network, config, training[:MODES])
    with lifline.open(url, config=config) as device:
        device.load(program)
        recorded, result = device.run(spikes, record=record), device.run(spikes)
    costs = account(program, record_activity(network, spikes))
    assert result.cycles is not None
    golden = GoldenModel(network).run(spikes, record=record)
    return {
        "prediction": result.prediction,
        "mismatches": differences(golden, recorded) + differences(golden, result),
        "cycles": round(float(result.cycles.busy.mean())),
        "cycle_model_equal": bool((result.cycles.busy == costs.busy_cycles).all()),
        "energy_estimate_uj": round(costs.microjoules, 1),
        "modes": {f"{c.source} -> {c.target}": c.mode.name.lower() for c in choices},
        "layers": {layer.name: {"rate": round(layer.rate, 3), "cycles": round(layer.cycles)} for layer in costs.layers},
    }


def measure(framework: str, path: str, config: Config, url: str, count: int) -> dict[str, Any]:
    training = calibration(path)
    spikes, labels = (part[:count] for part in NMNIST["test_samples"](path))
    network, fired = imported(framework, spikes)
    integers = quantise(network, training, config=config, per_neuron=True)
    found = on_board(integers, config, url, training, spikes)
    answers = {"framework": fired.sum(1).argmax(1), "board": found.pop("prediction")}
    agreement = {layer.name: round(layer.spike_agreement or 0.0, 3) for layer in fidelity(network, integers, spikes).layers}
    return {
        "recordings": len(labels),
        "neurons": sum(p.size for p in integers.populations[1:]),
        "float_differences": int((evaluate(network, spikes).output != fired).sum()),
        "right": {who: int((answer == labels).sum()) for who, answer in answers.items()},
        "spike_agreement": agreement,
    } | found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="nmnist_small.npz")
    parser.add_argument("--frameworks", nargs="+", choices=FRAMEWORKS, default=list(FRAMEWORKS))
    parser.add_argument("--config", default="conv")
    parser.add_argument("--device", default="sim:", help="URL of a board with this configuration")
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--out", help="file for all of it by framework")
    options = parser.parse_args()
    torch.set_num_threads(1)
    found = {}
    for name in options.frameworks:
        found[name] = measure(name, options.data, preset(options.config), options.device, options.samples)
        print(json.dumps({"framework": name} | found[name]), flush=True)
    if options.out:
        Path(options.out).write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
