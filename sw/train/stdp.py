"""Features learned without labels: spike-timing-dependent plasticity, one winner at a time, thresholds that keep every neuron in use."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lifline.arch.errors import TrainingError
from lifline.arch.kernel import kernel
from lifline.convert.floating.network import FloatNetwork, FloatNeurons, FloatPopulation, FloatProjection
from lifline.convert.floating.operators import Dense
from lifline.convert.nir.dialects import Reset
from lifline.network.spikes import as_batch

Floats = NDArray[np.float64]
HALVINGS = 24
"""Steps of the search for a threshold: the interval shrinks to single precision."""
BLOCK = 1 << 24
"""Synaptic inputs that the search holds in memory at once, at most."""


@dataclass(frozen=True, kw_only=True)
class Stdp:
    """Pair-based rule, all pairs, by traces (Song et al. 2000; Morrison et al. 2008). Weights are in 0..1.

    A postsynaptic spike adds ``potentiation * (1 - w)^exponent * exp(-age / tau_pre)`` for every earlier presynaptic spike, also of the same
    step; a presynaptic spike takes away ``depression * w^exponent * exp(-age / tau_post)`` for every postsynaptic spike of earlier steps. Ages
    are in steps.

    Attributes
    ----------
    exponent : 0 adds and clips, 1 multiplies; between them Gütig et al. 2003.

    Raises
    ------
    TrainingError   naming the value and the limit.
    """

    potentiation: float = 0.02
    depression: float = 0.005
    tau_pre: float = 4.0
    tau_post: float = 4.0
    exponent: float = 1.0

    def __post_init__(self) -> None:
        for name in ("potentiation", "depression", "exponent"):
            if not getattr(self, name) >= 0:
                raise TrainingError(f"STDP: {name} {getattr(self, name)} must be at least 0")
        for name in ("tau_pre", "tau_post"):
            if not getattr(self, name) > 0:
                raise TrainingError(f"STDP: {name} {getattr(self, name)} must be above 0 steps")


@kernel()
def _present(
    spikes: NDArray[np.uint8], weights: Floats, thresholds: Floats, keep: float, keep_pre: float, keep_post: float, up: float, down: float,
    exponent: float, total: float, adaptation: float, target: float,
) -> NDArray[np.int64]:  # fmt: skip
    """Learn from samples one after another, in place; gives the spikes of every feature.

    ``weights`` are (input, feature): an input's row is contiguous. ``total`` is the sum to which a neuron's weights return; 0 leaves them.
    """
    inputs, features = weights.shape
    count = np.zeros(features, np.int64)
    fired = np.empty(features, np.int64)
    for b in range(spikes.shape[0]):
        v, pre, post, own = np.zeros(features), np.zeros(inputs), np.zeros(features), np.zeros(features, np.int64)
        used = 0
        for t in range(spikes.shape[1]):
            v *= keep
            pre *= keep_pre
            post *= keep_post
            for i in range(inputs):
                if spikes[b, t, i]:
                    v += weights[i]
                    pre[i] += 1.0
                    if down > 0:
                        for j in fired[:used]:
                            w = weights[i, j]
                            weights[i, j] = max(0.0, w - down * post[j] * (w if exponent == 1.0 else w**exponent))
            winner, best = -1, 0.0
            for j in range(features):
                if v[j] - thresholds[j] > best:
                    winner, best = j, v[j] - thresholds[j]
            if winner >= 0:
                for i in range(inputs):
                    w = weights[i, winner]
                    weights[i, winner] = min(1.0, w + up * pre[i] * (1.0 - w if exponent == 1.0 else (1.0 - w) ** exponent))
                if own[winner] == 0:
                    fired[used] = winner
                    used += 1
                post[winner] += 1.0
                own[winner] += 1
                v[:] = 0.0
        for j in range(features):
            thresholds[j] = max(0.01 * total, thresholds[j] + adaptation * (own[j] - target))
        for j in fired[:used]:
            share = weights[:, j].sum()
            if total > 0 and share > 0:
                for i in range(inputs):
                    weights[i, j] = min(1.0, weights[i, j] * total / share)
        count += own
    return count


@kernel()
def _rates(currents: NDArray[np.float32], thresholds: Floats, keep: float) -> Floats:
    """Mean spikes per sample of every neuron, alone, with reset to 0; ``currents`` (sample, time, neuron)."""
    samples, steps, neurons = currents.shape
    found = np.zeros(neurons)
    for b in range(samples):
        v = np.zeros(neurons)
        for t in range(steps):
            for j in range(neurons):
                v[j] = keep * v[j] + currents[b, t, j]
                if v[j] > thresholds[j]:
                    found[j] += 1
                    v[j] = 0.0
    return found / samples


class StdpFeatures:
    """A layer of LIF neurons that learns features of its input by STDP (after Diehl and Cook 2015).

    In training the neuron furthest above its threshold fires and sets every membrane to 0 (lateral inhibition, winner takes all), learns, and has the
    sum of its weights brought back. Thresholds rise with every spike and sink with every sample until ``winners`` spikes per sample are
    shared by all. The hardware has no lateral inhibition, and what is exported needs none: :meth:`settle` freezes thresholds for neurons
    that run alone, and :meth:`float_network` replaces inhibition by its mean, which is linear in the input.

    Parameters
    ----------
    inputs : shape of the input.   features : number of neurons.
    rule : the learning rule.   leak : share of the membrane lost per step, in training and in the export.
    winners : spikes per sample of all features together that training aims at.
    adaptation : change of a threshold per spike too many or too few, as share of a neuron's sum of weights.
    mean_weight : to which every neuron's weights are scaled after a sample in which it fired.
    seed : of the first weights and of the order of samples.

    Attributes
    ----------
    weights : (feature, *inputs* flattened), 0..1.   thresholds : (feature,), in units of the weights.

    Raises
    ------
    TrainingError   naming the value and the limit.
    """

    def __init__(
        self,
        inputs: int | tuple[int, ...],
        features: int,
        *,
        rule: Stdp | None = None,
        leak: float = 0.5,
        winners: float = 4.0,
        adaptation: float = 0.01,
        mean_weight: float = 0.15,
        seed: int = 0,
    ) -> None:
        self.shape = (inputs,) if isinstance(inputs, int) else tuple(inputs)
        self.size = math.prod(self.shape)
        for what, ok, limit in (
            (f"inputs {self.shape} or features {features}", self.size >= 1 and features >= 1, "at least 1"),
            (f"leak {leak}", 0 <= leak < 1, "at least 0 and below 1"),
            (f"winners {winners}", winners > 0, "above 0 spikes per sample"),
            (f"adaptation {adaptation}", adaptation >= 0, "at least 0"),
            (f"mean_weight {mean_weight}", 0 < mean_weight < 1, "between 0 and 1"),
        ):
            if not ok:
                raise TrainingError(f"STDP features: {what} must be {limit}")
        self.rule, self.leak, self.winners, self.adaptation, self.mean_weight = rule or Stdp(), leak, winners, adaptation, mean_weight
        self._generator = np.random.default_rng(seed)
        first = self._generator.random((features, self.size))
        self.weights: Floats = np.minimum(first * (mean_weight / first.mean(1, keepdims=True)), 1.0)
        self.thresholds: Floats = np.full(features, 0.5 * mean_weight * self.size)

    def fit(self, spikes: NDArray[np.integer] | NDArray[np.bool_], *, epochs: int = 5) -> list[dict[str, float]]:
        """Learn from ``spikes`` (sample, time, neuron); the steps of weights and thresholds shrink linearly to 0 over the epochs.

        Returns
        -------
        Per epoch: ``spikes`` per sample of all features, the share of ``silent`` features, the mean ``threshold``.

        Raises
        ------
        InputError   if the spikes do not fit.   TrainingError   without epochs.
        """
        array, _ = as_batch(spikes, self.size)
        if epochs < 1:
            raise TrainingError(f"STDP features: epochs {epochs} must be at least 1")
        total, features = self.mean_weight * self.size, len(self.weights)
        history = []
        for epoch in range(epochs):
            rate = 1 - epoch / epochs
            weights = np.ascontiguousarray(self.weights.T)
            count = _present(
                array[self._generator.permutation(len(array))], weights, self.thresholds, 1 - self.leak,
                math.exp(-1 / self.rule.tau_pre), math.exp(-1 / self.rule.tau_post), rate * self.rule.potentiation, rate * self.rule.depression,
                self.rule.exponent, total, rate * self.adaptation * total, self.winners / features,
            )  # fmt: skip
            self.weights = np.ascontiguousarray(weights.T)
            history.append({
                "spikes": float(count.sum() / len(array)), "silent": float((count == 0).mean()), "threshold": float(self.thresholds.mean()),
            })  # fmt: skip
        return history

    @property
    def inhibited_weights(self) -> Floats:
        """Weights minus, for every input, their mean over the features: each neuron is inhibited by the mean of what drives all."""
        return self.weights - self.weights.mean(0)

    def settle(self, spikes: NDArray[np.integer] | NDArray[np.bool_], *, rate: float = 0.25) -> None:
        """Set every threshold so that the neuron, running alone as it is exported, fires ``rate`` times per sample of ``spikes`` on average.

        Raises
        ------
        InputError   if the spikes do not fit.   TrainingError   for a rate that is not above 0.
        """
        array, _ = as_batch(spikes, self.size)
        if not rate > 0:
            raise TrainingError(f"STDP features: rate {rate} must be above 0 spikes per sample")
        values = array.astype(np.float32)
        weights = self.inhibited_weights.astype(np.float32)
        width = max(1, BLOCK // (len(array) * array.shape[1]))
        for first in range(0, len(weights), width):
            currents = values @ weights[first : first + width].T
            low = np.zeros(currents.shape[2])
            high = np.full(currents.shape[2], float(np.maximum(currents, 0).sum(1).max()) + 1e-6)  # nothing reaches this
            for _ in range(HALVINGS):
                middle = (low + high) / 2
                often = _rates(currents, middle, 1 - self.leak) > rate
                low, high = np.where(often, middle, low), np.where(often, high, middle)
            self.thresholds[first : first + width] = high

    def float_network(self, name: str = "stdp") -> FloatNetwork:
        """The features as a feed-forward network, population ``features``: its spikes are what a read-out gets, see :func:`fit_readout`."""
        one, zero = np.ones(()), np.zeros(())
        neurons = FloatNeurons(
            keep_v=one - self.leak, gain_v=one, gain_i=one, drive=zero, threshold=self.thresholds.copy(), reset=Reset.NOW_VALUE, v_reset=zero,
            strict=True, cap=1, v_min=None,
        )  # fmt: skip
        flat = (self.size,)
        return FloatNetwork(
            name=name,
            populations=(FloatPopulation("input", flat), FloatPopulation("features", (len(self.weights),), neurons)),
            projections=(FloatProjection(source="input", target="features", operators=(Dense(self.inhibited_weights),)),),
            output="features",
            precision="float64",
            metadata={"source": "stdp"},
        )
