"""Recordings of events, and how they become spikes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lifline.arch.errors import DatasetError

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Recording:
    """Events of one sample: ``times_us`` (event,) in microseconds, not falling; ``channels`` (event,), flat indices into the data set's shape."""

    times_us: Ints
    channels: Ints


@dataclass(frozen=True, eq=False)
class EventDataset:
    """Recordings with labels.

    Attributes
    ----------
    name : of the data set.   recordings, labels : one per sample.   classes : name of every label.
    shape : of the sensor's channels, outermost first: (polarity, y, x) of a camera, (channel,) of a cochlea.
    """

    name: str
    recordings: tuple[Recording, ...]
    labels: Ints
    classes: tuple[str, ...]
    shape: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.recordings)

    def spikes(self, *, step_us: int, steps: int) -> Binned:
        """All samples as spikes, see :func:`bin_events`."""
        parts = [bin_events(r, self.shape, step_us=step_us, steps=steps) for r in self.recordings]
        spikes = np.concatenate([p.spikes for p in parts]) if parts else np.zeros((0, steps, int(np.prod(self.shape))), np.uint8)
        return Binned(spikes, sum(p.merged for p in parts), sum(p.late for p in parts))


@dataclass(frozen=True, eq=False)
class Binned:
    """Spikes (sample, time, neuron) of events: how many were ``merged`` into one that was there already, and how many came too ``late``."""

    spikes: NDArray[np.uint8]
    merged: int
    late: int


def bin_events(recording: Recording, shape: tuple[int, ...], *, step_us: int, steps: int) -> Binned:
    """Spikes (1, ``steps``, neuron) of one recording; a channel fires in a step if it had any event in those ``step_us`` microseconds.

    Time starts at 0, not at the first event.

    Raises
    ------
    DatasetError   for a step or a number of steps below 1, negative times, or channels outside ``shape``.
    """
    size = int(np.prod(shape))
    if step_us < 1 or steps < 1:
        raise DatasetError(f"step_us={step_us} and steps={steps} must be at least 1")
    if len(recording.times_us) and (recording.times_us.min() < 0 or recording.channels.min() < 0 or recording.channels.max() >= size):
        raise DatasetError(f"events have a negative time, or channels outside 0..{size - 1}; the recording is damaged or has another shape")
    when = recording.times_us // step_us
    inside = when < steps
    spikes = np.zeros((1, steps, size), np.uint8)
    spikes[0, when[inside], recording.channels[inside]] = 1
    return Binned(spikes, int(inside.sum() - spikes.sum(dtype=np.int64)), int((~inside).sum()))


def existing(path: str | Path, what: str, layout: str, source: str) -> Path:
    """The path, if it is there.

    Raises
    ------
    DatasetError   saying which layout is expected, and where to get the data.
    """
    found = Path(path)
    if not found.exists():
        raise DatasetError(f"{found} does not exist; {what} is expected as {layout}. Get it from {source}; nothing is downloaded for you")
    return found


def class_folders(folder: Path, pattern: str, what: str) -> Iterator[tuple[str, list[Path]]]:
    """Sub-folders in the order of their names, each with its files.

    Raises
    ------
    DatasetError   if there is none with such files.
    """
    found = [(f.name, sorted(f.glob(pattern))) for f in sorted(folder.iterdir()) if f.is_dir()] if folder.is_dir() else []
    found = [(name, files) for name, files in found if files]
    if not found:
        raise DatasetError(f"{folder} has no sub-folders with {pattern} files; {what} has one per class")
    yield from found
