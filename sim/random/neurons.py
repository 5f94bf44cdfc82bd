"""Random neuron models, scaled to the input that a population can get."""

from __future__ import annotations

import dataclasses
from math import prod

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from lifline.arch.arithmetic import DECAY_ONE, decayed
from lifline.arch.config import Config
from lifline.network.model import Network, Neurons, ResetRule

FEW_STATE_BITS = 8
"""With so few, runs are affordable in which a neuron fires more often than its spike count for early exit can tell."""


def random_neurons(
    rng: Generator, config: Config, shape: tuple[int, ...], reach: float, *, is_output: bool, graded: bool
) -> Neurons:
    """Parameters scaled to the input that the population can get, ``reach``; in a population with positions they belong to channels."""
    limit = config.state_max
    typical = max(2, min(limit, int(reach)))

    def shared_or_each(low: int, high: int) -> int | NDArray[np.int64]:
        if rng.random() < 0.5:
            return int(rng.integers(low, high + 1))
        drawn = rng.integers(low, high + 1, prod(shape))
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


def without_memory(rng: Generator, *, is_output: bool) -> Neurons:
    """Neurons that forget everything after each step, as in a logical OR or AND of their sources' spikes, or in max pooling."""
    return Neurons(
        threshold=int(rng.integers(1, 3)), decay_v=DECAY_ONE, reset=ResetRule.NOW_VALUE, v_reset=0, strict=False, cap=1,
        budget=int(rng.integers(1, 7)) if not is_output and rng.random() < 0.2 else None,
    )  # fmt: skip


def one_restless(rng: Generator, config: Config, neurons: Neurons, size: int) -> Neurons:
    """A copy of which one neuron fires in nearly every step and the others now and then, so that it can lead by more than any count."""
    decay_v, which = int(rng.choice([0, 64, 300])), int(rng.integers(size))
    room = config.state_max - abs(decayed(neurons.v_reset, decay_v))  # as for any bias
    bias, threshold = rng.integers(0, room // 10 + 2, size), np.full(size, max(1, room // 2))
    bias[which], threshold[which] = room // 2, max(1, room // 8)
    return dataclasses.replace(neurons, bias=bias, threshold=threshold, decay_v=decay_v, budget=None)


def long_run(network: Network) -> bool:
    """Whether its early exit needs more spikes than a short run has."""
    return network.early_exit is not None and network.early_exit.margin > network.state_max // 2
