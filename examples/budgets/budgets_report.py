"""Results of the comparison -> summary, Markdown table, figure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np


def summarise(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row per pressure, 0 (no budgets) first: means over seeds, and the changes against no budgets on the same seeds."""
    plain = {row["seed"]: row for row in rows if row["pressure"] == 0}
    summary = []
    for pressure in sorted({row["pressure"] for row in rows}):
        cells = [row for row in rows if row["pressure"] == pressure]
        accuracy = np.array([row["accuracy"] for row in cells])
        found: dict[str, Any] = {"pressure": pressure, "seeds": len(cells), "spread": float(accuracy.std(ddof=1)) if len(cells) > 1 else None}
        for name in ("accuracy", "input_spikes", "hidden_spikes", "budget_hits", "weight_reads", "busy_cycles", "budget"):
            found[name] = None if cells[0].get(name) is None else float(np.mean([row[name] for row in cells]))
        found["differing"] = sum(row["differing"] for row in cells)
        pairs = [(row, plain[row["seed"]]) for row in cells if row["seed"] in plain]
        if pressure and pairs:
            lost = np.array([100 * (before["accuracy"] - row["accuracy"]) for row, before in pairs])
            found["points_lost"] = float(lost.mean())
            found["points_lost_error"] = float(lost.std(ddof=1) / len(lost) ** 0.5) if len(lost) > 1 else None
            found["fewer_hidden_spikes"] = 1 - sum(row["hidden_spikes"] for row, _ in pairs) / sum(before["hidden_spikes"] for _, before in pairs)
        summary.append(found)
    return summary


def table(summary: list[dict[str, Any]]) -> str:
    """Markdown; spikes, hits and cycles are per sample."""
    lines = [
        "| budgets | seeds | test accuracy, % | input spikes | hidden spikes | budget hits | weight words read | busy cycles | values that differ from the golden model |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for row in summary:
        hard = "not hard" if row["budget"] is None else f"{row['budget']:.1f} spikes per neuron in the mean"
        name = f"weight {row['pressure']:g} in the loss; {hard}" if row["pressure"] else "none"
        accuracy = f"{100 * row['accuracy']:.2f}" + ("" if row["spread"] is None else f" ± {100 * row['spread']:.2f}")
        lines.append(
            f"| {name} | {row['seeds']} | {accuracy} | {row['input_spikes']:,.0f} | {row['hidden_spikes']:,.0f} | {row['budget_hits']:,.0f} "
            f"| {row['weight_reads']:,.0f} | {row['busy_cycles']:,.0f} | {row['differing']} |"
        )
    return "\n".join(lines)


def figure(rows: list[dict[str, Any]], path: Path) -> None:
    """Test accuracy against hidden spikes, a line per seed from no budgets to budgets."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    picture, axis = pyplot.subplots(figsize=(5, 3.4), layout="constrained")
    for k, seed in enumerate(sorted({row["seed"] for row in rows})):
        cells = sorted((row for row in rows if row["seed"] == seed), key=lambda row: row["pressure"])
        x, y = [row["hidden_spikes"] for row in cells], [100 * row["accuracy"] for row in cells]
        axis.plot(x, y, color="0.8", zorder=1)
        for row, a, b in zip(cells, x, y, strict=True):
            kind = "with hard budgets" if row["pressure"] else "without budgets"
            axis.plot(a, b, "s" if row["pressure"] else "o", color="tab:orange" if row["pressure"] else "tab:blue", label=None if k else kind)
    axis.set(xlabel="hidden spikes per sample, counted by the device", ylabel="test accuracy, %", xlim=(0, None))
    axis.grid(alpha=0.3)
    axis.legend()
    picture.savefig(path, dpi=120)
    pyplot.close(picture)
