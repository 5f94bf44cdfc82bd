"""Spoken digits with and without firing budgets: the same seeds and settings, measured on a simulated board.

    python examples/budgets/budgets.py fsdd_logmel.npz --networks NEW   # train, measure, keep the networks in the folder NEW
    python examples/budgets/budgets.py fsdd_logmel.npz --results NEW.jsonl    # measure the networks that are here
    python examples/budgets/budgets.py fsdd_logmel.npz --validate --pressures 0.1 0.3 --seeds 1
    python examples/budgets/budgets.py --report --picture examples/budgets/budgets.png

Data, encoding and augmentation are those of ``examples/fsdd``; 160-128-128-10 with learned axonal delays runs on the preset ``medium``. Budgets are
learned for 60 % of the epochs, then they are hard. Every trained network is compiled (event mode) and run on the device ``--device``: predictions,
spikes and budget hits are the device's, and every hidden spike, every membrane of the read-out and every counter is compared with
the golden model. Weight words read and cycles, without what recording spikes takes, are the cycle model's. A row that the results hold is not measured again, a network that the folder holds is not
trained again. With ``--validate`` recordings 5..9 are held out, the test samples are not looked at and nothing is kept: so the
settings were chosen. Needs the extra ``train``.
"""

from __future__ import annotations

import argparse
import json
import runpy
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from budgets_report import figure, summarise, table

from lifline import train
from lifline.arch.config import preset
from lifline.compiler.compile import compile_network
from lifline.driver import device
from lifline.driver.predict import predict, record_activity
from lifline.network.file import load, save
from lifline.network.model import Network
from lifline.sim.golden.model import GoldenModel

HERE = Path(__file__).parent
CONFIG = "medium"
SIZES = (128, 128)
LONGEST_DELAY = 30  # steps of 20 ms
EPOCHS = 40
PRESSURE = 0.3
"""Weight of the budgets in the loss."""


def build(channels: int, seed: int, pressure: float) -> train.SpikingNetwork:
    """The network, with budgets if ``pressure`` is above 0; the initial weights and delays depend on the seed alone."""
    torch.manual_seed(seed)
    net = train.SpikingNetwork("budgets", channels, quantisation=train.Quantisation.for_config(CONFIG, per_neuron=True), input_name="bands")
    for k, size in enumerate(SIZES):
        budget = train.FiringBudget(0.2, overshoot=pressure, pressure=pressure) if pressure else None
        net.add(train.LIF(f"hidden{k + 1}", size, decay_v=0.1, batch_norm=True, dropout=0.1, budget=budget))
    net.add(train.LeakyIntegrator("digit", 10))
    for source, target in zip(net.names, net.names[1:], strict=False):
        net.connect(source, target, train.AxonalDelays(LONGEST_DELAY), gain=0.6)
    return net


def measure(network: Network, spikes: np.ndarray, labels: np.ndarray, url: str) -> dict[str, Any]:
    """Figures per sample of a run on a device, and the number of values in which it differs from the golden model."""
    hidden = [p.name for p in network.populations if p.name not in (network.input.name, network.output)]
    record = [*hidden, f"{network.output}.v"]
    program = compile_network(network, preset(CONFIG))
    with device.open(url) as board:
        board.load(program)
        found = board.run(spikes, record=record)
    golden = GoldenModel(network).run(spikes, record=record)
    differing = 0
    for name, variables in golden.records.items():
        differing += sum(int((values != found.records[name][variable]).sum()) for variable, values in variables.items())
    for name, counters in golden.counters.items():
        differing += sum(int((values != vars(found.counters[name])[kind]).sum()) for kind, values in vars(counters).items())
    assert found.v_last is not None
    row = {
        "accuracy": float((found.v_last.argmax(1) == labels).mean()), "samples": len(labels), "differing": differing,
        "input_spikes": float(spikes.sum(dtype=np.int64) / len(spikes)),
        "hidden_spikes": float(sum(found.counters[name].spikes.mean() for name in hidden)),
        "budget_hits": float(sum(found.counters[name].budget_hits.mean() for name in hidden)),
    }  # fmt: skip
    row |= {f"spikes/{name}": float(found.counters[name].spikes.mean()) for name in hidden}
    costs = predict(program, preset(CONFIG), record_activity(network, spikes))
    return row | {
        "weight_reads": float(np.mean([c.weight_reads.sum() for c in costs])),
        "busy_cycles": float(np.mean([c.busy_cycles for c in costs])),
    }


def trained(example: dict[str, Any], data: dict[str, np.ndarray], used: np.ndarray, seed: int, pressure: float, epochs: int) -> Network:
    """Train a network on the samples ``used``, a mask, and export it."""
    began = time.time()
    net = build(example["BANDS"] * len(example["THRESHOLDS"]), seed, pressure)
    trainer = train.Trainer(
        epochs=epochs, batch_size=64, learning_rate=4e-3, delay_learning_rate=0.1, freeze_delays=0.6, weight_decay=1e-3, warm_up=0.1,
        hard_budgets=0.6 if pressure else None, seed=seed, encode=example["encode"], rule="v_last", progress=False,
        loss=train.cross_entropy("v_last", scale=0.1, label_smoothing=0.1),
    )  # fmt: skip
    trainer.fit(net, data["values"][used], data["label"][used])
    return net.to_network(seed=seed, epochs=epochs, pressure=pressure, seconds=round(time.time() - began))


def cell(example: dict[str, Any], data: dict[str, np.ndarray], seed: int, pressure: float, options: argparse.Namespace) -> dict[str, Any]:
    """Train and measure one network."""
    test = data["is_test"].astype(bool)
    measured = ~test & (data["rec_index"] < 10) if options.validate else test
    chosen = np.flatnonzero(measured)[: options.samples]
    file = None if options.validate or options.networks is None else options.networks / f"{seed}-{pressure:g}-{options.epochs}.safetensors"
    if file is not None and file.exists():
        network = load(file)
    else:
        network = trained(example, data, ~test & ~measured, seed, pressure, options.epochs)
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            save(network, file)
    spikes = example["encode"](data["values"][chosen], None).astype(np.uint8)
    budgets = [p.neurons.budget for p in network.populations if p.neurons is not None and p.neurons.budget is not None]
    row: dict[str, Any] = {"seed": seed, "pressure": pressure, "epochs": network.metadata["epochs"], "device": options.device}
    row |= measure(network, spikes, data["label"][chosen], options.device)
    return row | {"budget": float(np.mean([np.mean(b) for b in budgets])) if budgets else None}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", help="fsdd_logmel.npz")
    parser.add_argument("--seeds", type=int, default=3, help="networks with, and without budgets")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--pressures", type=float, nargs="+", default=[0.0, PRESSURE], help="weights of the budgets in the loss; 0: no budgets")
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--samples", type=int, help="measure only the first so many; default: all")
    parser.add_argument("--device", default=f"sim:{CONFIG}")
    parser.add_argument("--results", type=Path, default=HERE / "results.jsonl")
    parser.add_argument("--networks", type=Path, default=HERE / "networks", help="folder of the trained networks")
    parser.add_argument("--picture", type=Path, help="where the figure goes")
    parser.add_argument("--validate", action="store_true", help="hold out recordings 5..9, print and keep nothing")
    parser.add_argument("--report", action="store_true", help="no training")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON, too")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = [json.loads(line) for line in options.results.read_text().splitlines()] if options.results.exists() else []
    done = {(row["seed"], row["pressure"]) for row in rows}
    if not options.report:
        if options.data is None:
            parser.error("training needs the data: fsdd_logmel.npz")
        example = runpy.run_path(str(HERE.parent / "fsdd" / "train.py"))
        data = example["load"](options.data)
        for seed in range(options.first_seed, options.first_seed + options.seeds):
            for pressure in options.pressures:
                if (seed, pressure) in done and not options.validate:
                    continue
                row = cell(example, data, seed, pressure, options)
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
        figure(rows, options.picture)
    if options.json:
        print(json.dumps(summary))


if __name__ == "__main__":
    main()
