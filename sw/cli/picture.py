"""The picture of a run: one sample's spikes through the layers, and where the cycles went."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lifline.arch.errors import InputError
from lifline.arch.files import check_target, write_file
from lifline.arch.program import Mode
from lifline.driver.choose import ModeChoice

INK, PALE, CHOSEN = "#1f2d3a", "#c9ced3", "#c0392b"
COLOURS = {Mode.EVENT: "#2f6fb0", Mode.DENSE: "#dd8312"}
MANY_STEPS, MANY_OUTPUTS = 48, 20
"""With more of them not every fourth, or not each, gets a tick of its own."""
SUFFIXES = (".png", ".svg", ".pdf")


@dataclass(frozen=True)
class Picture:
    """What the picture shows.

    Attributes
    ----------
    title : what the sample is and what was answered.   unit : what a sample is called.
    image : brightness of its pixels, (row, column), if it is an image.
    spikes : (time, neuron) by population, in order, without a read-out.   window : steps per window.
    output : name of the output.   membranes : of a read-out, (time, neuron), else None.   prediction : its answer.
    choices : cycles per sample of both modes, by projection.   rest : cycles per sample outside the projections.
    facts : a few lines about the whole run.   figures : kept in the file beside the picture (PNG only).
    """

    title: str
    unit: str
    image: np.ndarray | None
    spikes: dict[str, np.ndarray]
    window: int
    output: str
    membranes: np.ndarray | None
    prediction: int
    choices: list[ModeChoice]
    rest: float
    facts: list[str]
    figures: dict[str, Any]


def check_suffix(path: Path) -> None:
    """Refuse, before anything has run, a file that could not be drawn at the end.

    Raises
    ------
    InputError    if there is no such kind of file.
    OutputError   if no file can be written there.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"the picture cannot be written as `{path.name}`: its name must end in {', '.join(SUFFIXES)}")
    check_target(path)


def draw(path: Path, picture: Picture) -> None:
    """Write the picture to ``path``."""
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    style: dict[Any, Any] = {
        "font.size": 9, "axes.edgecolor": PALE, "axes.labelcolor": INK, "text.color": INK, "xtick.color": INK, "ytick.color": INK,
        "axes.spines.top": False, "axes.spines.right": False, "svg.hashsalt": "lifline",
    }  # fmt: skip
    with rc_context(style):
        count = len(picture.spikes) + (picture.membranes is not None)
        figure = Figure(figsize=(9, 8.6 if count <= 4 else 8.6 + 1.3 * (count - 4)), layout="constrained", facecolor="white")
        FigureCanvasAgg(figure)
        heights = [0.9, *([1.25] * (count - 1))]
        parts: Any = figure.subfigures(2, 1, height_ratios=[4.1, 0.42 + 0.32 * len(picture.choices)], hspace=0.03)
        upper, lower = parts
        axes = upper.subplots(len(heights), 2, width_ratios=[5, 1.3], height_ratios=heights, squeeze=False)
        upper.suptitle(picture.title, fontsize=12, weight="bold")
        _rasters(axes[:, 0], picture)
        for axis in axes[:-1, 1]:
            axis.axis("off")
        if picture.image is not None:
            _image(axes[0, 1], picture.image)
        facts = axes[1 if picture.image is not None and count > 2 else 0, 1]
        text = facts.text(0, 0.98, "\n\n".join(picture.facts), va="top", linespacing=1.3, transform=facts.transAxes)
        text.set_in_layout(False)  # it may reach into the row below
        upper.align_ylabels(axes[:, 0])
        _answers(axes[-1, 1], picture)
        _cycles(lower.subplots(), picture)
        metadata = {".png": {"lifline": json.dumps(picture.figures)}, ".svg": {"Date": None}}.get(path.suffix.lower(), {})
        write_file(path, lambda part: figure.savefig(part, dpi=110, metadata=metadata))


def _windows(axis: Any, steps: int, window: int) -> None:
    """Mark the windows of steps that dense mode handles together; the same time axis in every panel."""
    from matplotlib.ticker import MaxNLocator, MultipleLocator

    for start in range(0, steps, 2 * window):
        axis.axvspan(start - 0.5, min(start + window, steps) - 0.5, color="#f3f5f7", zorder=0, linewidth=0)
    axis.set(xlim=(-0.5, steps - 0.5))
    axis.xaxis.set_major_locator(MultipleLocator(4) if steps <= MANY_STEPS else MaxNLocator(10, integer=True))


def _rasters(axes: np.ndarray, picture: Picture) -> None:
    steps = len(next(iter(picture.spikes.values())))
    for axis, (name, fired) in zip(axes, picture.spikes.items(), strict=False):
        _windows(axis, steps, picture.window)
        times, neurons = np.nonzero(fired)
        axis.scatter(times, neurons, s=7, color=INK, linewidths=0)
        pad = max(0.5, 0.02 * fired.shape[1])
        axis.set(ylabel="neuron", ylim=(fired.shape[1] - 1 + pad, -pad))
        axis.set_title(f"{name}: {fired.shape[1]} neurons, {len(times)} spikes", loc="left", fontsize=9, weight="bold")
        axis.tick_params(labelbottom=False)
    axis = axes[-1]
    axis.tick_params(labelbottom=True)
    axis.set_xlabel(f"time step (bands: windows of {picture.window} steps)")
    if picture.membranes is None:
        return
    _windows(axis, steps, picture.window)
    for k, values in sorted(enumerate(picture.membranes.T), key=lambda kv: kv[0] == picture.prediction):
        axis.plot(values / 1000, color=CHOSEN if k == picture.prediction else "#9aa3ab", linewidth=2 if k == picture.prediction else 1)
    axis.set_title(f"{picture.output}: {picture.membranes.shape[1]} membranes that never fire, the read-out", loc="left", fontsize=9, weight="bold")
    axis.set(ylabel="v / 1000")


def _image(axis: Any, image: np.ndarray) -> None:
    axis.axis("on")
    axis.imshow(image, cmap="Greys", interpolation="nearest")
    axis.set(xticks=[], yticks=[])
    axis.set_title("input: bright\npixels fire early", fontsize=9)


def _answers(axis: Any, picture: Picture) -> None:
    read_out = picture.membranes is not None
    best = picture.membranes.max(axis=0) / 1000 if picture.membranes is not None else picture.spikes[picture.output].sum(axis=0)
    colours = [CHOSEN if k == picture.prediction else "#9aa3ab" for k in range(len(best))]
    axis.barh(range(len(best)), best, color=colours, height=0.75)
    axis.set(ylim=(len(best) - 0.4, -0.6), xlabel="largest v / 1000" if read_out else "spikes")
    if len(best) <= MANY_OUTPUTS:
        axis.set_yticks(range(len(best)))
    axis.tick_params(axis="y", length=0, labelsize=7)
    axis.set_title("answer", loc="left", fontsize=9, weight="bold")


def _cycles(axis: Any, picture: Picture) -> None:
    """Both modes of every projection: the chosen one filled, the other an outline."""
    height, longest = 0.36, max(v for c in picture.choices for v in (c.event, c.dense) if np.isfinite(v))
    for row, choice in enumerate(picture.choices):
        for offset, mode, cycles in ((-0.2, Mode.EVENT, choice.event), (0.2, Mode.DENSE, choice.dense)):
            if not np.isfinite(cycles):
                continue  # the configuration has no dense lanes
            taken = mode is choice.mode
            axis.barh(row + offset, cycles, height, color=COLOURS[mode] if taken else "white", edgecolor=COLOURS[mode], linewidth=1)
            other = "dense" if mode is Mode.EVENT else "event"
            margin = f", {other} takes {abs(choice.margin):.1%} {'more' if choice.margin >= 0 else 'fewer'}" if np.isfinite(choice.margin) else ""
            text = f"{cycles:,.0f}  {mode.name.lower()}" + (f": chosen{margin}" if taken else "")
            axis.text(cycles + longest * 0.008, row + offset, text, va="center", color=COLOURS[mode], weight="bold" if taken else "normal")
    row = len(picture.choices)
    axis.barh(row - 0.15, picture.rest, height, color=PALE)
    axis.text(picture.rest + longest * 0.008, row - 0.15, f"{picture.rest:,.0f}  windows, clearing", va="center")
    names = [f"{c.source} → {c.target}" for c in picture.choices]
    axis.set(yticks=range(row), yticklabels=names, ylim=(row + 0.2, -0.55), xlim=(0, longest * 1.5), xlabel=f"clock cycles per {picture.unit}, mean over all")
    axis.tick_params(axis="y", length=0)
    axis.set_title("Where the cycles went", loc="left", fontsize=12, weight="bold")
