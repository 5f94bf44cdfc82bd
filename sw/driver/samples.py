"""Whole samples: the requests of a run that fits into the device's memories at once, and what their replies say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lifline.arch.config import Config, ceil_div
from lifline.arch.frame import Kind, Request
from lifline.arch.limits import RING_BITS
from lifline.arch.program import FIRST_COUNTER, POPULATION_COUNTERS
from lifline.arch.records import MAX_STEPS_PER_RUN
from lifline.arch.registers import (
    CONTROL_DISCARD,
    CONTROL_FRESH,
    CONTROL_START,
    CONTROL_TAG_SHIFT,
    COUNTERS,
    POSITION_BITS,
    REGISTERS,
    STATUS_EXITED,
    STATUS_INPUT_RANGE,
    STATUS_RUNNING,
    Space,
    address,
)
from lifline.compiler.program import Program

from .input_words import input_writes
from .link import reads_of

TAG_MASK = 0xFF
SPIKE_COUNT = "spike_count"
"""The neuron word in which the output's spikes are counted, see ``compiler/microcode.py``."""
SEEN = REGISTERS["status"].offset, REGISTERS["load_mark"].offset + 1
"""First and end of the registers that say how a run went: whether it ended, its steps, its output, its tag, its cycles, whose program it was."""

Words = tuple[int, ...]


def most_output(program: Program, config: Config, wanted: Mapping[str, set[str]], steps: int) -> int:
    """Most output words of a run that records what is ``wanted``."""
    return steps * sum(
        2 * ceil_div(band.places, RING_BITS) * ("spikes" in variables) + band.rows * (1 + config.multipliers) * len(variables - {"spikes"})
        for name, variables in wanted.items()
        for band in program.bands(name)
    )


def fits(program: Program, config: Config, wanted: Mapping[str, set[str]], words: NDArray[np.uint32], steps: int) -> bool:
    """Whether a sample's input fits the input memory, and its output at most fills the output memory: then it needs nobody before its end."""
    return steps <= MAX_STEPS_PER_RUN and len(words) <= config.input_words and most_output(program, config, wanted, steps) <= config.output_words


@dataclass(frozen=True)
class Wanted:
    """What comes back of a sample, besides the registers that say how it went.

    Attributes
    ----------
    records : variables that are recorded, by population.   events : the counters of every population.
    state : a neuron word of the output, by its name, as it is behind the last step.
    """

    records: Mapping[str, set[str]]
    events: bool = True
    state: str | None = None


def decision_of(program: Program) -> Wanted:
    """The least that tells a sample's scores: the last membranes of a read-out; else the spike counts, from the device if it counts them, which it does for
    networks that exit early, or from the output's spikes."""
    [*bands] = program.bands(program.network.output)
    neurons = program.network.population(program.network.output).neurons
    assert neurons is not None
    state = "v" if not neurons.cap else next((name for name in (SPIKE_COUNT,) if name in bands[0].words), None)
    return Wanted({} if state else {program.network.output: {"spikes"}}, events=False, state=state)


def state_reads(program: Program, config: Config, state: str) -> list[list[Request]]:
    """For each band of the output, the reads of its ``state``: of all its words, or of each row's one, whichever is shorter."""
    lanes, found = config.multipliers, []
    for band in program.bands(program.network.output):
        whole = reads_of(address(Space.NEURONS, band.row_base * lanes), band.rows * band.row_words * lanes)
        rows = [
            read
            for row in range(band.rows)
            for read in reads_of(address(Space.NEURONS, (band.row_base + row * band.row_words + band.words[state]) * lanes), lanes)
        ]
        found.append(min(whole, rows, key=lambda reads: sum(r.sent_bytes + r.reply_bytes for r in reads)))
    return found


def state_of(program: Program, config: Config, state: str, words: Sequence[Words]) -> NDArray[np.int64]:
    """(neuron,) of the words that :func:`state_reads` gave."""
    lanes, left, places = config.multipliers, list(words), []
    for band, reads in zip(program.bands(program.network.output), state_reads(program, config, state), strict=True):
        values = np.array([w for _ in reads for w in left.pop(0)], np.uint32).view(np.int32).astype(np.int64).reshape(band.rows, -1, lanes)
        places.append(values[:, band.words[state] if values.shape[1] > 1 else 0].reshape(-1)[: band.places])
    return program.layouts[program.network.output].gather(np.concatenate(places))


def requests_of(program: Program, config: Config, words: NDArray[np.uint32], wanted: Wanted, *, tag: int, outputs: int) -> list[Request]:
    """A fresh run of as many steps as the device was told, from its start to everything that comes back: input, the registers ``SEEN``, events, state, and
    ``outputs`` output words."""

    def register(name: str, value: int) -> Request:
        return Request(0, Kind.WRITE, address(Space.REGISTERS, REGISTERS[name].offset), 1, (value,))

    start = register("control", CONTROL_DISCARD | CONTROL_START | CONTROL_FRESH | tag << CONTROL_TAG_SHIFT)
    put = input_writes(address(Space.INPUT, 0), words)
    seen = Request(0, Kind.READ_AT_REST, address(Space.REGISTERS, SEEN[0]), SEEN[1] - SEEN[0])
    counters = program.populations if wanted.events else ()
    events = [Request(0, Kind.READ, address(Space.PROGRAM, p.address + FIRST_COUNTER), len(POPULATION_COUNTERS)) for p in counters]
    state = [read for reads in state_reads(program, config, wanted.state) for read in reads] if wanted.state else []
    return [start, *put, register("input_count", len(words)), seen, *events, *state, *reads_of(address(Space.OUTPUT, 0), outputs)]


@dataclass(frozen=True)
class Seen:
    """How a run went: what the registers said when it had ended.

    Attributes
    ----------
    ended : it is over, by what its own tag says.   steps : executed.   exited, input_range : from ``status``.   produced : output words.
    cycles : (counter,).   load_mark : whose program it was.
    """

    ended: bool
    steps: int
    exited: bool
    input_range: bool
    produced: int
    cycles: NDArray[np.int64]
    load_mark: int


def seen_of(words: Words, tag: int) -> Seen:
    """From the words of the registers ``SEEN``."""
    value = {name: words[r.offset - SEEN[0]] for name, r in REGISTERS.items() if SEEN[0] <= r.offset < SEEN[1]}
    status = value["status"]
    return Seen(
        ended=not status & STATUS_RUNNING and value["control"] >> CONTROL_TAG_SHIFT & TAG_MASK == tag,
        steps=value["step"], exited=bool(status & STATUS_EXITED), input_range=bool(status & STATUS_INPUT_RANGE),
        produced=value["output_count"] & ((1 << POSITION_BITS) - 1), cycles=np.array([value[name] for name in COUNTERS], np.int64),
        load_mark=value["load_mark"],
    )  # fmt: skip
