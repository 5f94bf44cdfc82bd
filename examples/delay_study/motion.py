"""Direction and speed of a texture that moves past a simulated event camera: the class is in the time of the events. Two scenes.

After Grimaldi and Perrinet, "Learning heterogeneous delays in a layer of spiking neurons for fast motion detection", Biological Cybernetics
2023 (arXiv 2307.14077): natural images that move in 8 directions at 3 geometrically spaced speeds, seen through an aperture by a camera whose
pixels integrate changes of luminance and send an ON or OFF event at a threshold. Small enough here for a fully connected network, and with
one velocity per sample.

The model, for pixels ``p`` = (x, y) in 0..``SIZE``-1 and steps ``t``:

    velocity   v = s * (cos a, sin a)        a = 2 pi * direction / 8,  s of ``speeds``, in pixels per step
    texture    I(p, t) = sqrt(2/M) * sum_m cos(k_m . (p - v*t) + phi_m)         M = ``WAVES``; variance 1 over textures
               k_m = 2 pi / (``period`` * exp(n_m)) in a random direction, n_m normal with deviation ``bandwidth``, phi_m uniform
    pixel      r += I(p, t) - I(p, t-1);  r >= C: ON event, r -= C;  r <= -C: OFF event, r += C         at most one event per step
    threshold  C = ``THRESHOLD`` * sqrt(s / ``speeds``[1])
    noise      besides, every pixel sends an event of either polarity with probability ``NOISE`` per step

Every sample has a texture of its own (a sum of drifting gratings, as in Perrinet's Motion Clouds), so no pixel tells anything by itself. A faster
texture changes pixels more often; the threshold that grows with the speed, like that of a camera which regulates its rate of events, takes this
away: mean numbers of events differ by a tenth between speeds (by a quarter in the fine scene) and not between directions.
``r`` starts uniform in -C..C and runs for ``SETTLING`` steps before the first one that counts.

The scenes differ in how fine the texture is. In the ``COARSE`` one it is four to eight times as wide as a pixel: neighbours see almost the same, one to
four steps apart, and which of two events came first tells the direction. In the ``FINE`` one a period is two pixels: what neighbours see at one
time says little about each other; a pixel sees what its neighbour saw 2 to 11 steps ago, and several events of its own lie between.
Whoever wants to know the velocity has to remember the events of every pixel, in order, for that long.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SIZE = 8
DIRECTIONS = 8
CHANNELS = 2 * SIZE * SIZE
WAVES = 24
"""Gratings per texture."""
THRESHOLD, NOISE, SETTLING = 1.2, 0.002, 8
"""Threshold of the middle speed in standard deviations of the texture; noise events per channel and step; steps before the first."""


@dataclass(frozen=True)
class Scene:
    """Steps per sample; speeds in pixels per step; median spatial period of the texture in pixels and its relative deviation."""

    steps: int
    speeds: tuple[float, float, float]
    period: float
    bandwidth: float


COARSE = Scene(steps=48, speeds=(0.25, 0.5, 1.0), period=8.0, bandwidth=0.3)
FINE = Scene(steps=64, speeds=(0.125, 0.25, 0.5), period=2.0, bandwidth=0.5)
CLASSES = DIRECTIONS * len(COARSE.speeds)


def motion(samples: int, seed: int, scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    """Spikes (sample, step, channel) uint8, channel ``polarity * SIZE^2 + y * SIZE + x``, and labels ``3 * direction + speed``."""
    speeds = np.array(scene.speeds)
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, CLASSES, samples)
    angle, speed = 2 * np.pi / DIRECTIONS * (labels // len(speeds)), speeds[labels % len(speeds)]
    velocity = speed[:, None] * np.stack([np.cos(angle), np.sin(angle)], -1)
    toward = rng.uniform(0, 2 * np.pi, (samples, WAVES))
    number = 2 * np.pi / (scene.period * np.exp(rng.normal(0, scene.bandwidth, (samples, WAVES))))
    waves = number[..., None] * np.stack([np.cos(toward), np.sin(toward)], -1)
    phases = rng.uniform(0, 2 * np.pi, (samples, 1, WAVES))
    pixels = np.stack(np.meshgrid(np.arange(SIZE), np.arange(SIZE)), -1).reshape(-1, 2)
    time = np.arange(-SETTLING, scene.steps + 1)
    # cos(k.p + phi - k.v t) as the real part of a product, one matrix product per sample
    luminance = np.empty((samples, len(pixels), len(time)))
    for k in range(samples):
        still = np.exp(1j * (pixels @ waves[k].T + phases[k]))
        moving = np.exp(-1j * (waves[k] @ velocity[k])[:, None] * time)
        luminance[k] = np.sqrt(2 / WAVES) * (still @ moving).real

    threshold = (THRESHOLD * np.sqrt(speed / speeds[1]))[:, None]
    residual = rng.uniform(-1, 1, (samples, len(pixels))) * threshold
    events = np.zeros((samples, scene.steps, 2, len(pixels)), bool)
    for k, change in enumerate(np.moveaxis(np.diff(luminance), -1, 0), 1 - SETTLING):
        residual += change
        on, off = residual >= threshold, residual <= -threshold
        residual += threshold * off - threshold * on
        if k > 0:
            events[:, k - 1, 0], events[:, k - 1, 1] = on, off
    spikes = events.reshape(samples, scene.steps, CHANNELS) | (rng.random((samples, scene.steps, CHANNELS)) < NOISE)
    return spikes.astype(np.uint8), labels
