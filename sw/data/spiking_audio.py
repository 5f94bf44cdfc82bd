"""Spiking Heidelberg Digits and Spiking Speech Commands (Cramer et al. 2022): spikes of a simulated cochlea, in HDF5 files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np

from lifline.arch.errors import DatasetError, LiflineError
from lifline.network.hdf5 import open_hdf5

from .events import EventDataset, Recording, existing

SOURCE = "https://zenkelab.org/datasets/"
LAYOUT = "one file such as shd_train.h5, unpacked, with spikes/times (seconds), spikes/units, labels"
CHANNELS = 700
LONGEST_S = 1e9


def load(path: str | Path, *, limit: int | None = None) -> EventDataset:
    """All recordings of a file, in its order; ``limit`` takes the first only.

    Raises
    ------
    DatasetError         if it is missing, damaged, or of another layout.
    MissingLibraryError  without h5py.
    """
    file = existing(path, "SHD or SSC", LAYOUT, SOURCE)
    try:
        with open_hdf5(file, "SHD or SSC file", DatasetError, arrays=True) as opened:
            content = cast("Mapping[str, Any]", opened)  # h5py's types allow a group in the place of every array
            labels = np.asarray(content["labels"][:limit], np.int64)
            keys = content["extra/keys"] if "extra/keys" in content else None
            classes = [k.decode() if isinstance(k, bytes) else str(k) for k in keys[:]] if keys is not None else None
            times, units = content["spikes/times"][: len(labels)], content["spikes/units"][: len(labels)]
            recordings = [_recording(file, k, when, unit) for k, (when, unit) in enumerate(zip(times, units, strict=True))]
    except LiflineError:
        raise
    except Exception as error:  # of another layout: groups in place of arrays, arrays in place of groups, other types
        raise DatasetError(f"{file} cannot be read ({error}); expected {LAYOUT}, from {SOURCE}") from error
    names = tuple(classes) if classes is not None else tuple(str(k) for k in range(int(labels.max(initial=-1)) + 1))
    if len(labels) and (labels.min() < 0 or labels.max() >= len(names)):
        raise DatasetError(f"{file} has label {labels.max()}, but {len(names)} classes")
    return EventDataset(file.stem, tuple(recordings), labels, names, (CHANNELS,))


def _recording(file: Path, number: int, when: Any, unit: Any) -> Recording:
    """One recording; times in seconds.

    Raises
    ------
    DatasetError   for times that are none, and channels that do not exist.
    """
    seconds, channels = np.asarray(when, np.float64), np.asarray(unit, np.int64)
    if seconds.shape != channels.shape or seconds.ndim != 1 or (len(channels) and not 0 <= channels.min() <= channels.max() < CHANNELS):
        raise DatasetError(
            f"{file}, recording {number}: {len(seconds)} times, {len(channels)} units, largest {max(channels, default=0)}; channels are 0..{CHANNELS - 1}"
        )
    if not (np.isfinite(seconds).all() and (np.abs(seconds) < LONGEST_S).all()):
        raise DatasetError(f"{file}, recording {number}: times are not finite or beyond {LONGEST_S:g} seconds; it is damaged")
    microseconds = np.round(seconds * 1e6).astype(np.int64)
    order = np.argsort(microseconds, kind="stable")
    return Recording(microseconds[order], channels[order])
