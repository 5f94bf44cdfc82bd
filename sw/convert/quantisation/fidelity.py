"""How far the quantised network is from the floating-point one, and the board from the quantised one, layer by layer, on the user's data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lifline.arch.errors import InputError
from lifline.network.model import Network
from lifline.network.progress import Reporting, progress_of
from lifline.network.result import RunResult
from lifline.sim.golden.model import GoldenModel

from ..floating.evaluate import FloatResult, evaluate
from ..floating.network import FloatNetwork
from .changes import Change, advice_on
from .fidelity_report import WORST, FidelityReport, LayerFidelity

if TYPE_CHECKING:
    from lifline.driver.device import Device

POOR_LAYER, POOR_PREDICTION, LARGE_DRIFT = 0.9, 0.98, 0.05
"""Below (above) these the report says what to change."""
NEAR_TIE = 0.01
"""Membranes of read-outs that are closer than this share of the largest are close to a tie."""


def fidelity(
    network: FloatNetwork,
    quantised: Network,
    x: NDArray[Any],
    *,
    labels: NDArray[np.integer] | None = None,
    device: Device | None = None,
    progress: Reporting = None,
) -> FidelityReport:
    """Run the same spikes through the float network, the golden model and, if given, a device.

    Parameters
    ----------
    quantised : what :func:`~lifline.convert.quantisation.quantise.quantise` made of ``network`` (its metadata hold the scales).
    x : (batch, time, *input shape) of 0/1.   labels : (batch,), for the accuracies.
    progress : see :data:`~lifline.network.progress.Reporting`; of its parts, which take different times.
    device : one without a program gets ``quantised``, compiled for its configuration; one with a program keeps it.

    Raises
    ------
    InputError   if ``quantised`` holds no scales, or the data do not fit or are empty.
    CompileError   if the device has no program and its configuration cannot run the network.
    """
    made = quantised.metadata.get("quantised") or {}
    scales = made.get("scales")
    if scales is None:
        raise InputError(f"network `{quantised.name}` holds no scales; compare with a network that quantise() made")
    x = np.asarray(x)
    if x.ndim < 3 or not x.size:
        raise InputError(f"spikes have shape {x.shape}; the report needs (batch, time, ...) with at least one item and one step")
    if labels is not None and np.shape(labels) != (len(x),):
        raise InputError(f"labels have shape {np.shape(labels)}; give one for each of the {len(x)} items")
    flat = x.reshape(*x.shape[:2], -1)
    with progress_of("floating point, golden model" + ("" if device is None else " and device"), progress) as tell:
        tell(0.0)
        exact = evaluate(network, x, record="all")
        tell(1 / 2)
        golden = GoldenModel(quantised).run(flat, record=["all.spikes", "all.v"])
        tell(2 / 3)
        if device is not None and device.program is None:
            _load(device, quantised)
        on_board = None if device is None else device.run(flat, record=["all.spikes", "all.v"], progress=lambda share: tell(2 / 3 + share / 3))
        tell(1.0)
    origins = made.get("origins", {})
    layers = [_layer(network, name, scale, origins.get(name), exact, golden, on_board) for name, scale in scales.items()]
    changes = tuple(Change.from_dict(change) for change in made.get("changes", ()))
    ties = _ties(network, exact)
    per_neuron = any(isinstance(scale, list) for scale in scales.values())
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
        ties=ties,
        notes=tuple(made.get("notes", ())),
        changes=changes,
        advice=tuple([*_advice(network.output, layers, same, ties, per_neuron), *_of_time(network, layers), *advice_on(changes, per_neuron)]),
    )


def _load(device: Device, network: Network) -> None:
    from lifline.compiler.compile import compile_network

    config = device.config
    if config is None:
        raise InputError("the device's configuration is none of the presets; load a program compiled for it before the report")
    device.load(compile_network(network, config))


def _ties(network: FloatNetwork, exact: FloatResult) -> float:
    """Share of items whose two best outputs are as good as equal."""
    neurons = network.population(network.output).neurons
    output = exact.output.reshape(*exact.output.shape[:2], -1)
    if neurons is None or output.shape[2] < 2:
        return 0.0
    read_out = neurons.threshold is None
    score = np.sort(output.max(axis=1) if read_out else output.sum(axis=1), axis=1)
    near = NEAR_TIE * float(np.abs(score).max()) if read_out else 1.0
    return float((score[:, -1] - score[:, -2] <= near).mean())


def _layer(
    network: FloatNetwork,
    name: str,
    scale: float | list[float],
    origin: float | list[float] | None,
    exact: FloatResult,
    golden: RunResult,
    on_board: RunResult | None,
) -> LayerFidelity:
    neurons = network.population(name).neurons
    assert neurons is not None
    # The hardware counts a membrane from its origin: where it starts, in files that do not say.
    start = np.broadcast_to(neurons.v_start, exact.v[name].shape[2:]).reshape(-1) if origin is None else np.asarray(origin)
    v = exact.v[name].reshape(*exact.v[name].shape[:2], -1) - start
    membranes = golden.records[name]["v"] / np.asarray(scale, np.float64)
    unit = float(np.abs(v).max()) if neurons.threshold is None else float(np.abs(neurons.threshold).mean())
    ours = golden.records[name]["spikes"].astype(np.float64)
    theirs = np.zeros_like(ours) if neurons.threshold is None else exact.spikes[name].reshape(ours.shape).astype(np.float64)
    both, total = float(np.minimum(ours, theirs).sum()), float(ours.sum() + theirs.sum())
    differ = None
    if on_board is not None:
        differ = sum(int((on_board.records[name][k] != golden.records[name][k]).sum()) for k in ("spikes", "v"))
    return LayerFidelity(
        name=name,
        neurons=v.shape[2],
        spike_agreement=None if neurons.threshold is None or not total else 2 * both / total,
        membrane_error=float(np.sqrt(((membranes - v) ** 2).mean())) / (unit or 1.0),
        rate=float(theirs.mean()),
        rate_quantised=float(ours.mean()),
        rate_drift=float(ours.sum() / theirs.sum() - 1) if theirs.any() else None,
        worst=_worst((membranes - v) / (unit or 1.0), ours, theirs, read_out=neurons.threshold is None),
        read_out=neurons.threshold is None,
        saturations=int(golden.counters[name].saturations.sum()),
        board_mismatches=differ,
    )


def _worst(errors: NDArray[Any], ours: NDArray[Any], theirs: NDArray[Any], *, read_out: bool) -> tuple[tuple[int, float], ...]:
    """Neurons that differ most, worst first: of those that fire, or of all of a read-out; errors and spikes are (batch, time, neuron)."""
    if read_out:
        error = np.sqrt((errors**2).mean(axis=(0, 1)))
        return tuple((int(k), float(error[k])) for k in np.argsort(-error, kind="stable")[:WORST] if error[k])
    both, total = np.minimum(ours, theirs).sum(axis=(0, 1)), (ours + theirs).sum(axis=(0, 1))
    share = np.divide(2 * both, total, out=np.ones_like(total), where=total > 0)
    return tuple((int(k), float(share[k])) for k in np.argsort(share, kind="stable")[:WORST] if share[k] < 1)


def _of_time(network: FloatNetwork, layers: list[LayerFidelity]) -> list[str]:
    """What the import noted about time steps, where a layer is silent."""
    silent = any(layer.spike_agreement is None and not layer.read_out and not layer.rate for layer in layers)
    return [f"the import noted: {note}" for note in network.notes if silent and "dt" in note]


def _advice(output: str, layers: list[LayerFidelity], prediction_agreement: float, ties: float, per_neuron: bool) -> list[str]:
    """What to change, in the order in which it helps; ``per_neuron``: scales are per neuron already."""
    advice = []
    silent = [layer.name for layer in layers if layer.spike_agreement is None and not layer.read_out]
    if silent:
        advice.append(f"{', '.join(silent)} never fire on these data, so that nothing is known of them: use stronger data, or check the time step of the import"
            + (f"; if the membrane of `{output}` is the result, import it as a read-out (`--read-out`, read_out=True)" if output in silent else ""))
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
    if prediction_agreement < POOR_PREDICTION and ties > 1 - prediction_agreement:
        advice.append(
            f"{ties:.0%} of the items have two best outputs that are as good as equal, so that a single spike decides: run more steps, read the membrane of a "
            "read-out, or compare trained networks"
        )
    elif prediction_agreement < POOR_PREDICTION and not advice:
        advice.append("predictions differ although layers agree: run more steps or read the membrane of a read-out")
    return advice
