"""Devices behind the link: a board, or a simulated one, byte for byte the same."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Unpack

import numpy as np
from numpy.typing import NDArray

from lifline.arch.config import Config
from lifline.arch.errors import DeviceError, InputError
from lifline.arch.program import POPULATION_COUNTERS
from lifline.arch.registers import REGISTERS, Space, address
from lifline.compiler.program import Program
from lifline.network.progress import Reporting, progress_of
from lifline.network.result import Counters, Cycles, Decisions, RunResult, decisions, decisions_of, parse_records, with_output
from lifline.network.spikes import as_batch
from lifline.sim.board.owner import Owner

from .arguments import fresh, period, stateful
from .batch import Batch
from .exchange import Clock, Exchange
from .identity import check_program, identify
from .items import EventCounters, Items
from .last_run import LastRun
from .link import Link
from .samples import Wanted, decision_of
from .stream import Part, Stream, StreamOptions

STATE = {"v": "v", "i": "i", "crossed": "c", "count": "count"}
"""What :meth:`LinkedDevice.read_state` calls the words of a neuron that are state."""
CLOSE_S = 10.0
"""How long a run may take to end when its device is closed."""


class LinkedDevice:
    """A device behind the link: a board or a simulated one.

    One thread uses it at a time, in the process that opened it; every other one gets an error that names the first. :meth:`stop` and
    :meth:`close` may come from any thread, and from signal handlers.

    Parameters
    ----------
    config : a configuration that is none of the presets, if the other end may have it.

    Raises
    ------
    LinkError     if nothing answers.
    DeviceError   if the other end is not a lifline device, or of another interface version.
    """

    def __init__(self, link: Link, *, url: str = "", config: Config | None = None) -> None:
        self.link, self.url = link, url
        self._owner = Owner(url or "the device")
        self._loaded: Exchange | None = None
        self.program: Program | None = None
        self._config = config
        self._items = 0
        self._last_run = LastRun.ENDED
        self._uses = 0  # runs, streams and loads so far: a stream that finds more than its own is over
        self._stream: tuple[dict[str, set[str]], dict[str, set[str]], EventCounters] | None = None
        self._untouched = True  # no window was computed since the last fresh start, or load
        self.config_hash, self.config = identify(link, url, config)

    @contextlib.contextmanager
    def _use(self, what: str) -> Iterator[None]:
        with self._owner.use(what):
            try:
                yield
            finally:
                if self._owner.closed:  # meanwhile, maybe by a signal handler of this very thread
                    self.link.close()

    def __enter__(self) -> LinkedDevice:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def info(self) -> dict[str, Any]:
        """Configuration and registers of the device."""
        with self._use("info()"):
            values = self.link.read(address(Space.REGISTERS, 0), len(REGISTERS))
        name = self.config.name if self.config else "unknown"
        return {"url": self.url, "config": name} | {r: int(values[REGISTERS[r].offset]) for r in REGISTERS}

    def load(self, program: Program) -> None:
        """Load a program and check that every word arrived.

        Raises
        ------
        LinkError     if the link fails; then no program is loaded.
        DeviceError   if the program was compiled for another configuration, the memory does not hold what was written, or another thread uses
            the device.
        """
        with self._use("load()"):
            self._load(program)

    def _load(self, program: Program) -> None:
        self.config_hash, self.config = identify(self.link, self.url, self._config)  # it may have been reconfigured
        config = check_program(program, self.config_hash, self.config, self.url)
        exchange = Exchange(self.link, program, config, self.url, self._owner.stop)
        self._loaded = self.program = None
        exchange.take_over()  # before anything that another driver could take for its own run's doing
        exchange.halt()
        exchange.set("control", 0)  # the clock of a stream that somebody has left behind ends
        for space, image in program.images.items():
            self.link.write(address(space, 0), image)
            back = self.link.read(address(space, 0), len(image))
            wrong = np.flatnonzero(back != image)
            if len(wrong):
                k = int(wrong[0])
                raise DeviceError(f"{space.name.lower()} word {k} reads back {int(back[k]):#x} instead of {int(image[k]):#x}; load again")
        for name, value in program.registers.items():
            exchange.set(name, value)
        exchange.claim()
        self._loaded, self.program = exchange, program
        self._uses += 1
        self._items, self._last_run, self._untouched = 0, LastRun.ENDED, True

    def stop(self) -> None:
        """Stop the run under way before its next window; for another thread or a signal handler. Its result covers the steps done."""
        self._owner.interrupt()

    def _ready(self) -> tuple[Program, Exchange]:
        if self._loaded is None or self.program is None:
            raise DeviceError("no program is loaded; call load() first")
        return self.program, self._loaded

    def run(
        self, spikes: object, *, reset: bool = True, record: str | Iterable[str] = (), steps: int | None = None, period_cycles: int = 0,
        progress: Reporting = None,
    ) -> RunResult:
        """Run a spike train (time, neuron), or a batch (batch, time, neuron), one item after the other, each from a fresh start.

        Parameters
        ----------
        reset : False continues where the last run ended (one item only); a first run after ``load`` starts from zero state.
        record : what to send back, as in :func:`lifline.network.result.parse_records`; ``spikes``, ``v`` and ``i``.
        steps : then ``spikes`` is an event list, rows ``(t, neuron)``, of a run of so many steps.
        period_cycles : clock cycles per time step in real time: a window starts when all its steps are due, and one that starts a
            period late counts as an overrun. 0: no waiting.
        progress : see :data:`~lifline.network.progress.Reporting`.

        Raises
        ------
        InputError    for spikes, names or a period out of range, or a continued run of several items; the device keeps its state.
        LinkError     if the link fails, or the device is gone or closed.
        DeviceError   if the device refuses or makes no progress, another driver has loaded it or it was reconfigured, another thread uses it,
            or a run is to be continued that failed or was stopped.
        """
        with self._use("run()"):
            with progress_of(f"running on {self.url or 'the device'}", progress) as tell:
                return self._run(spikes, reset, record, steps, period_cycles, tell)

    def _run(
        self, spikes: object, reset: bool, record: str | Iterable[str], steps: int | None, period_cycles: int, tell: Callable[[float], object]
    ) -> RunResult:
        reset, period_cycles = fresh(reset), period(period_cycles)
        program, _ = self._ready()
        array, _ = as_batch(spikes, program.network.input.size, steps)
        selection, wanted = self._selected(record)
        if not reset and max(len(array), self._items) > 1:
            raise InputError(f"a continued run takes one item after one item, not {len(array)} after {self._items}; use reset=True")
        if not reset and self._last_run is not LastRun.ENDED:
            raise DeviceError(f"{self.url}: the last run {self._last_run.value}, so that it cannot be continued; use reset=True")
        return self._execute(array, wanted, reset, period_cycles, tell).result(selection)

    def _selected(self, record: str | Iterable[str]) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
        """What a caller wants recorded, and with it what a result is derived from."""
        program, _ = self._ready()
        selection = parse_records(program.network, record)
        wanted = with_output(program.network, selection)
        for name, variables in wanted.items():
            missing = variables - {"spikes", *program.population(name).record}
            if missing:
                raise InputError(f"cannot record {', '.join(sorted(missing))} of `{name}` on a device; use the golden model")
        return selection, wanted

    def stream(self, source: object, **options: Unpack[StreamOptions]) -> Stream:
        """Results of a source that need not end, part by part; see :class:`~lifline.driver.stream.Stream` for the options.

        Raises
        ------
        InputError    for options that are out of range.
        DeviceError   if no program is loaded.
        """
        return Stream(self, source, **options)

    def begin_part(self, record: str | Iterable[str], period_cycles: int, *, clock_goes_on: bool) -> Part:
        """For :class:`~lifline.driver.stream.Stream`: a fresh start without any step, where real time begins, or goes on."""
        with self._use("stream()"):
            program, _ = self._ready()
            selection, wanted = self._selected(record)
            _, exchange = self._prepare(wanted, period(period_cycles), keep_clock=clock_goes_on)
            exchange.clear(Clock.GOES_ON if clock_goes_on else Clock.ALONE)
            self._items, self._untouched, self._last_run = 1, True, LastRun.ENDED
            self._stream = selection, wanted, {p.name: np.zeros(len(POPULATION_COUNTERS), np.uint32) for p in program.populations}
            return Part(self._uses, None, 0)

    def next_part(self, before: Part, spikes: NDArray[np.uint8]) -> Part:
        """For :class:`~lifline.driver.stream.Stream`: run ``spikes`` (time, neuron) behind the part ``before``.

        Raises
        ------
        LinkError, DeviceError   as :meth:`run`; DeviceError also if the device did something else since.
        """
        with self._use("stream()"):
            if before.uses != self._uses or self._stream is None or self._last_run is not LastRun.ENDED:
                raise DeviceError(f"{self.url}: something else ran since the stream's last part; a stream needs the device alone: start a new one")
            program, exchange = self._ready()
            selection, wanted, counters = self._stream
            idle = exchange.cycles_since()
            self._last_run = LastRun.FAILED
            items = Items(exchange, program, wanted, 1, len(spikes))
            counters = items.run(0, spikes, counters, reset=False, clock=Clock.GOES_ON | Clock.STAYS)
            items.cycles[0] = exchange.cycles.totals
            self._untouched &= not items.done[0]
            self._stream = selection, wanted, counters
            self._last_run = LastRun.STOPPED if exchange.stop.is_set() else LastRun.ENDED
            return Part(self._uses, items.result(selection), idle)

    def classify(self, spikes: object, *, steps: int | None = None, progress: Reporting = None) -> Decisions:
        """Run a spike train (time, neuron), or a batch (batch, time, neuron), each item from a fresh start, and send back only the output's scores: several
        times as many items per second as with :meth:`run` where the link is what limits.

        Parameters
        ----------
        steps, progress : as in :meth:`run`.

        Raises
        ------
        InputError, LinkError, DeviceError   as :meth:`run`.
        """
        with self._use("classify()"), progress_of(f"running on {self.url or 'the device'}", progress) as tell:
            program, _ = self._ready()
            array, _ = as_batch(spikes, program.network.input.size, steps)
            wanted = decision_of(program)
            _, exchange = self._prepare(dict(wanted.records), 0)
            batch = Batch(exchange, Items(exchange, program, dict(wanted.records), *array.shape[:2]), wanted)
            first = batch.run(array, tell)
            self._items, self._untouched = len(array), False
            self._last_run = LastRun.STOPPED if exchange.stop.is_set() else LastRun.ENDED
            found = batch.decisions()
            if first < len(array) and not exchange.stop.is_set():  # what does not fit into the device's memories
                rest = decisions_of(self._execute(array[first:], with_output(program.network, {}), True, 0).result({}))
                for into, more in ((found.scores, rest.scores), (found.steps, rest.steps), (found.exited, rest.exited)):
                    into[first:] = more
            return decisions(found.scores, found.steps, found.exited)

    def count(self, spikes: object, *, reset: bool = True) -> tuple[dict[str, Counters], Cycles]:
        """Run one spike train (time, neuron) and send back no spike and no state: only the populations' counters and the cycles.

        Parameters
        ----------
        reset : as in :meth:`run`.

        Raises
        ------
        InputError, LinkError, DeviceError   as :meth:`run`.
        """
        with self._use("count()"):
            return self._count(spikes, fresh(reset))

    def _count(self, spikes: object, reset: bool) -> tuple[dict[str, Counters], Cycles]:
        program, _ = self._ready()
        array, _ = as_batch(spikes, program.network.input.size, None)
        if not reset and (self._last_run is not LastRun.ENDED or self._items != 1):
            raise DeviceError(f"{self.url}: there is no single run to continue; use reset=True")
        found = self._execute(array, {}, reset, 0)
        return found.counted(), found.spent()

    def _prepare(self, wanted: dict[str, set[str]], period_cycles: int, *, keep_clock: bool = False) -> tuple[Program, Exchange]:
        """The device is this driver's, runs nothing, and knows the period and what to send back; until a run has ended it has failed."""
        program, exchange = self._ready()
        exchange.check()
        self._uses += 1
        self._last_run = LastRun.FAILED
        exchange.halt()
        if not keep_clock:
            if self._stream is not None:
                exchange.set("control", 0)  # its clock ends
            self._stream = None
            exchange.set("period", period_cycles)
        for where, value in program.recording(wanted):
            self.link.write(address(Space.PROGRAM, where), [value])
        return program, exchange

    def _execute(
        self, array: NDArray[np.uint8], wanted: dict[str, set[str]], reset: bool, period_cycles: int, tell: Callable[[float], object] = lambda share: None
    ) -> Items:
        """Run every item."""
        reset = reset or not self._items
        program, exchange = self._prepare(wanted, period_cycles)
        batch, length = array.shape[:2]
        self._items = batch
        items = Items(exchange, program, wanted, batch, length)
        first = 0
        if reset and not period_cycles:
            first = Batch(exchange, items, Wanted(wanted)).run(array, tell)
            self._untouched &= not first
        for k in range(first, batch):
            self._untouched |= reset
            if exchange.stop.is_set():
                break
            exchange.cycles.begin(fresh=reset)
            before = {p.name: np.zeros(len(POPULATION_COUNTERS), np.uint32) for p in program.populations} if reset else exchange.event_counters()
            items.run(k, array[k], before, reset=reset, tell=lambda share, k=k: tell((k + share) / batch))
            self._untouched &= not items.done[k]
            items.cycles[k] = exchange.cycles.totals
        self._last_run = LastRun.STOPPED if exchange.stop.is_set() else LastRun.ENDED
        return items

    def read_state(self, population: str) -> dict[str, NDArray[np.int64]]:
        """State after the last run, of its last item, shape (neuron,) each; zero before the first run.

        ``v``; ``i`` if the neurons have a synaptic current; ``c``, the crossings of the last step, if they are reset late;
        ``count``, the spikes fired, if they have a budget.

        Raises
        ------
        InputError    if there is no such population, or it is the input.
        LinkError, DeviceError   as :meth:`run`; DeviceError also if the last run failed.
        """
        with self._use("read_state()"):
            return self._read_state(population)

    def _read_state(self, population: str) -> dict[str, NDArray[np.int64]]:
        program, exchange = self._ready()
        model = stateful(program.network, population).neurons
        if self._last_run is LastRun.FAILED:
            raise DeviceError(f"{self.url}: the last run failed, its state means nothing; use reset=True in the next one")
        assert self.config is not None
        assert model is not None
        exchange.check()
        lanes = self.config.multipliers
        places: dict[str, list[NDArray[np.int64]]] = {}
        for band in program.bands(population):
            words = self.link.read(address(Space.NEURONS, band.row_base * lanes), band.rows * band.row_words * lanes)
            values = words.view(np.int32).reshape(band.rows, band.row_words, lanes).astype(np.int64)
            for name, offset in band.words.items():
                places.setdefault(name, []).append(values[:, offset].reshape(-1)[: band.places])
        exchange.check()
        layout = program.layouts[population]
        stored = {name: layout.gather(np.concatenate(of_bands)) for name, of_bands in places.items() if name in STATE}
        if self._untouched:
            stored = {name: np.zeros(layout.neurons, np.int64) for name in stored}
        elif "count" in stored:  # it counts up from minus the budget
            stored["count"] = stored["count"] + np.asarray(model.budget)
        return {shown: stored[name] for name, shown in STATE.items() if name in stored}

    def close(self) -> None:
        """Close the link. A run under way, in another thread, is stopped first and gives its result; anything else that is under way fails."""
        if os.getpid() != self._owner.process:
            return  # a fork's copy: the device stays with the process that opened it
        if self._owner.doing not in ("run()", "classify()", "count()", "stream()"):
            self.link.end()
        if self._owner.close(CLOSE_S) or not self._owner.mine:
            self.link.close()
