"""Bars that move across a simulated event camera: direction and speed are the class, and only the time of events tells them apart.

A bar of random width and length crosses ``SIZE`` x ``SIZE`` pixels in one of four directions at one of three speeds. A pixel sends an ON event when
the bar's front reaches it and an OFF event when its back leaves it, each at most once, so their numbers do not depend on the class. Where and
when the bar enters is random, times jitter, some events are lost, and noise events are added.
"""

from __future__ import annotations

import numpy as np

SIZE = 8
STEPS = 64
DIRECTIONS = np.array([[1, 0], [-1, 0], [0, 1], [0, -1]])
SPEEDS = np.array([0.3, 0.55, 1.0])
"""Pixels per step."""
CLASSES = len(DIRECTIONS) * len(SPEEDS)
CHANNELS = 2 * SIZE * SIZE
LOST, NOISE, JITTER, SPREAD = 0.15, 0.004, 1.0, 0.12
"""Share of events lost; noise events per channel and step; deviation of an event's time in steps; relative deviation of the speed."""


def motion(samples: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Spikes (sample, step, channel) uint8, channel ``polarity * SIZE^2 + y * SIZE + x``, and labels ``3 * direction + speed``."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, CLASSES, samples)
    pixels = np.stack(np.meshgrid(np.arange(SIZE), np.arange(SIZE)), -1).reshape(-1, 2) - (SIZE - 1) / 2
    spikes = rng.random((samples, STEPS, CHANNELS)) < NOISE
    for k, label in enumerate(labels):
        along = DIRECTIONS[label // len(SPEEDS)]
        speed = SPEEDS[label % len(SPEEDS)] * np.exp(rng.normal(0, SPREAD))
        distance = pixels @ along + SIZE / 2
        across = pixels @ along[::-1]
        middle, length = rng.uniform(-1.5, 1.5), rng.uniform(3, SIZE)
        inside = np.abs(across - middle) <= length / 2
        begin, width = rng.uniform(0, 20), rng.uniform(1, 3)
        for polarity, behind in ((0, 0.0), (1, width)):
            when = np.round(begin + (distance + behind) / speed + rng.normal(0, JITTER, len(pixels))).astype(int)
            seen = inside & (when >= 0) & (when < STEPS) & (rng.random(len(pixels)) >= LOST)
            spikes[k, when[seen], polarity * SIZE * SIZE + np.flatnonzero(seen)] = True
    return spikes.astype(np.uint8), labels
