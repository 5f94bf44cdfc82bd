"""Faults that verification must notice: one flipped bit in a word that the device has just been loaded with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lifline.arch.config import ceil_div
from lifline.arch.errors import InputError
from lifline.arch.layout import WORD_BITS, Word
from lifline.arch.maps import MAP
from lifline.arch.program import (
    GATHER_3,
    GATHER_4,
    GATHER_5,
    GATHER_6,
    GATHER_7,
    GATHER_PASS_WORDS,
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

MEMORIES = {"weight": Space.WEIGHTS, "state": Space.NEURONS, "delay": Space.DELAYS, "map": Space.MAPS, "band": Space.MAPS}
"""Memories of which one word gets the fault; of a band, those of its rows and columns."""


LOOPS = (PASS_6, PASS_7, PASS_8)
"""Of tables 0, 1 and 2."""


def _fields(*words: Word, names: tuple[str, ...] = ()) -> dict[Word, tuple[str, ...]]:
    return {word: names or tuple(f.name for f in word.fields if f.name not in ("reserved", "unused")) for word in words}


WORDS: dict[str, dict[Word, tuple[str, ...]]] = {
    "descriptor": _fields(POPULATION_2, names=("factor_v",)),
    "digit": _fields(PASS_3, PASS_4),
    "loop": _fields(*LOOPS),
    "gather": _fields(GATHER_3, GATHER_4, GATHER_6, GATHER_7),
    "pointer": _fields(PASS_5)
    | _fields(GATHER_5, names=("table_1", "table_2"))
    | _fields(PASS_1, names=("ring_base",))
    | _fields(PASS_2, names=("weight_base",))
    | _fields(POPULATION_0, names=("neuron_base",))
    | _fields(RING_0, names=("base",)),
}
"""Fields of the program's words of which one gets the fault; those whose faults cannot send the sequencer astray."""

FAULTS = (*MEMORIES, *WORDS)
NEED_MAPS = ("map", "band", "digit", "loop", "gather")
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
        wanted, idle = WORDS[fault], _idle(program)
        found = [(k, layout, name) for k, layout, _ in program.listing() for name in wanted.get(layout, ()) if (k, name) not in idle]
        if not found:
            return None
        word, layout, name = found[int(rng.integers(len(found)))]
        own = int(rng.integers(min(layout[name].width, LOW_BITS)))
        bit, what = layout.offsets[name] + own, f"bit {own} of {name} in program word {word}"
    else:
        used = _words_of_bands(program) if fault == "band" else np.flatnonzero(image) if space is Space.MAPS else np.arange(len(image))
        if not len(used):
            return None
        word, bit = int(rng.choice(used)), int(rng.integers(WORD_BITS if space is Space.MAPS else LOW_BITS))
        if fault == "band":
            name = str(rng.choice([field.name for field in MAP.fields] if MAP.unpack(int(image[word]))["exists"] else ["exists"]))
            bit = MAP.offsets[name] + int(rng.integers(min(MAP[name].width, LOW_BITS)))
        what = f"bit {bit} of {fault} word {word}"
    write(address(space, word), [int(image[word]) ^ (1 << bit)])
    return what


@dataclass(frozen=True)
class _Gather:
    """A pass that gathers: the ``fields`` of its words, where each word stands, and the addresses in map memory of the words of its ``rows`` and ``columns``."""

    fields: dict[str, int]
    places: dict[Word, int]
    columns: range
    rows: range


def _gathers(program: Program) -> list[_Gather]:
    """Of a program, in its order."""
    found: list[_Gather] = []
    values, places, depth = dict[str, int](), dict[Word, int](), program.config.map_words
    for k, layout, word in program.listing():
        values |= layout.unpack(word) if layout in GATHER_PASS_WORDS else {}
        places[layout] = k
        if layout is GATHER_7:
            columns = range(depth + values["table_1"], depth + values["table_1"] + values["columns"])
            first, rows = 2 * depth + values["table_2"], values["blocks"] // (values["columns"] * values["groups"])
            found.append(_Gather(dict(values), dict(places), columns, range(first, first + rows)))
    return found


def _words_of_bands(program: Program) -> NDArray[np.int64]:
    """Addresses of the words that say what reaches the rows and columns of bands."""
    found = {word for gather in _gathers(program) for word in (*gather.columns, *gather.rows)}
    return np.array(sorted(found), np.int64)


def _idle(program: Program) -> set[tuple[int, str]]:
    """Fields, by address and name, that nobody uses: of loops that no word of their table repeats, of what is not cleared, and of steps that no block takes."""
    found = {(k, name) for k in _idle_loops(program) for name in ("weight_step", "slot_step")}
    maps = program.images.get(Space.MAPS, np.zeros(0, np.uint32))
    for gather in _gathers(program):
        one_row = not any(MAP.unpack(int(maps[k]))["count"] for k in gather.rows)
        idle: dict[Word, tuple[str, ...]] = {
            GATHER_3: () if gather.fields["clear"] else ("clear_words",),
            GATHER_4: ("columns",) if len(gather.rows) == 1 else (),
            GATHER_6: (("row_step",) if one_row else ()) + (("group_step",) if gather.fields["groups"] == 1 else ()),
            GATHER_7: ("row_positions",) if one_row else (),
        }
        found |= {(gather.places[layout], name) for layout, names in idle.items() for name in names}
    return found


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
