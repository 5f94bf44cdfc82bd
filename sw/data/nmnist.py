"""N-MNIST (Orchard et al. 2015): MNIST digits seen by an event camera, in files of five bytes per event."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lifline.arch.errors import DatasetError

from .events import EventDataset, Recording, class_folders, existing

SOURCE = "https://www.garrickorchard.com/datasets/n-mnist"
LAYOUT = "a folder with Train/0/00002.bin ... Train/9/... and Test/0/... ..."
SHAPE = (2, 34, 34)
"""Polarity (0 darker, 1 brighter), y, x."""
OVERFLOW_Y = 240
OVERFLOW_US = 1 << 13
"""An event at this y is no event: all later times are that much later."""


def read_bin(path: str | Path) -> Recording:
    """One file: per event the bytes x, y, then polarity (bit 23) and time in microseconds (bits 22..0), big-endian.

    Raises
    ------
    DatasetError   if it is missing, truncated, or has events outside the sensor.
    """
    file = existing(path, "an N-MNIST recording", "one .bin file", SOURCE)
    try:
        data = np.fromfile(file, np.uint8)
    except OSError as error:
        raise DatasetError(f"{file} cannot be read ({error}); get it again") from error
    if len(data) % 5:
        raise DatasetError(f"{file} has {len(data)} bytes, not a multiple of the 5 of an event: it is truncated; get it again")
    x, y, high, middle, low = data.reshape(-1, 5).astype(np.int64).T
    overflow = y == OVERFLOW_Y
    times = ((high & 127) << 16 | middle << 8 | low) + OVERFLOW_US * np.cumsum(overflow)
    x, y, polarity, times = x[~overflow], y[~overflow], high[~overflow] >> 7, times[~overflow]
    if len(x) and (x.max() >= SHAPE[2] or y.max() >= SHAPE[1]):
        raise DatasetError(f"{file} has an event at x={x.max()}, y={y.max()}, outside {SHAPE[2]} x {SHAPE[1]}; it is no N-MNIST file, or damaged")
    order = np.argsort(times, kind="stable")
    return Recording(times[order], ((polarity * SHAPE[1] + y) * SHAPE[2] + x)[order])


def load(folder: str | Path, split: str, *, limit: int | None = None) -> EventDataset:
    """Recordings of ``split`` ``"train"`` or ``"test"``, class by class; ``limit`` per class.

    Raises
    ------
    DatasetError   for another split or layout, and as :func:`read_bin`.
    """
    if split not in ("train", "test"):
        raise DatasetError(f"split {split!r} must be 'train' or 'test'")
    root = existing(folder, "N-MNIST", LAYOUT, SOURCE)
    part = existing(root / split.capitalize(), "N-MNIST", LAYOUT, SOURCE)
    recordings, labels, classes = [], [], []
    for label, (name, files) in enumerate(class_folders(part, "*.bin", "N-MNIST")):
        classes.append(name)
        for file in files[:limit]:
            recordings.append(read_bin(file))
            labels.append(label)
    return EventDataset("nmnist", tuple(recordings), np.array(labels, np.int64), tuple(classes), SHAPE)
