"""The front as a figure: time against lookup tables, accuracy as colour."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from .builds import Built
from .search import Trial

MARKERS = "osD^v"
"""By board."""


def draw(path: Path, trials: list[Trial], front: list[Trial], chosen: Trial, builds: Mapping[int, Built]) -> None:
    """Write the figure: every candidate that exists, small; those that nothing beats, large, with their trial's number; built ones with a ring."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib.ticker import FuncFormatter, NullFormatter

    figure, axis = plt.subplots(figsize=(8, 5), layout="constrained")
    boards = list(dict.fromkeys(t.candidate.board for t in trials))
    there = [(t, t.measured) for t in trials if t.measured is not None]
    axis.scatter([m.microseconds for _, m in there], [m.lut for _, m in there], s=8, color="0.7", label="looked at")
    accuracies = [t.measured.accuracy for t in front if t.measured is not None]
    low, high = min(accuracies), max(accuracies)
    shown = None
    for board, marker in zip(boards, MARKERS * len(boards), strict=False):
        own = [t.measured for t in front if t.candidate.board == board and t.measured is not None]
        if own:
            shown = axis.scatter(
                [m.microseconds for m in own], [m.lut for m in own], c=[m.accuracy for m in own], vmin=low, vmax=max(high, low + 1e-3), s=60, marker=marker, label=board
            )
    for t in front:
        assert t.measured is not None
        at = t.measured.microseconds, t.measured.lut
        axis.annotate(str(t.number), at, xytext=(5, 5), textcoords="offset points", fontsize="small", weight="bold" if t is chosen else "normal")
        if t.number in builds:
            axis.scatter(*at, s=170, facecolors="none", edgecolors="tab:red")
    axis.set(xscale="log", yscale="log", xlabel="microseconds of the core per sample", ylabel="lookup tables (estimate)", title=f"{len(front)} of {len(there)} accelerators that nothing beats; bold: the chosen one; ring: built")
    for ticks in (axis.xaxis, axis.yaxis):
        ticks.set_major_formatter(FuncFormatter(lambda value, place: f"{value:,.0f}"))
        ticks.set_minor_formatter(NullFormatter())
    if shown is not None:
        figure.colorbar(shown, label="accuracy")
    axis.legend()
    figure.savefig(path, dpi=120)
    plt.close(figure)
