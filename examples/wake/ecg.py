"""A generated electrocardiogram, and the sensor that sends events when it crosses a level.

Everything is made up: beats as sums of Gaussian waves, with varying rate, size and width, a wandering base line and noise. Now and then a beat
comes early and is wide (a premature ventricular beat): that is what the detector looks for. It says nothing about patients.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SAMPLES_HZ = 250
LEVELS_MV = -0.5, -0.25, 0.2, 0.4, 0.6, 0.8, 1.0, 1.3
HYSTERESIS_MV = 0.06
CHANNELS = 2 * len(LEVELS_MV)
STEP_US = 10_000
# Waves: time to the peak of the beat and width in seconds, height in millivolts.
NORMAL = ((-0.17, 0.025, 0.12), (-0.03, 0.008, -0.12), (0.0, 0.011, 1.1), (0.03, 0.009, -0.25), (0.26, 0.045, 0.3))
PREMATURE = ((0.0, 0.038, 1.25), (0.10, 0.035, -0.45), (0.30, 0.06, -0.4))


@dataclass(frozen=True, eq=False)
class Recording:
    """``events`` (event, 2): microseconds, channel; ``beats_s`` and ``premature`` (beat,); ``seconds`` in all."""

    events: NDArray[np.int64]
    beats_s: NDArray[np.float64]
    premature: NDArray[np.bool_]
    seconds: float


def recording(seconds: float, seed: int, *, share: float = 0.03) -> Recording:
    """``share`` of the beats are premature."""
    rng = np.random.default_rng(seed)
    count = int(seconds * 2.2) + 10
    slow = np.cumsum(rng.normal(0, 0.004, count))
    gaps = np.clip(0.85 + slow - slow.mean() + rng.normal(0, 0.03, count), 0.55, 1.3)
    premature = rng.random(count) < share
    premature[0] = False
    gaps = np.where(premature, 0.62 * gaps, gaps)
    gaps[1:][premature[:-1]] *= 1.35  # the pause behind it
    beats = np.cumsum(gaps)
    inside = beats < seconds - 1
    beats, premature = beats[inside], premature[inside]
    signal = _signal(seconds, beats, premature, rng)
    return Recording(_crossings(signal, rng), beats, premature, seconds)


def _signal(seconds: float, beats: NDArray[np.float64], premature: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.float64]:
    t = np.arange(int(seconds * SAMPLES_HZ)) / SAMPLES_HZ
    x = 0.08 * np.sin(2 * np.pi * 0.23 * t + rng.uniform(0, 6)) + 0.04 * np.sin(2 * np.pi * 0.07 * t) + rng.normal(0, 0.02, len(t))
    half = int(0.6 * SAMPLES_HZ)
    near = np.arange(-half, half)
    for at, early in zip(beats, premature, strict=True):
        size, width = rng.normal(1, 0.08), rng.normal(1, 0.08)
        where = int(at * SAMPLES_HZ) + near
        where = where[(where >= 0) & (where < len(t))]
        own = t[where] - at
        for shift, sigma, height in PREMATURE if early else NORMAL:
            x[where] += size * height * np.exp(-0.5 * ((own - shift * width) / (sigma * width)) ** 2)
    return x


def _crossings(x: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
    """An event on channel 2k when level k is passed upwards, 2k + 1 downwards; stamps jitter by half a sample."""
    found = []
    for k, level in enumerate(LEVELS_MV):
        side = np.where(x > level + HYSTERESIS_MV, 1, np.where(x < level - HYSTERESIS_MV, -1, 0))
        known = np.maximum.accumulate(np.where(side != 0, np.arange(len(x)), 0))
        state = side[known]
        at = np.flatnonzero((state[1:] != state[:-1]) & (state[1:] != 0)) + 1
        found.append(np.stack([at, 2 * k + (state[at] < 0)], axis=1))
    table = np.concatenate(found)
    times = table[:, 0] * (1_000_000 // SAMPLES_HZ) + rng.integers(0, 1_000_000 // SAMPLES_HZ // 2, len(table))
    order = np.lexsort((table[:, 1], times))
    return np.stack([times, table[:, 1]], axis=1)[order]
