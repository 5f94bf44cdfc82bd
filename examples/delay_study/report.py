"""Results of the study -> summary, Markdown table, figure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

KINDS = ["none", "random", "axonal", "synaptic", "recurrent", "recurrent x3"]


def summarise(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row per task and kind: number of seeds, mean and sample deviation of the test accuracy, means of the rest."""
    summary = []
    for task in dict.fromkeys(row["task"] for row in rows):
        for kind in KINDS:
            cells = [row for row in rows if (row["task"], row["kind"]) == (task, kind)]
            if not cells:
                continue
            accuracy = np.array([row["test"] for row in cells])
            means = {
                name: None if cells[0][name] is None else float(np.mean([row[name] for row in cells]))
                for name in ("validation", "parameters", "hidden_spikes", "reads_per_spike", "weight_reads", "cycles", "seconds")
            }
            spread = float(accuracy.std(ddof=1)) if len(cells) > 1 else None
            found = {"task": task, "kind": kind, "hidden": cells[0]["hidden"], "seeds": len(cells), "test": float(accuracy.mean())}
            summary.append(found | {"spread": spread} | means)
    return summary


def table(summary: list[dict[str, Any]]) -> str:
    """Markdown. Weight reads and cycles are the core's; in brackets, one read per spike and word, counted in the golden model."""
    lines = [
        "| task | kind | neurons | parameters | seeds | test accuracy, % | hidden spikes | weight reads | cycles |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in summary:
        accuracy = f"{100 * row['test']:.1f}" + ("" if row["spread"] is None else f" ± {100 * row['spread']:.1f}")
        reads = f"({row['reads_per_spike']:,.0f})" if row["weight_reads"] is None else f"{row['weight_reads']:,.0f}"
        cycles = "—" if row["cycles"] is None else f"{row['cycles']:,.0f}"
        lines.append(
            f"| {row['task']} | {row['kind']} | 2 x {row['hidden']} | {row['parameters']:,.0f} | {row['seeds']} | {accuracy} "
            f"| {row['hidden_spikes']:,.0f} | {reads} | {cycles} |"
        )
    return "\n".join(lines)


def figure(summary: list[dict[str, Any]], path: Path) -> None:
    """Test accuracy against weight reads, one panel per task; bars are the deviation over seeds."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    names = list(dict.fromkeys(row["task"] for row in summary))
    picture, axes = pyplot.subplots(1, len(names), figsize=(4.2 * len(names), 3.4), squeeze=False)
    for axis, name in zip(axes[0], names, strict=True):
        for kind, marker in zip(KINDS, "osD^vP", strict=True):
            for row in summary:
                if (row["task"], row["kind"]) == (name, kind):
                    axis.errorbar(
                        row["reads_per_spike"], 100 * row["test"], 100 * (row["spread"] or 0), marker=marker, linestyle="", capsize=3, label=kind
                    )
        axis.set(title=name, xlabel="weight words read per sample", ylabel="test accuracy, %")
        axis.grid(alpha=0.3)
    axes[0][0].legend(fontsize=8)
    picture.tight_layout()
    picture.savefig(path, dpi=150)
    pyplot.close(picture)
