"""The three tasks of the study: arrays for training, validation and test, and how they become spikes."""

from __future__ import annotations

import runpy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from motion import CHANNELS, CLASSES, motion

from lifline.train import as_spikes

EXAMPLES = Path(__file__).parents[1]
Samples = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Task:
    """``training``, ``validation`` and ``test`` are samples and labels; ``encode`` makes spikes, augmented if it is given a generator."""

    name: str
    channels: int
    classes: int
    training: Samples
    validation: Samples
    test: Samples
    encode: Callable[[np.ndarray, np.random.Generator | None], np.ndarray] = as_spikes


def _motion() -> Task:
    return Task("motion", CHANNELS, CLASSES, motion(1800, 0), motion(600, 1), motion(1200, 2))


def _braille(path: str) -> Task:
    """Every sixth training sample is held out, as in ``examples/braille``, whose augmentation serves here too."""
    example = runpy.run_path(str(EXAMPLES / "braille" / "train.py"))
    spikes, labels, test = example["load"](path)
    held_out = ~test & (np.cumsum(~test) % 6 == 0)
    parts = [(spikes[which], labels[which]) for which in (~test & ~held_out, held_out, test)]
    return Task("braille", example["CHANNELS"], 7, *parts, encode=example["encode"])


def _fsdd(path: str) -> Task:
    """Official test set; recordings 5..9 are held out, as in ``examples/fsdd``, whose augmentation serves here too."""
    example = runpy.run_path(str(EXAMPLES / "fsdd" / "train.py"))
    data = example["load"](path)
    test = data["is_test"].astype(bool)
    held_out = ~test & (data["rec_index"] < 10)
    levels, labels = data["levels"], data["label"].astype(np.int64)
    parts = [(levels[which], labels[which]) for which in (~test & ~held_out, held_out, test)]
    return Task("fsdd", 2 * example["BANDS"] * len(example["LEVELS"]), 10, *parts, encode=example["encode"])


def load(name: str, path: str | None) -> Task:
    """``motion`` is generated; ``braille`` and ``fsdd`` need the path of their file."""
    if name == "motion":
        return _motion()
    if path is None:
        raise SystemExit(f"task `{name}` needs its data: --{name} FILE")
    return {"braille": _braille, "fsdd": _fsdd}[name](path)
