"""What delays are worth: the same small network with no delays, fixed, axonal and synaptic ones, and recurrent networks, on four tasks.

    python examples/delay_study/study.py --tune --tasks motion fine-motion braille fsdd --braille braille7.npz --fsdd fsdd_logmel.npz
    python examples/delay_study/study.py --tasks motion fine-motion braille fsdd --braille braille7.npz --fsdd fsdd_logmel.npz
    python examples/delay_study/study.py --report

``--tune`` looks for the settings of every task and kind (``tuning.py``) and keeps each trial in ``trials.jsonl``; the test data are not looked at. Without it
every cell (task, kind, seed) is trained with the best settings found and becomes one JSON line of ``results.jsonl``. What is there
already is not run again. ``--report`` draws the figure and writes the tables into ``README.md``. Needs the extra ``train``.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import report
import tasks
import torch
import tuning
from networks import CONFIG, DELAYED, KINDS, build, hidden_size, parameters

from lifline import train
from lifline.arch.config import Config, ceil_div, preset
from lifline.driver.choose import compile_auto
from lifline.driver.predict import predict, record_activity
from lifline.network.model import Network

HERE = Path(__file__).parent
SIZES: dict[str, dict[str, int]] = {
    "motion": {"hidden": 48, "maximum": 16, "epochs": 24},
    "fine-motion": {"hidden": 48, "maximum": 21, "epochs": 24},
    "braille": {"hidden": 48, "maximum": 21, "epochs": 96},
    "fsdd": {"hidden": 48, "maximum": 16, "epochs": 60},
}
"""Neurons per hidden layer (of the kinds that are not recurrent), longest delay (a third of the steps), epochs; the same for all kinds."""
MEASURED = 200
"""Test samples on which spikes, weight reads and cycles are counted."""

Row = dict[str, Any]


def trained(task: tasks.Task, kind: str, seed: int, epochs: int, settings: dict[str, float]) -> tuple[train.SpikingNetwork, train.Trainer, Row]:
    """A network after its last epoch, its trainer, and what was trained. Nothing is chosen on the way."""
    size = SIZES[task.name]
    hidden = hidden_size(task.channels, size["hidden"], task.classes, kind)
    net = build(task.channels, task.classes, kind, seed=seed, hidden=hidden, maximum=size["maximum"], **settings)
    trainer = train.Trainer(
        epochs=epochs, batch_size=128 if len(task.training[0]) > 1000 else 64, learning_rate=settings["learning_rate"],
        delay_learning_rate=settings.get("delay_learning_rate", 0.0), freeze_delays=0.7, warm_up=0.03, seed=seed, encode=task.encode,
        gradient_norm=1.0, progress=False, rule="v_last", loss=train.cross_entropy("v_last", scale=0.1, label_smoothing=0.05),
    )  # fmt: skip
    history = trainer.fit(net, *task.training)
    what = {"task": task.name, "kind": kind, "seed": seed, "hidden": hidden, "epochs": epochs}
    if kind in DELAYED:
        what["maximum"] = size["maximum"]
    return net, trainer, what | {"settings": settings, "loss": history[-1]["loss"], "validation": trainer.accuracy(net, *task.validation)}


def on_hardware(network: Network, chosen_on: np.ndarray, spikes: np.ndarray, config: Config) -> dict[str, float | None]:
    """Per sample of ``spikes``: hidden spikes, weight words read one spike at a time (golden model), and, where the core runs it, its reads and cycles.

    The execution mode of every projection is chosen on other samples, ``chosen_on``.
    """
    activity = record_activity(network, spikes)
    hidden = [p.name for p in network.populations if p.name not in (network.input.name, network.output)]
    words = {p: ceil_div(network.population(p.target).size, config.event_lanes) for p in network.projections}
    found: dict[str, float | None] = {
        "input_spikes": float(spikes.sum() / len(spikes)),
        "hidden_spikes": float(sum(activity.spikes[name].sum(dtype=np.int64) for name in hidden) / len(spikes)),
        "reads_per_spike": sum(activity.operations(p.source, words[p]) for p in network.projections),
        "weight_reads": None,
        "cycles": None,
    }
    if network.is_feed_forward and not any(p.synaptic for p in network.projections):
        program, _ = compile_auto(network, config, chosen_on)
        costs = predict(program, config, activity)
        found["weight_reads"] = float(np.mean([c.weight_reads.sum() for c in costs]))
        found["cycles"] = float(np.mean([c.busy_cycles for c in costs]))
    return found


def trial(path: Path, task: tasks.Task, kind: str, epochs: int, settings: dict[str, float]) -> Row:
    """Train one network of the search and keep the row in ``path``."""
    began = time.process_time()
    _, _, row = trained(task, kind, tuning.SEED, epochs, settings)
    return append(path, row | {"seconds": round(time.process_time() - began, 1)})


def cell(task: tasks.Task, kind: str, seed: int, epochs: int, settings: dict[str, float]) -> Row:
    """Train and measure one network; the figures that go into the results file."""
    began = time.process_time()
    net, trainer, row = trained(task, kind, seed, epochs, settings)
    row |= {"parameters": parameters(task.channels, row["hidden"], task.classes, kind), "test": trainer.accuracy(net, *task.test)}
    spikes, chosen_on = (task.encode(samples[0][:MEASURED], None).astype(np.uint8) for samples in (task.test, task.validation))
    row |= on_hardware(net.to_network(), chosen_on, spikes, preset(CONFIG))
    return row | {"seconds": round(time.process_time() - began, 1)}


def append(path: Path, row: Row) -> Row:
    print(json.dumps(row), flush=True)
    with path.open("a") as file:
        file.write(json.dumps(row) + "\n")
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", choices=list(SIZES), default=["motion"])
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--seeds", type=int, default=5, help="cells per task and kind")
    parser.add_argument("--epochs", type=int, help="instead of the task's own")
    parser.add_argument("--braille", help="braille7.npz")
    parser.add_argument("--fsdd", help="fsdd_logmel.npz")
    parser.add_argument("--folder", type=Path, default=HERE, help="where trials, results, tables and figure are")
    parser.add_argument("--tune", action="store_true", help="look for settings; do not look at the test data")
    parser.add_argument("--report", action="store_true", help="no training")
    options = parser.parse_args()
    torch.set_num_threads(1)
    trials_file, results_file = options.folder / "trials.jsonl", options.folder / "results.jsonl"
    trials, results = report.read(trials_file), report.read(results_file)
    done = {(row["task"], row["kind"], row["seed"]) for row in results}
    for name in [] if options.report else options.tasks:
        task = tasks.load(name, getattr(options, name, None))
        epochs = options.epochs or SIZES[name]["epochs"]
        own = {kind: [row for row in trials if (row["task"], row["kind"]) == (name, kind)] for kind in KINDS}
        for kind in options.kinds if options.tune else ():
            tuning.search(kind, own[kind], partial(trial, trials_file, task, kind, math.ceil(epochs / 2)))
        for seed in () if options.tune else range(options.seeds):
            for kind in options.kinds:
                if not own[kind]:
                    raise SystemExit(f"no trials of `{kind}` on `{name}` in {trials_file}: run with --tune first")
                if (name, kind, seed) not in done:
                    results.append(append(results_file, cell(task, kind, seed, epochs, tuning.best(own[kind])["settings"])))
    if options.report:
        report.write(options.folder, trials, results)


if __name__ == "__main__":
    main()
