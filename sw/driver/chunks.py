"""Sources that need not end, cut into chunks of time steps."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Protocol, cast, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from lifline.arch import values
from lifline.arch.errors import InputError
from lifline.network.spikes import as_batch
from lifline.sensor.event_clock import EventClock

Rows = NDArray[np.uint8]
"""Spikes of some time steps, (time, neuron)."""


@runtime_checkable
class ByteFile(Protocol):
    """A file that was opened for reading bytes."""

    def read(self, count: int, /) -> bytes | None: ...


class Chunks:
    """Collects steps until a chunk of them is there.

    Parameters
    ----------
    steps : of a chunk.   neurons : of the input.
    """

    def __init__(self, steps: int, neurons: int) -> None:
        self.steps, self.neurons = steps, neurons
        self._parts: list[Rows] = []
        self.waiting = 0
        """steps that are there"""

    def add(self, item: object) -> None:
        """One step (neuron,), or several (time, neuron), of 0 and 1.

        Raises
        ------
        InputError   for another shape, type or value.
        """
        array = values.array(item, "an item of the stream", InputError)
        if array.ndim == 1:
            array = array[None]
        if array.ndim != 2:
            raise InputError(f"an item of the stream has shape {array.shape}; give ({self.neurons},), a time step, or (time, {self.neurons})")
        if len(array):
            self.back(as_batch(array, self.neurons)[0][0], front=False)

    def back(self, rows: Rows, *, front: bool = True) -> None:
        """Steps that come before (or behind) all others."""
        if len(rows):
            self._parts.insert(0 if front else len(self._parts), rows)
            self.waiting += len(rows)

    def take(self) -> Rows:
        """The next chunk, shorter only if fewer steps are there."""
        if not self._parts:
            return np.zeros((0, self.neurons), np.uint8)
        rows = self._parts[0] if len(self._parts) == 1 else np.concatenate(self._parts)
        chunk, rest = rows[: self.steps], rows[self.steps :]
        self._parts = [rest] if len(rest) else []
        self.waiting = len(rest)
        return chunk


def items_of(source: object, neurons: int, steps: int, clock: EventClock | None) -> Iterator[object]:
    """What a source gives, item by item: spikes, or, with a ``clock``, spikes of the steps that its events have completed.

    A file of bytes has one byte for each neuron and step, 0 or 1, step by step; with a clock it is a recording.

    Raises
    ------
    InputError   if it is no source.
    """
    if isinstance(source, AsyncIterator) or hasattr(source, "__aiter__"):
        raise InputError("an asynchronous source needs `async for`; take a plain iterable for `for`")
    if isinstance(source, np.ndarray) and clock is None:
        yield source
    elif clock is not None:
        yield from clock.steps(source)
    elif isinstance(source, ByteFile):
        yield from _steps_of(source, neurons, steps)
    elif isinstance(source, Iterable):
        yield from source
    else:
        raise InputError(f"{values.short(source)} is no source; give an iterable of steps, an array (time, {neurons}), or a file opened for reading bytes")


def _steps_of(file: ByteFile, neurons: int, steps: int) -> Iterator[Rows]:
    """Steps of a file as they come: a pipe may give less than was asked for."""
    rest = b""
    while block := file.read(steps * neurons - len(rest)):
        if not isinstance(block, bytes | bytearray | memoryview):
            raise InputError("the file gives text; open it for reading bytes, mode `rb`")
        rest += block
        whole = len(rest) // neurons * neurons
        if whole:
            yield np.frombuffer(rest[:whole], np.uint8).reshape(-1, neurons)
        rest = rest[whole:]
    if block is None:
        raise InputError("the file has nothing to read yet and does not wait; open it in blocking mode")
    if rest:
        raise InputError(f"the file ends in the middle of a step: {len(rest)} of {neurons} bytes; a step is a byte, 0 or 1, for each neuron")


async def async_items_of(source: object, clock: EventClock | None) -> AsyncIterator[object]:
    """As :func:`items_of`, of an asynchronous iterable."""
    async for item in cast(AsyncIterator[object], source):
        if clock is None:
            yield item
        else:
            for rows in clock.push(item):
                yield rows
    if clock is not None:
        for rows in clock.finish():
            yield rows
