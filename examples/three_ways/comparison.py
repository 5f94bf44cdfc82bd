"""Means over seeds, the table of the page, and the figure."""

from __future__ import annotations

from pathlib import Path
from textwrap import fill
from typing import Any

import numpy as np

COLOURS = {"surrogate": "#1f6feb", "conversion": "#d1780f", "STDP": "#2a9d5c", "first": "#8b949e"}
MEANS = ("input_spikes", "hidden_spikes", "cycles", "energy_uj")


def summarise(rows: list[dict[str, Any]], order: list[str]) -> list[dict[str, Any]]:
    """One entry per data set and way, means over seeds; accuracy also with its smallest and largest."""
    found = []
    for data in dict.fromkeys(row["data"] for row in rows):
        for way in order:
            cells = [row for row in rows if (row["data"], row["way"]) == (data, way)]
            if not cells:
                continue
            accuracy = [row["accuracy"] for row in cells]
            entry = {
                "data": data, "way": way, "seeds": len(cells), "steps": cells[0]["steps"], "weights": cells[0]["weights"], "config": cells[0]["config"],
                "accuracy": float(np.mean(accuracy)), "accuracy_min": min(accuracy), "accuracy_max": max(accuracy),
                **{name: float(np.mean([row[name] for row in cells])) for name in MEANS},
                "mismatches": sum(row["mismatches"] for row in cells),
                "cycle_model_errors": sum(row["cycle_model_errors"] for row in cells),
                "board_samples": cells[0]["board_samples"],
            }  # fmt: skip
            before = [row["relu_accuracy"] for row in cells if "relu_accuracy" in row]
            found.append(entry | ({"relu_accuracy": float(np.mean(before))} if before else {}))
    return found


def table(summary: list[dict[str, Any]]) -> str:
    """Markdown; cycles and energy per image."""
    lines = [
        "| data, board | way | seeds | steps | accuracy (least, most) | input spikes | hidden spikes | cycles | energy, uJ | bits that differ |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for e in summary:
        spread = f" ({e['accuracy_min']:.1%}, {e['accuracy_max']:.1%})" if e["seeds"] > 1 else ""
        lines.append(
            f"| {e['data']}, `{e['config']}` | {e['way']} | {e['seeds']} | {e['steps']} | {e['accuracy']:.1%}{spread} | "
            f"{e['input_spikes']:,.0f} | {e['hidden_spikes']:,.0f} | {e['cycles']:,.0f} | {e['energy_uj']:.2f} | {e['mismatches']} |"
        )
    return "\n".join(lines)


def figure(summary: list[dict[str, Any]], path: Path) -> None:
    """Accuracy with its range over the seeds, spikes and energy of every way; one row of panels per data set."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(e["data"] for e in summary))
    picture = Figure(figsize=(9.5, 0.6 + 3.2 * len(names)), layout="constrained", dpi=100)
    FigureCanvasAgg(picture)
    for panels, data in zip(picture.subplots(len(names), 3, squeeze=False, sharey="row"), names, strict=True):
        entries = [e for e in summary if e["data"] == data]
        at = np.arange(len(entries))
        colours = [next(colour for kind, colour in COLOURS.items() if e["way"].startswith(kind)) for e in entries]
        accuracy = 100 * np.array([[e[k] for e in entries] for k in ("accuracy", "accuracy_min", "accuracy_max")])
        for y, mean, low, high, colour in zip(at, *accuracy, colours, strict=True):
            panels[0].plot([low, high], [y, y], color=colour, linewidth=2)
            panels[0].plot(mean, y, "o", color=colour)
        panels[1].barh(at, [e["input_spikes"] for e in entries], color=colours, alpha=0.35)
        panels[1].barh(at, [e["hidden_spikes"] for e in entries], left=[e["input_spikes"] for e in entries], color=colours)
        panels[2].barh(at, [e["energy_uj"] for e in entries], color=colours)
        panels[0].set_yticks(at, [fill(e["way"], 32) for e in entries])
        panels[0].invert_yaxis()
        titles = (f"{data}: test accuracy, %", "spikes per image: input (pale), hidden", f"energy per image, {entries[0]['config']}, uJ (estimate)")
        for axes, title in zip(panels, titles, strict=True):
            axes.set_title(title, fontsize=8)
            axes.tick_params(labelsize=8)
            axes.grid(axis="x", alpha=0.3)
    picture.savefig(path)
