"""Post-training quantisation: :class:`FloatNetwork` -> integer :class:`~lifline.network.model.Network`, scaled with calibration data.

Convolutions, pooling and shortcuts become connections with the weights of their kernels (``terms.py``). Every population gets one scale: a membrane
of 1.0 becomes ``scale`` integers, and so do its threshold, bias and weights (times the gains of its dynamics). Weights that lie on a grid already keep it; else the largest weight fills the weight bits, shifted left as far as
the peaks seen on the calibration data and the accumulator allow. Decays are rounded to 1/4096. What that changed by more than a small
share is listed, and a network that would fall silent is refused.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lifline.arch.arithmetic import DECAY_ONE
from lifline.arch.config import Config, preset
from lifline.arch.errors import ConversionError
from lifline.network.connections.convolution import Convolution
from lifline.network.connections.fully_connected import FullyConnected
from lifline.network.model import Network, Neurons, Population, Projection, ResetRule
from lifline.network.spikes import as_batch

from ..floating.evaluate import FloatResult, evaluate
from ..floating.network import FloatNetwork, FloatNeurons, FloatPopulation
from ..floating.operators import Floats
from ..structure.chains import Structure
from .changes import CLAMPED, Change, compare, steps_of_decay
from .dense import refuse_unsupported, written_out
from .options import MAX_CAP, MAX_DECAY_ERROR, Options
from .origin import at_origin
from .parameters import each_neuron, one_value, reset_rule
from .scales import Demand, Scale, choose
from .silent import refuse_silence
from .synapses import Synapses, connected
from .terms import Matrix, Term

CAP_MARGIN = 2
"""Room is reserved for so many times the spikes per step that the calibration data show."""
STARTERS = 16
"""Neurons that fire once, in the first step, to bring membranes to where they start."""


def quantise(
    network: FloatNetwork,
    calibration: NDArray[Any],
    *,
    config: Config | None = None,
    per_neuron: bool = False,
    unroll: bool = False,
    headroom: float = 0.5,
    weight_bits: int | None = None,
    cap: int | None = None,
    max_decay_error: float = MAX_DECAY_ERROR,
) -> Network:
    """Quantise for a configuration.

    Parameters
    ----------
    calibration : (batch, time, *input shape) of 0/1; should be typical inputs, their peaks choose the scales.
    config : weight bits, state bits, shifts and accumulator; ``medium`` if None.
    per_neuron : one scale per neuron, per channel where positions share weights, instead of per population, where the model allows it: finer
        weights, thresholds stored per neuron. Weights whose grid differs from neuron to neuron have it in any case.
    unroll : write everything out as fully connected weights, for comparisons and configurations without maps: the same spikes.
    headroom : share of the state's range that the peaks of the calibration may take, above 0 to 1.
    weight_bits : fewer bits than the configuration has, 2 at least.
    cap : most spikes per step of neurons that may fire several; if None, twice what the calibration data show. What is cut is reported.
    max_decay_error : relative error that rounding to 1/4096 per step may cause in a decay; slower ones are refused.

    Returns
    -------
    The network; ``metadata["quantised"]`` holds the scale and origin of every population (one number or one per neuron: an integer
    membrane is ``(v - origin) * scale``), the peaks, the caps, the grids that were kept, whether nothing at all was rounded (``exact``), and ``changes``: every parameter that was clamped,
    rounded to zero or moved by more than 5 %.

    Raises
    ------
    ConversionError   naming population or projection and the reason, for everything that the integer network cannot express, and for a
        layer that quantisation would silence.
    InputError   if the calibration data are not spikes of the input's shape, or empty.
    """
    chosen = preset("medium") if config is None else config
    options = Options(
        config=chosen, per_neuron=per_neuron, headroom=headroom, weight_bits=weight_bits, cap=cap, max_decay_error=max_decay_error
    )  # fmt: skip
    refuse_unsupported(network)
    calibration = np.asarray(calibration)
    if calibration.ndim > 3:
        calibration = calibration.reshape(*calibration.shape[:2], -1)
    spikes, _ = as_batch(calibration, network.input.size)
    moved, origins = at_origin(network)
    seen = evaluate(moved, spikes)
    result = _Quantiser(moved, seen, options).network()
    quantised = result.metadata["quantised"]
    quantised["origins"] = {name: _plain(origin) for name, origin in origins.items()}
    refuse_silence(moved, seen, result, spikes)
    return written_out(result) if unroll else result


def _plain(values: Floats) -> float | list[float]:
    return float(values.flat[0]) if values.size == 1 else values.reshape(-1).tolist()


def _free_name(network: FloatNetwork, name: str) -> str:
    while any(p.name == name for p in network.populations):
        name += "_"
    return name


class _Quantiser:
    """Population by population, in the order of computation."""

    def __init__(self, network: FloatNetwork, seen: FloatResult, options: Options) -> None:
        self.source, self.seen, self.options = network, seen, options
        self.connected = connected(network)
        self.constant, self.start = _free_name(network, "constant"), _free_name(network, "start")
        self.caps = {p.name: self._cap(p) for p in network.populations} | {self.constant: 1, self.start: 1}
        self.populations = [Population(network.input.name, self._shape(network.input))]
        self.projections: list[Projection] = []
        self.scales: dict[str, Any] = {}
        self.grids: dict[str, Any] = {}
        self.notes = list(self.connected.notes)
        self.changes: list[Change] = []
        self.exact = True

    def network(self) -> Network:
        for name in self.source.order:
            p = self.source.population(name)
            if p.neurons is not None:
                self._population(p, p.neurons)
        helpers = {
            self.constant: (1, Neurons(threshold=1, bias=2, decay_v=DECAY_ONE)),
            self.start: (STARTERS, Neurons(threshold=1, bias=2, decay_v=DECAY_ONE, budget=1)),
        }
        for name, (size, neurons) in helpers.items():
            if any(q.source == name for q in self.projections):
                self._helper(name, size, neurons)
        config, dialect = self.options.config, self.source.dialect
        return Network(
            name=self.source.name,
            populations=tuple(self.populations),
            projections=tuple(self.projections),
            output=self.source.output,
            state_bits=config.state_bits,
            metadata={
                **self.source.metadata,
                "dialect": None if dialect is None else dialect.as_dict(),
                "quantised": {
                    "config": config.name,
                    "headroom": self.options.headroom,
                    "scales": self.scales,
                    "peaks": {n: float(v.max()) for n, v in self.seen.peak.items()},
                    "caps": {n: c for n, c in self.caps.items() if c > 1},
                    "grids": self.grids,
                    "exact": self.exact and not self.changes,
                    "notes": self.notes,
                    "changes": [change.as_dict() for change in self.changes],
                },
            },
        )

    def _shape(self, p: FloatPopulation) -> tuple[int, ...]:
        return self.connected.shapes.get(p.name, p.shape)

    def _helper(self, name: str, size: int, neurons: Neurons) -> None:
        """A population that fires by itself; the input reaches it with weights of 0, for every population needs a way from the input."""
        source = self.populations[0]
        channels, *positions = source.shape
        if 1 <= len(positions) <= 2:
            # One window with one tap: as few weights as there are channels.
            self.populations.append(Population(name, (size, *(1,) * len(positions)), neurons))
            weights = np.zeros((size, channels, *(1,) * len(positions)), np.int64)
            self.projections.append(Projection(source=source.name, target=name, weights=weights, connection=Convolution(stride=tuple(positions))))
            return
        self.populations.append(Population(name, (size,), neurons))
        self.projections.append(Projection(source=source.name, target=name, weights=np.zeros((size, source.size), np.int64)))

    def _cap(self, p: FloatPopulation) -> int:
        """Most spikes per step that the integer neurons may fire: what was declared, or what calibration and its margin need."""
        if p.neurons is None or p.neurons.cap == 1 or p.neurons.threshold is None:
            return 1
        wanted = CAP_MARGIN * self.seen.most_spikes[p.name] if self.options.cap is None else self.options.cap
        return int(min(p.neurons.cap, max(wanted, 1), MAX_CAP))

    def _population(self, p: FloatPopulation, model: FloatNeurons) -> None:
        synapses = self.connected.synapses[p.name]
        if model.keep_i is not None and np.any(synapses.bias):
            # A bias before the synaptic current is filtered by it: a neuron that always fires carries it.
            synapses.terms.append(self._from_helper(self.constant, np.broadcast_to(synapses.bias, (p.size,)).reshape(-1, 1)))
            synapses.bias = 0.0
        pulse = each_neuron(p, model.keep_v * model.v_start)
        constants = [each_neuron(p, model.drive) + synapses.bias]
        constants += [each_neuron(p, value) for value in (model.threshold, model.v_reset, model.v_min) if value is not None]
        peak = np.maximum(np.array(self.seen.peak[p.name], np.float64).reshape(-1), np.abs(np.stack(constants)).max(axis=0))
        units = p.size if all(t.full for t in synapses.terms) else self._shape(p)[0]
        demand = Demand(
            synapses.terms,
            {t.source: self.caps[t.source] for t in synapses.terms},
            pulse.reshape(units, -1),
            STARTERS,
            np.stack(constants, axis=1).reshape(units, -1),
            peak.reshape(units, -1).max(axis=1, keepdims=True),
            alone=model.threshold is not None and not model.v_reset.any() and model.v_min is None,
        )
        scale = choose(demand, self.options.config, self.options.weight_max, self.options.headroom, self.options.per_neuron)
        each = np.repeat(scale.values, p.size // units, axis=0)
        self.scales[p.name] = _plain(each) if scale.alone else float(scale.values.flat[0])
        self.exact &= scale.step is not None and not demand.notes and not pulse.any()
        if scale.step is not None:
            self.grids[p.name] = _plain(np.repeat(scale.step, p.size // units, axis=0)) if scale.alone else float(scale.step.flat[0])
        self.notes += [f"{p.name}: {note}" for note in demand.notes]
        self._decays(p, model)
        self.populations.append(Population(p.name, self._shape(p), self._neurons(p, model, synapses, each[:, 0], scale.alone)))
        for term in synapses.terms:
            self._projection(p, term, scale)
        if pulse.any():
            self._projection(p, self._from_helper(self.start, np.repeat(pulse.reshape(-1, 1) / STARTERS, STARTERS, axis=1)), scale)

    def _from_helper(self, name: str, weights: Matrix) -> Term:
        return Term(name, Structure(FullyConnected(), weights, None, None), np.zeros((), np.int64))

    def _projection(self, p: FloatPopulation, term: Term, scale: Scale) -> None:
        source, term = term.source, term.by_channel(scale.values)
        weights, scales = term.weights, term.scales(scale.values)
        values = np.rint(weights * scales / (1 << scale.shift)).astype(np.int64)
        if weights.any() and not values.any() and source != self.start:
            raise ConversionError(
                f"projection {source} -> {p.name}: all weights round to zero (the largest is {np.abs(weights).max():.4g}, one integer is "
                f"{float((1 << scale.shift) / scale.values.max()):.4g}): {self._what_sets_the_scale(p)}"
            )
        became = values * (1 << scale.shift) / scales
        if source == self.start:
            self.changes += compare(p.name, "start of the membrane", weights.sum(axis=1), became.sum(axis=1))
        else:
            self.changes += compare(p.name, f"weights of {source}", weights, became)
        delays = (term.delays if term.delays.ndim else int(term.delays)) if term.delays.any() else None
        self.projections.append(
            Projection(source=source, target=p.name, weights=values, weight_shift=scale.shift, delays=delays, connection=term.connection)
        )

    def _what_sets_the_scale(self, p: FloatPopulation) -> str:
        model = p.neurons
        assert model is not None
        peak = float(self.seen.peak[p.name].max())
        threshold = 0.0 if model.threshold is None else float(model.threshold.max())
        if threshold > 100 * peak:
            return (
                f"the threshold {threshold:.4g} is far above every membrane (at most {peak:.4g}); if the layer is a read-out, use "
                "network.with_read_out() (`--read-out`), else lower the threshold"
            )
        return "other weights, states or sums of this population are far larger; scale the branches alike, or use per_neuron or a configuration with more bits"

    def _decays(self, p: FloatPopulation, model: FloatNeurons) -> None:
        for what, keep in (("membrane", model.keep_v), ("synaptic current", model.keep_i)):
            if keep is None:
                continue
            asked = 1 - one_value(p, f"the {what}'s decay", keep)
            got = round(DECAY_ONE * asked) / DECAY_ONE
            error = abs(got - asked) / asked if asked else 0.0
            wanted, result = steps_of_decay(1 - asked), steps_of_decay(1 - got)
            if error > self.options.max_decay_error:
                raise ConversionError(
                    f"population `{p.name}`: the {what} has a time constant of {wanted:,.0f} steps, and decays are stored in 1/{DECAY_ONE} per step, which "
                    f"makes it {'endless' if np.isinf(result) else f'{result:,.0f} steps'} ({error:.0%} off, more than {self.options.max_decay_error:.0%}): "
                    f"use a coarser time step, or allow it with max_decay_error={np.ceil(error * 100) / 100:g}"
                )
            if error:
                self.exact = False
                self.changes += compare(p.name, f"time constant of the {what} (steps)", np.asarray(wanted), np.asarray(result))

    def _neurons(self, p: FloatPopulation, model: FloatNeurons, synapses: Synapses, scales: Floats, alone: bool) -> Neurons:

        def integers(what: str, values: Floats | float) -> NDArray[np.int64]:
            asked = each_neuron(p, values)
            found = np.rint(asked * scales)
            self.changes.extend(compare(p.name, what, asked, found / scales))
            return found.astype(np.int64)

        bias = integers("bias", each_neuron(p, model.drive) + synapses.bias)
        decays: dict[str, Any] = {
            "decay_v": round(DECAY_ONE * (1 - one_value(p, "the membrane's decay", model.keep_v))),
            "decay_i": DECAY_ONE if model.keep_i is None else round(DECAY_ONE * (1 - one_value(p, "the current's decay", model.keep_i))),
            "v_min": None if model.v_min is None else int(integers("v_min", model.v_min)[0]),
            "bias": int(bias[0]) if (bias == bias[0]).all() else bias,
        }
        if model.threshold is None:
            return Neurons(**decays, cap=0)
        rule = reset_rule(p, model)
        theta = integers("threshold", model.threshold)
        if theta.min() < 1:
            lowest = float(np.broadcast_to(model.threshold, p.shape).min())
            raise ConversionError(
                f"population `{p.name}`: threshold {lowest:.4g} is below half an integer at its scale of {scales.min():.4g} per unit; its weights or "
                "states are far larger, scale them down or use a configuration with more state bits"
            )
        cap = self.caps[p.name]
        if cap < model.cap:
            self.changes.append(Change(p.name, "cap (spikes per step)", CLAMPED, 1, 1, float(model.cap), float(cap)))
        one_value(p, "v_reset", model.v_reset)
        value_reset = rule in (ResetRule.NOW_VALUE, ResetRule.LATE_VALUE)
        return Neurons(
            **decays,
            threshold=theta if alone or (theta != theta[0]).any() else int(theta[0]),
            reset=rule,
            v_reset=int(integers("v_reset", model.v_reset)[0]) if value_reset else 0,
            strict=model.strict,
            cap=cap,
        )
