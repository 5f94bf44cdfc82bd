"""Results of the continual-learning runs -> summary, Markdown table, figure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

ARMS = {
    "no budgets": (0.0, False),
    "budgets 0.3": (0.3, False),
    "budgets 1": (1.0, False),
    "joint, no budgets": (0.0, True),
    "joint, budgets 1": (1.0, True),
}
"""Weight of the budgets in the loss, and whether all tasks are trained at once."""
FIGURES = ("accuracy", "known", "learned", "forgotten", "hidden_spikes", "budget_hits", "silent", "overlap")


def summarise(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row per scenario and arm: means over seeds; deviation of the accuracy."""
    summary = []
    for scenario in ("class", "domain"):
        for arm in ARMS:
            cells = [row for row in rows if (row["scenario"], row["arm"]) == (scenario, arm)]
            if not cells:
                continue
            found: dict[str, Any] = {"scenario": scenario, "arm": arm, "seeds": len(cells)}
            for name in FIGURES:
                found[name] = float(np.mean([np.mean(row[name]) for row in cells])) if name in cells[0] else None
            for name in ("accuracy", "known"):
                values = [np.mean(row[name]) for row in cells if name in row]
                found[f"{name}_spread"] = float(np.std(values, ddof=1)) if len(values) > 1 else None
            summary.append(found)
    return summary


def _percent(value: float | None, spread: float | None = None) -> str:
    if value is None:
        return "—"
    return f"{100 * value:.1f}" + ("" if spread is None else f" ± {100 * spread:.1f}")


def table(summary: list[dict[str, Any]]) -> str:
    """Markdown; spikes and hits are per image, all else in %."""
    lines = [
        "| scenario | training | seeds | accuracy, all tasks | task known | when learned | forgotten | hidden spikes | budget hits | silent | overlap |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in summary:
        lines.append(
            f"| {row['scenario']} | {row['arm']} | {row['seeds']} | {_percent(row['accuracy'], row['accuracy_spread'])} "
            f"| {_percent(row['known'], row['known_spread'])} | {_percent(row['learned'])} | {_percent(row['forgotten'])} "
            f"| {row['hidden_spikes']:.1f} | {row['budget_hits']:.1f} | {_percent(row['silent'])} | {_percent(row['overlap'])} |"
        )
    return "\n".join(lines)


def figure(rows: list[dict[str, Any]], path: Path) -> None:
    """Mean accuracy on the tasks seen so far after every task, one panel per scenario."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    scenarios = [s for s in ("class", "domain") if any(row["scenario"] == s for row in rows)]
    picture, axes = pyplot.subplots(1, len(scenarios), figsize=(4 * len(scenarios), 3.2), squeeze=False, layout="constrained")
    for axis, scenario in zip(axes[0], scenarios, strict=True):
        for arm, (_, joint) in ARMS.items():
            histories = [np.array(row["history"]) for row in rows if (row["scenario"], row["arm"]) == (scenario, arm)]
            if not histories or joint:
                continue
            seen = np.array([[100 * h[k, : k + 1].mean() for k in range(len(h))] for h in histories])
            axis.errorbar(np.arange(seen.shape[1]) + 1, seen.mean(0), seen.std(0), marker="o", markersize=4, capsize=3, label=arm)
        axis.set(title=f"{scenario}-incremental", xlabel="tasks learned", ylabel="accuracy on them, %", xticks=range(1, 6))
        axis.grid(alpha=0.3)
    axes[0][0].legend(fontsize=8)
    picture.savefig(path, dpi=120)
    pyplot.close(picture)
