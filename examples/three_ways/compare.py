"""Three ways into spikes on the same data and the same simulated board: surrogate gradient, conversion of a ReLU network, STDP.

    python examples/three_ways/compare.py
    python examples/three_ways/compare.py --mnist mnist.npz --seeds 1 --board-samples 200
    python examples/three_ways/compare.py --report --json

Every image is a rate code (``lifline.network.encode.regular_spikes``). Every network runs on the simulated board, spike by spike compared with the golden
model. Every finished row (data, way, seed) is one JSON line of ``results.jsonl``; ``--report`` only prints the table and draws the figure.
Needs the extra ``train`` and a C++ compiler.
"""

from __future__ import annotations

import argparse
import functools
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import ways
from comparison import figure, summarise, table
from torch import nn

from lifline.data import digits
from lifline.driver import device as devices
from lifline.driver.choose import compile_auto
from lifline.driver.energy import energy_model
from lifline.driver.predict import predict, record_activity
from lifline.network.encode import regular_spikes
from lifline.network.file import load, save
from lifline.network.model import Network
from lifline.sim.golden.model import GoldenModel

HERE = Path(__file__).parent
CHOSEN_ON = 200
"""Training images on which the modes are chosen."""
CONVERSION_STEPS = (2, 4, 8, 16)
CONVERSIONS = {f"conversion, {n} steps": n for n in CONVERSION_STEPS}
SURROGATE, FEW = "surrogate gradient", 4
SURROGATE_FEW = f"{SURROGATE}, {FEW} steps"
PACKAGED = "surrogate gradient, spike times and learned delays"
"""The demo's network, which is part of the package; for the digits only."""
STDP = {
    "STDP, linear read-out": (True, "linear"),
    "STDP, labels assigned": (True, "assignment"),
    "first weights, linear read-out": (False, "linear"),
    "first weights, labels assigned": (False, "assignment"),
}
WAYS = [SURROGATE, SURROGATE_FEW, PACKAGED, *CONVERSIONS, *STDP]
Encode = Callable[[np.ndarray], np.ndarray]


def measure(task: ways.Task, network: Network, encode: Encode, board: devices.Device, samples: int) -> dict[str, Any]:
    """Accuracy on all test images in the golden model; on the first ``samples`` of them what the board did: per image, spikes, cycles, energy."""
    config, (images, labels) = task.board, task.test
    program, choices = compile_auto(network, config, encode(task.training[0][:CHOSEN_ON]))
    spikes = encode(images)
    prediction = GoldenModel(network).run(spikes).prediction
    spikes = spikes[:samples]
    record = ["all", f"{network.output}.v"]
    golden = GoldenModel(network).run(spikes, record=record)
    board.load(program)
    checked = board.run(spikes, record=record)
    mismatches = int((checked.prediction != prediction[:samples]).sum())
    for name, variables in golden.records.items():
        mismatches += sum(int((values != checked.records[name][what]).sum()) for what, values in variables.items())
    plain = board.run(spikes)  # without records, which cost cycles
    assert plain.cycles is not None
    activity = record_activity(network, spikes)
    costs = predict(program, config, activity)
    hidden = [p.name for p in network.populations if p.name not in (network.input.name, network.output)]
    cycles = float(plain.cycles.busy.mean())
    reads = float(np.mean([c.weight_reads.sum() for c in costs]))
    operations = sum(activity.operations(p.source, p.fan_out()) for p in network.projections)
    energy = energy_model(config)
    return {
        "steps": spikes.shape[1],
        "accuracy": float((prediction == labels).mean()),
        "mismatches": mismatches,
        "cycle_model_errors": int((plain.cycles.busy != [c.busy_cycles for c in costs]).sum()),
        "input_spikes": float(spikes.sum() / len(spikes)),
        "hidden_spikes": float(sum(activity.spikes[name].sum() for name in hidden) / len(spikes)),
        "cycles": cycles,
        "energy_uj": energy.microjoules(config, cycles=cycles, weight_reads=reads, operations=operations),
        "energy_model": energy.describe(config),
        "weights": sum(p.weights.size for p in network.projections),
        "modes": {f"{c.source}->{c.target}": c.mode.name.lower() for c in choices},
        "board_samples": len(spikes),
        "config": config.name,
    }


def build(task: ways.Task, way: str, seed: int, relu: Callable[[], nn.Sequential]) -> Network:
    """The network of one row; ``relu`` gives the trained ReLU network of the seed."""
    if way == PACKAGED:
        return digits.network()
    if way in STDP:
        learned, method = STDP[way]
        return ways.stdp(task, seed, learned=learned, method=method)
    if way in CONVERSIONS:
        net, (images, labels) = relu(), task.test
        with torch.no_grad():
            before = float((net(torch.tensor(images, dtype=torch.float32)).argmax(1).numpy() == labels).mean())
        network = ways.converted(task, net, CONVERSIONS[way])
        return network.replace(metadata={**network.metadata, "relu_accuracy": before})
    return ways.surrogate(task, seed, FEW if way == SURROGATE_FEW else task.steps)


def encoding(task: ways.Task, way: str) -> Encode:
    """Images in 0..1 as spikes."""
    if way == PACKAGED:
        return lambda images: digits.encode(images * digits.LEVELS)
    steps = CONVERSIONS.get(way, FEW if way == SURROGATE_FEW else task.steps)
    return lambda images: regular_spikes(images, steps)


def rows_of(task: ways.Task, seed: int, wanted: list[str], board: devices.Device, options: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """Build, or take from ``--networks``, and measure."""
    trained = functools.cache(lambda: ways.relu(task, seed))
    for way in wanted:
        began = time.time()
        kept = options.networks and options.networks / f"{task.name}, {way}, {seed}.safetensors"
        network = load(kept) if kept and kept.exists() else build(task, way, seed, trained)
        if kept and not kept.exists():
            kept.parent.mkdir(parents=True, exist_ok=True)
            save(network, kept)
        row = {"data": task.name, "way": way, "seed": seed, **measure(task, network, encoding(task, way), board, options.board_samples)}
        row |= {k: v for k, v in network.metadata.items() if k == "relu_accuracy"}
        yield row | {"seconds": round(time.time() - began, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mnist", help="MNIST instead of the digits: folder of idx files, or .npz")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS)
    parser.add_argument("--board-samples", type=int, default=360, help="test images that also run on the simulated board")
    parser.add_argument("--epochs", type=int, help="of surrogate gradient and ReLU network, instead of the task's own")
    parser.add_argument("--results", type=Path, default=HERE / "results.jsonl")
    parser.add_argument("--networks", type=Path, help="folder in which networks are kept; those that are there are measured, not trained again")
    parser.add_argument("--picture", type=Path, default=HERE / "three_ways.png")
    parser.add_argument("--validate", action="store_true", help="measure on the last fifth of the training data, keep nothing")
    parser.add_argument("--report", action="store_true", help="no training")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON instead of the table")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = [json.loads(line) for line in options.results.read_text().splitlines()] if options.results.exists() else []
    if not options.report:
        task = ways.load_mnist(options.mnist) if options.mnist else ways.load_digits()
        if options.epochs:
            task.epochs.update(surrogate=options.epochs, relu=options.epochs)
        if options.validate:
            task, rows = task.validating(), []
        with devices.open(f"sim:{task.config}") as board:
            for seed in range(options.seeds):
                done = {row["way"] for row in rows if (row["data"], row["seed"]) == (task.name, seed)}
                # The packaged network is one, for the digits, and has seen all of their training images.
                left_out = set() if task.name == "digits" and seed == 0 and not options.validate else {PACKAGED}
                for row in rows_of(task, seed, [w for w in options.ways if w not in done | left_out], board, options):
                    rows.append(row)
                    print(json.dumps(row) if options.validate else f"{row['way']}, seed {seed}: {row['accuracy']:.2%}, {row['seconds']} s", flush=True)
                    if not options.validate:
                        with options.results.open("a") as file:
                            file.write(json.dumps(row) + "\n")
    summary = summarise(rows, WAYS)
    if not options.validate:
        figure(summary, options.picture)
    print(json.dumps({"energy_model": sorted({row["energy_model"] for row in rows if "energy_model" in row}), "rows": summary}) if options.json else table(summary))


if __name__ == "__main__":
    main()
