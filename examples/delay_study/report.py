"""Results and trials of the study -> tables in ``README.md`` and a figure. Differences are paired by seed; intervals and tests come from SciPy."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tuning
from networks import KINDS
from scipy import stats

Row = dict[str, Any]
PAIRS = [
    ("axonal", "none"),
    ("axonal", "random"),
    ("axonal", "recurrent"),
    ("axonal", "recurrent x3"),
    ("synaptic", "axonal"),
    ("synaptic", "recurrent"),
    ("synaptic", "recurrent x3"),
]
"""Compared kinds: the accuracy of the second is taken from that of the first."""
CONFIDENCE = 0.95
FIGURE = "delays.png"


def read(path: Path) -> list[Row]:
    """The rows of a file of JSON lines; none if it does not exist."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def cells(results: list[Row], task: str, kind: str) -> list[Row]:
    """Results of one task and kind in the order of their seeds."""
    return sorted((row for row in results if (row["task"], row["kind"]) == (task, kind)), key=lambda row: row["seed"])


def summarise(results: list[Row]) -> list[Row]:
    """One row per task and kind: number of seeds, mean and sample deviation of the test accuracy, means of the rest (None: not measured)."""
    summary = []
    for task in dict.fromkeys(row["task"] for row in results):
        for kind in KINDS:
            if not (found := cells(results, task, kind)):
                continue
            names = ("test", "validation", "loss", "parameters", "hidden_spikes", "reads_per_spike", "weight_reads", "cycles")
            means = {name: None if found[0][name] is None else float(np.mean([row[name] for row in found])) for name in names}
            spread = float(np.std([row["test"] for row in found], ddof=1)) if len(found) > 1 else None
            summary.append({"task": task, "kind": kind, "hidden": found[0]["hidden"], "seeds": len(found), "spread": spread} | means)
    return summary


def differences(results: list[Row]) -> list[Row]:
    """Mean difference of test accuracies per task and pair, with its confidence interval and p from the paired t-test over common seeds."""
    found = []
    for task in dict.fromkeys(row["task"] for row in results):
        for first, second in PAIRS:
            by_seed = [{row["seed"]: row["test"] for row in cells(results, task, kind)} for kind in (first, second)]
            seeds = sorted(set(by_seed[0]) & set(by_seed[1]))
            one, other = ([accuracy[seed] for seed in seeds] for accuracy in by_seed)
            row = {"task": task, "first": first, "second": second, "seeds": len(seeds)}
            if len(seeds) > 1 and np.ptp(np.subtract(one, other)) > 0:
                test = stats.ttest_rel(one, other)
                low, high = test.confidence_interval(CONFIDENCE)
                found.append(row | {"mean": float(np.mean(np.subtract(one, other))), "low": float(low), "high": float(high), "p": float(test.pvalue)})
    return found


def markdown(head: str, texts: int, lines: list[list[str]]) -> str:
    """A table whose columns after the first ``texts`` are aligned to the right."""
    names = head.split(" | ")
    rule = ["---"] * texts + ["---:"] * (len(names) - texts)
    return "\n".join("| " + " | ".join(line) + " |" for line in [names, rule, *lines])


def accuracy_table(results: list[Row], trials: list[Row]) -> str:
    """Accuracy and cost; a dash where the core does not run the kind."""
    lines = []
    for row in summarise(results):
        accuracy = f"{100 * row['test']:.1f}" + ("" if row["spread"] is None else f" ± {100 * row['spread']:.1f}")
        ours = ["—" if row[name] is None else f"{row[name]:,.0f}" for name in ("weight_reads", "cycles")]
        numbers = [f"{row['parameters']:,.0f}", f"{row['seeds']}", accuracy, f"{row['hidden_spikes']:,.0f}", f"{row['reads_per_spike']:,.0f}"]
        lines.append([row["task"], row["kind"], f"2 x {row['hidden']}", *numbers, *ours])
    head = "task | kind | hidden | parameters | seeds | test accuracy, % | hidden spikes | reads, one per spike | reads on the core | cycles on the core"
    return markdown(head, 2, lines)


def difference_table(results: list[Row], trials: list[Row]) -> str:
    """Differences in points of accuracy."""
    lines = [
        [row["task"], f"{row['first']} − {row['second']}", f"{row['seeds']}", f"{100 * row['mean']:+.1f}"]
        + [f"{100 * row['low']:+.1f} to {100 * row['high']:+.1f}", f"{row['p']:.1g}" if row["p"] >= 1e-4 else "< 0.0001"]
        for row in differences(results)
    ]
    return markdown(f"task | difference | seeds | points | {CONFIDENCE:.0%} interval | p", 2, lines)


def settings_table(results: list[Row], trials: list[Row]) -> str:
    """What the search chose, and how far the trials were apart."""
    lines = []
    for task, kind in dict.fromkeys((row["task"], row["kind"]) for row in trials):
        rows = [row for row in trials if (row["task"], row["kind"]) == (task, kind)]
        best = tuning.best(rows)
        own = tuning.OWN[kind][0]
        chosen = [f"{best['settings'][name]:g}" for name in ("height", "learning_rate", "gain")]
        more = "" if own == "gain" else f"{own} {best['settings'][own]:g}".replace("_", " ")
        accuracies = [100 * row["validation"] for row in rows]
        lines.append([task, kind, f"{len(rows)}", *chosen, more, f"{min(accuracies):.1f} … {max(accuracies):.1f}"])
    return markdown("task | kind | trials | surrogate height | learning rate | gain | its own | validation of the trials, %", 2, lines)


BLOCKS: dict[str, Callable[[list[Row], list[Row]], str]] = {"accuracy": accuracy_table, "differences": difference_table, "settings": settings_table}


def marks(name: str) -> tuple[str, str]:
    """Lines of the page between which a table stands."""
    return f"<!-- {name}, written by study.py --report -->", f"<!-- end of {name} -->"


def page(text: str, results: list[Row], trials: list[Row]) -> str:
    """The page with its tables made anew; a table that it does not have yet is added at the end."""
    for name, table in BLOCKS.items():
        begin, end = marks(name)
        block = f"{begin}\n{table(results, trials)}\n{end}"
        if begin in text:
            before, rest = text.split(begin)
            text = before + block + rest.split(end)[1]
        else:
            text += f"\n{block}\n"
    return text


def write(folder: Path, trials: list[Row], results: list[Row]) -> None:
    """Tables into ``README.md`` of the folder, figure beside it."""
    readme = folder / "README.md"
    readme.write_text(page(readme.read_text() if readme.exists() else "", results, trials))
    figure(summarise(results), folder / FIGURE)


def figure(summary: list[Row], path: Path) -> None:
    """Test accuracy against weight words read, one panel per task; bars are the deviation over seeds.

    Filled: one read per spike, in the golden model. Open, joined by a line: what the core reads.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot
    from matplotlib.ticker import MultipleLocator

    names = list(dict.fromkeys(row["task"] for row in summary))
    rows = -(-len(names) // 2)
    picture, axes = pyplot.subplots(rows, 2, figsize=(9, 3.2 * rows), squeeze=False)
    for axis in axes.flat[len(names) :]:
        axis.axis("off")
    for axis, name in zip(axes.flat[: len(names)], names, strict=True):
        for kind, marker, colour in zip(KINDS, "osD^vP", [f"C{k}" for k in range(len(KINDS))], strict=True):
            for row in (row for row in summary if (row["task"], row["kind"]) == (name, kind)):
                accuracy, spread = 100 * row["test"], 100 * (row["spread"] or 0)
                axis.errorbar(row["reads_per_spike"], accuracy, spread, marker=marker, color=colour, linestyle="", capsize=3, label=kind)
                if row["weight_reads"] is not None:
                    axis.plot([row["weight_reads"], row["reads_per_spike"]], [accuracy, accuracy], color=colour, linewidth=0.8)
                    axis.plot(row["weight_reads"], accuracy, marker=marker, markerfacecolor="white", color=colour)
        axis.set(title=name, xlabel="weight words read per sample, thousands", ylabel="test accuracy, %", xlim=(0, None))
        axis.xaxis.set_major_locator(MultipleLocator(2000))
        axis.xaxis.set_major_formatter(lambda words, place: f"{words / 1000:g}")
        axis.grid(alpha=0.3)
    axes[0][0].legend(fontsize=8)
    picture.tight_layout()
    picture.savefig(path, dpi=110)
    pyplot.close(picture)
