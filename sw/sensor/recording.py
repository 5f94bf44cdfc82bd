"""Recordings of events: a file that grows while a sensor sends, and that can be played again."""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Iterable, Iterator
from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from lifline.arch import values
from lifline.arch.errors import InputError, OutputError

log = logging.getLogger(__name__)
MAGIC = b"LIFEVT01"
EVENT = np.dtype([("time_us", "<i8"), ("neuron", "<u4")])
"""One event behind the 8 bytes of :data:`MAGIC`."""
NO_NEURON = 0xFFFFFFFF
"""Of a time without an event."""
BATCH_EVENTS = 4096
PACE_US = 1000
"""Events of a millisecond are played together."""
Item = NDArray[np.int64] | int


def record(source: Iterable[object], path: str | PathLike[str]) -> Iterator[object]:
    """Pass on what ``source`` gives, events (event, 2) or times, and write it to a file; what was passed on is in the file.

    Raises
    ------
    InputError    for items that are neither.
    OutputError   if the file cannot be written.
    """
    if not isinstance(source, Iterable):
        raise InputError(f"{values.short(source)} gives no events; give an iterable of events (event, 2) or times")

    def written(data: bytes) -> None:
        try:
            file.write(data)
            file.flush()
        except OSError as error:
            with contextlib.suppress(OSError):  # closing tries once more to write what is left
                file.close()
            raise OutputError(f"{path} cannot be written ({error}); choose another place") from error

    try:
        file = Path(path).open("wb")
    except OSError as error:
        raise OutputError(f"{path} cannot be written ({error}); choose another place") from error
    with contextlib.closing(file):
        written(MAGIC)
        for item in source:
            written(_packed(item))
            yield item


def _packed(item: object) -> bytes:
    array = values.integer_array(item, "events", InputError)
    array = array[None] if array.shape == (2,) else array
    if array.ndim == 0:
        array = np.array([[int(array), NO_NEURON]])
    elif array.size and (array.ndim != 2 or array.shape[1] != 2 or array[:, 1].min() < 0 or array[:, 1].max() >= NO_NEURON):
        raise InputError(f"events of shape {array.shape} cannot be recorded; give (event, 2) with rows (time in microseconds, neuron), or a time")
    packed = np.zeros(len(array) if array.size else 0, EVENT)
    if array.size:
        packed["time_us"], packed["neuron"] = array.T
    return packed.tobytes()


class Replay:
    """Gives what a recording holds, in its order: events (event, 2), and times without one.

    Parameters
    ----------
    source : a path, or a file opened for reading bytes; a pipe will do.
    speed : 1 plays it at the pace of its time stamps, 2 at twice that; 0 as fast as it is taken.

    Raises
    ------
    InputError   if it is no recording, or the speed is negative.
    """

    def __init__(self, source: object, *, speed: float = 0.0) -> None:
        if not isinstance(speed, int | float) or not 0 <= speed < float("inf"):
            raise InputError(f"speed {speed!r} must be a number of at least 0; 1 is the recording's own pace")
        self.source, self.speed = source, speed

    def __iter__(self) -> Iterator[Item]:
        if hasattr(self.source, "read"):
            yield from self._play(cast(BinaryIO, self.source))
            return
        try:
            file = Path(cast(Any, self.source)).open("rb")
        except (OSError, TypeError) as error:
            raise InputError(f"{values.short(self.source)} cannot be read as a recording ({error}); give the path that `record` wrote") from error
        with file:
            yield from self._play(file)

    def _play(self, file: BinaryIO | BytesIO) -> Iterator[Item]:
        with contextlib.suppress(OSError):  # what is in memory has no such mode
            if not os.get_blocking(file.fileno()):
                raise InputError("the file does not wait for what is not there yet; open it in blocking mode")
        if (head := file.read(len(MAGIC))) != MAGIC:
            raise InputError(f"the file begins with {head!r}, not {MAGIC!r}: it is no recording of events")
        rest, first, began = b"", None, time.monotonic()
        read = getattr(file, "read1", file.read)  # what is there: a pipe need not fill a batch
        while block := read(BATCH_EVENTS * EVENT.itemsize - len(rest)):
            rest += block
            whole = len(rest) // EVENT.itemsize * EVENT.itemsize
            events = np.frombuffer(rest[:whole], EVENT)
            rest = rest[whole:]
            for item in _items(events, PACE_US if self.speed else None):
                if self.speed:
                    now = item if isinstance(item, int) else int(item[0, 0])
                    first = now if first is None else first
                    time.sleep(max(0.0, (now - first) * 1e-6 / self.speed - (time.monotonic() - began)))
                yield item
        if rest:
            log.warning("the recording ends in the middle of an event: %d of %d bytes are left out", len(rest), EVENT.itemsize)


def _items(events: NDArray[np.void], pace_us: int | None) -> Iterator[Item]:
    """Events together, in parts of ``pace_us``, and the times between them."""
    table = np.stack([events["time_us"], events["neuron"].astype(np.int64)], axis=1)
    cut = table[:, 1] == NO_NEURON
    cut[1:] |= cut[:-1]
    if pace_us and len(table):
        cut |= np.diff(table[:, 0] // pace_us, prepend=table[0, 0] // pace_us) != 0
    for part in np.split(table, np.flatnonzero(cut)):
        if len(part):
            yield int(part[0, 0]) if part[0, 1] == NO_NEURON else part
