"""Random networks that fit a gateware configuration, and random spikes: what verification runs beside real networks.

Values are drawn to meet corners, not to look trained: thresholds that are hit exactly, sums that saturate, budgets that run out,
clamps that hold, silent and full inputs. Every option of the network description that the gateware has is drawn regularly.
"""

from __future__ import annotations

import dataclasses
from math import prod

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from lifline.arch.config import Config, ceil_div
from lifline.arch.limits import RING_BITS
from lifline.arch.program import Mode
from lifline.network.connections.fully_connected import FullyConnected
from lifline.network.connections.identity import Identity
from lifline.network.model import EarlyExit, Network, Population, Projection

from .budget import Budget
from .feedback import feedback
from .geometry import random_shape, random_window
from .neurons import FEW_STATE_BITS, one_restless, random_neurons, without_memory
from .projections import Wish, fully_connected, random_projections, some_sparse, wishes_onto
from .taps import with_taps

POSITIONS = 8
"""Populations with positions may be so many times as large as others."""
BANDS = 4
"""And some networks so many times as large as that, where dense mode computes large populations in bands."""


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
    sparse: bool = False,
) -> Network:
    """A network that ``config`` can run (unless ``graded`` or ``synaptic``, which only the golden model runs so far).

    Parameters
    ----------
    recurrent : add projections that go back, or to their own source, with delays of at least one step; none where ``config`` has no delays.
    graded : let populations fire several spikes per step.
    synaptic : give most projections one delay per synapse.
    max_inputs, max_size : largest input and largest population, in neurons; with positions :data:`POSITIONS` times as many, or more where that makes bands.
    sparse : connect some populations by a list of synapses in place of all.
    corners : half of the sizes are those that ``config`` has corners at instead, see :func:`_corner`; the largest are beyond the limits given.
    """
    for _ in range(1000):
        budget = Budget(config)
        positions = POSITIONS * (BANDS if config.gathers and rng.random() < 0.5 else 1)
        network = _draw(rng, config, recurrent, graded, max_inputs, max_size, positions, budget, corners, sparse)
        if budget.fits():
            return network.replace(projections=[_with_synaptic_delays(rng, config, p) for p in network.projections]) if synaptic else network
    raise ValueError(f"no random network of at most {max_inputs} inputs and populations of {max_size} fits `{config.name}`")


def _draw(
    rng: Generator, config: Config, recurrent: bool, graded: bool, max_inputs: int, max_size: int, positions: int, budget: Budget, corners: bool,
    sparse: bool,
) -> Network:  # fmt: skip
    def shape(largest: int, is_input: bool) -> tuple[int, ...]:
        return (_corner(rng, config, is_input),) if corners and rng.random() < 0.5 else _shape(rng, largest)

    windows = config.map_words > 0
    drawn = [random_shape(rng, positions * max_size, positions) for _ in range(6 if positions > POSITIONS else 1)] if windows and rng.random() < 0.9 else []
    populations = [Population("input", max(drawn, key=prod) if drawn else shape(max_inputs, True))]
    projections: list[Projection] = []
    count = int(rng.integers(1, 5))
    for k in range(count):
        size = shape(max_size, False)
        name = "output" if k == count - 1 else f"hidden{k + 1}"
        sources = [populations[-1] if rng.random() < 0.8 else populations[int(rng.integers(len(populations)))]]
        sources += [p for p in populations if p is not sources[0] and rng.random() < 0.25]
        wishes = [fully_connected(source, prod(size)) for source in sources]
        if windows:
            plain = config.gathers and rng.random() < 0.5
            size, wishes = _windows(rng, sources, size, positions * max_size, plain=plain)
        wishes = some_sparse(rng, wishes, prod(size)) if sparse else wishes
        incoming, reach = random_projections(rng, config, wishes, name, size, budget)
        neurons = random_neurons(rng, config, size, reach, is_output=k == count - 1, graded=graded)
        if windows and rng.random() < 0.15:
            neurons = without_memory(rng, is_output=k == count - 1)
        populations.append(Population(name, size, neurons))
        projections += incoming
        budget.add_population(size)
    if windows and not recurrent:  # what goes back changes the order in which rings are read
        projections = with_taps(rng, config, populations, projections)
    if recurrent:
        shapes = {p.name: p.shape for p in populations}
        projections = [p.between(shapes[p.source], shapes[p.target]) for p in projections]
        projections += feedback(rng, config, populations[1:], projections, budget, sparse=sparse)
    output = populations[-1]
    assert output.neurons is not None
    early_exit = None
    if config.early_exit and output.neurons.cap and rng.random() < 0.4:
        early_exit = EarlyExit(config.window * int(rng.integers(1, 4)), int(rng.choice([0, 0, 1, 3])))
        if config.state_bits <= FEW_STATE_BITS and rng.random() < 0.5:
            early_exit = dataclasses.replace(early_exit, margin=config.state_max - int(rng.integers(1, 4)))
            populations[-1] = output = dataclasses.replace(output, neurons=one_restless(rng, config, output.neurons, output.size))
    return Network(
        name="random", populations=tuple(populations), projections=tuple(projections), output=output.name,
        state_bits=config.state_bits, early_exit=early_exit,
    )  # fmt: skip


def _windows(rng: Generator, sources: list[Population], size: tuple[int, ...], largest: int, *, plain: bool) -> tuple[tuple[int, ...], list[Wish]]:
    """Shape of a population of at most ``largest`` neurons, and the projections into it, most of them with windows; if there are none, ``size`` or
    as many neurons with positions. ``plain`` : the first one is a convolution that dense mode has."""
    first, *others = sources
    if len(first.shape) == 1 and first.size <= largest and rng.random() < 0.1:
        return first.shape, wishes_onto(rng, others, first.shape, [Wish(first, Identity(), (1,) if rng.random() < 0.5 else first.shape)])
    found = random_window(rng, first.shape, largest, plain=plain) if len(first.shape) > 1 and rng.random() < 0.85 else None
    if found is None:
        size = random_shape(rng, prod(size)) if rng.random() < 0.3 else size
        return size, wishes_onto(rng, others, size, [fully_connected(first, prod(size))])
    connection, weights, size = found
    return size, wishes_onto(rng, others, size, [Wish(first, connection, weights)])


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


def random_modes(rng: Generator, network: Network, config: Config) -> dict[tuple[str, str], Mode]:
    """A mode for every pair of populations, whether it exists there or not; now and then dense mode for all, without which there are few bands."""
    modes = {(p.source, p.target): Mode(int(rng.integers(2)) if config.dense_lanes else 0) for p in network.projections}
    return dict.fromkeys(modes, Mode.DENSE) if config.gathers and rng.random() < 0.6 else modes


def _with_synaptic_delays(rng: Generator, config: Config, projection: Projection) -> Projection:
    """A copy whose delays are drawn per synapse, at least 1 where they were: a cycle may need it."""
    if not isinstance(projection.connection, FullyConnected):
        return projection
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
