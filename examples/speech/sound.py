"""Recordings of Speech Commands as log energies, their distortion for training, and their code: bit planes of energies in five bits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FRAMES, BANDS, STEPS = 98, 40, 49
SECONDS = FRAMES * 0.01
PLANES = 5
LOWEST, LEVEL = 20.0, 7.0  # in half decibels: the energy that is level 0, and the distance of levels (3.5 dB)
SILENCE = 10
HELD_OUT = 16  # every so many speakers are for validation
Array = NDArray[np.float32]


@dataclass(frozen=True)
class Recordings:
    """Log energies (recording, 98 frames of 10 ms, 40 bands) in half decibels above -80 dB, and what is heard, 0 to 11."""

    energies: NDArray[np.uint8]
    labels: NDArray[np.int64]

    @classmethod
    def read(cls, path: str, part: str) -> Recordings:
        """The part ``test`` (of the file), ``validation`` (every sixteenth speaker of the rest, and of its clips of noise) or ``train``."""
        with np.load(path) as data:
            energies, labels, speakers, is_test = (data[name] for name in ("logmel", "label", "speaker", "is_test"))
        chosen = cls.places(speakers, is_test, part)
        return cls(energies[chosen], labels[chosen].astype(np.int64))

    def joined(self, others: Recordings) -> Recordings:
        """These and others."""
        return Recordings(np.concatenate([self.energies, others.energies]), np.concatenate([self.labels, others.labels]))

    @staticmethod
    def places(speakers: NDArray[np.str_], is_test: NDArray[np.bool_], part: str) -> NDArray[np.int64]:
        """Which recordings of the file belong to a part; clips of noise have no speaker."""
        rest = np.flatnonzero(~is_test)
        names = {name: k for k, name in enumerate(sorted(set(speakers[rest]) - {""}), 1)}
        turn = np.array([names.get(name, k) for k, name in enumerate(speakers[rest])])
        held_out = turn % HELD_OUT == 3
        return {"test": np.flatnonzero(is_test), "validation": rest[held_out], "train": rest[~held_out]}[part]


def levels(energies: Array) -> Array:
    """Energies (recording, frame, band) in whole levels from 0 to 31, as (recording, step, frame of two, band)."""
    whole = np.clip(np.rint((energies - LOWEST) / LEVEL), 0, 2**PLANES - 1)
    return whole.reshape(-1, STEPS, FRAMES // STEPS, BANDS).astype(np.float32)


def graded(energies: Array) -> Array:
    """Input (recording, step, frame of two * band) of a network in real numbers: levels from 0 to 1."""
    return levels(energies).reshape(len(energies), STEPS, -1) / (2**PLANES - 1)


def bit_planes(energies: Array) -> NDArray[np.uint8]:
    """Spikes (recording, step, frame of two * plane * band), the highest bit first; see :data:`PLANE_VALUES`."""
    whole = levels(energies).astype(np.uint8)[:, :, :, None, :]
    shifts = np.arange(PLANES - 1, -1, -1, dtype=np.uint8)[:, None]
    return (whole >> shifts & 1).reshape(len(energies), STEPS, -1)


PLANE_VALUES = (2.0 ** np.arange(PLANES - 1, -1, -1) / (2**PLANES - 1)).astype(np.float32)
"""Of a graded input's 1, what a spike of each plane stands for."""


@dataclass(frozen=True)
class Distortion:
    """Makes of every recording another at random: stretched and shifted in time and frequency, louder or quieter, with noise behind it and parts blanked.

    ``noise`` are energies of clips without speech; ``strength`` scales everything.
    """

    noise: NDArray[np.uint8]
    strength: float = 0.7

    def __call__(self, energies: NDArray[np.uint8], rng: np.random.Generator) -> Array:
        count, k = len(energies), self.strength
        spread = lambda most: rng.uniform(-most, most, (count, 1)).astype(np.float32)  # noqa: E731
        frame = _source(FRAMES, 1 + spread(0.15 * k), spread(10 * k))
        band = _source(BANDS, 1 + spread(0.08 * k), spread(1.2 * k))
        out = _resampled(energies.astype(np.float32), frame, band) + spread(16 * k)[:, :, None]
        out = self._with_noise(out, rng)
        self._blank(out, BANDS, 8 * k, 2, rng)
        self._blank(out, FRAMES, 16 * k, 1, rng)
        return out

    def _with_noise(self, energies: Array, rng: np.random.Generator) -> Array:
        count = len(energies)
        clips = self.noise[rng.integers(len(self.noise), size=count)].astype(np.float32)
        decibels = rng.uniform(-30, 8, count)
        decibels[rng.random(count) >= 0.6 * self.strength] = -np.inf
        # Half decibels: a power is 10^(v / 20).
        change = (2 * decibels + energies.mean((1, 2)) - clips.mean((1, 2)))[:, None, None]
        return (np.logaddexp(energies * _NATURAL, (clips + change) * _NATURAL) / _NATURAL).astype(np.float32)

    def _blank(self, energies: Array, length: int, most: float, axis: int, rng: np.random.Generator) -> None:
        widths = rng.uniform(0, most, len(energies))
        starts = rng.uniform(0, length - widths)
        places = np.arange(length)
        blank = (places >= starts[:, None]) & (places < np.floor(starts + widths)[:, None])
        np.copyto(energies, energies.mean((1, 2))[:, None, None], where=np.expand_dims(blank, 3 - axis))


_NATURAL = np.float32(np.log(10) / 20)


def _source(length: int, scale: Array, shift: Array) -> Array:
    """Where (recording, place) a stretched and shifted axis is read, inside the axis."""
    middle = (length - 1) / 2
    return np.clip((np.arange(length, dtype=np.float32) - middle) * scale + middle + shift, 0, length - 1).astype(np.float32)


def _resampled(energies: Array, frame: Array, band: Array) -> Array:
    """Energies between frames and bands, linearly."""
    for axis, places in ((1, frame), (2, band)):
        low = np.minimum(np.floor(places), energies.shape[axis] - 2).astype(np.int64)
        part, low = np.expand_dims(places - low, 3 - axis), np.expand_dims(low, 3 - axis)
        near, far = np.take_along_axis(energies, low, axis), np.take_along_axis(energies, low + 1, axis)
        energies = near + part * (far - near)
    return energies
