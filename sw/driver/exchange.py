"""One start of a device: feeds its input, drains its output, and unpacks what it sends."""

from __future__ import annotations

import threading
import time

import numpy as np
from numpy.typing import NDArray

from lifline.arch.config import RING_BITS, Config
from lifline.arch.errors import DeviceError
from lifline.arch.records import INPUT_END_OF_STEP, RECORD, RecordKind
from lifline.arch.registers import (
    CONTROL_DISCARD,
    CONTROL_FRESH,
    CONTROL_START,
    CONTROL_STOP,
    CONTROL_TAG_SHIFT,
    POSITION_BITS,
    REGISTERS,
    STATUS_COUNTER_OVERFLOW,
    STATUS_EXITED,
    STATUS_INPUT_RANGE,
    STATUS_RUNNING,
    Space,
    address,
)
from lifline.compiler.program_file import Program

from .link import Link

POSITION_MASK = (1 << POSITION_BITS) - 1
STALLED_S = 10.0
"""A run that makes no progress for this long has lost its device."""
STEP_MASK = (1 << next(field.width for field in RECORD.fields if field.name == "step")) - 1
RECORDED: dict[int, str] = {RecordKind.V: "v", RecordKind.I: "i"}
POLLED = REGISTERS["status"].offset, REGISTERS["output_count"].offset + 1
"""First and end of the registers that are read together while a run is under way."""

Records = dict[str, dict[str, NDArray]]
"""Population -> variable -> (batch, time, neuron)."""


class Exchange:
    """Input and output of a program's runs on one device.

    Attributes
    ----------
    stop : set it from anywhere to end the run under way before its next window.
    """

    def __init__(self, link: Link, program: Program, config: Config, url: str) -> None:
        self._link, self._program, self._config, self._url = link, program, config, url
        self.stop = threading.Event()
        self._position = 0

    def get(self, name: str) -> int:
        """Value of a register."""
        return int(self._link.read(address(Space.REGISTERS, REGISTERS[name].offset))[0])

    def set(self, name: str, value: int) -> None:
        """Write a register."""
        self._link.write(address(Space.REGISTERS, REGISTERS[name].offset), [value])

    def run(self, spikes: NDArray[np.uint8], fresh: bool, records: Records, item: int, first: int) -> tuple[int, bool]:
        """Run ``spikes`` (time, neuron) in one start; returns the steps executed and whether it left early.

        Parameters
        ----------
        fresh : clear the state before.   records : filled for ``item`` from step ``first`` on.

        Raises
        ------
        LinkError     if the link fails.
        DeviceError   if the device makes no progress, reports an error, or sends what nobody asked for.
        """
        times, neurons = np.nonzero(spikes)
        ends = np.searchsorted(times, np.arange(len(spikes)), side="right")
        words = np.insert(neurons.astype(np.uint32), ends, INPUT_END_OF_STEP)
        self.set("control", CONTROL_DISCARD)
        self.set("steps", len(spikes))
        started = 0 if fresh else self.get("step")
        tag, stopping = ((self.get("control") >> CONTROL_TAG_SHIFT) + 1) & 0xFF, False
        self.set("control", CONTROL_START | (CONTROL_FRESH if fresh else 0) | tag << CONTROL_TAG_SHIFT)
        if fresh:
            self._position = 0
        written, taken, held = 0, 0, np.zeros(0, np.uint32)
        status, progress = STATUS_RUNNING, time.monotonic()
        last: tuple[int, ...] = ()
        while True:
            if self.stop.is_set() and not stopping:
                self.set("control", CONTROL_STOP)
                stopping = True
            if status & STATUS_RUNNING:
                written += self._feed(words, written, taken)
            status, step, taken, produced = self._poll(written)
            held = self._decode(np.concatenate([held, *self._drain(produced)]), records, item, first, started)
            now = (step, produced, taken, written)
            if now != last:
                last, progress = now, time.monotonic()
            if not status & STATUS_RUNNING:
                break
            if time.monotonic() - progress > STALLED_S:
                raise DeviceError(f"{self._url}: the run makes no progress since step {step}; reset the board")
        if status & STATUS_INPUT_RANGE:
            raise DeviceError(f"{self._url}: an input index was outside the input of {self._program.network.input.size} neurons; load again")
        if status & STATUS_COUNTER_OVERFLOW:
            raise DeviceError(f"{self._url}: a 32-bit counter overflowed; start a fresh run more often")
        return (step - started) & POSITION_MASK, bool(status & STATUS_EXITED)

    def _feed(self, words: NDArray[np.uint32], written: int, taken: int) -> int:
        """Write as many input words as there is room for; returns how many."""
        depth = self._config.input_words
        count = min(len(words) - written, depth - (written - taken), depth - written % depth)
        if count <= 0:
            return 0
        self._link.write(address(Space.INPUT, written % depth), words[written : written + count])
        self.set("input_count", (written + count) & POSITION_MASK)
        return count

    def _poll(self, written: int) -> tuple[int, int, int, int]:
        """Status, step, input words taken, and output words produced; the registers count modulo 2^16, these do not."""
        registers = self._link.read(address(Space.REGISTERS, POLLED[0]), POLLED[1] - POLLED[0])

        def value(name: str) -> int:
            return int(registers[REGISTERS[name].offset - POLLED[0]])

        taken = written - ((written - value("input_taken")) & POSITION_MASK)
        produced = self._position + ((value("output_count") - self._position) & POSITION_MASK)
        return value("status"), value("step"), taken, produced

    def _drain(self, produced: int) -> list[NDArray[np.uint32]]:
        """Read the output up to position ``produced`` and give the room back."""
        depth, parts = self._config.output_words, []
        while self._position < produced:
            count = min(produced - self._position, depth - self._position % depth)
            parts.append(self._link.read(address(Space.OUTPUT, self._position % depth), count))
            self._position += count
            self.set("output_taken", self._position & POSITION_MASK)
        return parts

    def _decode(self, words: NDArray[np.uint32], records: Records, item: int, first: int, started: int) -> NDArray[np.uint32]:
        """Unpack whole records into arrays; returns the words of an incomplete last record."""
        populations, lanes = self._program.populations, self._config.multipliers
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
            t, start = first + ((header["step"] - started) & STEP_MASK), header["index"] * width
            population = populations[header["population"]] if header["population"] < len(populations) else None
            values = records.get(population.name, {}).get(variable) if population else None
            if values is None or t >= values.shape[1] or start >= values.shape[2]:
                raise DeviceError(f"{self._url}: the device sent a record that nobody asked for ({header}); load again, or reset the board")
            part = np.unpackbits(payload.astype("<u4").view(np.uint8), bitorder="little") if spikes else payload.view(np.int32)
            count = min(width, values.shape[2] - start)
            values[item, t, start : start + count] = part[:count]
        return words[position:]
