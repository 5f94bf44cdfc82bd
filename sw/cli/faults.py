"""Faults that verification must notice: one flipped bit in a word that the device has just been loaded with."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from lifline.arch.config import ceil_div
from lifline.arch.errors import InputError
from lifline.arch.layout import WORD_BITS, Word
from lifline.arch.maps import MAP
from lifline.arch.program import (
    GATHER_5,
    PASS_1,
    PASS_2,
    PASS_3,
    PASS_4,
    PASS_5,
    PASS_6,
    PASS_7,
    PASS_8,
    POPULATION_0,
    POPULATION_2,
    RING_0,
)
from lifline.arch.registers import Space, address
from lifline.compiler.program import Program

Write = Callable[[int, list[int]], object]
"""Writes words to an address of the device and those behind it."""

MEMORIES = {"weight": Space.WEIGHTS, "state": Space.NEURONS, "delay": Space.DELAYS, "map": Space.MAPS}
"""Memories of which one word gets the fault."""


LOOPS = (PASS_6, PASS_7, PASS_8)
"""Of tables 0, 1 and 2."""


def _fields(*words: Word, names: tuple[str, ...] = ()) -> dict[Word, tuple[str, ...]]:
    return {word: names or tuple(f.name for f in word.fields if f.name != "reserved") for word in words}


WORDS: dict[str, dict[Word, tuple[str, ...]]] = {
    "descriptor": _fields(POPULATION_2, names=("factor_v",)),
    "digit": _fields(PASS_3, PASS_4),
    "loop": _fields(*LOOPS),
    "pointer": _fields(PASS_5)
    | _fields(GATHER_5, names=("table_1", "table_2"))
    | _fields(PASS_1, names=("ring_base",))
    | _fields(PASS_2, names=("weight_base",))
    | _fields(POPULATION_0, names=("neuron_base",))
    | _fields(RING_0, names=("base",)),
}
"""Fields of the program's words of which one gets the fault; those whose faults cannot send the sequencer astray."""

FAULTS = (*MEMORIES, *WORDS)
NEED_MAPS = ("map", "digit", "loop")
"""Faults that only a configuration with maps can have."""
LOW_BITS = 3
"""Bits of numbers and addresses that are flipped: high ones lie outside small memories, where nobody looks."""


def check(fault: str | None, *, maps: bool, config: str) -> None:
    """Refuse a fault that there is not; ``maps``: whether a configuration of ``config`` has them.

    Raises
    ------
    InputError   naming those that there are, or what to give instead.
    """
    if fault is not None and fault not in FAULTS:
        raise InputError(f"cannot inject {fault!r}; choose one of {', '.join(FAULTS)}")
    if fault in NEED_MAPS and not maps:
        raise InputError(f"cannot inject {fault!r}: `{config}` has no maps; use --config maps")


def inject(rng: np.random.Generator, write: Write, program: Program, fault: str) -> str | None:
    """Flip a bit of a word that the program uses, as it is loaded, and say which; None for programs that have no such word."""
    space = MEMORIES.get(fault, Space.PROGRAM)
    image = program.images.get(space, np.zeros(0, np.uint32))
    if fault in WORDS:
        wanted, idle = WORDS[fault], _idle_loops(program)
        found = [(k, layout, name) for k, layout, _ in program.listing() if layout in wanted and k not in idle for name in wanted[layout]]
        if not found:
            return None
        word, layout, name = found[int(rng.integers(len(found)))]
        own = int(rng.integers(min(layout[name].width, LOW_BITS)))
        bit, what = layout.offsets[name] + own, f"bit {own} of {name} in program word {word}"
    else:
        used = np.flatnonzero(image) if space is Space.MAPS else np.arange(len(image))
        if not len(used):
            return None
        word, bit = int(rng.choice(used)), int(rng.integers(WORD_BITS if space is Space.MAPS else LOW_BITS))
        what = f"bit {bit} of {fault} word {word}"
    write(address(space, word), [int(image[word]) ^ (1 << bit)])
    return what


def _idle_loops(program: Program) -> set[int]:
    """Addresses of loop words that nobody uses, since no word of their table repeats its loop."""
    found: set[int] = set()
    maps, values = program.images.get(Space.MAPS, np.zeros(0, np.uint32)), dict[str, int]()
    for k, layout, word in program.listing():
        if layout.name.startswith("pass"):
            values |= layout.unpack(word)
        if layout in LOOPS:
            table = LOOPS.index(layout)
            radices = values["radix_0"], values["radix_1"]
            size = (*radices, ceil_div(values["fan_in"], radices[0] * radices[1]))[table]
            first = table * program.config.map_words + values[f"table_{table}"]
            if not any(MAP.unpack(int(w))["count"] for w in maps[first : first + size]):
                found.add(k)
    return found
