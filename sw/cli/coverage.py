"""What random programs exercise: options of the description, geometries, bits of descriptors and maps, values of micro-operations."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from math import prod

import numpy as np
from numpy.typing import NDArray

from lifline.arch.config import Config
from lifline.arch.layout import WORD_BITS, Field, Word
from lifline.arch.maps import MAP
from lifline.arch.program import (
    FIRST_COUNTER,
    GATHER_WORDS,
    INSTRUCTION,
    MICRO,
    PASS_0,
    PASS_WORDS,
    POPULATION_WORDS,
    REPEAT_1,
    RING_WORDS,
    WALK_WORDS,
    Addend,
    Carry,
    Factor,
    Latch,
    Opcode,
    Record,
)
from lifline.arch.records import INPUT_END_OF_STEP, INPUT_PACKED_STEPS
from lifline.arch.registers import Space
from lifline.compiler.components import Execution
from lifline.compiler.program import Program
from lifline.compiler.projections.sparse import why_written_out
from lifline.driver.input_words import input_words
from lifline.network.connections.fully_connected import FullyConnected
from lifline.network.connections.sparse import Sparse
from lifline.network.model import ResetRule
from lifline.network.result import RunResult
from lifline.sim.random.geometry import GEOMETRIES, classes

OPTIONS = (
    "mode event", "mode dense", *(f"reset {r.value}" for r in ResetRule), "strict", "not strict", "read-out", "current", "clamp", "budget hit",
    "saturation", "bias", "threshold per neuron", "axonal delay", "early exit", "full spike count", "another order", "padding",
    *(f"execution {e.value}" for e in Execution), "delay of a window back", "sparse, written out",
    "input as indices", "input packed", "input in both forms",
)  # fmt: skip
VALUES = {"factor": Factor, "addend": Addend, "latch": Latch, "carry": Carry, "record": Record}
"""Fields of a micro-operation whose values have names; each value must have been executed."""

BITS = {
    "instruction.argument": 3, "pass_0.source_words": 2, "pass_0.blocks": 3, "pass_1.ring_base": 8, "pass_1.ring": 7, "pass_2.weight_base": 9,
    "pass_2.fan_in": 7, "population_0.rows": 5, "population_0.neuron_base": 7, "population_1.prologue": 2, "population_1.update": 4,
    "population_1.record": 2, "population_1.rings": 2, "population_1.population": 2, "population_2.micro_words": 5, "population_5.ring": 7,
    "population_6.last_row": 16, "population_3.period_words": 2, "population_5.period_rows": 3, "ring_0.base": 8, "ring_0.rows": 7, "ring_1.delay": 6, "ring_1.period": 2, "repeat_1.first": 6, "micro.offset": 3,
    "pass_3.radix_0": 5, "pass_4.radix_1": 6, "pass_5.table_0": 5, "pass_5.table_1": 7, "pass_5.table_2": 7, "pass_6.slot_step": 4, "pass_7.slot_step": 4,
    "pass_8.slot_step": 4, "map.weight": 8, "map.slot": 4, "map.count": 3,
    "gather_3.clear_words": 2, "gather_3.channels": 5, "gather_4.groups": 2, "gather_4.columns": 4, "gather_5.table_1": 6, "gather_5.table_2": 6,
    "gather_6.group_step": 8, "gather_7.row_positions": 4,
}  # fmt: skip
"""Low bits of counts and addresses that networks of this size need on the variants; of all other fields every bit must have been set."""


def _bits(layout: Word, field: Field) -> int:
    return BITS.get(f"{layout.name}.{field.name}", field.width)


def _names(*layouts: Word) -> tuple[str, ...]:
    """Bits of words, and values of micro-operations, by name."""
    return tuple(
        name
        for layout in layouts
        for f in layout.fields
        if f.name not in ("reserved", "unused", "opcode", "flag", "head")  # the sequencer writes the head
        for name in (
            [f"micro.{f.name} {value.name.lower()}" for value in VALUES[f.name]]
            if layout is MICRO and f.name in VALUES
            else [f"{layout.name}.{f.name}[{k}]" for k in range(_bits(layout, f))]
        )
    )


VECTORS = ("convolution by blocks", "pooling by blocks", "identity by blocks", "blocks of neighbours", "blocks without positions", "blocks with padding", "input by blocks")
"""Passes whose entries are blocks of neurons."""
MAPPED = tuple(name for name in _names(*WALK_WORDS, MAP, *RING_WORDS) if name.startswith(("pass", "map", "ring_0.tap", "ring_1.period")))
"""Those that only a program with maps can set."""
GATHERS = (
    "dense convolution", "dense convolution in a loop", "dense convolution that clears a part", "bands", "bands of a row", "several parts of a source",
    "several convolutions into bands", "convolution and full connection into bands", "delays of bands that differ", *_names(*GATHER_WORDS),
)  # fmt: skip
"""Likewise, and what else a program with convolutions in dense mode can have."""
FIELDS = tuple(name for name in _names(INSTRUCTION, *PASS_WORDS, REPEAT_1, *POPULATION_WORDS[:FIRST_COUNTER], *RING_WORDS, MICRO) if name not in MAPPED)
"""Bits of descriptors that some program must have set, and values of micro-operations that some program must have executed."""


def asked_for(configs: Iterable[Config]) -> tuple[str, ...]:
    """What programs for these configurations should exercise together."""
    mapped = (*GEOMETRIES, "sparse", *VECTORS, *MAPPED) if any(c.map_words for c in configs) else ()
    return (*OPTIONS, *FIELDS, *mapped, *(GATHERS if any(c.gathers for c in configs) else ()))


def _by_blocks(program: Program) -> set[str]:
    """Which of :data:`VECTORS` a program has."""
    network, lanes, seen = program.network, program.config.lanes, set()
    opcodes = [layout.unpack(word)["opcode"] for _, layout, word in program.listing() if layout is PASS_0]
    for entry in (p for p, opcode in zip(program.passes, opcodes, strict=True) if opcode == Opcode.VECTOR_PASS):
        source = network.population(entry.source)
        kinds = {p.connection.name for p in network.projections if (p.source, p.target) == (entry.source, entry.target)}
        channels = source.shape[0]
        few = 2 * channels <= lanes and len(source.shape) > 1
        flags = {
            f"{next(iter(kinds))} by blocks": len(kinds) == 1,
            "blocks of neighbours": few and source.size > channels,
            "blocks without positions": len(source.shape) == 1,
            "blocks with padding": program.layouts[entry.source].size > source.size and not few,
            "input by blocks": source.neurons is None,
        }
        seen |= {name for name, on in flags.items() if on}
    return seen


def _forms(words: NDArray[np.uint32]) -> set[str]:
    """How the steps of the input come: the first packed one ends what can be read without counting."""
    packed = np.flatnonzero((words > INPUT_END_OF_STEP) & (words <= INPUT_END_OF_STEP + INPUT_PACKED_STEPS))
    first = packed[0] if len(packed) else len(words)
    indices = bool((words[:first] == INPUT_END_OF_STEP).any())
    return {name for name, on in {"input as indices": indices, "input packed": len(packed) > 0, "input in both forms": indices and len(packed) > 0}.items() if on}


def exercised(program: Program, spikes: NDArray[np.uint8], wanted: dict[str, set[str]], expected: RunResult) -> set[str]:
    """Options that this program has exercised with ``spikes`` as input, descriptor bits that were set in it, and values of its micro-operations."""
    network = program.network
    seen = classes(network) | {f"mode {p.mode.name.lower()}" for p in program.passes} | {f"execution {p.execution.value}" for p in program.passes}
    seen |= _by_blocks(program) | _forms(input_words(program, spikes))
    order = program.order
    back = [p for p in network.projections if p.source in order and order.index(p.source) >= order.index(p.target)]
    seen |= _of_gathers(program)
    seen |= {"delay of a window back" for p in back if p.delay_vector().min() >= program.config.window > 1}
    for p in network.projections:
        if isinstance(p.connection, Sparse):
            written_out = why_written_out(p, program.layouts[p.source], program.layouts[p.target], program.config)
            seen.add("sparse, written out" if written_out else "sparse")
    for population in network.populations:
        neurons = population.neurons
        if neurons is None:
            continue
        counters = expected.counters[population.name]
        seen.add(f"reset {neurons.reset.value}")
        seen.add("strict" if neurons.strict else "not strict")
        flags = {
            "read-out": neurons.cap == 0,
            "current": neurons.decay_i != 4096,
            "clamp": neurons.v_min is not None,
            "budget hit": bool(counters.budget_hits.any()),
            "saturation": bool(counters.saturations.any()),
            "bias": bool(np.any(neurons.bias)),
            "threshold per neuron": np.ndim(neurons.threshold) > 0,
        }
        seen |= {name for name, on in flags.items() if on}
    seen |= {"axonal delay" for p in network.projections if np.ptp(p.delay_vector())}
    seen |= {"early exit"} if expected.exited.any() else set()
    if network.early_exit is not None and (expected.spike_counts > network.state_max).any():
        seen.add("full spike count")
    seen |= {"another order" for layout in program.layouts.values() if (np.diff(layout.indices) < 0).any()}
    seen |= {"padding" for layout in program.layouts.values() if layout.size > layout.neurons}
    maps = ((0, MAP, int(word)) for word in program.images.get(Space.MAPS, ()))
    for _, layout, word in chain(program.listing(program.recording(wanted)), maps):
        for field, value in layout.unpack(word).items():
            if layout is MICRO and field in VALUES:
                seen.add(f"micro.{field} {VALUES[field](value).name.lower()}")
            seen |= {f"{layout.name}.{field}[{k}]" for k in range(WORD_BITS) if value >> k & 1}
    return seen


def _of_gathers(program: Program) -> set[str]:
    """Likewise, of the convolutions in dense mode."""
    heads = [layout.unpack(word) for _, layout, word in program.listing() if layout is PASS_0]
    clears = iter([layout.unpack(word)["clear_words"] for _, layout, word in program.listing() if layout is GATHER_WORDS[0]])
    gathering = [(head, entry, next(clears)) for head, entry in zip(heads, program.passes, strict=True) if head["opcode"] == Opcode.GATHER_PASS]
    seen = {"dense convolution" for _ in gathering[:1]}
    seen |= {"dense convolution in a loop" for _, entry, _ in gathering if entry.execution is Execution.LOOP}
    seen |= {"dense convolution that clears a part" for head, _, cleared in gathering if head["clear"] and cleared < head["source_words"]}
    for name in {entry.target for _, entry, _ in gathering}:
        bands, shape = program.bands(name), program.network.population(name).shape
        own = [entry for _, entry, _ in gathering if entry.target == name]
        sources, into = {entry.source for entry in own}, program.network.projections_into(name)
        seen |= {"several parts of a source"} if len(own) > len(bands) * len([p for p in into if p.source in sources]) else set()
        if len(bands) > 1:
            seen |= {"bands"} | ({"bands of a row"} if len(bands) > prod(shape[1:-1]) else set())
            seen |= {"several convolutions into bands"} if len(into) > 1 and sources == {p.source for p in into} else set()
            seen |= {"convolution and full connection into bands"} if any(isinstance(p.connection, FullyConnected) for p in into) else set()
            seen |= {"delays of bands that differ"} if any(np.ptp(p.delay_vector()) for p in program.network.projections_from(name)) else set()
    return seen
