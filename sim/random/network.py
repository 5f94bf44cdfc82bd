"""Random networks that fit a gateware configuration, and random spikes: what verification runs beside real networks.

Values are drawn to meet corners, not to look trained: thresholds that are hit exactly, sums that saturate, budgets that run out,
clamps that hold, silent and full inputs. Every option of the network description that the gateware has is drawn regularly.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from lifline.arch.arithmetic import DECAY_ONE, decayed
from lifline.arch.config import Config, ceil_div
from lifline.arch.limits import RING_BITS
from lifline.arch.program import MAX_RINGS
from lifline.network.model import MAX_DELAY, EarlyExit, Network, Neurons, Population, Projection, ResetRule

Ints = NDArray[np.int64]
WORDS_PER_ROW = 10
"""Neuron words per row and shared words that the largest neuron model may need."""
PROGRAM_WORDS = 40
"""Program words that one population may need besides its passes."""
PASS_WORDS = 3
FEW_STATE_BITS = 8
"""With so few, runs are affordable in which a neuron fires more often than its spike count for early exit can tell."""


@dataclass
class _Budget:
    """What is left of the configuration's memories."""

    config: Config
    neurons: int = 0
    weight_words: int = 0
    neuron_words: int = 0
    ring_words: int = 0
    delay_entries: int = 0
    program_words: int = 0
    rings: dict[str, list[Ints]] = field(default_factory=dict)

    def fits(self) -> bool:
        c = self.config
        return (
            self.neurons <= c.max_neurons
            and self.weight_words <= c.weight_words
            and self.neuron_words <= c.neuron_words
            and self.ring_words <= c.ring_words
            and self.delay_entries <= c.delay_entries
            and self.program_words + 16 <= c.program_words
        )


def random_network(
    rng: Generator,
    *,
    config: Config,
    recurrent: bool = False,
    graded: bool = False,
    synaptic: bool = False,
    max_inputs: int = 80,
    max_size: int = 20,
    corners: bool = False,
) -> Network:
    """A network that ``config`` can run (unless ``recurrent``, ``graded`` or ``synaptic``, which only the golden model runs so far).

    Parameters
    ----------
    recurrent : add projections that go back, or to their own source, with delays of at least one step.
    graded : let populations fire several spikes per step.
    synaptic : give most projections one delay per synapse.
    max_inputs, max_size : largest input and largest population, in neurons.
    corners : half of the sizes are those that ``config`` has corners at instead, see :func:`_corner`; the largest are beyond the limits given.
    """
    for _ in range(1000):
        budget = _Budget(config)
        network = _draw(rng, config, recurrent, graded, max_inputs, max_size, budget, corners)
        if budget.fits():
            return network.replace(projections=[_with_synaptic_delays(rng, config, p) for p in network.projections]) if synaptic else network
    raise ValueError(f"no random network of at most {max_inputs} inputs and populations of {max_size} fits `{config.name}`")


def _draw(
    rng: Generator, config: Config, recurrent: bool, graded: bool, max_inputs: int, max_size: int, budget: _Budget, corners: bool
) -> Network:
    def shape(largest: int, is_input: bool) -> tuple[int, ...]:
        return (_corner(rng, config, is_input),) if corners and rng.random() < 0.5 else _shape(rng, largest)

    populations = [Population("input", shape(max_inputs, True))]
    projections: list[Projection] = []
    count = int(rng.integers(1, 5))
    for k in range(count):
        size = shape(max_size, False)
        total = int(np.prod(size))
        name = "output" if k == count - 1 else f"hidden{k + 1}"
        sources = [populations[-1] if rng.random() < 0.8 else populations[int(rng.integers(len(populations)))]]
        sources += [p for p in populations if p is not sources[0] and rng.random() < 0.25]
        incoming = _projections(rng, config, sources, name, total, budget)
        neurons = _neurons(rng, config, size, incoming, is_output=k == count - 1, graded=graded)
        populations.append(Population(name, size, neurons))
        projections += incoming
        budget.neurons += total
        budget.neuron_words += WORDS_PER_ROW * (1 + ceil_div(total, config.multipliers))
        budget.program_words += PROGRAM_WORDS
    if recurrent:
        projections += _feedback(rng, config, populations[1:], projections)
    output = populations[-1]
    assert output.neurons is not None
    early_exit = None
    if config.early_exit and output.neurons.cap and rng.random() < 0.4:
        early_exit = EarlyExit(config.window * int(rng.integers(1, 4)), int(rng.choice([0, 0, 1, 3])))
        if config.state_bits <= FEW_STATE_BITS and rng.random() < 0.5:
            early_exit = dataclasses.replace(early_exit, margin=config.state_max - int(rng.integers(1, 4)))
            populations[-1] = output = dataclasses.replace(output, neurons=_one_restless(rng, config, output.neurons, output.size))
    return Network(
        name="random", populations=tuple(populations), projections=tuple(projections), output=output.name,
        state_bits=config.state_bits, early_exit=early_exit,
    )  # fmt: skip


def _shape(rng: Generator, largest: int) -> tuple[int, ...]:
    size = int(rng.integers(1, largest + 1))
    return (2, ceil_div(size, 2)) if size > 1 and ceil_div(size, 2) * 2 <= largest and rng.random() < 0.2 else (size,)


def _corner(rng: Generator, config: Config, is_input: bool) -> int:
    """A size at a corner of the gateware: a source larger than the list or as large as is just scanned ahead, a single block, a last block that is
    half filled or less, many rows."""
    lanes, listed = config.lanes, config.list_entries
    if is_input:
        ahead = config.words_ahead * RING_BITS
        return min(int(rng.choice([ahead, ahead + 1, listed, listed + 1, int(rng.integers(listed + 1, 4 * listed + 1))])), config.max_input_neurons)
    kind = rng.integers(8)
    if kind < 4:
        return int(rng.integers(1, lanes + 1))
    if kind < 7:
        return lanes * int(rng.integers(1, 4)) + int(rng.integers(1, max(lanes // 2, 1) + 1))
    return int(rng.integers(lanes, min(16 * lanes * config.rows_per_block, config.max_neurons) + 1))


def _delays(rng: Generator, config: Config, size: int) -> int | Ints | None:
    kind = rng.integers(4)
    if kind == 0 or config.max_delay == 0:
        return None
    if kind == 1:
        return int(rng.integers(0, config.max_delay + 1))
    return rng.integers(0, config.max_delay + 1, size) if kind == 2 else rng.choice([0, config.max_delay], size)


def _source_delays(rng: Generator, config: Config, source: Population, budget: _Budget) -> int | Ints | None:
    """Delays of a projection; a population has few distinct delay vectors, and the input a single one."""
    own = budget.rings.setdefault(source.name, [])
    if len(own) == (1 if source.neurons is None else MAX_RINGS) or (own and rng.random() < 0.5):
        vector = own[int(rng.integers(len(own)))]
        return int(vector[0]) if (vector == vector[0]).all() else vector
    delays = _delays(rng, config, source.size)
    vector = np.broadcast_to(np.asarray(0 if delays is None else delays, dtype=np.int64), (source.size,))
    if any((vector == other).all() for other in own):
        return delays
    own.append(vector)
    words = ceil_div(source.size, RING_BITS)
    budget.ring_words += words * (int(vector.max()) + config.window * (2 if source.neurons is None else 1))
    budget.delay_entries += 0 if (vector == vector[0]).all() else words * RING_BITS
    budget.program_words += 3
    return delays


def _weights(rng: Generator, low: int, high: int, shape: tuple[int, int]) -> Ints:
    style = rng.integers(5)
    if style == 0:
        return rng.integers(low, high + 1, shape)
    if style == 1:
        return np.where(rng.random(shape) < 0.3, rng.integers(low, high + 1, shape), 0)
    if style == 2:
        return rng.integers(max(low, -2), min(high, 3) + 1, shape)
    if style == 3:
        return rng.choice([low, high], shape)
    return rng.integers(0, high + 1, shape)


def _projections(
    rng: Generator, config: Config, sources: list[Population], target: str, size: int, budget: _Budget
) -> list[Projection]:
    common = int(rng.choice(config.weight_shifts))
    limit = config.accumulator_max
    result = []
    for source in sources:
        extra = int(rng.integers(0, 3)) if rng.random() < 0.2 and config.weight_bits > 4 else 0
        extra = min(extra, 15 - common)
        low, high = config.weight_min >> extra, config.weight_max >> extra
        weights = _weights(rng, low, high, (size, source.size))
        while ((np.abs(weights).sum(axis=1) << extra) > limit // len(sources)).any():
            weights = np.where(rng.random(weights.shape) < 0.5, weights, 0)
        delays = _source_delays(rng, config, source, budget)
        result.append(Projection(source=source.name, target=target, weights=weights, weight_shift=common + extra, delays=delays))
        budget.weight_words += ceil_div(size, config.lanes) * source.size
        budget.program_words += PASS_WORDS * ceil_div(source.size, config.event_fan_in)
    return result


def _neurons(
    rng: Generator, config: Config, shape: tuple[int, ...], incoming: list[Projection], *, is_output: bool, graded: bool
) -> Neurons:
    """Parameters scaled to the input that the population can get; in a population with positions they belong to channels."""
    limit = config.state_max
    reach = sum(float(np.sqrt((p.weights.astype(float) ** 2).sum(axis=1).mean() + 1)) * (1 << p.weight_shift) for p in incoming)
    typical = max(2, min(limit, int(reach)))

    def shared_or_each(low: int, high: int) -> int | Ints:
        if rng.random() < 0.5:
            return int(rng.integers(low, high + 1))
        drawn = rng.integers(low, high + 1, int(np.prod(shape)))
        return np.repeat(drawn[: shape[0]], len(drawn) // shape[0])

    ranges = (1, 4), (max(1, typical // 4), typical), (1, typical), (limit // 2, limit)
    threshold = shared_or_each(*ranges[rng.choice(4, p=[0.2, 0.4, 0.3, 0.1])])
    bias = (0, shared_or_each(-typical // 4, typical // 4), shared_or_each(-limit // 2, limit // 2))[rng.choice(3, p=[0.5, 0.4, 0.1])]
    v_min = (None, 0, -int(rng.integers(0, typical + 1)))[rng.choice(3, p=[0.5, 0.2, 0.3])]
    low = -typical if v_min is None else v_min
    v_reset = 0 if rng.random() < 0.5 else int(rng.integers(low, typical + 1))
    decay_v = int(rng.choice([0, 1, 256, 2048, 4095, DECAY_ONE, int(rng.integers(DECAY_ONE + 1))]))
    decay_i = DECAY_ONE if rng.random() < 0.5 else int(rng.choice([0, 1, 1024, 4095, int(rng.integers(DECAY_ONE))]))
    # The gateware stores what replaces the bias in the step after a late reset, so it must fit the state width, too.
    reset = list(ResetRule)[rng.integers(4)]
    room = limit - abs(decayed(v_reset, decay_v)) if reset is ResetRule.LATE_VALUE else limit
    bias = np.clip(bias, -room, room)
    if reset is ResetRule.LATE_SUBTRACT:
        bias = np.maximum(bias, -limit + np.asarray(threshold))
    fires = rng.random() >= (0.25 if is_output else 0.04)
    cap = int(rng.integers(2, 5)) if graded and rng.random() < 0.5 else 1
    budget = None if not fires or rng.random() < 0.6 else shared_or_each(1, 6)
    return Neurons(
        threshold=threshold, decay_v=decay_v, decay_i=decay_i, bias=bias, reset=reset, v_reset=v_reset,
        strict=bool(rng.integers(2)), cap=cap if fires else 0, v_min=v_min, budget=budget,
    )  # fmt: skip


def _one_restless(rng: Generator, config: Config, neurons: Neurons, size: int) -> Neurons:
    """A copy of which one neuron fires in nearly every step and the others now and then, so that it can lead by more than any count."""
    decay_v, which = int(rng.choice([0, 64, 300])), int(rng.integers(size))
    room = config.state_max - abs(decayed(neurons.v_reset, decay_v))  # as for any bias
    bias, threshold = rng.integers(0, room // 10 + 2, size), np.full(size, max(1, room // 2))
    bias[which], threshold[which] = room // 2, max(1, room // 8)
    return dataclasses.replace(neurons, bias=bias, threshold=threshold, decay_v=decay_v, budget=None)


def long_run(network: Network) -> bool:
    """Whether its early exit needs more spikes than a short run has."""
    return network.early_exit is not None and network.early_exit.margin > network.state_max // 2


def _feedback(rng: Generator, config: Config, populations: list[Population], existing: list[Projection]) -> list[Projection]:
    pairs = {(p.source, p.target) for p in existing}
    result = []
    for k, source in enumerate(populations):
        for target in populations[: k + 1]:
            if (source.name, target.name) in pairs or rng.random() < 0.4:
                continue
            largest = min(MAX_DELAY, max(1, config.max_delay))
            delays = int(rng.integers(1, largest + 1)) if rng.random() < 0.5 else rng.integers(1, largest + 1, source.size)
            weights = _weights(rng, config.weight_min, config.weight_max, (target.size, source.size))
            result.append(Projection(source=source.name, target=target.name, weights=weights, delays=delays))
    return result


def _with_synaptic_delays(rng: Generator, config: Config, projection: Projection) -> Projection:
    """A copy whose delays are drawn per synapse, at least 1 where they were: a cycle may need it."""
    shortest = min(1, int(projection.delay_vector().min()))
    if rng.random() < 0.2 or config.max_delay <= shortest:
        return projection
    longest = int(rng.integers(shortest + 1, config.max_delay + 1))
    return dataclasses.replace(projection, delays=rng.integers(shortest, longest + 1, projection.weights.shape))


def random_spikes(rng: Generator, network: Network, steps: int, *, corners: bool = False) -> NDArray[np.uint8]:
    """Input (time, neuron) of 0/1 whose style changes along the run: silent, sparse, bursty per neuron, dense, full.

    ``corners`` : a quarter of the steps have none or one active neuron instead, mostly the first or the last one: a step's only event comes as early or
    as late as it can before the update, and silent steps lie between.
    """
    neurons = network.input.size
    spikes = np.zeros((steps, neurons), np.uint8)
    start = 0
    while start < steps:
        stop = min(steps, start + int(rng.integers(1, 13)))
        shape = (stop - start, neurons)
        style = rng.choice(["silent", "sparse", "bursty", "dense", "full"], p=[0.2, 0.25, 0.25, 0.2, 0.1])
        if style == "sparse":
            spikes[start:stop] = rng.random(shape) < 0.05
        elif style == "bursty":
            spikes[start:stop] = (rng.random(shape) < 0.7) & (rng.random((1, neurons)) < 0.2)
        elif style == "dense":
            spikes[start:stop] = rng.random(shape) < 0.5
        elif style == "full":
            spikes[start:stop] = 1
        start = stop
    if corners:
        for t in np.flatnonzero(rng.random(steps) < 0.25):
            spikes[t] = 0
            if rng.random() < 0.6:
                spikes[t, rng.choice([0, neurons - 1, int(rng.integers(neurons))])] = 1
    return spikes
