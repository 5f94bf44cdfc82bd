"""Network description -> trainable network, so that what lost accuracy in quantisation is trained on in integers."""

from __future__ import annotations

import numpy as np
import torch

from lifline.arch.arithmetic import DECAY_ONE
from lifline.arch.config import Config
from lifline.arch.errors import TrainingError
from lifline.network.connections.convolution import Convolution
from lifline.network.connections.identity import Identity
from lifline.network.model import MAX_DELAY, Network, Neurons, Population, Projection

from .budgets import FiringBudget
from .delays import AxonalDelays, ChannelDelays, Delays, FixedDelays, LearnedDelays
from .network import SpikingNetwork
from .population import TrainablePopulation
from .projection import TrainableProjection
from .quantisation import Quantisation
from .surrogate import Surrogate
from .synaptic import SynapticDelays


def from_network(
    network: Network,
    config: Config | str = "medium",
    *,
    weight_bits: int | None = None,
    learn_delays: bool = False,
    learn_decay: bool = False,
    learn_threshold: bool = False,
    surrogate: Surrogate | None = None,
) -> SpikingNetwork:
    """A trainable network with the structure and the integers of ``network``: untrained, ``to_network()`` gives the same integers back.

    Thresholds are brought to about 1, the step sizes of weights are learned. Firing budgets stay, as hard ones. Projections into one population with the same
    connection and equal weights (a convolution of a sum, as imported) share them in training, too. Not taken over are early exit, metadata, and the threshold of a read-out,
    which has no meaning.

    Parameters
    ----------
    config : what the network is to run on: accumulator bits, and weight bits unless they are given.
    learn_delays : of more than one value. Up to twice the largest one they may move, at most :data:`~lifline.network.model.MAX_DELAY`.
    learn_decay, learn_threshold, surrogate : of all populations. Biases that are there are learned.

    Raises
    ------
    TrainingError   for weights that do not fit the weight bits, for sums that fill the accumulator, and for projections into one population with shifts
        that cannot be made the same.
    """
    widths = {} if weight_bits is None else {"weight_bits": weight_bits}
    quantisation = Quantisation.for_config(config, state_bits=network.state_bits, learned_step=True, **widths)
    net = SpikingNetwork(network.name, network.input.shape, quantisation=quantisation, input_name=network.input.name)
    units: dict[str, float] = {}
    for p in network.populations:
        if p.neurons is not None:
            shift = min((q.weight_shift for q in network.projections_into(p.name)), default=0)
            units[p.name] = _unit(p.neurons, network.projections_into(p.name))
            net.add(_population(p, p.neurons, units[p.name], shift, learn_decay=learn_decay, learn_threshold=learn_threshold, surrogate=surrogate))
    made: dict[int, TrainableProjection] = {}
    for k, q in enumerate(network.projections):
        twin = next((made[j] for j in made if _same_weights(network.projections[j], q)), None)
        made[k] = _connect(net, q, units[q.target], quantisation, learn_delays, twin)
    net.output = network.output
    for p in net.populations:
        net.set_step(p.name, units[p.name])
        unit, _ = net.scaled_weights(p.name)  # training reserves half a unit per weight of the accumulator for rounding
        if not np.allclose(unit.detach().numpy(), units[p.name], rtol=1e-6, atol=0):
            raise TrainingError(
                f"population `{p.name}`: its integers would change, as the sums into it come within half a unit per weight of what the accumulator "
                "holds; scale its weights down, or train for a configuration with more accumulator bits"
            )
    return net


def _unit(neurons: Neurons, incoming: list[Projection]) -> float:
    """What one integer of the membrane is in thresholds, on average; of a read-out, in its largest weights."""
    if neurons.cap:
        return 1 / float(np.mean(neurons.threshold))
    return 1 / max(1, *(int(np.abs(q.weights).max()) << q.weight_shift for q in incoming))


def _population(
    p: Population, neurons: Neurons, unit: float, shift: int, *, learn_decay: bool, learn_threshold: bool, surrogate: Surrogate | None
) -> TrainablePopulation:
    theta, bias = (np.broadcast_to(value, p.size) for value in (neurons.threshold, neurons.bias))
    many = bool((theta != theta[0]).any()) and neurons.cap > 0
    made = TrainablePopulation(
        p.name,
        p.shape,
        threshold=float(theta[0] * unit),
        decay_v=neurons.decay_v / DECAY_ONE,
        decay_i=neurons.decay_i / DECAY_ONE,
        reset=neurons.reset,
        v_reset=neurons.v_reset * unit,
        strict=neurons.strict,
        cap=neurons.cap,
        v_min=None if neurons.v_min is None else neurons.v_min * unit,
        bias=bool(bias.any()),
        learn_threshold=many or (learn_threshold and neurons.cap > 0),
        learn_decay=learn_decay,
        surrogate=surrogate,
        budget=None if neurons.budget is None or not neurons.cap else FiringBudget(1.0, overshoot=0.0, pressure=0.0),
        weight_shift=shift,
    )
    with torch.no_grad():
        if many:
            made.log_threshold.copy_(torch.from_numpy(np.log(theta * unit)))
            made.log_threshold.requires_grad_(learn_threshold)
        if made.bias is not None:
            made.bias.copy_(torch.from_numpy(bias * unit))
        if made.budget is not None:
            made.budget.impose(np.broadcast_to(np.asarray(neurons.budget), p.size))
    return made


def _same_weights(p: Projection, q: Projection) -> bool:
    """Whether both are one layer of a sum of their sources."""
    return (p.target, p.connection, p.weight_shift) == (q.target, q.connection, q.weight_shift) and np.array_equal(p.weights, q.weights)


def _connect(
    net: SpikingNetwork, q: Projection, unit: float, quantisation: Quantisation, learn_delays: bool, twin: TrainableProjection | None
) -> TrainableProjection:
    shift = net.weight_shift(q.target)
    integers = q.weights << (q.weight_shift - shift)
    largest = int(np.abs(integers).max())
    where = f"projection {q.source} -> {q.target}"
    if largest > quantisation.weight_max:
        cause = "" if q.weight_shift == shift else f" (its shift of {q.weight_shift} is brought to the {shift} of another projection into `{q.target}`)"
        raise TrainingError(f"{where} has a weight of {largest}{cause}, the largest of {quantisation.weight_bits} bits is {quantisation.weight_max}")
    kernel = q.weights.shape[2:] if isinstance(q.connection, Convolution) else ()
    learned = True if isinstance(q.connection, Identity) and len(q.weights) > 1 else None  # one weight per channel
    delays = _delays(q, net.size(q.source), learn_delays)
    made = net.connect(q.source, q.target, delays, connection=q.connection, kernel=kernel, learned=learned, weights_of=twin)
    with torch.no_grad():
        made.weight.copy_(made.synapses.imported(torch.from_numpy(integers * (unit * 2.0**shift))))
        if isinstance(delays, LearnedDelays):
            delays.raw.copy_(torch.tensor(np.asarray(q.delays)))
            if not learn_delays:
                delays.freeze()
    return made


def _delays(q: Projection, sources: int, learn: bool) -> Delays:
    """A module for the delays of ``q``, without their values if they can be learned."""
    delays = np.asarray(0 if q.delays is None else q.delays)
    if delays.ndim == 0 or (delays.ndim == 1 and not learn):
        return FixedDelays(delays)
    kind = SynapticDelays if delays.ndim == 2 else AxonalDelays if len(delays) == sources else ChannelDelays
    return kind(min(MAX_DELAY, max(2 * int(delays.max()), 1)), minimum=min(1, int(delays.min())))
