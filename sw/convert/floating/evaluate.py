"""Evaluation in floating point, step by step: gives the spikes that the source framework gives."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lifline.arch.errors import InputError

from ..nir.dialects import Reset
from .network import FloatNetwork, FloatNeurons, FloatProjection
from .operators import Delay, Floats


@dataclass(frozen=True)
class FloatResult:
    """What an evaluation gave; arrays are (batch, time, *shape).

    Attributes
    ----------
    output : spikes of the output population, or its membrane if it never fires.
    prediction : (batch,), arg max over the flattened output of the spike count, or of the largest membrane; ties to the lowest index.
    spikes, v : by population, those that were asked for; ``v`` is the stored value, after the reset. Read-outs have no spikes.
    peak : by population and neuron (*shape), the largest magnitude of the membrane before its reset, or of its share that is current.
    crossing : by population, the membrane that the threshold was compared with, if asked for.
    fired, most_spikes : by population, spikes in all, and most of one neuron in one step; 0 for read-outs.
    """

    output: Floats
    prediction: NDArray[np.int64]
    spikes: dict[str, Floats]
    v: dict[str, Floats]
    peak: dict[str, Floats]
    crossing: dict[str, Floats]
    fired: dict[str, int]
    most_spikes: dict[str, int]


class _Neurons:
    """State of one population and its update."""

    def __init__(self, neurons: FloatNeurons, batch: int, shape: tuple[int, ...], precision: str) -> None:
        self.model = neurons
        self.values = {name: value.astype(precision) for name, value in neurons.arrays().items()}
        self.v, self.i, self.crossed = (np.zeros((batch, *shape), precision) for _ in range(3))
        self.v = self.v + self.values["v_start"]
        # Mathematically the same as below; it rounds as the frameworks do that add the input before the current decays.
        self.decays_input = neurons.keep_i is not None and np.array_equal(neurons.keep_i, neurons.gain_i)
        self.peak = np.zeros(shape, precision)
        self.crossing = self.v
        self.fired = self.most_spikes = 0

    def step(self, x: Floats) -> Floats:
        """Advance by one step; returns what leaves the neurons: spikes, or the membrane if they never fire."""
        p, model = self.values, self.model
        if model.keep_i is None:
            self.i = p["gain_i"] * x
        elif self.decays_input:
            self.i = p["keep_i"] * (self.i + x)
        else:
            self.i = p["keep_i"] * self.i + p["gain_i"] * x
        v = self.v
        if model.reset is Reset.LATE_VALUE:
            v = np.where(self.crossed > 0, p["v_reset"], v)
        v = p["keep_v"] * v + p["gain_v"] * self.i + p["drive"]
        if model.threshold is None:
            self.v = v if model.v_min is None else np.maximum(v, self.v.dtype.type(model.v_min))
            self._note_peak(self.v)
            return self.v
        theta = p["threshold"]
        if model.reset in (Reset.LATE_SUBTRACT, Reset.TESTED_TWICE):
            v = v - self.crossed * theta
        elif model.reset is Reset.LATE_HOLD:
            v = np.where(self.crossed > 0, p["v_reset"], v)
        if model.v_min is not None:
            v = np.maximum(v, self.v.dtype.type(model.v_min))
        self._note_peak(v)
        self.crossing = v
        spikes = self._count(v, theta)
        self.fired += int(spikes.sum(dtype=np.float64))
        self.most_spikes = max(self.most_spikes, int(spikes.max(initial=0)))
        if model.reset is Reset.NOW_VALUE:
            v = np.where(spikes > 0, p["v_reset"], v)
        elif model.reset is Reset.NOW_SUBTRACT:
            v = v - spikes * theta
        elif model.reset is Reset.TESTED_TWICE:
            v = v - (spikes - self.crossed) * theta
        if model.v_min is not None:
            v = np.maximum(v, self.v.dtype.type(model.v_min))
        self.v = v
        # snnTorch tests the stored membrane again at the start of the next step.
        self.crossed = self._count(v, theta) if model.reset is Reset.TESTED_TWICE else spikes
        return spikes

    def _note_peak(self, v: Floats) -> None:
        self.peak = np.maximum(self.peak, np.abs(v).max(axis=0))
        if self.model.keep_i is not None:
            self.peak = np.maximum(self.peak, np.abs(self.values["gain_v"] * self.i).max(axis=0))

    def _count(self, v: Floats, theta: Floats) -> Floats:
        """The largest ``n <= cap`` with ``v - (n - 1) theta`` above the threshold, else 0."""
        crossed = v > theta if self.model.strict else v >= theta
        if self.model.cap == 1:
            return crossed.astype(v.dtype)
        count = np.ceil(v / theta) - 1 if self.model.strict else np.floor(v / theta)
        return np.where(crossed, np.clip(count, 1, self.model.cap), 0).astype(v.dtype)


class _Chain:
    """A projection with the histories of the delays inside it."""

    def __init__(self, projection: FloatProjection, precision: str) -> None:
        self.source, self.delays = projection.source, projection.delays
        self.operators = [o if isinstance(o, Delay) else o.astype(precision) for o in projection.operators]
        self.past: dict[int, list[Floats]] = {}

    def at(self, values: Floats, t: int) -> Floats:
        """What arrives in step ``t`` of the source's ``values`` (batch, time, *shape)."""
        x = _late(values, t, self.delays)
        for k, operator in enumerate(self.operators):
            if isinstance(operator, Delay):
                past = self.past.setdefault(k, [])
                past.append(x)
                x = _late(np.stack(past[-1 - int(operator.steps.max()) :], axis=1), -1, operator.steps)
            else:
                x = operator.apply(x)
        return x


def _late(values: Floats, t: int, delays: NDArray[np.int64]) -> Floats:
    """``values[:, t - delays]``, zero before the first step; ``t = -1`` is the last one."""
    t = values.shape[1] - 1 if t < 0 else t
    if delays.ndim == 0:
        return values[:, t - int(delays)] if t >= delays else np.zeros_like(values[:, 0])
    when = np.broadcast_to(np.maximum(t - delays, 0), values[:, 0].shape)
    found = np.take_along_axis(values, when[:, None], axis=1)[:, 0]
    return np.where(delays <= t, found, np.zeros((), values.dtype))


def evaluate(network: FloatNetwork, x: NDArray[Any], *, record: Iterable[str] = (), crossings: bool = False) -> FloatResult:
    """Run all steps of ``x`` from zero state.

    Parameters
    ----------
    x : (batch, time, *input shape), or with the input's neurons flattened; any numbers, also graded values.
    record : populations whose spikes and membranes are returned, or ``"all"``.
    crossings : whether those of them that fire also return what their thresholds were compared with.

    Raises
    ------
    InputError   if the shape does not fit, or there are no items or steps.
    """
    x = np.asarray(x)
    shape = network.input.shape
    if x.ndim < 3 or (x.shape[2:] != shape and x.shape[2:] != (network.input.size,)):
        raise InputError(f"input has shape {x.shape}; network `{network.name}` needs (batch, time, {', '.join(map(str, shape))})")
    batch, steps = x.shape[:2]
    if not batch or not steps:
        raise InputError(f"input has shape {x.shape}: no items or no time steps")
    if x.dtype.kind not in "biuf" or not np.isfinite(x).all():
        raise InputError(f"input of type {x.dtype} must be finite numbers")
    populations = [network.population(name) for name in network.order]
    wanted = {p.name for p in populations} if "all" in (record := [record] if isinstance(record, str) else list(record)) else set(record)
    for name in wanted:
        network.population(name)
    states = {p.name: _Neurons(p.neurons, batch, p.shape, network.precision) for p in populations if p.neurons is not None}
    values = {p.name: np.zeros((batch, steps, *p.shape), network.precision) for p in populations if p.neurons is not None}
    values[network.input.name] = x.reshape(batch, steps, *shape).astype(network.precision)
    readouts = {p.name for p in populations if p.neurons is not None and p.neurons.threshold is None}
    v = {name: np.zeros_like(values[name]) for name in wanted - {network.input.name}}
    crossing = {name: np.zeros_like(values[name]) for name in wanted - readouts - {network.input.name} if crossings}
    chains = {p.name: [_Chain(q, network.precision) for q in network.projections_into(p.name)] for p in populations}
    for t in range(steps):
        for name, state in states.items():
            total = np.zeros_like(state.v)
            for chain in chains[name]:
                total = total + chain.at(values[chain.source], t)
            values[name][:, t] = state.step(total)
            if name in v:
                v[name][:, t] = state.v
            if name in crossing:
                crossing[name][:, t] = state.crossing
    output = values[network.output]
    flat = output.reshape(batch, steps, -1)
    score = flat.max(axis=1, initial=-np.inf) if network.output in readouts else flat.sum(axis=1)
    return FloatResult(
        output=output,
        prediction=score.argmax(axis=1),
        spikes={name: values[name] for name in wanted - readouts},
        v=v,
        peak={name: state.peak for name, state in states.items()},
        crossing=crossing,
        fired={name: state.fired for name, state in states.items()},
        most_spikes={name: state.most_spikes for name, state in states.items()},
    )
