"""The demo's data and network: scikit-learn's 1,797 handwritten digits, as spike times."""

from __future__ import annotations

from importlib.resources import as_file, files

import numpy as np
from numpy.typing import NDArray

from lifline.network import file as network_file
from lifline.network.model import Network

STEPS = 24
"""Time steps per image: 16 of input, and time for delayed spikes to arrive."""
LEVELS = 16
"""Brightness levels of a pixel besides black."""


def load(split: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Images (sample, 64) with values 0..16, and labels. Samples 0, 5, 10, ... of the official order are ``"test"`` (360), the others ``"train"``.

    Raises
    ------
    ValueError   for another split.
    """
    if split not in ("train", "test"):
        raise ValueError(f"split {split!r} must be 'train' or 'test'")
    from sklearn.datasets import load_digits

    images, labels = load_digits(return_X_y=True)
    chosen = (np.arange(len(images)) % 5 == 0) == (split == "test")
    return images[chosen], labels[chosen]


def encode(images: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Time to first spike: a pixel of brightness ``p > 0`` fires once, in step ``16 - p``. Returns (sample, time, 64)."""
    times = LEVELS - np.round(images).astype(np.int64)
    return (np.arange(STEPS)[None, :, None] == times[:, None, :]).astype(np.uint8) * (times < LEVELS).astype(np.uint8)[:, None, :]


def network() -> Network:
    """The trained network that is part of the package (made by ``examples/digits/train.py``)."""
    with as_file(files("lifline.data").joinpath("digits.safetensors")) as path:
        return network_file.load(path)
