"""What a comparison of the floating-point network, the quantised one and a board found: layers, predictions, and what to change."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich import box
from rich.markup import escape

from lifline.arch.files import write_file
from lifline.network.shown import ShownTable

from .changes import Change

WORST = 5
"""Neurons of a layer that the report names."""


@dataclass(frozen=True)
class LayerFidelity:
    """One population, float against quantised.

    Attributes
    ----------
    spike_agreement : ``2 c / (a + b)`` with ``a``, ``b`` spikes of either and ``c`` spikes of both in the same step; None if neither
        fires, which shows nothing, and for a read-out.
    membrane_error : root mean square difference of the membranes after the reset, over the mean threshold; over the largest membrane
        for a read-out.
    rate, rate_quantised : spikes per neuron and step.   rate_drift : relative change of the rate; None if the float layer is silent.
    worst : at most :data:`WORST` neurons that differ most: their number and spike agreement, of a read-out their membrane error.
    read_out : whether the layer never fires by design.   saturations : clipped states.   board_mismatches : spikes (read-out: membranes) that differ between board and golden model.
    """

    name: str
    neurons: int
    spike_agreement: float | None
    membrane_error: float
    rate: float
    rate_quantised: float
    rate_drift: float | None
    worst: tuple[tuple[int, float], ...]
    read_out: bool
    saturations: int
    board_mismatches: int | None


@dataclass(frozen=True)
class FidelityReport:
    """Layers, predictions, and what to change; see :func:`fidelity`.

    Attributes
    ----------
    items, steps : size of the data.   prediction_agreement : share of items for which float and quantised predict the same.
    accuracy, accuracy_quantised : with labels only.   board : name of the device, if one ran.
    board_prediction_agreement : share of items for which float and board predict the same.
    notes : what was found about the weights' grids.   changes : every parameter that quantisation clamped, rounded to zero or moved by more than 5 %.
    ties : share of items whose best two outputs, in floating point, are at most one spike apart (read-outs: 1 % of the largest membrane).
    """

    network: str
    items: int
    steps: int
    layers: tuple[LayerFidelity, ...]
    prediction_agreement: float
    accuracy: float | None
    accuracy_quantised: float | None
    board: str | None
    board_prediction_agreement: float | None
    ties: float
    notes: tuple[str, ...]
    changes: tuple[Change, ...]
    advice: tuple[str, ...]

    @property
    def board_mismatches(self) -> int | None:
        """Values that differ between board and golden model; must be 0."""
        return None if self.board is None else sum(layer.board_mismatches or 0 for layer in self.layers)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        changes = [change.as_dict() for change in self.changes]
        return {**dataclasses.asdict(self), "changes": changes, "board_mismatches": self.board_mismatches}

    def __str__(self) -> str:
        return str(self.table())

    def table(self) -> ShownTable:
        """One row per layer; predictions, what quantisation changed, and advice below. 80 columns are enough."""
        lines = [f"same prediction: {self.prediction_agreement:.1%} of {self.items} items; {self.ties:.1%} are close to ties"]
        if self.accuracy is not None:
            lines.append(f"accuracy: {self.accuracy:.1%} in floating point, {self.accuracy_quantised:.1%} quantised")
        if self.board is not None:
            lines.append(f"{self.board}: {self.board_mismatches} values differ from the golden model")
        lines += self.notes
        if self.changes:
            lines += ["changed by quantisation:", *(f"  {change}" for change in self.changes)]
        lines += self.advice
        table = ShownTable(
            title=escape(f"{self.network}: floating point against quantised"),
            caption=escape("\n".join(lines)),
            caption_justify="left",
            box=box.SIMPLE_HEAD,
            padding=(0, 0),
        )
        for column in ("layer", "neurons", "agree", "v error", "rate", "int. rate", "drift", "clipped", "board"):
            table.add_column(column, justify="left" if column == "layer" else "right", overflow="fold")
        for layer in self.layers:
            agreement = "read-out" if layer.read_out else "silent" if layer.spike_agreement is None else f"{layer.spike_agreement:.3f}"
            drift = "" if layer.rate_drift is None else f"{layer.rate_drift:+.1%}"
            board = "" if layer.board_mismatches is None else f"{layer.board_mismatches}"
            table.add_row(
                escape(layer.name), f"{layer.neurons:,}", agreement, f"{layer.membrane_error:.4f}", f"{layer.rate:.4f}",
                f"{layer.rate_quantised:.4f}", drift, f"{layer.saturations:,}", board,
            )  # fmt: skip
        return table

    def figure(self, path: str | os.PathLike[str]) -> None:
        """Write a figure: agreement and membrane error, and rates, by layer. The ending chooses the format (.png, .svg, .pdf)."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        figure = Figure(figsize=(max(9.0, 1.8 * len(self.layers) + 3), 3.6), layout="constrained")
        FigureCanvasAgg(figure)
        agreement, errors, rates = figure.subplots(1, 3)
        names, at = [layer.name for layer in self.layers], np.arange(len(self.layers))
        agreement.bar(at, [np.nan if la.spike_agreement is None else la.spike_agreement for la in self.layers], 0.6)
        agreement.set(title=f"same prediction: {self.prediction_agreement:.1%}", ylabel="spikes that agree, share", ylim=(0, 1.05))
        errors.bar(at, [la.membrane_error for la in self.layers], 0.6, color="C1")
        errors.set(title="quantised against floating point", ylabel="membrane error / threshold")
        rates.bar(at - 0.2, [la.rate for la in self.layers], 0.4, label="floating point")
        rates.bar(at + 0.2, [la.rate_quantised for la in self.layers], 0.4, label="quantised")
        rates.set(title="" if self.board is None else f"{self.board}: {self.board_mismatches} values differ", ylabel="spikes per neuron and step")
        figure.legend(loc="outside lower right", ncols=2, fontsize="small")
        for axes in (agreement, errors, rates):
            axes.set_xticks(at, names, rotation=30, ha="right")
            axes.set_xlim(-0.6, len(at) - 0.4)
        write_file(path, lambda part: figure.savefig(part))
