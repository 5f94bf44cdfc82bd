"""Post-training quantisation: :class:`FloatNetwork` -> integer :class:`~lifline.network.model.Network`, scaled with calibration data.

Every population gets one scale: a membrane of 1.0 becomes ``scale`` integers, and so do its threshold, bias and weights (times the
gains of its dynamics). The largest weight fills the weight bits, shifted left as far as the peaks seen on the calibration data and
the accumulator allow; decays are rounded to 1/4096.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lifline.arch.arithmetic import DECAY_ONE
from lifline.arch.config import Config, preset
from lifline.arch.errors import ConversionError
from lifline.network.model import Network, Neurons, Population, Projection, ResetRule
from lifline.network.spikes import as_batch

from .dense import matrix_of, refuse_unsupported
from .dialects import Reset
from .evaluate import evaluate
from .float_network import FloatNetwork, FloatNeurons, FloatPopulation
from .operators import Floats

MAX_CAP = 255
"""Most spikes per step that an integer network may ask for."""
Matrix = NDArray[np.float64]


@dataclass
class _Synapses:
    """Everything that arrives at a population, in units of its membrane: weights and delays by source, and the constant share."""

    weights: dict[str, Matrix] = field(default_factory=dict)
    delays: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    bias: Matrix | float = 0.0


def quantise(
    network: FloatNetwork,
    calibration: NDArray[Any],
    *,
    config: Config | None = None,
    per_neuron: bool = False,
    unroll: bool = False,
    headroom: float = 0.5,
) -> Network:
    """Quantise for a configuration.

    Parameters
    ----------
    calibration : (batch, time, *input shape) of 0/1; should be typical inputs, their peaks choose the scales.
    config : weight bits, state bits, shifts and accumulator; ``medium`` if None.
    per_neuron : one scale per neuron instead of per population, where the model allows it: finer weights, thresholds stored per neuron.
    unroll : write convolutions and pooling out as fully connected weights; without it they are refused.
    headroom : share of the state's range that the peaks of the calibration may take, above 0 to 1.

    Returns
    -------
    The network; ``metadata["quantised"]`` holds the scale of every population (one number or one per neuron) and the peaks.

    Raises
    ------
    ConversionError   naming population or projection and the reason, for everything that the integer network cannot express.
    InputError   if the calibration data are not spikes of the input's shape.
    """
    chosen = preset("medium") if config is None else config
    if not 0 < headroom <= 1:
        raise ConversionError(f"headroom {headroom} must be above 0 and at most 1")
    refuse_unsupported(network, unroll)
    calibration = np.asarray(calibration)
    if calibration.ndim > 3:
        calibration = calibration.reshape(*calibration.shape[:2], -1)
    spikes, _ = as_batch(calibration, network.input.size)
    network = _starting_at_zero(network)
    peaks = evaluate(network, spikes).peak
    populations, projections = [Population(network.input.name, network.input.shape)], []
    scales: dict[str, Any] = {}
    constant = _constant_name(network)
    constant_needed = False
    for name in network.order:
        p = network.population(name)
        if p.neurons is None:
            continue
        synapses = _synapses(network, p)
        if p.neurons.keep_i is not None and np.any(synapses.bias):
            # A bias before the synaptic current is filtered by it: a neuron that always fires carries it.
            synapses.weights[constant] = np.broadcast_to(synapses.bias, (p.size,)).reshape(-1, 1)
            synapses.delays[constant] = np.zeros((), np.int64)
            synapses.bias, constant_needed = 0.0, True
        caps = {s: _cap(network, s) for s in synapses.weights}
        alone = per_neuron and p.neurons.threshold is not None and not p.neurons.v_reset.any() and p.neurons.v_min is None
        scale, shift = _scale(p, synapses, caps, peaks[name], chosen, alone, headroom)
        scales[name] = scale.reshape(-1).tolist() if alone else float(scale.flat[0])
        populations.append(Population(name, p.shape, _neurons(p, synapses, scale, alone)))
        for source, weights in synapses.weights.items():
            delays = synapses.delays[source]
            values = np.rint(weights * scale / (1 << shift)).astype(np.int64)
            delay = delays if delays.ndim else int(delays)
            projections.append(Projection(source=source, target=name, weights=values, weight_shift=shift, delays=delay if np.any(delays) else None))
    if constant_needed:
        populations.append(Population(constant, (1,), Neurons(threshold=1, bias=2, decay_v=DECAY_ONE)))
        projections.append(Projection(source=network.input.name, target=constant, weights=np.zeros((1, network.input.size), np.int64)))
    return Network(
        name=network.name,
        populations=tuple(populations),
        projections=tuple(projections),
        output=network.output,
        state_bits=chosen.state_bits,
        metadata={
            **network.metadata,
            "dialect": None if network.dialect is None else network.dialect.as_dict(),
            "quantised": {"config": chosen.name, "headroom": headroom, "scales": scales, "peaks": {n: float(v.max()) for n, v in peaks.items()}},
        },
    )


def _starting_at_zero(network: FloatNetwork) -> FloatNetwork:
    populations = []
    for p in network.populations:
        try:
            populations.append(p if p.neurons is None else FloatPopulation(p.name, p.shape, p.neurons.starting_at_zero()))
        except ConversionError as error:
            raise ConversionError(f"population `{p.name}`: {error}") from error
    return network.replace(populations=tuple(populations))


def _constant_name(network: FloatNetwork) -> str:
    name = "constant"
    while any(p.name == name for p in network.populations):
        name += "_"
    return name


def _cap(network: FloatNetwork, source: str) -> int:
    """Largest value of a source in one step; populations that are not in the float network fire once."""
    found = [p.neurons for p in network.populations if p.name == source]
    return 1 if not found or found[0] is None else min(found[0].cap, MAX_CAP)


def _synapses(network: FloatNetwork, p: FloatPopulation) -> _Synapses:
    assert p.neurons is not None
    gain = np.broadcast_to(p.neurons.gain_v * p.neurons.gain_i, p.shape).reshape(-1, 1)
    result = _Synapses()
    for q in network.projections_into(p.name):
        weights, bias = matrix_of(network, q)
        result.bias = result.bias + gain[:, 0] * bias
        delays = q.delays.reshape(-1) if q.delays.ndim else q.delays
        if q.source in result.weights:
            if not np.array_equal(np.broadcast_to(delays, weights.shape[1:]), np.broadcast_to(result.delays[q.source], weights.shape[1:])):
                raise ConversionError(f"several paths with different delays lead from `{q.source}` to `{p.name}`; only one delay per neuron is supported")
            result.weights[q.source] += gain * weights
        else:
            result.weights[q.source], result.delays[q.source] = gain * weights, delays
    return result


def _scale(
    p: FloatPopulation, synapses: _Synapses, caps: dict[str, int], peaks: Floats, config: Config, alone: bool, headroom: float
) -> tuple[Matrix, int]:
    """Scale (neuron, 1) and left shift of a population."""
    assert p.neurons is not None
    peak = np.array(peaks, np.float64).reshape(-1, 1)
    for value in (p.neurons.threshold, p.neurons.v_reset, p.neurons.drive):
        if value is not None:
            peak = np.maximum(peak, np.abs(np.broadcast_to(value, p.shape)).reshape(-1, 1))
    largest = np.max([np.abs(w).max(axis=1, initial=0) for w in synapses.weights.values()], axis=0).reshape(-1, 1)
    signed = [[np.maximum(sign * w, 0).sum(axis=1) * caps[s] for s, w in synapses.weights.items()] for sign in (1, -1)]
    total = np.max(np.sum(signed, axis=1), axis=0).reshape(-1, 1)
    if not alone:
        peak, largest, total = (np.full_like(a, a.max()) for a in (peak, largest, total))
    tiny = float(np.finfo(np.float32).tiny)  # neurons without weights: far below any weight, and its inverse is a number
    limit = headroom * config.state_max / np.maximum(peak, tiny)
    # Half a unit of rounding per weight may add to an accumulated sum.
    synapse_count = sum(w.shape[1] * caps[s] for s, w in synapses.weights.items())
    room = max(config.accumulator_max - synapse_count / 2, 1)
    unshifted = np.minimum(config.weight_max / np.maximum(largest, tiny), room / np.maximum(total, tiny))
    fitting = [s for s in config.weight_shifts if (unshifted * 2.0**s <= limit).all()]
    shift = max(fitting, default=min(config.weight_shifts))
    return np.minimum(unshifted * 2.0**shift, limit), shift


def _one(p: FloatPopulation, what: str, values: Floats) -> float:
    if values.min() != values.max():
        raise ConversionError(
            f"population `{p.name}`: {what} differs between neurons ({values.min():g}..{values.max():g}); a population has one, split it by hand"
        )
    return float(values.flat[0])


def _decay(p: FloatPopulation, what: str, keep: Floats) -> int:
    return round(DECAY_ONE * (1 - _one(p, what, keep)))


def _neurons(p: FloatPopulation, synapses: _Synapses, scale: Matrix, alone: bool) -> Neurons:
    model = p.neurons
    assert isinstance(model, FloatNeurons)
    scales = scale[:, 0]
    bias = np.rint(scales * (np.broadcast_to(model.drive, p.shape).reshape(-1) + synapses.bias)).astype(np.int64)
    decays: dict[str, Any] = {
        "decay_v": _decay(p, "the membrane's decay", model.keep_v),
        "decay_i": DECAY_ONE if model.keep_i is None else _decay(p, "the current's decay", model.keep_i),
    }
    v_min = None if model.v_min is None else round(model.v_min * scales[0])
    shared_bias = int(bias[0]) if (bias == bias[0]).all() else bias
    if model.threshold is None:
        return Neurons(**decays, bias=shared_bias, cap=0, v_min=v_min)
    try:
        rule = ResetRule(model.reset.value)
    except ValueError:
        known = ", ".join(r.value for r in ResetRule)
        hint = "; train with reset_delay=True" if model.reset is Reset.TESTED_TWICE else ""
        raise ConversionError(f"population `{p.name}`: reset rule {model.reset.value} exists in floating point only; the integer neuron has {known}{hint}") from None
    theta = np.maximum(np.rint(scales * np.broadcast_to(model.threshold, p.shape).reshape(-1)), 1).astype(np.int64)
    return Neurons(
        **decays,
        threshold=theta if alone or (theta != theta[0]).any() else int(theta[0]),
        bias=shared_bias,
        reset=rule,
        v_reset=round(_one(p, "v_reset", model.v_reset) * scales[0]) if rule in (ResetRule.NOW_VALUE, ResetRule.LATE_VALUE) else 0,
        strict=model.strict,
        cap=min(model.cap, MAX_CAP),
        v_min=v_min,
    )
