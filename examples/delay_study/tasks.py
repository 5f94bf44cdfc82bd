"""The tasks of the study: arrays for training, validation and test, and how they become spikes."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from motion import CHANNELS, CLASSES, COARSE, FINE, Scene, motion

from lifline.train import as_spikes

EXAMPLES = Path(__file__).parents[1]
Samples = tuple[np.ndarray, np.ndarray]
Encode = Callable[[np.ndarray, np.random.Generator | None], np.ndarray]
COPIES = 8
"""Augmented versions of every recording."""


@dataclass(frozen=True)
class Task:
    """``training``, ``validation`` and ``test`` are samples and labels; ``encode`` makes spikes, augmented if it is given a generator."""

    name: str
    channels: int
    classes: int
    training: Samples
    validation: Samples
    test: Samples
    encode: Encode = as_spikes


def drawn_before(name: str, channels: int, classes: int, samples: np.ndarray, labels: np.ndarray, parts: list[np.ndarray], encode: Encode) -> Task:
    """A task whose samples are numbers of recordings: all are encoded once, and ``COPIES`` times augmented, of which each epoch draws one."""
    rng = np.random.default_rng(0)
    clean = encode(samples, None).astype(np.uint8)
    augmented = np.stack([encode(samples, rng).astype(np.uint8) for _ in range(COPIES)])

    def look_up(numbers: np.ndarray, generator: np.random.Generator | None) -> np.ndarray:
        return clean[numbers] if generator is None else augmented[generator.integers(COPIES, size=len(numbers)), numbers]

    return Task(name, channels, classes, *((np.flatnonzero(part), labels[part]) for part in parts), encode=look_up)


def _motion(name: str, scene: Scene) -> Task:
    return Task(name, CHANNELS, CLASSES, motion(9600, 0, scene), motion(600, 1, scene), motion(1200, 2, scene))


def _braille(path: str) -> Task:
    """Encoding and augmentation of ``examples/braille``, but every channel once, 64 steps of 20 ms; every fifth training sample is held out."""
    example = runpy.run_path(str(EXAMPLES / "braille" / "train.py"))
    channels = example["CHANNELS"] // example["COPIES"]
    spikes, labels, test = example["load"](path)
    held_out = ~test & (np.cumsum(~test) % 5 == 0)
    parts = [~test & ~held_out, held_out, test]
    return drawn_before("braille", channels, 7, spikes, labels, parts, lambda samples, rng: example["encode"](samples, rng)[..., :channels])


def _fsdd(path: str) -> Task:
    """Encoding and augmentation of ``examples/fsdd``; the official test set; recordings 5..9 are held out."""
    example = runpy.run_path(str(EXAMPLES / "fsdd" / "train.py"))
    data = example["load"](path)
    test = data["is_test"].astype(bool)
    held_out = ~test & (data["rec_index"] < 10)
    parts = [~test & ~held_out, held_out, test]
    return drawn_before("fsdd", example["BANDS"] * len(example["THRESHOLDS"]), 10, data["values"], data["label"], parts, example["encode"])


def load(name: str, path: str | None) -> Task:
    """``motion`` and ``fine-motion`` are generated; ``braille`` and ``fsdd`` need the path of their file."""
    scenes = {"motion": COARSE, "fine-motion": FINE}
    if name in scenes:
        return _motion(name, scenes[name])
    if path is None:
        raise SystemExit(f"task `{name}` needs its data: --{name} FILE")
    return {"braille": _braille, "fsdd": _fsdd}[name](path)
