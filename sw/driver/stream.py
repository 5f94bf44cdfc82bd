"""Streams: results of a source that need not end, part by part, with state, early exit and real time going on."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypedDict, TypeVar

import numpy as np
from numpy.typing import NDArray

from lifline.arch.errors import DeviceError, InputError
from lifline.arch.registers import DUE_BITS
from lifline.arch.values import integer
from lifline.compiler.program import Program
from lifline.network.result import RunResult, parse_records
from lifline.sensor.event_clock import EventClock

from .arguments import period as checked_period
from .chunks import Chunks, Rows, async_items_of, items_of
from .scores import Scores, Values, best

MOST_DUE = (1 << DUE_BITS) - 1
"""Steps that a device remembers to be due."""
AFTER_EXIT = ("stop", "restart")
T = TypeVar("T")


@dataclass(frozen=True)
class Part:
    """What a device says of a part: how often it was used so far, the result, and the cycles between the part before and this one."""

    uses: int
    result: RunResult | None
    idle_cycles: int


class Streaming(Protocol):
    """What a stream needs of a device."""

    @property
    def program(self) -> Program | None: ...

    def begin_part(self, record: str | Iterable[str], period_cycles: int, *, clock_goes_on: bool) -> Part: ...

    def next_part(self, before: Part, spikes: NDArray[np.uint8]) -> Part: ...

    def stop(self) -> None: ...


class StreamOptions(TypedDict, total=False):
    """Options of :class:`Stream`."""

    chunk: int
    period: int
    clock: EventClock | None
    record: str | Iterable[str]
    window: int | None
    score: str | None
    after_exit: str


@dataclass(frozen=True, eq=False)
class ChunkResult:
    """One part of a stream.

    Attributes
    ----------
    number : from 0.   first_step : the stream's step that is its first.   result : of the part alone, batch 1.
    prediction, running, windowed : arg max of the scores of the part, of everything since the stream or the last decision began, and of the
        last ``window`` steps; -1 if there is none.
    scores, running_scores, windowed_scores : (neuron,), what they are taken from; None likewise.
    latency_s : from the moment in which the source gave the part's last step to the result.
    lag_cycles : clock cycles from the moment in which its last step was due to the end of the part; None without a period or a clock.
    overruns : windows of the part that started a period late, or later.
    late_beyond_count : :data:`MOST_DUE` steps or more were due; the device forgets what is beyond, and its schedule begins anew from there.
    exited : the part ended with a decision.
    """

    number: int
    first_step: int
    result: RunResult
    scores: Values | None
    running_scores: Values | None
    windowed_scores: Values | None
    latency_s: float
    lag_cycles: int | None
    overruns: int
    late_beyond_count: bool

    @property
    def exited(self) -> bool:
        return bool(self.result.exited[0])

    @property
    def prediction(self) -> int:
        return best(self.scores)

    @property
    def running(self) -> int:
        return best(self.running_scores)

    @property
    def windowed(self) -> int:
        return best(self.windowed_scores)

    def __repr__(self) -> str:
        return f"ChunkResult({self.number}: steps {self.first_step}..{self.first_step + int(self.result.steps[0])}, prediction {self.prediction}, running {self.running})"


class Schedule:
    """When steps are due, in cycles of the device since the stream began.

    Attributes
    ----------
    spent : cycles since then.   steps : executed.
    """

    def __init__(self, period: int) -> None:
        self.period, self.spent, self.steps = period, 0, 0

    def pass_time(self, cycles: int) -> bool:
        """Time goes on; whether as many steps are due as the device remembers, or more, so that the schedule begins anew with those."""
        self.spent += cycles
        if not self.period or self.spent // self.period - self.steps < MOST_DUE:
            return False
        self.spent = (self.steps + MOST_DUE) * self.period + self.spent % self.period
        return True

    @property
    def lag(self) -> int:
        """Cycles since the last executed step was due."""
        return self.spent - self.steps * self.period


class Stream:
    """Results of a source, in parts of ``chunk`` steps: an iterator, and an asynchronous one. Made by ``device.stream(...)``.

    State and early exit go on from part to part: the parts together are the run of everything. With a ``period`` real time goes on, too, from the
    first part on, also while the source or the caller takes its time: step n is due n + 1 periods after the stream began, a window starts
    when its steps are due, and what starts late is counted.

    The device belongs to the stream until it ends; anything else that it runs ends the stream with an error at the next part.

    Parameters
    ----------
    source : an iterable of steps, (neuron,) or (time, neuron) each, of 0 and 1; an array (time, neuron); a file opened for reading bytes, one byte per
        neuron and step. With ``clock`` it gives events instead, see :class:`~lifline.sensor.event_clock.EventClock`. For ``async for`` it may be
        asynchronous.
    chunk : steps of a part; the last one may be shorter.   period : clock cycles per step in real time; 0: as fast as the source.
    record : as for ``run``.   window : steps of ``windowed``, a multiple of ``chunk``.
    score : what decides: ``spike_counts``; for a read-out ``v_max``, ``v_sum`` or ``v_last``.
    after_exit : an early exit is a decision. ``stop``: it is the stream's last part. ``restart``: the steps behind it begin the next one, from zero state.

    Attributes
    ----------
    chunks, steps, overruns, lost : so far; ``lost``: parts that were so late that real time was lost.
    worst_lag_cycles, worst_latency_s : of any part so far.

    Raises
    ------
    InputError    for options out of range; while it runs, for what the source gives.
    DeviceError   if no program is loaded; while it runs, as for ``run``.
    """

    def __init__(
        self, device: Streaming, source: object, *, chunk: int = 1, period: int = 0, clock: EventClock | None = None, record: str | Iterable[str] = (),
        window: int | None = None, score: str | None = None, after_exit: str = "stop",
    ) -> None:
        if device.program is None:
            raise DeviceError("no program is loaded; call load() first")
        self._device, self._source, self._clock, self._network = device, source, clock, device.program.network
        self.chunk = integer(chunk, "chunk, the steps of a part,", InputError, low=1)
        if self.chunk >= MOST_DUE and period:
            raise InputError(f"chunk {self.chunk} must be below {MOST_DUE} in real time: a device remembers so many steps that are due; take smaller parts")
        self.period, self._record = checked_period(period), [record] if isinstance(record, str) else list(record)
        parse_records(self._network, self._record)
        if window is not None:
            window = integer(window, "window, in steps,", InputError, low=1)
            if window % self.chunk:
                raise InputError(f"window {window} must be a multiple of the chunk, {self.chunk} steps")
        if after_exit not in AFTER_EXIT:
            raise InputError(f"after_exit {after_exit!r} must be one of {', '.join(AFTER_EXIT)}")
        if clock is not None and clock.neurons != self._network.input.size:
            raise InputError(f"the clock makes spikes of {clock.neurons} neurons; the network's input has {self._network.input.size}")
        self._restarts = after_exit == "restart"
        self._window, self._score = window, score
        self._scores = self._new_scores()
        self._chunks = Chunks(self.chunk, self._network.input.size)
        self._items: Iterator[object] | None = None
        self._async_items: AsyncIterator[object] | None = None
        self._schedule = Schedule(self.period)
        self._part: Part | None = None
        self._ended = self._source_ended = False
        self.chunks = self.steps = self.overruns = self.lost = self.worst_lag_cycles = 0
        self.worst_latency_s = 0.0

    def __repr__(self) -> str:
        return f"Stream({self.chunks} chunks, {self.steps} steps, {self.overruns} overruns{', ended' if self._ended else ''})"

    def _new_scores(self) -> Scores:
        return Scores(self._network.population(self._network.output), self._score, self._window // self.chunk if self._window else None)

    # Real time begins before the source is asked for the first time.

    def __iter__(self) -> Stream:
        return self

    def __next__(self) -> ChunkResult:
        if self._ended:
            raise StopIteration
        try:
            self._begin()
            if self._items is None:
                self._items = items_of(self._source, self._network.input.size, self.chunk, self._clock)
            while self._chunks.waiting < self.chunk and not self._source_ended:
                try:
                    self._chunks.add(next(self._items))
                except StopIteration:
                    self._source_ended = True
            found = self._next(self._chunks.take(), time.perf_counter())
        except BaseException:
            self._ended = True
            raise
        if found is None:
            raise StopIteration
        return found

    def __aiter__(self) -> Stream:
        return self

    async def __anext__(self) -> ChunkResult:
        """Source and device work in a thread, so that everything else goes on; cancelling stops the device's part."""
        if self._ended:
            raise StopAsyncIteration
        if not hasattr(self._source, "__aiter__"):
            found = await self._threaded(lambda: next(self, None))
        else:
            found = await self._next_of_async_source()
        if found is None:
            raise StopAsyncIteration
        return found

    async def _next_of_async_source(self) -> ChunkResult | None:
        try:
            await self._threaded(self._begin)
            if self._async_items is None:
                self._async_items = aiter(async_items_of(self._source, self._clock))
            while self._chunks.waiting < self.chunk and not self._source_ended:
                try:
                    self._chunks.add(await anext(self._async_items))
                except StopAsyncIteration:
                    self._source_ended = True
            rows, now = self._chunks.take(), time.perf_counter()
            return await self._threaded(lambda: self._next(rows, now))
        except BaseException:
            self._ended = True
            raise

    async def _threaded(self, work: Callable[[], T]) -> T:
        task = asyncio.ensure_future(asyncio.to_thread(work))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            self.close()
            with contextlib.suppress(Exception):
                await task  # the thread still uses the device
            raise

    def close(self) -> None:
        """No further part. A part under way, in another thread, is stopped before its next window and is the last one."""
        if not self._ended:  # else the device may be another's by now
            self._ended = True
            self._device.stop()

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _begin(self) -> None:
        if self._part is None:
            self._part = self._device.begin_part(self._record, self.period, clock_goes_on=False)

    def _next(self, rows: Rows, given_s: float) -> ChunkResult | None:
        """Run a part; None at the end."""
        if not len(rows):
            self._ended = True
            return None
        assert self._part is not None
        first, late = self.steps, False
        self._part = self._device.next_part(self._part, rows)
        result = self._part.result
        assert result is not None
        done, lag = int(result.steps[0]), None
        if result.cycles is not None:
            c = result.cycles
            late |= self._schedule.pass_time(self._part.idle_cycles)
            self._schedule.steps += done
            late |= self._schedule.pass_time(int(c.busy[0] + c.stall_input[0] + c.stall_output[0] + c.stall_period[0]) - self._part.idle_cycles)
            lag = self._schedule.lag if self.period else None
        self._scores.add(result)
        found = ChunkResult(
            self.chunks, first, result, self._scores.chunk if done else None, self._scores.running, self._scores.windowed,
            time.perf_counter() - given_s, lag, int(result.cycles.overruns[0]) if result.cycles is not None else 0, late,
        )  # fmt: skip
        self._count(found, done)
        if found.exited and self._restarts:
            self._restart(rows[done:])
        elif found.exited or done < len(rows):
            self._ended = True  # a decision, or stopped
        return found

    def _count(self, found: ChunkResult, done: int) -> None:
        self.chunks, self.steps, self.overruns = self.chunks + 1, self.steps + done, self.overruns + found.overruns
        self.lost += found.late_beyond_count
        self.worst_lag_cycles = max(self.worst_lag_cycles, found.lag_cycles or 0)
        self.worst_latency_s = max(self.worst_latency_s, found.latency_s)

    def _restart(self, rest: Rows) -> None:
        """The next decision begins with the steps that are left; real time goes on."""
        self._chunks.back(rest)
        self._scores = self._new_scores()
        self._part = self._device.begin_part(self._record, self.period, clock_goes_on=True)
