"""Compiled loops of training: spikes shifted by delays. All arrays are single precision, (batch, time, neuron)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lifline.arch.kernel import kernel

from .kernels import Floats


@kernel()
def shift_forward(spikes: Floats, whole: NDArray[np.int64], part: Floats, first: int, out: Floats) -> None:
    """``out[b, t - first, n] = (1 - part) * spikes[b, t - whole[n], n] + part * spikes[b, t - whole[n] - 1, n]`` from step ``first`` on."""
    batch, steps, size = spikes.shape
    for b in range(batch):
        for t in range(first, steps):
            for n in range(size):
                k = t - whole[n]
                near = spikes[b, k, n] if k >= 0 else np.float32(0)
                if part[n] != 0:
                    far = spikes[b, k - 1, n] if k >= 1 else np.float32(0)
                    near += part[n] * (far - near)
                out[b, t - first, n] = near


@kernel()
def shift_backward(
    spikes: Floats, whole: NDArray[np.int64], part: Floats, first: int, grad: Floats, grad_spikes: Floats, grad_delays: NDArray[np.float64]
) -> None:
    """Reverse of :func:`shift_forward`: adds to ``grad_spikes`` (may have no steps) and ``grad_delays``.

    Of a whole delay the derivative is the mean of those to both sides, so that a delay can move either way.
    """
    batch, steps, size = spikes.shape
    to_spikes = grad_spikes.shape[1] == steps
    for b in range(batch):
        for t in range(first, steps):
            for n in range(size):
                g, k = grad[b, t - first, n], t - whole[n]
                near = spikes[b, k, n] if k >= 0 else np.float32(0)
                far = spikes[b, k - 1, n] if k >= 1 else np.float32(0)
                if part[n] != 0:
                    grad_delays[n] += g * (far - near)
                else:
                    before = spikes[b, k + 1, n] if 0 <= k + 1 < steps and whole[n] > 0 else near
                    grad_delays[n] += np.float32(0.5) * g * (far - before)
                if to_spikes:
                    if k >= 0:
                        grad_spikes[b, k, n] += g * (1 - part[n])
                    if k >= 1:
                        grad_spikes[b, k - 1, n] += g * part[n]


@kernel()
def scatter_forward(spikes: Floats, weights: Floats, delays: NDArray[np.int64], first: int, out: Floats) -> None:
    """``out[b, t - first, n] += weights[j, n] * spikes[b, t - delays[j, n], j]`` from step ``first`` on; weights, delays (source, target).

    Sums of integers below 2^24 are exact. Cost is one addition per spike and synapse.
    """
    batch, steps, sources = spikes.shape
    for b in range(batch):
        for sent in range(steps):
            for j in range(sources):
                value = spikes[b, sent, j]
                if value == 0:
                    continue
                for n in range(weights.shape[1]):
                    t = sent + delays[j, n]
                    if first <= t < steps:
                        out[b, t - first, n] += value * weights[j, n]


@kernel()
def scatter_backward(
    spikes: Floats, weights: Floats, delays: NDArray[np.int64], first: int, grad: Floats, grad_spikes: Floats, grad_weights: NDArray[np.float64]
) -> None:
    """Reverse of :func:`scatter_forward`: adds to ``grad_weights`` and, unless it has no steps, ``grad_spikes``."""
    batch, steps, sources = spikes.shape
    to_spikes = grad_spikes.shape[1] == steps
    for b in range(batch):
        for sent in range(steps):
            for j in range(sources):
                value = spikes[b, sent, j]
                if value == 0 and not to_spikes:
                    continue
                total = np.float32(0)
                for n in range(weights.shape[1]):
                    t = sent + delays[j, n]
                    if first <= t < steps:
                        g = grad[b, t - first, n]
                        total += g * weights[j, n]
                        grad_weights[j, n] += value * g
                if to_spikes:
                    grad_spikes[b, sent, j] += total
