"""Whole samples: the requests of a run that fits into the device's memories at once, and what their replies say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lifline.arch.config import Config, ceil_div
from lifline.arch.frame import BYTE_TOP, MAX_WORDS, Kind, Request
from lifline.arch.limits import RING_BITS
from lifline.arch.program import FIRST_COUNTER, POPULATION_COUNTERS
from lifline.arch.records import INPUT_END_OF_STEP, MAX_STEPS_PER_RUN
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

TAG_MASK = 0xFF
SEEN = REGISTERS["status"].offset, REGISTERS["load_mark"].offset + 1
"""First and end of the registers that say how a run went: whether it ended, its steps, its output, its tag, its cycles, whose program it was."""

Words = tuple[int, ...]


def input_words(program: Program, spikes: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """What the device's input memory takes: spikes (time, neuron) as indices, and an end of every step."""
    times, neurons = np.nonzero(program.layouts[program.network.input.name].spread(spikes))
    ends = np.searchsorted(times, np.arange(len(spikes)), side="right")
    return np.insert(neurons.astype(np.uint32), ends, INPUT_END_OF_STEP)


def input_kind(program: Program) -> Kind:
    """The shortest way of input words through the link."""
    return Kind.WRITE_BYTES if program.layouts[program.network.input.name].size <= BYTE_TOP else Kind.WRITE_HALVES


def most_output(program: Program, config: Config, wanted: Mapping[str, set[str]], steps: int) -> int:
    """Most output words of a run that records what is ``wanted``."""
    words = 0
    for name, variables in wanted.items():
        places = program.layouts[name].size
        words += 2 * ceil_div(places, RING_BITS) * ("spikes" in variables)
        words += ceil_div(places, config.multipliers) * (1 + config.multipliers) * len(variables - {"spikes"})
    return steps * words


def fits(program: Program, config: Config, wanted: Mapping[str, set[str]], words: NDArray[np.uint32], steps: int) -> bool:
    """Whether a sample's input fits the input memory, and its output at most fills the output memory: then it needs nobody before its end."""
    return steps <= MAX_STEPS_PER_RUN and len(words) <= config.input_words and most_output(program, config, wanted, steps) <= config.output_words


def requests_of(program: Program, words: NDArray[np.uint32], tag: int, outputs: int) -> list[Request]:
    """A fresh run of the steps that ``steps`` says, from its start to everything that comes back: registers, events of every population, ``outputs`` output words."""

    def register(name: str, value: int) -> Request:
        return Request(0, Kind.WRITE, address(Space.REGISTERS, REGISTERS[name].offset), 1, (value,))

    kind = input_kind(program)
    start = register("control", CONTROL_DISCARD | CONTROL_START | CONTROL_FRESH | tag << CONTROL_TAG_SHIFT)
    put = [
        Request(0, kind, address(Space.INPUT, first), len(part), part)
        for first, part in ((k, tuple(words[k : k + MAX_WORDS].tolist())) for k in range(0, len(words), MAX_WORDS))
    ]
    seen = Request(0, Kind.READ_AT_REST, address(Space.REGISTERS, SEEN[0]), SEEN[1] - SEEN[0])
    events = [Request(0, Kind.READ, address(Space.PROGRAM, p.address + FIRST_COUNTER), len(POPULATION_COUNTERS)) for p in program.populations]
    return [start, *put, register("input_count", len(words)), seen, *events, *_reads(outputs)]


def _reads(outputs: int) -> Iterator[Request]:
    for first in range(0, outputs, MAX_WORDS):
        yield Request(0, Kind.READ, address(Space.OUTPUT, first), min(MAX_WORDS, outputs - first))


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
