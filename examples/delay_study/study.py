"""What delays are worth: the same small network with no delays, fixed, axonal and synaptic ones, and recurrent networks, on three tasks.

    python examples/delay_study/study.py --tasks motion --seeds 5
    python examples/delay_study/study.py --tasks motion braille fsdd --braille braille7.npz --fsdd fsdd_logmel.npz
    python examples/delay_study/study.py --report --json

Every finished cell (task, kind, seed) is one JSON line of ``results.jsonl``; a cell that is there is not run again. The epoch is chosen on validation
data; the test data are looked at once per cell. ``--report`` only prints the table and draws the figure. Needs the extra ``train``.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import tasks
import torch
from report import KINDS, figure, summarise, table

from lifline import train
from lifline.arch.config import Config, ceil_div, preset
from lifline.compiler.compile import compile_network
from lifline.driver.predict import predict, record_activity
from lifline.network.model import Network

HERE = Path(__file__).parent
CONFIG = "medium"
SETTINGS: dict[str, dict[str, Any]] = {
    "motion": {"hidden": 48, "maximum": 24, "epochs": 20},
    "braille": {"hidden": 48, "maximum": 24, "epochs": 40},
    "fsdd": {"hidden": 48, "maximum": 24, "epochs": 20},
}
"""Neurons per hidden layer (of the kinds that are not recurrent), longest delay in steps, epochs."""

GAINS = {"synaptic": 4.0}
"""Gain of the first weights into hidden layers, where it is not 2: wide kernels spread spikes, so that it takes more to reach the threshold."""


def parameters(inputs: int, hidden: int, outputs: int, kind: str) -> int:
    """Weights and learned delays of a network with two hidden layers."""
    weights = inputs * hidden + hidden * hidden + hidden * outputs
    if kind.startswith("recurrent"):
        return weights + 2 * hidden * hidden
    return weights + {"none": 0, "random": 0, "axonal": inputs + 2 * hidden, "synaptic": weights}[kind]


def hidden_size(inputs: int, hidden: int, outputs: int, kind: str) -> int:
    """Neurons per hidden layer; of recurrent kinds so many that their parameters come closest to one or three times those with axonal delays."""
    factor = {"recurrent": 1, "recurrent x3": 3}.get(kind)
    if factor is None:
        return hidden
    wanted = factor * parameters(inputs, hidden, outputs, "axonal")
    return min(range(1, 1000), key=lambda h: abs(parameters(inputs, h, outputs, kind) - wanted))


def build(task: tasks.Task, kind: str, seed: int, hidden: int, maximum: int) -> train.SpikingNetwork:
    """Two hidden layers of LIF neurons and a read-out. No batch normalisation: recurrent layers cannot have it."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    net = train.SpikingNetwork(f"{task.name} {kind}", task.channels, quantisation=train.Quantisation.for_config(CONFIG, per_neuron=True))
    for name in ("hidden1", "hidden2"):
        net.add(train.LIF(name, hidden, decay_v=0.1, learn_decay=True, bias=True, surrogate=train.Surrogate(height=0.4)))
    net.add(train.LeakyIntegrator("class", task.classes))
    for source, target in zip(net.names, net.names[1:], strict=False):
        delays = {
            "random": lambda size: train.FixedDelays(rng.integers(0, maximum + 1, size)),
            "axonal": lambda _: train.AxonalDelays(maximum),
            "synaptic": lambda _: train.SynapticDelays(maximum),
        }.get(kind, lambda _: None)(net.size(source))
        net.connect(source, target, delays, gain=1.0 if target == "class" else GAINS.get(kind, 2.0))
    if kind.startswith("recurrent"):
        for name in ("hidden1", "hidden2"):
            net.connect(name, name, 1, gain=0.5)
    return net


def on_hardware(network: Network, spikes: np.ndarray, config: Config) -> dict[str, float | None]:
    """Per sample: hidden spikes, weight words read one spike at a time (golden model), and, where the core runs it, its reads and cycles."""
    activity = record_activity(network, spikes)
    hidden = [p.name for p in network.populations if p.name not in (network.input.name, network.output)]
    words = {p: ceil_div(network.population(p.target).size, config.event_lanes) for p in network.projections}
    found: dict[str, float | None] = {
        "hidden_spikes": float(sum(activity.spikes[name].sum(dtype=np.int64) for name in hidden) / len(spikes)),
        "reads_per_spike": sum(activity.operations(p.source, words[p]) for p in network.projections),
        "weight_reads": None,
        "cycles": None,
    }
    if network.is_feed_forward and not any(p.synaptic for p in network.projections):
        costs = predict(compile_network(network, config), config, activity)
        found["weight_reads"] = float(np.mean([c.weight_reads.sum() for c in costs]))
        found["cycles"] = float(np.mean([c.busy_cycles for c in costs]))
    return found


def cell(task: tasks.Task, kind: str, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """Train and measure one network; the figures that go into the results file."""
    settings = SETTINGS[task.name] | ({"epochs": options.epochs} if options.epochs else {})
    began = time.time()
    hidden = hidden_size(task.channels, settings["hidden"], task.classes, kind)
    net = build(task, kind, seed, hidden, settings["maximum"])
    trainer = train.Trainer(
        epochs=settings["epochs"], batch_size=64, learning_rate=options.learning_rate, delay_learning_rate=options.delay_learning_rate,
        freeze_delays=0.7, warm_up=0.03, seed=seed, encode=task.encode, gradient_norm=1.0, progress=False,
        loss=train.cross_entropy(scale=0.1, label_smoothing=0.05),
    )  # fmt: skip
    history = trainer.fit(net, *task.training, task.validation)
    row = {
        "task": task.name, "kind": kind, "seed": seed, "hidden": hidden, "maximum": settings["maximum"], "epochs": settings["epochs"],
        "learning_rate": options.learning_rate, "delay_learning_rate": options.delay_learning_rate,
        "parameters": parameters(task.channels, hidden, task.classes, kind), "validation": trainer.accuracy(net, *task.validation),
        "last_validation": history[-1]["validation"],
    }  # fmt: skip
    if not options.validate:
        spikes = task.encode(task.test[0], None).astype(np.uint8)
        network = net.to_network()
        row["test"] = trainer.accuracy(net, *task.test)
        row |= on_hardware(network, spikes, preset(CONFIG))
    return row | {"seconds": round(time.time() - began, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", choices=list(SETTINGS), default=["motion"])
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--seeds", type=int, default=5, help="cells per task and kind")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, help="instead of the task's own")
    parser.add_argument("--learning-rate", type=float, default=1e-2)
    parser.add_argument("--delay-learning-rate", type=float, default=0.2)
    parser.add_argument("--braille", help="braille7.npz")
    parser.add_argument("--fsdd", help="fsdd_logmel.npz")
    parser.add_argument("--results", type=Path, default=HERE / "results.jsonl")
    parser.add_argument("--picture", type=Path, help="where the figure goes")
    parser.add_argument("--validate", action="store_true", help="print cells, keep nothing, do not look at the test data")
    parser.add_argument("--report", action="store_true", help="no training")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON, too")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = [json.loads(line) for line in options.results.read_text().splitlines()] if options.results.exists() else []
    done = {(row["task"], row["kind"], row["seed"]) for row in rows}
    for name in [] if options.report else options.tasks:
        task = tasks.load(name, getattr(options, name, None))
        for seed in range(options.first_seed, options.first_seed + options.seeds):
            for kind in options.kinds:
                if (name, kind, seed) in done and not options.validate:
                    continue
                row = cell(task, kind, seed, options)
                print(json.dumps(row), flush=True)
                if not options.validate:
                    rows.append(row)
                    with options.results.open("a") as file:
                        file.write(json.dumps(row) + "\n")
    if options.validate:
        return
    summary = summarise(rows)
    print(table(summary))
    if options.picture:
        figure(summary, options.picture)
    if options.json:
        print(json.dumps(summary))


if __name__ == "__main__":
    main()
