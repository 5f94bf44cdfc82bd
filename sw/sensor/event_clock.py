"""From a sensor's time to time steps: events with stamps in microseconds become spikes by one rule."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from operator import index
from typing import SupportsIndex

import numpy as np
from numpy.typing import NDArray

from lifline.arch import values
from lifline.arch.errors import InputError

from .recording import Replay

BLOCK_STEPS = 1024
"""Steps that are given out at once; a silence may be longer than memory."""
LATEST_US = 1 << 60
"""Farthest time from 0, in both directions: 36,000 years."""
AHEAD_US = 10_000_000
"""A sensor that is silent for longer should say what time it is."""


class EventClock:
    """Turns events ``(time in microseconds, neuron)``, roughly in order, into spikes (time, neuron).

    An event belongs to step ``floor((time - origin_us) / step_us)``. A step is complete, and given out, once time has come ``slack_us`` beyond its
    end: through an event, or a time without one (:meth:`advance_to`). What belongs to a step that was given out, or lies before the origin, is **late**.
    What lies more than ``ahead_us`` beyond the newest time is **early**: its stamp is taken for wrong. Both are dropped and counted. Two early events in
    a row that agree, within ``ahead_us``, are right: time did jump; the second one counts. Several events of a neuron in a step are one spike.

    Parameters
    ----------
    step_us : length of a step.   neurons : of the input.
    origin_us : where step 0 begins; the time of the first event if it is not given.
    slack_us : how far events may be out of order without being late; a step is given out so much later.

    Attributes
    ----------
    events, late, early, merged : how many came, came too late, too early, into a spike that was there already.
    given : steps that were given out.

    Raises
    ------
    InputError   for values out of range.
    """

    def __init__(self, step_us: int, neurons: int, *, origin_us: int | None = None, slack_us: int = 0, ahead_us: int = AHEAD_US) -> None:
        self.step_us = values.integer(step_us, "step_us", InputError, low=1, high=LATEST_US)
        self.neurons = values.integer(neurons, "neurons", InputError, low=1)
        self.slack_us = values.integer(slack_us, "slack_us", InputError, low=0, high=LATEST_US)
        self.ahead_us = values.integer(ahead_us, "ahead_us", InputError, low=1, high=LATEST_US)
        self._origin = None if origin_us is None else values.integer(origin_us, "origin_us", InputError, low=-LATEST_US, high=LATEST_US)
        self._newest: int | None = self._origin
        self._doubted: int | None = None
        self.events = self.late = self.early = self.merged = self.given = 0
        self._steps, self._neurons = np.zeros(0, np.int64), np.zeros(0, np.int64)  # of events whose step is not complete

    def push(self, item: object) -> Iterator[NDArray[np.uint8]]:
        """Take events, (event, 2) or one pair, or a time without an event, an integer; gives the steps that are complete now, in blocks.

        Raises
        ------
        InputError   for another shape or type, neurons that do not exist, and times beyond :data:`LATEST_US`.
        """
        if isinstance(item, SupportsIndex) and not isinstance(item, np.ndarray):
            self.advance_to(index(item))
        else:
            self._take(self._checked(item))
        return self._complete()

    def advance_to(self, time_us: int) -> None:
        """Time has come so far, without an event. What is complete comes with the next :meth:`push`."""
        time_us = values.integer(time_us, "time_us", InputError, low=-LATEST_US, high=LATEST_US)
        if self._origin is None:
            self._origin = time_us
        self._newest = time_us if self._newest is None else max(self._newest, time_us)

    def finish(self) -> Iterator[NDArray[np.uint8]]:
        """The source has ended: all steps up to the last event."""
        if len(self._steps):
            yield from self._give(int(self._steps.max()) + 1)

    def steps(self, source: object) -> Iterator[NDArray[np.uint8]]:
        """Spikes (time, neuron) of all that ``source`` gives to :meth:`push`, and the rest at its end.

        Parameters
        ----------
        source : an iterable of items for :meth:`push`, an array of events, or a file object of a recording, opened for reading bytes.

        Raises
        ------
        InputError   as :meth:`push`, and if it is no source.
        """
        if isinstance(source, np.ndarray):
            source = [source]
        elif hasattr(source, "read"):
            source = Replay(source)
        if not isinstance(source, Iterable):
            raise InputError(f"{values.short(source)} is no source of events; give an iterable, an array (event, 2), or a recording opened for reading bytes")
        for item in source:
            yield from self.push(item)
        yield from self.finish()

    def __repr__(self) -> str:
        return f"EventClock({self.events} events in {self.given} steps, {self.late} late, {self.early} early, {self.merged} merged)"

    def _checked(self, item: object) -> NDArray[np.int64]:
        events = values.array(item, "events", InputError)
        if events.size == 0:
            return np.zeros((0, 2), np.int64)
        if events.shape == (2,):
            events = events[None]
        if events.ndim != 2 or events.shape[1] != 2:
            raise InputError(f"events have shape {events.shape}; give (event, 2) with rows (time in microseconds, neuron), or a time")
        events = values.integer_array(events, "events", InputError)
        for column, what, low, high in ((0, "time", -LATEST_US, LATEST_US), (1, "neuron", 0, self.neurons - 1)):
            bad = (events[:, column] < low) | (events[:, column] > high)
            if bad.any():
                raise InputError(f"event {int(bad.argmax())}: {what} {int(events[bad.argmax(), column])} must be in {low}..{high}")
        return events

    def _take(self, events: NDArray[np.int64]) -> None:
        """Sort out early and late events; keep the others."""
        self.events += len(events)
        kept, newest = self._believed(events)
        if not len(kept):
            return
        assert self._origin is not None
        times = kept[:, 0]
        steps = (times - self._origin) // self.step_us
        complete = (newest - self.slack_us - self._origin) // self.step_us  # steps that were complete when the event came
        inside = (steps >= np.maximum(complete, self.given)) & (steps >= 0)
        self.late += int((~inside).sum())
        self._steps = np.concatenate([self._steps, steps[inside]])
        self._neurons = np.concatenate([self._neurons, kept[inside, 1]])

    def _believed(self, events: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Events that are not early, and for each the newest time, its own included. Time goes on."""
        if not len(events):
            return events, np.zeros(0, np.int64)
        if self._origin is None:
            self._origin = self._newest = int(events[0, 0])
        assert self._newest is not None
        newest = np.maximum(np.maximum.accumulate(events[:, 0]), self._newest)
        jumps = np.diff(newest, prepend=self._newest) > self.ahead_us
        if jumps.any():
            events, newest = self._one_by_one(events)
        else:
            self._doubted = None
        if len(newest):
            self._newest = int(newest[-1])
        return events, newest

    def _one_by_one(self, events: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        kept, newest = [], []
        now = self._newest
        assert now is not None
        for k, time in enumerate(events[:, 0].tolist()):
            if time > now + self.ahead_us and (self._doubted is None or abs(time - self._doubted) > self.ahead_us):
                self.early += 1
                self._doubted = time
                continue
            self._doubted = None
            now = max(now, time)
            kept.append(k)
            newest.append(now)
        return events[kept], np.array(newest, np.int64)

    def _complete(self) -> Iterator[NDArray[np.uint8]]:
        if self._newest is not None and self._origin is not None:
            yield from self._give((self._newest - self.slack_us - self._origin) // self.step_us)

    def _give(self, end: int) -> Iterator[NDArray[np.uint8]]:
        """Give out the steps before ``end``."""
        while self.given < end:
            count = min(end - self.given, BLOCK_STEPS)
            block = np.zeros((count, self.neurons), np.uint8)
            now = self._steps < self.given + count
            block[self._steps[now] - self.given, self._neurons[now]] = 1
            self.merged += int(now.sum()) - int(block.sum(dtype=np.int64))
            self._steps, self._neurons = self._steps[~now], self._neurons[~now]
            self.given += count
            yield block
