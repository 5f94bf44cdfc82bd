"""How far the quantised network is from the floating-point one, and the board from the quantised one, layer by layer, on the user's data."""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from rich.table import Table

from lifline.arch.errors import InputError
from lifline.network.model import Network
from lifline.network.result import RunResult
from lifline.sim.golden import GoldenModel

from .evaluate import FloatResult, evaluate
from .float_network import FloatNetwork

if TYPE_CHECKING:
    from lifline.driver.device import Device

POOR_LAYER, POOR_PREDICTION, LARGE_DRIFT = 0.9, 0.98, 0.05
"""Below (above) these the report says what to change."""


@dataclass(frozen=True)
class LayerFidelity:
    """One population, float against quantised.

    Attributes
    ----------
    spike_agreement : ``2 c / (a + b)`` with ``a``, ``b`` spikes of either and ``c`` spikes of both in the same step; 1 if neither
        fires; None for a read-out.
    membrane_error : root mean square difference of the membranes after the reset, over the mean threshold; over the largest membrane
        for a read-out.
    rate, rate_quantised : spikes per neuron and step.   rate_drift : relative change of the rate; None if the float layer is silent.
    saturations : clipped states.   board_mismatches : spikes (read-out: membranes) that differ between board and golden model.
    """

    name: str
    neurons: int
    spike_agreement: float | None
    membrane_error: float
    rate: float
    rate_quantised: float
    rate_drift: float | None
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
    advice: tuple[str, ...]

    @property
    def board_mismatches(self) -> int | None:
        """Values that differ between board and golden model; must be 0."""
        return None if self.board is None else sum(layer.board_mismatches or 0 for layer in self.layers)

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {**dataclasses.asdict(self), "board_mismatches": self.board_mismatches}

    def table(self) -> Table:
        """One row per layer, predictions and advice below."""
        lines = [f"same prediction: {self.prediction_agreement:.1%} of {self.items} items"]
        if self.accuracy is not None:
            lines.append(f"accuracy: {self.accuracy:.1%} in floating point, {self.accuracy_quantised:.1%} quantised")
        if self.board is not None:
            lines.append(f"{self.board}: {self.board_mismatches} values differ from the golden model")
        table = Table(title=f"{self.network}: floating point against quantised", caption="\n".join([*lines, *self.advice]), caption_justify="left")
        for column in ("layer", "neurons", "spike agreement", "membrane error", "rate", "quantised", "drift", "saturations", "board"):
            table.add_column(column, justify="left" if column == "layer" else "right")
        for layer in self.layers:
            agreement = "" if layer.spike_agreement is None else f"{layer.spike_agreement:.3f}"
            drift = "" if layer.rate_drift is None else f"{layer.rate_drift:+.1%}"
            board = "" if layer.board_mismatches is None else f"{layer.board_mismatches}"
            table.add_row(
                layer.name, f"{layer.neurons:,}", agreement, f"{layer.membrane_error:.4f}", f"{layer.rate:.4f}",
                f"{layer.rate_quantised:.4f}", drift, f"{layer.saturations:,}", board,
            )  # fmt: skip
        return table

    def figure(self, path: str | os.PathLike[str]) -> None:
        """Write a figure: agreement and membrane error, and rates, by layer. The ending chooses the format (.png, .svg, .pdf)."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        figure = Figure(figsize=(max(6.0, 1.2 * len(self.layers) + 3), 3.2), layout="constrained")
        FigureCanvasAgg(figure)
        agreement, rates = figure.subplots(1, 2)
        names, at = [layer.name for layer in self.layers], np.arange(len(self.layers))
        agreement.bar(at - 0.2, [np.nan if la.spike_agreement is None else la.spike_agreement for la in self.layers], 0.4, label="spike agreement")
        agreement.bar(at + 0.2, [la.membrane_error for la in self.layers], 0.4, label="membrane error")
        agreement.set_title(f"same prediction: {self.prediction_agreement:.1%}")
        rates.bar(at - 0.2, [la.rate for la in self.layers], 0.4, label="floating point")
        rates.bar(at + 0.2, [la.rate_quantised for la in self.layers], 0.4, label="quantised")
        rates.set_title("spikes per neuron and step" + ("" if self.board is None else f"\n{self.board}: {self.board_mismatches} values differ"))
        for axes in (agreement, rates):
            axes.set_xticks(at, names, rotation=30, ha="right")
            axes.legend(fontsize="small")
        figure.savefig(path)


def fidelity(
    network: FloatNetwork,
    quantised: Network,
    x: NDArray[Any],
    *,
    labels: NDArray[np.integer] | None = None,
    device: Device | None = None,
) -> FidelityReport:
    """Run the same spikes through the float network, the golden model and, if given, a device with the compiled network loaded.

    Parameters
    ----------
    quantised : what :func:`~lifline.convert.quantise.quantise` made of ``network`` (its metadata hold the scales).
    x : (batch, time, *input shape) of 0/1.   labels : (batch,), for the accuracies.

    Raises
    ------
    InputError   if ``quantised`` holds no scales or the data do not fit.
    """
    scales = (quantised.metadata.get("quantised") or {}).get("scales")
    if scales is None:
        raise InputError(f"network `{quantised.name}` holds no scales; compare with a network that quantise() made")
    x = np.asarray(x)
    if x.ndim < 3 or len(x) == 0:
        raise InputError(f"spikes have shape {x.shape}; the report needs (batch, time, ...) with at least one item")
    if labels is not None and np.shape(labels) != (len(x),):
        raise InputError(f"labels have shape {np.shape(labels)}; give one for each of the {len(x)} items")
    flat = x.reshape(*x.shape[:2], -1)
    exact = evaluate(network, x, record="all")
    golden = GoldenModel(quantised).run(flat, record=["all.spikes", "all.v"])
    on_board = None if device is None else device.run(flat, record=["all.spikes", "all.v"])
    layers = [_layer(network, name, scale, exact, golden, on_board) for name, scale in scales.items()]
    same = float((exact.prediction == golden.prediction).mean())
    return FidelityReport(
        network=network.name,
        items=len(x),
        steps=x.shape[1],
        layers=tuple(layers),
        prediction_agreement=same,
        accuracy=None if labels is None else float((exact.prediction == labels).mean()),
        accuracy_quantised=None if labels is None else float((golden.prediction == labels).mean()),
        board=None if device is None else getattr(device, "url", "") or type(device).__name__,
        board_prediction_agreement=None if on_board is None else float((exact.prediction == on_board.prediction).mean()),
        advice=tuple(_advice(layers, same, any(isinstance(scale, list) for scale in scales.values()))),
    )


def _layer(
    network: FloatNetwork, name: str, scale: float | list[float], exact: FloatResult, golden: RunResult, on_board: RunResult | None
) -> LayerFidelity:
    neurons = network.population(name).neurons
    assert neurons is not None
    # The hardware counts a membrane from where it starts.
    v = (exact.v[name] - neurons.v_start).reshape(*exact.v[name].shape[:2], -1)
    membranes = golden.records[name]["v"] / np.asarray(scale, np.float64)
    unit = float(np.abs(v).max()) if neurons.threshold is None else float(neurons.threshold.mean())
    ours = golden.records[name]["spikes"].astype(np.float64)
    theirs = np.zeros_like(ours) if neurons.threshold is None else exact.spikes[name].reshape(ours.shape).astype(np.float64)
    both, total = float(np.minimum(ours, theirs).sum()), float(ours.sum() + theirs.sum())
    differ = None
    if on_board is not None:
        differ = sum(int((on_board.records[name][k] != golden.records[name][k]).sum()) for k in ("spikes", "v"))
    return LayerFidelity(
        name=name,
        neurons=v.shape[2],
        spike_agreement=None if neurons.threshold is None else 2 * both / total if total else 1.0,
        membrane_error=float(np.sqrt(((membranes - v) ** 2).mean())) / (unit or 1.0),
        rate=float(theirs.mean()),
        rate_quantised=float(ours.mean()),
        rate_drift=float(ours.sum() / theirs.sum() - 1) if theirs.any() else None,
        saturations=int(golden.counters[name].saturations.sum()),
        board_mismatches=differ,
    )


def _advice(layers: list[LayerFidelity], prediction_agreement: float, per_neuron: bool) -> list[str]:
    """What to change, in the order in which it helps; ``per_neuron``: scales are per neuron already."""
    advice = []
    clipped = [layer.name for layer in layers if layer.saturations]
    if clipped:
        advice.append(f"states saturate in {', '.join(clipped)}: calibrate with data as strong as these, lower `headroom`, or take more state bits")
    poor = next((layer for layer in layers if layer.spike_agreement is not None and layer.spike_agreement < POOR_LAYER), None)
    if poor is not None:
        first = "" if per_neuron else "try `per_neuron=True`; "
        advice.append(
            f"spikes part ways first in `{poor.name}`: {first}outliers among its weights cost resolution, clip them, take more weight bits, or "
            "train with quantised weights"
        )
    drifting = [layer for layer in layers if layer.rate_drift is not None and abs(layer.rate_drift) > LARGE_DRIFT]
    if drifting:
        advice.append(f"the rate of `{drifting[0].name}` drifts by {drifting[0].rate_drift:+.1%}: calibrate on more data, or retrain its thresholds")
    if prediction_agreement < POOR_PREDICTION and not advice:
        advice.append("predictions differ although layers agree: outputs are close to ties; run more steps or read the membrane of a read-out")
    return advice
