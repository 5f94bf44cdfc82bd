"""Spiking Heidelberg Digits and Spiking Speech Commands (Cramer et al. 2022): spikes of a simulated cochlea, in HDF5 files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np

from lifline.arch.errors import DatasetError, MissingLibraryError

from .events import EventDataset, Recording, existing

SOURCE = "https://zenkelab.org/datasets/"
LAYOUT = "one file such as shd_train.h5, unpacked, with spikes/times (seconds), spikes/units, labels"
CHANNELS = 700


def load(path: str | Path, *, limit: int | None = None) -> EventDataset:
    """All recordings of a file, in its order; ``limit`` takes the first only.

    Raises
    ------
    DatasetError         if it is missing, damaged, or of another layout.
    MissingLibraryError  without h5py.
    """
    file = existing(path, "SHD or SSC", LAYOUT, SOURCE)
    try:
        import h5py
    except ImportError as error:
        raise MissingLibraryError("HDF5 files need h5py, which is not installed; pip install 'lifline[data]'") from error
    try:
        with h5py.File(file, "r") as opened:
            content = cast("Mapping[str, Any]", opened)  # h5py's types allow a group in the place of every array
            labels = np.asarray(content["labels"][:limit], np.int64)
            keys = content["extra/keys"] if "extra/keys" in content else None
            classes = [k.decode() if isinstance(k, bytes) else str(k) for k in keys[:]] if keys is not None else None
            times, units = content["spikes/times"][: len(labels)], content["spikes/units"][: len(labels)]
    except (OSError, KeyError) as error:
        raise DatasetError(f"{file} cannot be read ({error}); expected {LAYOUT}, from {SOURCE}") from error
    recordings = []
    for k, (when, unit) in enumerate(zip(times, units, strict=True)):
        if len(when) != len(unit) or (len(unit) and int(max(unit)) >= CHANNELS):
            raise DatasetError(f"{file}, recording {k}: {len(when)} times, {len(unit)} units, largest {max(unit, default=0)}; channels are 0..{CHANNELS - 1}")
        microseconds = np.round(np.asarray(when, np.float64) * 1e6).astype(np.int64)
        order = np.argsort(microseconds, kind="stable")
        recordings.append(Recording(microseconds[order], np.asarray(unit, np.int64)[order]))
    names = tuple(classes) if classes is not None else tuple(str(k) for k in range(int(labels.max(initial=-1)) + 1))
    if len(labels) and (labels.min() < 0 or labels.max() >= len(names)):
        raise DatasetError(f"{file} has label {labels.max()}, but {len(names)} classes")
    return EventDataset(file.stem, tuple(recordings), labels, names, (CHANNELS,))
