"""One start of a device: feeds its input, drains its output, and unpacks what it sends."""

from __future__ import annotations

import enum
import secrets
import threading
import time

import numpy as np
from numpy.typing import NDArray

from lifline.arch.config import Config
from lifline.arch.errors import DeviceError
from lifline.arch.limits import RING_BITS
from lifline.arch.program import FIRST_COUNTER, POPULATION_COUNTERS
from lifline.arch.records import RECORD, RecordKind
from lifline.arch.registers import (
    CONTROL_CLOCK,
    CONTROL_DISCARD,
    CONTROL_FRESH,
    CONTROL_START,
    CONTROL_STOP,
    CONTROL_TAG_SHIFT,
    COUNTERS,
    POSITION_BITS,
    REGISTERS,
    STATUS_COUNTER_WRAPPED,
    STATUS_EXITED,
    STATUS_INPUT_RANGE,
    STATUS_RUNNING,
    Space,
    address,
)
from lifline.compiler.program import Program

from .counters import CycleCounters
from .input_words import input_words, input_writes
from .link import Link

POSITION_MASK = (1 << POSITION_BITS) - 1
MARK_BITS = 32
STALLED_S = 10.0
"""A run that makes no progress for this long, and does not wait for its real-time period either, has lost its device."""
STEP_MASK = (1 << next(field.width for field in RECORD.fields if field.name == "step")) - 1
RECORDED: dict[int, str] = {RecordKind.V: "v", RecordKind.I: "i"}
POLLED = REGISTERS["status"].offset, REGISTERS["output_count"].offset + 1
"""First and end of the registers that are read together while a run is under way."""
COUNTED = REGISTERS[COUNTERS[0]].offset, REGISTERS["load_mark"].offset + 1
"""First and end of the registers that are read together when counters are looked at."""

PERIOD = COUNTERS.index("stall_period_cycles")

Records = dict[str, dict[str, NDArray]]
"""Population -> variable -> (batch, time, neuron)."""


class Clock(enum.IntFlag):
    """Whether the real-time clock of a run is the one that went on since the run before it, and whether it goes on behind it."""

    ALONE = 0
    GOES_ON = 1
    """from the run before"""
    STAYS = 2
    """for the next run"""


class Exchange:
    """Input and output of a program's runs on one device.

    Attributes
    ----------
    stop : set it from anywhere to end the run under way before its next window.   position : output words read since the last fresh start.
    cycles : the device's cycle counters, carried.
    """

    def __init__(self, link: Link, program: Program, config: Config, url: str, stop: threading.Event) -> None:
        self.link, self.program, self.config, self.url, self.stop = link, program, config, url, stop
        self.position, self._mark = 0, 0
        self.cycles = CycleCounters(self._counters, lambda: bool(self.get("status") & STATUS_COUNTER_WRAPPED))

    def take_over(self) -> None:
        """Tell every other driver of this device, at its next look, that its program is gone."""
        self.set("load_mark", 0)

    def claim(self) -> None:
        """Mark the device as loaded by this driver, now."""
        self._mark = secrets.randbits(MARK_BITS) or 1
        self.set("load_mark", self._mark)

    def check(self) -> None:
        """Make sure that the device still holds what this driver has loaded.

        Raises
        ------
        DeviceError   if it does not.
        """
        self.compare(self.get("load_mark"))

    def compare(self, mark: int) -> None:
        """Make sure that a load mark is this driver's.

        Raises
        ------
        DeviceError   if it is not.
        """
        if mark != self._mark:
            how = "reconfigured, or is being loaded by another driver," if not mark else "loaded by another driver"
            raise DeviceError(f"{self.url}: the device was {how} since load(); load again")

    def _counters(self) -> NDArray[np.uint32]:
        """The cycle counters, which must be those of this driver's program."""
        words = self.link.read(address(Space.REGISTERS, COUNTED[0]), COUNTED[1] - COUNTED[0])
        self.compare(int(words[-1]))
        return words[: len(COUNTERS)]

    def event_counters(self) -> dict[str, NDArray[np.uint32]]:
        """The counters of every population, (band, counter), modulo 2^32."""
        return {
            name: np.stack(
                [self.link.read(address(Space.PROGRAM, p.address + FIRST_COUNTER), len(POPULATION_COUNTERS)) for p in self.program.bands(name)]
            )
            for name in self.program.order
        }

    def get(self, name: str) -> int:
        """Value of a register."""
        return int(self.link.read(address(Space.REGISTERS, REGISTERS[name].offset))[0])

    def set(self, name: str, value: int) -> None:
        """Write a register."""
        self.link.write(address(Space.REGISTERS, REGISTERS[name].offset), [value])

    def halt(self) -> None:
        """Stop a run that a failed call, or a driver that went away, has left behind.

        Raises
        ------
        DeviceError   if it does not stop.
        """
        start = time.monotonic()
        while self.get("status") & STATUS_RUNNING:
            self.set("control", CONTROL_STOP)
            self.set("output_taken", self.get("output_count"))  # it may be waiting for room
            if time.monotonic() - start > STALLED_S:
                raise DeviceError(f"{self.url}: an earlier run does not stop; reset the board")

    def clear(self, clock: Clock) -> None:
        """A fresh start without any step: it clears state and the populations' counters, and the real-time clock begins, if it does not go on.

        Raises
        ------
        LinkError     if the link fails.
        DeviceError   if it does not end.
        """
        if Clock.GOES_ON not in clock:
            self.cycles.begin(fresh=False)  # nothing counts until the clock begins
        self._start(0, True, clock | Clock.STAYS, keep_counters=True)
        began = time.monotonic()
        while self.get("status") & STATUS_RUNNING:
            if time.monotonic() - began > STALLED_S:
                raise DeviceError(f"{self.url}: clearing does not end; reset the board")
        self.position = 0

    def cycles_since(self) -> int:
        """Cycles that the device has counted since they were looked at last, or 0 if nothing counts between runs; the totals begin with them.

        Raises
        ------
        DeviceError   if the device does not hold what this driver has loaded.
        """
        self.cycles.resume()
        self.cycles.again()
        return int(self.cycles.totals[: COUNTERS.index("overruns")].sum())

    def _start(self, steps: int, fresh: bool, clock: Clock, *, keep_counters: bool = False) -> int:
        """Start a run; returns the time of its first step. A fresh one clears the cycle counters, unless they are to be kept."""
        self.set("control", CONTROL_DISCARD | (CONTROL_CLOCK if Clock.GOES_ON in clock else 0))
        self.set("steps", steps)
        started = 0 if fresh else self.get("step")
        tag = ((self.get("control") >> CONTROL_TAG_SHIFT) + 1) & 0xFF
        at_once = Clock.STAYS in clock and (keep_counters or not fresh)
        self.set("control", CONTROL_START | (CONTROL_FRESH if fresh else 0) | (CONTROL_CLOCK if at_once else 0) | tag << CONTROL_TAG_SHIFT)
        if Clock.STAYS in clock and not at_once:
            self.set("control", CONTROL_CLOCK)
        return started

    def run(self, spikes: NDArray[np.uint8], fresh: bool, records: Records, item: int, first: int, clock: Clock = Clock.ALONE) -> tuple[int, bool]:
        """Run ``spikes`` (time, neuron) in one start; returns the steps executed and whether it left early.

        Parameters
        ----------
        fresh : clear the state before.   records : filled for ``item`` from step ``first`` on.   clock : of real time.

        Raises
        ------
        LinkError     if the link fails.
        DeviceError   if the device makes no progress, reports an error, sends what nobody asked for, or was taken away.
        """
        try:
            done, exited = self._run(spikes, fresh, records, item, first, clock)
        except DeviceError:
            self.check()  # if the device was taken away, that is why
            raise
        self.cycles.look()
        return done, exited

    def _run(self, spikes: NDArray[np.uint8], fresh: bool, records: Records, item: int, first: int, clock: Clock) -> tuple[int, bool]:
        words = input_words(self.program, spikes)
        started, stopping = self._start(len(spikes), fresh, clock), False
        if fresh:
            self.position = 0
        self.cycles.resume()
        written, taken, produced, held = 0, 0, self.position, np.zeros(0, np.uint32)
        status, progress = STATUS_RUNNING, time.monotonic()
        last: tuple[int, ...] = ()
        waited = int(self.cycles.totals[PERIOD])
        while True:
            running = bool(status & STATUS_RUNNING)
            if running and self.stop.is_set() and not stopping:
                self.set("control", CONTROL_STOP)
                stopping = True
            if running:
                written += self._feed(words, written, taken)
            # What the last look has found is read before the next one: meanwhile the device computes, so that there is more to find.
            held = self.decode(np.concatenate([held, *self._drain(produced)]), records, item, first, started)
            if not running:
                break
            status, step, taken, produced = self._poll(written)
            self.cycles.look(due=False)
            now = (step, produced, taken, written)
            if now != last:
                last, progress = now, time.monotonic()
            if status & STATUS_RUNNING and time.monotonic() - progress > STALLED_S:
                self.cycles.look()
                if self.cycles.totals[PERIOD] != waited:
                    waited, progress = int(self.cycles.totals[PERIOD]), time.monotonic()
                    continue  # it waits for its next window to be due
                raise DeviceError(f"{self.url}: the run makes no progress since step {step}; reset the board")
        if status & STATUS_INPUT_RANGE:
            raise DeviceError(f"{self.url}: an input index was outside the input of {self.program.network.input.size} neurons; load again")
        done, exited = (step - started) & POSITION_MASK, bool(status & STATUS_EXITED)
        if not stopping and not exited and done != len(spikes):
            raise DeviceError(f"{self.url}: the run ended after {done} of {len(spikes)} steps, which nobody asked for; load again")
        return done, exited

    def _feed(self, words: NDArray[np.uint32], written: int, taken: int) -> int:
        """Write as many input words as there is room for; returns how many."""
        depth = self.config.input_words
        count = min(len(words) - written, depth - (written - taken))
        if count <= 0:
            return 0
        before_end = min(count, depth - written % depth)
        part = words[written : written + count]
        self.link.exchange([*input_writes(address(Space.INPUT, written % depth), part[:before_end]), *input_writes(address(Space.INPUT, 0), part[before_end:])])
        self.set("input_count", (written + count) & POSITION_MASK)  # not before all words are there for certain
        return count

    def _poll(self, written: int) -> tuple[int, int, int, int]:
        """Status, step, input words taken, and output words produced; the registers count modulo 2^16, these do not."""
        registers = self.link.read(address(Space.REGISTERS, POLLED[0]), POLLED[1] - POLLED[0])

        def value(name: str) -> int:
            return int(registers[REGISTERS[name].offset - POLLED[0]])

        taken = written - ((written - value("input_taken")) & POSITION_MASK)
        produced = self.position + ((value("output_count") - self.position) & POSITION_MASK)
        return value("status"), value("step"), taken, produced

    def _drain(self, produced: int) -> list[NDArray[np.uint32]]:
        """Read the output up to position ``produced`` and give the room back."""
        depth, parts = self.config.output_words, []
        while self.position < produced:
            count = min(produced - self.position, depth - self.position % depth)
            parts.append(self.link.read(address(Space.OUTPUT, self.position % depth), count))
            self.position += count
        if parts:
            self.set("output_taken", self.position & POSITION_MASK)
        return parts

    def decode(self, words: NDArray[np.uint32], records: Records, item: int, first: int, started: int) -> NDArray[np.uint32]:
        """Unpack whole records into arrays; returns the words of an incomplete last record."""
        populations, lanes = self.program.populations, self.config.multipliers
        position = 0
        while position < len(words):
            header = RECORD.unpack(int(words[position]))
            spikes = header["kind"] == RecordKind.SPIKES
            length, width = (1, RING_BITS) if spikes else (lanes, lanes)
            if position + 1 + length > len(words):
                break
            payload = words[position + 1 : position + 1 + length]
            position += 1 + length
            variable = "spikes" if spikes else RECORDED.get(header["kind"], "")
            t, start = first + ((header["step"] - started) & STEP_MASK), header["index"] * width  # of a band
            population = populations[header["population"]] if header["population"] < len(populations) else None
            values = records.get(population.name, {}).get(variable) if population else None
            if population is None or values is None or t >= values.shape[1] or start >= population.places:
                raise DeviceError(f"{self.url}: the device sent a record that nobody asked for ({header}); load again, or reset the board")
            part = np.unpackbits(payload.astype("<u4").view(np.uint8), bitorder="little") if spikes else payload.view(np.int32)
            self.program.layouts[population.name].put(part, population.first + start, values[item, t])
        return words[position:]
