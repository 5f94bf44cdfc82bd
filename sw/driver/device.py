"""One interface over every device: the golden model, simulated boards, and boards on a serial port."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from typing import Any, Protocol
from urllib.parse import parse_qs

import numpy as np
from numpy.typing import NDArray

from lifline.arch.config import PRESETS, RING_BITS, Config, preset
from lifline.arch.errors import DeviceError, InputError
from lifline.arch.program import FIRST_COUNTER
from lifline.arch.records import INPUT_END_OF_STEP, MAX_STEPS_PER_RUN, RECORD, RecordKind
from lifline.arch.registers import (
    CONTROL_DISCARD,
    CONTROL_FRESH,
    CONTROL_START,
    CONTROL_STOP,
    CONTROL_TAG_SHIFT,
    MAGIC,
    PERIOD_BITS,
    POSITION_BITS,
    REGISTERS,
    STATUS_COUNTER_OVERFLOW,
    STATUS_EXITED,
    STATUS_INPUT_RANGE,
    STATUS_RUNNING,
    Space,
    address,
)
from lifline.compiler.program_file import Program, ProgramPopulation
from lifline.network.result import Counters, Cycles, RunResult, build_result, parse_records, with_output
from lifline.network.spikes import as_batch

from .link import Link

POSITION_MASK = (1 << POSITION_BITS) - 1
STALLED_S = 10.0
"""A run that makes no progress for this long has lost its device."""
STEP_MASK = (1 << next(field.width for field in RECORD.fields if field.name == "step")) - 1
RECORDED: dict[int, str] = {RecordKind.V: "v", RecordKind.I: "i"}


class Device(Protocol):
    """Anything that runs a program. Usable as a context manager."""

    def load(self, program: Program) -> None: ...

    def run(
        self, spikes: object, *, reset: bool = True, record: str | Iterable[str] = (), steps: int | None = None, period_cycles: int = 0
    ) -> RunResult: ...

    def read_state(self, population: str) -> dict[str, NDArray[np.int64]]: ...

    def info(self) -> dict[str, Any]: ...

    def close(self) -> None: ...

    def __enter__(self) -> Device: ...

    def __exit__(self, *error: object) -> None: ...


class LinkedDevice:
    """A device behind the link: a board or a simulated one, byte for byte the same.

    Parameters
    ----------
    config : a configuration that is none of the presets, if the other end may have it.

    Raises
    ------
    DeviceError   if the other end is not a lifline device, or of another interface version.
    """

    def __init__(self, link: Link, *, url: str = "", config: Config | None = None) -> None:
        self.link, self.url = link, url
        self._program: Program | None = None
        head = link.read(address(Space.REGISTERS, 0), 3)
        if int(head[0]) != MAGIC:
            raise DeviceError(f"{url}: the device answers {int(head[0]):#010x}, not {MAGIC:#010x}; it does not run lifline's gateware")
        known = {c.hash: c for c in (*PRESETS.values(), *([config] if config else []))}
        self.config: Config | None = known.get(int(head[2]))
        self.config_hash = int(head[2])
        self._position = 0
        self._stop = threading.Event()
        self._items = 0
        self._lost = ""

    def __enter__(self) -> LinkedDevice:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _get(self, name: str) -> int:
        return int(self.link.read(address(Space.REGISTERS, REGISTERS[name].offset))[0])

    def _set(self, name: str, value: int) -> None:
        self.link.write(address(Space.REGISTERS, REGISTERS[name].offset), [value])

    def info(self) -> dict[str, Any]:
        """Configuration and registers of the device."""
        values = self.link.read(address(Space.REGISTERS, 0), len(REGISTERS))
        name = self.config.name if self.config else "unknown"
        return {"url": self.url, "config": name} | {r: int(values[REGISTERS[r].offset]) for r in REGISTERS}

    def load(self, program: Program) -> None:
        """Load a program and check that every word arrived.

        Raises
        ------
        DeviceError   if the program was compiled for another configuration, or the memory does not hold what was written.
        """
        if program.config_hash != self.config_hash:
            name = self.config.name if self.config else "an unknown configuration"
            raise DeviceError(
                f"program `{program.network.name}` was compiled for `{program.config_name}` (hash {program.config_hash:08x}), the device "
                f"{self.url} is {name} (hash {self.config_hash:08x}); compile it for that configuration"
            )
        self._program = None
        self._halt()
        for space, image in program.images.items():
            self.link.write(address(space, 0), image)
            back = self.link.read(address(space, 0), len(image))
            wrong = np.flatnonzero(back != image)
            if len(wrong):
                k = int(wrong[0])
                raise DeviceError(f"{space.name.lower()} word {k} reads back {int(back[k]):#x} instead of {int(image[k]):#x}; load again")
        for name, value in program.registers.items():
            self._set(name, value)
        self._program = program
        self._items, self._lost = 0, ""

    def _halt(self) -> None:
        """Stop a run that a failed call, or a driver that went away, has left behind."""
        start = time.monotonic()
        while self._get("status") & STATUS_RUNNING:
            self._set("control", CONTROL_STOP)
            self._set("output_taken", self._get("output_count"))  # it may be waiting for room
            if time.monotonic() - start > STALLED_S:
                raise DeviceError(f"{self.url}: an earlier run does not stop; reset the board")

    def stop(self) -> None:
        """Stop the run under way before its next window; for another thread or a signal handler. Its result covers the steps done."""
        self._stop.set()

    def _loaded(self) -> Program:
        if self._program is None:
            raise DeviceError("no program is loaded; call load() first")
        return self._program

    def run(
        self, spikes: object, *, reset: bool = True, record: str | Iterable[str] = (), steps: int | None = None, period_cycles: int = 0
    ) -> RunResult:
        """Run a spike train (time, neuron), or a batch (batch, time, neuron), one item after the other, each from a fresh start.

        Parameters
        ----------
        reset : False continues where the last run ended (one item only); a first run after ``load`` starts from zero state.
        record : what to send back, as in :func:`lifline.network.result.parse_records`; ``spikes``, ``v`` and ``i``.
        period_cycles : clock cycles per time step in real time: a window starts when all its steps are due, and one that starts a
            period late counts as an overrun. The clock starts anew in every part of :data:`MAX_STEPS_PER_RUN` steps. 0: no waiting.

        Raises
        ------
        InputError    for spikes, names or a period out of range, or a continued run of several items.
        LinkError     if the link fails, or the device is gone.
        DeviceError   if the device refuses or makes no progress, or a run is to be continued that failed or was stopped.
        """
        program = self._loaded()
        network = program.network
        array, _ = as_batch(spikes, network.input.size, steps)
        selection = parse_records(network, record)
        output, wanted = network.population(network.output), with_output(network, selection)
        for name, variables in wanted.items():
            missing = variables - {"spikes", *program.population(name).record}
            if missing:
                raise InputError(f"cannot record {', '.join(sorted(missing))} of `{name}` on a device; use the golden model")
        if not reset and max(len(array), self._items) > 1:
            raise InputError(f"a continued run takes one item after one item, not {len(array)} after {self._items}; use reset=True")
        if not reset and self._lost:
            raise DeviceError(f"{self.url}: {self._lost}, so that it cannot be continued; use reset=True")
        if not 0 <= period_cycles < 1 << PERIOD_BITS:
            raise InputError(f"period_cycles={period_cycles} must be in 0..{(1 << PERIOD_BITS) - 1}")
        records, counters, cycles, done, exited = self._execute(array, wanted, reset, period_cycles)
        batch, length = array.shape[:2]
        spikes_out = records[output.name].get("spikes", np.zeros((batch, length, output.size), np.uint8))
        return build_result(
            network,
            spikes_out.astype(np.uint8),
            records[output.name].get("v") if output.neurons is not None and output.neurons.cap == 0 else None,
            done,
            exited,
            {name: {v: records[name][v] for v in variables} for name, variables in selection.items()},
            counters,
            cycles,
        )

    def count(self, spikes: object, *, reset: bool = True) -> tuple[dict[str, Counters], Cycles]:
        """Run one spike train (time, neuron) and send back no spike and no state: only the populations' counters and the cycles.

        Parameters
        ----------
        reset : as in :meth:`run`.

        Raises
        ------
        InputError, LinkError, DeviceError   as :meth:`run`.
        """
        array, _ = as_batch(spikes, self._loaded().network.input.size, None)
        if not reset and (self._lost or self._items != 1):
            raise DeviceError(f"{self.url}: there is no single run to continue; use reset=True")
        _, counters, cycles, _, _ = self._execute(array, {}, reset, 0)
        return counters, cycles

    def _execute(
        self, array: NDArray[np.uint8], wanted: dict[str, set[str]], reset: bool, period_cycles: int
    ) -> tuple[dict[str, dict[str, NDArray]], dict[str, Counters], Cycles, NDArray[np.int64], NDArray[np.bool_]]:
        """Run every item; returns records, counters, cycles, and per item the steps executed and whether it left early."""
        program = self._loaded()
        network = program.network
        reset = reset or not self._items
        self._items, self._lost = len(array), "the last run failed"
        self._stop.clear()
        self._halt()
        self._set("period", period_cycles)
        for where, value in program.recording(wanted):
            self.link.write(address(Space.PROGRAM, where), [value])

        batch, length = array.shape[:2]
        records = {
            name: {v: np.zeros((batch, length, network.population(name).size), np.uint8 if v == "spikes" else np.int64) for v in variables}
            for name, variables in wanted.items()
        }
        counters = {p.name: np.zeros((batch, 3), np.int64) for p in program.populations}
        cycles = np.zeros((batch, 5), np.int64)
        done, exited = np.zeros(batch, np.int64), np.zeros(batch, np.bool_)
        for item in range(batch):
            if self._stop.is_set():
                break
            first = 0
            before = np.zeros(5, np.int64) if reset else self._cycle_counters()
            old = {p.name: np.zeros(3, np.int64) if reset else self._event_counters(p) for p in program.populations}
            while first < length and not exited[item] and not self._stop.is_set():
                part = array[item, first : first + MAX_STEPS_PER_RUN]
                executed, exited[item] = self._run_part(part, reset and first == 0, records, item, first)
                done[item] += executed
                first += len(part)
            cycles[item] = self._cycle_counters() - before
            for p in program.populations:
                counters[p.name][item] = self._event_counters(p) - old[p.name]
        self._lost = "the last run was stopped" if self._stop.is_set() else ""
        return records, {name: Counters(*c.T) for name, c in counters.items()}, Cycles(*cycles.T), done, exited

    def _cycle_counters(self) -> NDArray[np.int64]:
        first = REGISTERS["busy_cycles"].offset
        return self.link.read(address(Space.REGISTERS, first), 5).astype(np.int64)

    def _event_counters(self, population: ProgramPopulation) -> NDArray[np.int64]:
        return self.link.read(address(Space.PROGRAM, population.address + FIRST_COUNTER), 3).astype(np.int64)

    def _run_part(
        self, spikes: NDArray[np.uint8], fresh: bool, records: dict[str, dict[str, NDArray]], item: int, first: int
    ) -> tuple[int, bool]:
        """One start of the device: feed input, drain output; returns the steps executed and whether it left early."""
        program = self._loaded()
        times, neurons = np.nonzero(spikes)
        ends = np.searchsorted(times, np.arange(len(spikes)), side="right")
        words = np.insert(neurons.astype(np.uint32), ends, INPUT_END_OF_STEP)
        depth_in, depth_out = self._depths()
        self._set("control", CONTROL_DISCARD)
        self._set("steps", len(spikes))
        started = 0 if fresh else self._get("step")
        tag, stopping = ((self._get("control") >> CONTROL_TAG_SHIFT) + 1) & 0xFF, False
        self._set("control", CONTROL_START | (CONTROL_FRESH if fresh else 0) | tag << CONTROL_TAG_SHIFT)
        if fresh:
            self._position = 0
        written, taken, held = 0, 0, np.zeros(0, np.uint32)
        status, progress = STATUS_RUNNING, time.monotonic()
        last: tuple[int, ...] = ()
        block = REGISTERS["status"].offset
        span = REGISTERS["output_count"].offset - block + 1
        while True:
            if self._stop.is_set() and not stopping:
                self._set("control", CONTROL_STOP)
                stopping = True
            if status & STATUS_RUNNING and written < len(words) and written - taken < depth_in:
                count = min(len(words) - written, depth_in - (written - taken), depth_in - written % depth_in)
                self.link.write(address(Space.INPUT, written % depth_in), words[written : written + count])
                written += count
                self._set("input_count", written & POSITION_MASK)
            registers = self.link.read(address(Space.REGISTERS, block), span)
            status = int(registers[0])
            taken = written - ((written - int(registers[REGISTERS["input_taken"].offset - block])) & POSITION_MASK)
            produced = self._position + ((int(registers[REGISTERS["output_count"].offset - block]) - self._position) & POSITION_MASK)
            step = int(registers[REGISTERS["step"].offset - block])
            while self._position < produced:
                count = min(produced - self._position, depth_out - self._position % depth_out)
                held = np.concatenate([held, self.link.read(address(Space.OUTPUT, self._position % depth_out), count)])
                self._position += count
                self._set("output_taken", self._position & POSITION_MASK)
            held = self._decode(held, records, item, first, started)
            now = (step, produced, taken, written)
            if now != last:
                last, progress = now, time.monotonic()
            if not status & STATUS_RUNNING:
                break
            if time.monotonic() - progress > STALLED_S:
                raise DeviceError(f"{self.url}: the run makes no progress since step {step}; reset the board")
        if status & STATUS_INPUT_RANGE:
            raise DeviceError(f"{self.url}: an input index was outside the input of {program.network.input.size} neurons")
        if status & STATUS_COUNTER_OVERFLOW:
            raise DeviceError(f"{self.url}: a 32-bit counter overflowed; start a fresh run more often")
        return (step - started) & POSITION_MASK, bool(status & STATUS_EXITED)

    def _depths(self) -> tuple[int, int]:
        if self.config is None:
            raise DeviceError(f"{self.url}: unknown configuration {self.config_hash:08x}")
        return self.config.input_words, self.config.output_words

    def _decode(
        self, words: NDArray[np.uint32], records: dict[str, dict[str, NDArray]], item: int, first: int, started: int
    ) -> NDArray[np.uint32]:
        """Unpack whole records into arrays; returns the words of an incomplete last record."""
        program = self._loaded()
        assert self.config is not None
        lanes = self.config.multipliers
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
            population = program.populations[header["population"]] if header["population"] < len(program.populations) else None
            values = records.get(population.name, {}).get(variable) if population else None
            if values is None or t >= values.shape[1] or start >= values.shape[2]:
                raise DeviceError(f"{self.url}: the device sent a record that nobody asked for ({header}); load again, or reset the board")
            part = np.unpackbits(payload.astype("<u4").view(np.uint8), bitorder="little") if spikes else payload.view(np.int32)
            count = min(width, values.shape[2] - start)
            values[item, t, start : start + count] = part[:count]
        return words[position:]

    def read_state(self, population: str) -> dict[str, NDArray[np.int64]]:
        """Stored words of a population by name (``v``, ``i``, ``count``, parameters per neuron), shape (neuron,) each."""
        program = self._loaded()
        assert self.config is not None
        where = program.population(population)
        lanes = self.config.multipliers
        words = self.link.read(address(Space.NEURONS, where.row_base * lanes), where.rows * where.row_words * lanes)
        values = words.view(np.int32).reshape(where.rows, where.row_words, lanes).astype(np.int64)
        return {name: values[:, offset].reshape(-1)[: where.size] for name, offset in where.words.items()}

    def close(self) -> None:
        """Close the link."""
        self.link.close()


class GoldenDevice:
    """The golden model behind the same interface: no cycles, every variable."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._program: Program | None = None
        self._model: Any = None

    def __enter__(self) -> GoldenDevice:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def load(self, program: Program) -> None:
        """Take a program; any configuration will do."""
        from lifline.sim.golden import GoldenModel

        self._program, self._model = program, GoldenModel(program.network)

    def run(
        self, spikes: object, *, reset: bool = True, record: str | Iterable[str] = (), steps: int | None = None, period_cycles: int = 0
    ) -> RunResult:
        """As :meth:`LinkedDevice.run`; there is no clock, so that a period changes nothing."""
        if self._model is None:
            raise DeviceError("no program is loaded; call load() first")
        return self._model.run(spikes, reset=reset, record=record, steps=steps)

    def read_state(self, population: str) -> dict[str, NDArray[np.int64]]:
        """State variables, shape (batch, neuron) each."""
        if self._model is None:
            raise DeviceError("no program is loaded; call load() first")
        return self._model.state(population)

    def info(self) -> dict[str, Any]:
        """What this device is."""
        return {"url": "golden:", "config": self.config.name}

    def close(self) -> None:
        """Nothing to close."""


def open(url: str = "sim:") -> LinkedDevice | GoldenDevice:  # noqa: A001
    """Open a device.

    ``golden:``, ``sim:`` or ``sim:small`` (compiled simulated board), ``pysim:tiny`` (no compiler needed, slow),
    ``serial:/dev/ttyUSB0?baud=1000000&timeout=0.5`` (seconds that a reply may take). Without a configuration name it is ``medium``.

    Raises
    ------
    DeviceError, LinkError, ToolError, ConfigError
    """
    kind, _, rest = url.partition(":")
    name, _, query = rest.partition("?")
    if kind == "golden":
        return GoldenDevice(preset(name or "medium"))
    if kind == "serial":
        from .serial_port import SerialTransport

        options = {"baud": "1000000", "timeout": "0.5"} | {key: values[-1] for key, values in parse_qs(query, keep_blank_values=True).items()}
        if options.keys() != {"baud", "timeout"} or not options["baud"].isdigit() or not options["timeout"].replace(".", "", 1).isdigit():
            raise DeviceError(f"{url}: after `?` there can be baud=1000000 and timeout=0.5 (seconds), joined by `&`")
        return LinkedDevice(Link(SerialTransport(name, baud_hz=int(options["baud"]), timeout_s=float(options["timeout"]))), url=url)
    if kind in ("sim", "pysim"):
        from lifline.sim.board import CompiledBoard, InterpretedBoard

        board = CompiledBoard if kind == "sim" else InterpretedBoard
        return LinkedDevice(Link(board(preset(name or "medium"))), url=url)
    raise DeviceError(f"unknown device `{url}`; use golden:, sim:, pysim: or serial:/dev/...")
