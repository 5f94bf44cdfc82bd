"""Split digits: five tasks of two classes each, learned one after another, with and without firing budgets.

    python examples/continual/continual.py --seeds 10
    python examples/continual/continual.py --report --picture examples/continual/continual.png

scikit-learn's handwritten digits (1,437 training and 360 test images, 24 steps, a spike per pixel); task ``k`` has the digits ``2k`` and
``2k + 1``. Only the present task's images are seen, each task for ``--epochs`` epochs, with a new optimiser per task and no replay.
``class``: one read-out of ten classes; after the last task all ten are told apart (class-incremental), and, with the same network, the two of a known
task (task-incremental). ``domain``: one read-out of two classes, even or odd digit, the task is not told (domain-incremental). ``joint`` training
sees all tasks at once, every image as often. Budgets keep what they have learned from task to task and are hard in the last quarter of each
task. Every finished cell is one JSON line of ``results.jsonl``; accuracies are the golden model's on the test images, in the hardware's
integers. Needs the extra ``train``.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from continual_report import ARMS, figure, summarise, table

from lifline import train
from lifline.arch.config import preset
from lifline.compiler.compile import compile_network
from lifline.data import digits
from lifline.sim.golden.model import GoldenModel

HERE = Path(__file__).parent
CONFIG = "medium"
TASKS = 5
HIDDEN = 128


def build(classes: int, seed: int, pressure: float) -> train.SpikingNetwork:
    """64-128-``classes``; budgets if ``pressure`` is above 0. The initial weights depend on the seed alone."""
    torch.manual_seed(seed)
    net = train.SpikingNetwork("continual", (8, 8), quantisation=train.Quantisation.for_config(CONFIG), input_name="pixels")
    budget = train.FiringBudget(0.2, overshoot=pressure, pressure=pressure) if pressure else None
    net.add(train.LIF("hidden", HIDDEN, budget=budget))
    net.add(train.LeakyIntegrator("digit", classes))
    net.connect("pixels", "hidden")
    net.connect("hidden", "digit")
    return net


class Evaluation:
    """Test images of every task, and what the golden model makes of them."""

    def __init__(self, scenario: str) -> None:
        images, self.digits = digits.load("test")
        self.spikes, self.scenario = digits.encode(images), scenario
        self.labels = self.digits % 2 if scenario == "domain" else self.digits

    def run(self, net: train.SpikingNetwork) -> dict[str, Any]:
        """Accuracy over all tasks, per task and per task when the task is known; hidden spikes per image, activity by task."""
        network = net.to_network()
        compile_network(network, preset(CONFIG))
        result = GoldenModel(network).run(self.spikes, record=["hidden"])
        assert result.v_max is not None
        right = result.prediction == self.labels
        counts = result.records["hidden"]["spikes"].sum(1, dtype=np.int64)
        task = self.digits // 2
        activity = np.array([counts[task == k].mean(0) for k in range(TASKS)])
        found: dict[str, Any] = {"accuracy": float(right.mean()), "by_task": [float(right[task == k].mean()) for k in range(TASKS)]}
        if self.scenario == "class":
            known = [result.v_max[task == k][:, 2 * k : 2 * k + 2].argmax(1) + 2 * k == self.labels[task == k] for k in range(TASKS)]
            found["known"] = [float(k.mean()) for k in known]
        unit = activity / np.maximum(np.linalg.norm(activity, axis=1, keepdims=True), 1e-12)
        pairs = np.triu_indices(TASKS, 1)
        return found | {
            "hidden_spikes": float(counts.sum(1).mean()), "budget_hits": float(result.counters["hidden"].budget_hits.mean()),
            "silent": float((counts.sum(0) == 0).mean()), "overlap": float((unit @ unit.T)[pairs].mean()),
        }  # fmt: skip


def cell(scenario: str, arm: str, seed: int, epochs: int) -> dict[str, Any]:
    """Train one network task by task (or jointly); its figures after every task."""
    pressure, joint = ARMS[arm]
    images, labels = digits.load("train")
    task, labels = labels // 2, labels % 2 if scenario == "domain" else labels
    evaluation = Evaluation(scenario)
    net = build(2 if scenario == "domain" else 2 * TASKS, seed, pressure)
    trainer = train.Trainer(
        epochs=epochs, batch_size=32, learning_rate=4e-3, seed=seed, encode=lambda x, _: digits.encode(x), progress=False,
        hard_budgets=0.75 if pressure else None, loss=train.cross_entropy(scale=0.5),
    )  # fmt: skip
    after = []
    for chosen in [np.ones(len(task), bool)] if joint else [task == k for k in range(TASKS)]:
        net.release_budgets()  # learned on, hard again at the end of the task
        trainer.fit(net, images[chosen], labels[chosen])
        after.append(evaluation.run(net))
    found = {"scenario": scenario, "arm": arm, "seed": seed, "epochs": epochs, **after[-1], "history": [row["by_task"] for row in after]}
    if not joint:
        by_task = np.array(found["history"])  # (after task, of task)
        found["learned"] = float(np.diag(by_task).mean())
        found["forgotten"] = float(np.mean([by_task[k:, k].max() - by_task[-1, k] for k in range(TASKS - 1)]))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10, help="cells per scenario and arm")
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--scenarios", nargs="+", choices=["class", "domain"], default=["class", "domain"])
    parser.add_argument("--arms", nargs="+", choices=list(ARMS), default=list(ARMS))
    parser.add_argument("--epochs", type=int, default=20, help="per task")
    parser.add_argument("--results", type=Path, default=HERE / "results.jsonl")
    parser.add_argument("--picture", type=Path, help="where the figure goes")
    parser.add_argument("--report", action="store_true", help="no training")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON, too")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = [json.loads(line) for line in options.results.read_text().splitlines()] if options.results.exists() else []
    done = {(row["scenario"], row["arm"], row["seed"]) for row in rows}
    cells = [] if options.report else [(s, a, k) for k in range(options.first_seed, options.first_seed + options.seeds) for s in options.scenarios for a in options.arms]
    for scenario, arm, seed in cells:
        if (scenario, arm, seed) in done:
            continue
        rows.append(cell(scenario, arm, seed, options.epochs))
        print(json.dumps({k: v for k, v in rows[-1].items() if k != "history"}), flush=True)
        with options.results.open("a") as file:
            file.write(json.dumps(rows[-1]) + "\n")
    summary = summarise(rows)
    print(table(summary))
    if options.picture:
        figure(rows, options.picture)
    if options.json:
        print(json.dumps(summary))


if __name__ == "__main__":
    main()
