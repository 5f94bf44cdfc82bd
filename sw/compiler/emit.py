"""Step 4: the program. Passes in their order, each population's words and microprogram behind its last pass, then the ring descriptors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lifline.arch.arithmetic import DECAY_ONE
from lifline.arch.config import Config, ceil_div
from lifline.arch.limits import RING_BITS
from lifline.arch.maps import reciprocal
from lifline.arch.program import (
    GATHER_3,
    GATHER_4,
    GATHER_5,
    GATHER_6,
    GATHER_7,
    INSTRUCTION,
    MAX_RINGS,
    PASS_0,
    PASS_1,
    PASS_2,
    PASS_3,
    PASS_4,
    PASS_5,
    PASS_6,
    PASS_7,
    PASS_8,
    POPULATION_0,
    POPULATION_1,
    POPULATION_2,
    POPULATION_3,
    POPULATION_4,
    POPULATION_5,
    POPULATION_6,
    POPULATION_COUNTERS,
    POPULATION_WORDS,
    REPEAT_1,
    REPEAT_WORDS,
    RING_0,
    RING_1,
    RING_WORDS,
    Opcode,
)
from lifline.network.model import Network, ResetRule

from .components import Execution
from .maps import Maps
from .memories import PROGRAM, MemoryUse
from .microcode import Microprogram
from .neurons import NeuronMemory, PlacedNeurons
from .program import ProgramPopulation
from .projections.gather import Gather
from .projections.walk import Walk
from .rings import Rings, Tap
from .weights import PlacedPass, Weights


@dataclass(frozen=True, eq=False)
class ProgramMemory:
    """The program memory, and where populations lie in it."""

    words: NDArray[np.uint32]
    populations: tuple[ProgramPopulation, ...]
    memory: MemoryUse


@dataclass(frozen=True)
class _Descriptors:
    """Where the ring descriptors lie: behind the END instruction."""

    end: int

    def address(self, number: int) -> int:
        return self.end + 1 + number * len(RING_WORDS)


def emit(network: Network, config: Config, rings: Rings, weights: Weights, maps: Maps, neurons: NeuronMemory) -> ProgramMemory:
    """Program words.

    Raises
    ------
    CompileError   if they do not fit the program memory.
    """
    end = sum(len(placed.layouts) for placed in weights.passes) + len(POPULATION_WORDS) * len(neurons.populations) + neurons.program_words
    end += (1 + len(REPEAT_WORDS)) * len(weights.loops)
    # The sequencer always loads MAX_RINGS descriptors: also from the last one on.
    size = end + 1 + len(RING_WORDS) * (len(rings.taps) + MAX_RINGS)
    memory = PROGRAM.claim(network, config, size)
    descriptors = _Descriptors(end)
    words: list[int] = []
    populations: list[ProgramPopulation] = []
    begins, ends = {loop.start for loop in weights.loops}, {loop[-1] for loop in weights.loops}
    first = 0
    for number, placed in enumerate(weights.passes):
        if number in begins:
            words.append(INSTRUCTION.pack(argument=0, opcode=Opcode.LOOP, flag=0))
            first = len(words)
        cleared = weights.cleared(number)
        words += _pass_words(placed, descriptors, clear=cleared > 0) + _walk_words(placed.walk, maps.starts[number])
        words += _gather_words(placed.gather, maps.starts[number], cleared)
        if placed.entry.updates:
            where = neurons.part(placed.entry.target, placed.band)
            population = _described(where, number=len(populations), address=len(words))
            # A read-out's rings stay empty.
            own = rings.written(population.name, placed.band) if population.fires else []
            ring = descriptors.address(own[0].number if own else 0)
            words += _population_words(where, population, config, shift=weights.shifts[population.name], rings=len(own), first_ring=ring)
            words += _microprogram(where.program)
            populations.append(population)
        if number in ends:
            words += [INSTRUCTION.pack(argument=0, opcode=Opcode.REPEAT, flag=0), REPEAT_1.pack(first=first, reserved=0)]
    assert len(words) == end
    words.append(INSTRUCTION.pack(argument=len(rings.taps), opcode=Opcode.END, flag=0))
    words += [word for tap in rings.taps for word in _ring_words(tap)]
    words += [0] * (size - len(words))
    return ProgramMemory(np.array(words, np.uint32), tuple(populations), memory)


def _pass_words(placed: PlacedPass, descriptors: _Descriptors, *, clear: bool) -> list[int]:
    entry, ring = placed.entry, placed.tap.ring
    return [
        PASS_0.pack(
            source_words=ceil_div(entry.fan_in, RING_BITS), blocks=entry.blocks, mode=entry.mode, clear=clear, update=entry.updates,
            one_slot=placed.one_slot, opcode=placed.opcode,
            recurrent=entry.execution is Execution.RECURRENT,
        ),
        PASS_1.pack(ring_base=ring.base + entry.first // RING_BITS * ring.rows, ring=descriptors.address(placed.tap.number)),
        PASS_2.pack(weight_base=placed.begins, fan_in=0 if placed.gather is not None else entry.fan_in),
    ]  # fmt: skip


def _walk_words(walk: Walk | None, tables: tuple[int, ...] | None) -> list[int]:
    """Of a pass with tables, of which ``tables`` are the first words."""
    if walk is None or tables is None:
        return []
    words = []
    for layout, digit in zip((PASS_3, PASS_4), walk.digits, strict=False):
        factor, shift = reciprocal(digit.radix)
        words.append(layout.pack(**dict(zip((field.name for field in layout.fields), (factor, shift, digit.radix), strict=True))))
    words.append(PASS_5.pack(**{f"table_{k}": first for k, first in enumerate(tables)}, reserved=0))
    for layout, digit in zip((PASS_6, PASS_7, PASS_8), walk.digits, strict=True):
        words.append(layout.pack(weight_step=digit.weight_step, slot_step=digit.slot_step))
    return words


def _gather_words(gather: Gather | None, tables: tuple[int, ...] | None, cleared: int) -> list[int]:
    """Of a pass that gathers and clears so many of the words that it scans."""
    if gather is None or tables is None:
        return []
    return [
        GATHER_3.pack(clear_words=cleared, channels=gather.channels, reserved=0),
        GATHER_4.pack(groups=gather.groups, columns=len(gather.columns), reserved=0),
        GATHER_5.pack(unused=0, table_1=tables[1], table_2=tables[2], reserved=0),
        GATHER_6.pack(group_step=gather.group_step, row_step=gather.row_step),
        GATHER_7.pack(row_positions=gather.row_positions, reserved=0),
    ]


def _described(where: PlacedNeurons, *, number: int, address: int) -> ProgramPopulation:
    """What the driver knows of a population whose words begin at ``address``."""
    program, model = where.program, where.population.neurons
    assert model is not None
    return ProgramPopulation(
        number=number, name=where.population.name, first=where.first, places=where.layout.size, size=where.population.size, rows=where.rows, row_words=where.row_words,
        row_base=where.row_base, address=address, words=dict(program.words), micro_base=address + len(POPULATION_WORDS),
        prologue=len(program.prologue), update=len(program.update), record={v: op.word() for v, op in program.record.items()},
        exit_check=None if program.exit_check is None else program.exit_check.word(), fires=model.cap > 0,
    )  # fmt: skip


def _population_words(
    where: PlacedNeurons, population: ProgramPopulation, config: Config, *, shift: int, rings: int, first_ring: int
) -> list[int]:
    model = where.population.neurons
    assert model is not None
    return [
        POPULATION_0.pack(rows=where.rows, neuron_base=where.base),
        POPULATION_1.pack(
            prologue=population.prologue, update=population.update, record=0, shift=shift, non_strict=not model.strict,
            reset_now=model.reset in (ResetRule.NOW_VALUE, ResetRule.NOW_SUBTRACT), reset_subtract=model.reset is ResetRule.NOW_SUBTRACT,
            record_spikes=0, rings=rings, population=population.number, reserved=0,
        ),
        POPULATION_2.pack(
            factor_v=DECAY_ONE - model.decay_v, factor_i=DECAY_ONE - model.decay_i, micro_words=where.program.reserved_words
        ),
        POPULATION_3.pack(v_reset=model.v_reset, period_words=where.period_words, reserved=0),
        POPULATION_4.pack(v_min=-config.state_max if model.v_min is None else model.v_min),
        POPULATION_5.pack(ring=first_ring, exit_check=population.exit_check is not None, row_words=where.row_words, period_rows=where.program.period_rows),
        POPULATION_6.pack(last_row=where.last_row),
        *[0] * len(POPULATION_COUNTERS),
    ]  # fmt: skip


def _microprogram(program: Microprogram) -> list[int]:
    """Its operations, and room for those that record."""
    operations = program.prologue + program.update + ([program.exit_check] if program.exit_check else [])
    return [operation.word() for operation in operations] + [0] * (program.reserved_words - len(operations))


def _ring_words(tap: Tap) -> list[int]:
    ring = tap.ring
    return [
        RING_0.pack(base=tap.first if tap.later else ring.base + tap.word * ring.rows, rows=ring.rows, tap=tap.later > 0, head=0),
        RING_1.pack(delay=ring.delay_of(tap.word), uniform=ring.uniform, period=ring.period, reserved=0),
    ]
