"""Program layout: the instructions that the sequencer executes once per window, and the micro-operations of the neuron update.

A program is a list of 32-bit words. The sequencer starts at word 0 in every window and runs until ``END``.
A ``PASS`` accumulates one projection (or a part of its presynaptic neurons) into a population; the last pass of a
population carries the population's own words right behind it and updates the neurons. The words after those are the
population's microprogram. A ``MAPPED_PASS`` has six words more, behind those of a ``PASS``, which say which weight words and slots
each presynaptic neuron visits (:mod:`lifline.arch.maps`), a ``VECTOR_PASS`` has the same, which say it for
blocks of presynaptic neurons, and a ``GATHER_PASS`` has five, which say for each block where what reaches it stands. What is between ``LOOP`` and ``REPEAT`` is executed once per step instead, for that step:
populations whose spikes come back to them. ``END`` carries the descriptors of all delay rings; the sequencer moves their heads by a window. Pointers stand
at least one word before the word that they point to is needed.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass

from .layout import Field, Word, same_place


class Opcode(enum.IntEnum):
    END = 0
    PASS = 1
    MAPPED_PASS = 2
    """event mode only, and only in configurations with maps"""
    LOOP = 3
    REPEAT = 4
    GATHER_PASS = 5
    """dense mode only, and only in configurations with maps and dense lanes"""
    VECTOR_PASS = 6
    """a MAPPED_PASS whose indices are those of blocks; only in configurations with maps and at most 32 lanes"""


class Mode(enum.IntEnum):
    """How a pass is executed."""

    EVENT = 0
    DENSE = 1


INSTRUCTION = Word(
    "instruction",
    "First word of every instruction.",
    Field("argument", 28, "END: number of ring descriptors, which follow; passes: see below; else zero"),
    Field("opcode", 3, "END 0, PASS 1, MAPPED_PASS 2, LOOP 3, REPEAT 4, GATHER_PASS 5, VECTOR_PASS 6"),
    Field("flag", 1, "passes: see below; else zero"),
)
REPEAT_1 = Word(
    "repeat_1",
    "REPEAT, word 1.",
    Field("first", 16, "address of the instruction behind LOOP: executed next, until all steps of the window are through"),
    Field("reserved", 16, "zero"),
)
REPEAT_WORDS = (INSTRUCTION, REPEAT_1)

PASS_0 = Word(
    "pass_0",
    "PASS, MAPPED_PASS and GATHER_PASS, word 0.",
    Field("source_words", 12, "words of 32 presynaptic neurons to scan, at least 1"),
    Field("blocks", 12, "blocks of postsynaptic neurons, at least 1"),
    Field("mode", 1, "0 event, 1 dense"),
    Field("clear", 1, "clear every row after reading it: the last pass that reads this ring; of a GATHER_PASS: those of its first clear_words"),
    Field("update", 1, "update the neurons: population words follow"),
    Field("one_slot", 1, "one accumulator slot per block for all steps, else one for each: only where no other pass adds to the population, in event mode, or in a loop"),
    Field("opcode", 3, "1, 2 for a MAPPED_PASS, 5 for a GATHER_PASS, or 6 for a VECTOR_PASS"),
    Field("recurrent", 1, "event mode, with update: it reads the population's own spikes; a step's row is scanned when those of the step before are in it"),
)
PASS_1 = Word(
    "pass_1",
    "PASS, MAPPED_PASS and GATHER_PASS, word 1.",
    Field("ring", 16, "address of the ring descriptor"),
    Field("ring_base", 16, "ring word of the first source word, row 0"),
)
PASS_2 = Word(
    "pass_2",
    "PASS, MAPPED_PASS and GATHER_PASS, word 2.",
    Field("weight_base", 16, "weight word of presynaptic neuron 0, block 0; of the two others: added to all weight words of their tables"),
    Field("fan_in", 16, "presynaptic neurons of this pass: the stride between blocks; of a GATHER_PASS: zero"),
)
PASS_WORDS = (PASS_0, PASS_1, PASS_2)


def _digit_word(number: int, digit: int) -> Word:
    return Word(
        f"pass_{number}",
        f"MAPPED_PASS, word {number}: digit {digit} of a presynaptic neuron's index.",
        Field(f"reciprocal_{digit}", 18, f"of radix_{digit}, see `arch/maps.py`"),
        Field(f"shift_{digit}", 2, f"quotient = product with reciprocal_{digit} >> (14 + 4 * shift_{digit})"),
        Field(f"radix_{digit}", 12, f"numbers that digit {digit} has, at least 1"),
    )


def _loop_word(number: int, loop: int) -> Word:
    place = ("the innermost", "the middle", "the outermost")[loop]
    return Word(
        f"pass_{number}",
        f"MAPPED_PASS, word {number}: loop {loop}, {place} one, whose repetitions digit {loop} says.",
        Field("weight_step", 16, "weight words from one repetition to the next", signed=True),
        Field("slot_step", 16, "slots from one repetition to the next", signed=True),
    )


PASS_3, PASS_4 = _digit_word(3, 0), _digit_word(4, 1)
PASS_5 = Word(
    "pass_5",
    "MAPPED_PASS, word 5.",
    Field("table_0", 10, "first word in table 0, the one of digit value 0"),
    Field("table_1", 10, "first word in table 1"),
    Field("table_2", 10, "first word in table 2"),
    Field("reserved", 2, "zero"),
)
PASS_6, PASS_7, PASS_8 = _loop_word(6, 0), _loop_word(7, 1), _loop_word(8, 2)
WALK_WORDS = (PASS_3, PASS_4, PASS_5, PASS_6, PASS_7, PASS_8)
"""Of a MAPPED_PASS, behind those of a PASS; digit 2 is what division by both radices leaves."""
MAPPED_PASS_WORDS = PASS_WORDS + WALK_WORDS
"""Of a VECTOR_PASS, too: where words of a MAPPED_PASS are described, they are meant as well."""

GATHER_3 = Word(
    "gather_3",
    "GATHER_PASS, word 3.",
    Field("clear_words", 12, "with clear: so many of the source words, the first ones, are cleared after reading, at least 1"),
    Field("channels", 12, "presynaptic neurons of a source position, at least 1; they stand together"),
    Field("reserved", 8, "zero"),
)
GATHER_4 = Word(
    "gather_4",
    "GATHER_PASS, word 4.",
    Field("groups", 12, "blocks of a target position, at least 1"),
    Field("columns", 12, "target positions of a row, at least 1"),
    Field("reserved", 8, "zero"),
)
GATHER_5 = Word(
    "gather_5",
    "GATHER_PASS, word 5.",
    Field("unused", 10, "zero"),
    Field("table_1", 10, "first word in table 1, the one of the first column"),
    Field("table_2", 10, "first word in table 2, the one of the first row"),
    Field("reserved", 2, "zero"),
)
GATHER_6 = Word(
    "gather_6",
    "GATHER_PASS, word 6.",
    Field("group_step", 16, "weight words from a block to the next one of its position", signed=True),
    Field("row_step", 16, "weight words from a source row to the next", signed=True),
)
GATHER_7 = Word(
    "gather_7",
    "GATHER_PASS, word 7.",
    Field("row_positions", 16, "positions from a source row to the next"),
    Field("reserved", 16, "zero"),
)
GATHER_WORDS = (GATHER_3, GATHER_4, GATHER_5, GATHER_6, GATHER_7)
"""Of a GATHER_PASS, behind those of a PASS."""
GATHER_PASS_WORDS = PASS_WORDS + GATHER_WORDS
PASSES = {Opcode.PASS: PASS_WORDS, Opcode.MAPPED_PASS: MAPPED_PASS_WORDS, Opcode.VECTOR_PASS: MAPPED_PASS_WORDS, Opcode.GATHER_PASS: GATHER_PASS_WORDS}
"""Layouts of every instruction that accumulates."""

RING_0 = Word(
    "ring_0",
    "Ring descriptor, word 0 (the sequencer writes `head`).",
    Field("base", 16, "first ring word; source word k, row r is at base + k * rows + r; of a tap: the row of a fresh run's first step"),
    Field("rows", 7, "rows of the ring: largest delay of its last reader + W, + W more for the input's rings"),
    Field("tap", 1, "another way to read a ring, which nobody writes through; only in configurations with maps"),
    Field("head", 8, "row of the window's first step; in a fresh run's first window 0, of a tap what `base` says"),
)
RING_1 = Word(
    "ring_1",
    "Ring descriptor, word 1.",
    Field("delay", 16, "uniform: the delay; else: first entry in delay memory"),
    Field("uniform", 1, "all neurons share one delay"),
    Field("period", 10, "words of 32 delays after which they begin again; 0: as many as source words; only in configurations with maps"),
    Field("reserved", 5, "zero"),
)
RING_WORDS = (RING_0, RING_1)

POPULATION_0 = Word(
    "population_0",
    "Population, word 0.",
    Field("rows", 16, "rows to update, at least 1"),
    Field("neuron_base", 16, "neuron word of the prologue; rows start behind it, words with a period end before it"),
)
POPULATION_1 = Word(
    "population_1",
    "Population, word 1.",
    Field("prologue", 4, "micro-operations that load shared parameters, once per pass"),
    Field("update", 5, "micro-operations per row"),
    Field("record", 4, "micro-operations per row that send state to the host; 0: none"),
    Field("shift", 4, "index into the configuration's weight shifts"),
    Field("non_strict", 1, "fire at v >= theta instead of v > theta"),
    Field("reset_now", 1, "immediate reset after a crossing"),
    Field("reset_subtract", 1, "immediate reset subtracts theta instead of loading v_reset"),
    Field("record_spikes", 1, "send spike words to the host"),
    Field("rings", 4, "ring descriptors written by this population; their address is in population_5"),
    Field("population", 6, "number of the population in records"),
    Field("reserved", 1, "zero"),
)
POPULATION_2 = Word(
    "population_2",
    "Population, word 2.",
    Field("factor_v", 13, "4096 - dv"),
    Field("factor_i", 13, "4096 - di"),
    Field("micro_words", 6, "words of the microprogram; the next instruction follows them"),
)
POPULATION_3 = Word(
    "population_3",
    "Population, word 3.",
    Field("v_reset", 24, "value loaded by an immediate reset", signed=True),
    Field("period_words", 4, "neuron words per phase; those of row r begin at neuron_base - (r modulo period_rows + 1) * period_words"),
    Field("reserved", 4, "zero"),
)
POPULATION_4 = Word("population_4", "Population, word 4.", Field("v_min", 32, "lower clamp of v; -M if there is none", signed=True))
POPULATION_5 = Word(
    "population_5",
    "Population, word 5.",
    Field("ring", 16, "address of the first ring descriptor this population writes; the others follow it"),
    Field("exit_check", 1, "one more micro-operation per row follows the recorded ones: the spike count, compared for early exit"),
    Field("row_words", 4, "neuron words per row"),
    Field("period_rows", 11, "rows after which words with a period repeat; 0: there are none"),
)
POPULATION_6 = Word("population_6", "Population, word 6.", Field("last_row", 32, "one bit per multiplier: neurons that exist in the last row"))
POPULATION_7 = Word("population_7", "Population, word 7, a counter.", Field("spikes", 32, "spikes that left the population"))
POPULATION_8 = Word("population_8", "Population, word 8, a counter.", Field("budget_hits", 32, "crossings that a budget suppressed"))
POPULATION_9 = Word("population_9", "Population, word 9, a counter.", Field("saturations", 32, "clipped currents and membranes"))
POPULATION_WORDS = (
    POPULATION_0, POPULATION_1, POPULATION_2, POPULATION_3, POPULATION_4,
    POPULATION_5, POPULATION_6, POPULATION_7, POPULATION_8, POPULATION_9,
)  # fmt: skip
FIRST_COUNTER = 7
"""Index of the first counter within the population words."""
POPULATION_COUNTERS = tuple(word.fields[0].name for word in POPULATION_WORDS[FIRST_COUNTER:])
"""Names of the counters of a population: ``spikes``, ``budget_hits``, ``saturations``."""


class Factor(enum.IntEnum):
    """What the neuron word is multiplied by, in 1/4096."""

    ZERO = 0
    ONE = 1
    V = 2
    CURRENT = 3


class Addend(enum.IntEnum):
    """What is added to the decayed word."""

    NONE = 0
    SYNAPTIC = 1
    """the accumulator, shifted"""
    RESULT = 2
    """the clipped result of the micro-operation issued :data:`~lifline.arch.timing.RESULT_DELAY` cycles earlier"""


class Latch(enum.IntEnum):
    """A parameter register that takes the neuron word."""

    NONE = 0
    THETA = 1
    BIAS = 2
    BIAS_LATE = 3
    """bias in the step after a crossing: ``bias - theta``, or ``bias`` plus the decayed ``v_reset``"""
    CROSSED = 4
    """bit 0: the neuron crossed its threshold in the previous step"""
    REMAINING = 5
    """the word is ``count - budget``: negative while the neuron may still fire"""
    EXISTS = 6
    """bit 0: there is a neuron, which may fire and saturate; all do from the prologue on until it is said otherwise"""


class Carry(enum.IntEnum):
    """A single bit added to the sum."""

    NONE = 0
    CROSSING = 1
    SPIKE = 2


class Record(enum.IntEnum):
    NONE = 0
    V = 1
    CURRENT = 2
    COUNT = 3
    """compared for early exit, not sent"""


MICRO = Word(
    "micro",
    "One micro-operation of the neuron update: read a neuron word, compute, maybe write it back.",
    Field("offset", 4, "word within the row (or within the prologue)"),
    Field("factor", 2, "0 zero, 1 one, 2 factor_v, 3 factor_i"),
    Field("addend", 2, "0 none, 1 synaptic, 2 earlier result"),
    Field("latch", 3, "0 none, 1 theta, 2 bias, 3 bias_late, 4 crossed, 5 remaining, 6 exists"),
    Field("carry", 2, "0 none, 1 crossing, 2 spike"),
    Field("bias", 1, "add the bias register"),
    Field("late_bias", 1, "after a crossing in the previous step add bias_late instead"),
    Field("late_zero", 1, "after a crossing in the previous step use zero instead of the word"),
    Field("fire", 1, "compare with theta, reset, spike"),
    Field("budget", 1, "a crossing becomes a spike only while the budget lasts"),
    Field("clamp", 1, "clamp at v_min instead of -M"),
    Field("count_saturation", 1, "a clipped result counts as a saturation"),
    Field("write", 1, "write the result back"),
    Field("fresh_zero", 1, "in the first step after a reset the word reads as zero"),
    Field("fresh_next", 1, "in the first step after a reset read the next word instead (a budget instead of its count)"),
    Field("record", 2, "0 none, 1 send as v, 2 send as i, 3 compare as spike count"),
    Field("periodic", 1, "read the word of the row's phase in place of the row's own; never written"),
    Field("reserved", 5, "zero"),
)


@dataclass(frozen=True, kw_only=True)
class MicroOp:
    """One micro-operation by name; :meth:`word` packs it."""

    offset: int = 0
    factor: Factor = Factor.ZERO
    addend: Addend = Addend.NONE
    latch: Latch = Latch.NONE
    carry: Carry = Carry.NONE
    bias: bool = False
    late_bias: bool = False
    late_zero: bool = False
    fire: bool = False
    budget: bool = False
    clamp: bool = False
    count_saturation: bool = False
    write: bool = False
    fresh_zero: bool = False
    fresh_next: bool = False
    record: Record = Record.NONE
    periodic: bool = False

    def word(self) -> int:
        """The packed 32-bit word."""
        return MICRO.pack(**{f.name: int(getattr(self, f.name, 0)) for f in MICRO.fields})


NOP = MicroOp()

PROGRAM_LAYOUTS: tuple[Word, ...] = (INSTRUCTION, *MAPPED_PASS_WORDS, *GATHER_WORDS, REPEAT_1, *POPULATION_WORDS, *RING_WORDS, MICRO)
"""Every layout of program memory, for the C header and the documentation."""

MAX_RINGS = 2
"""Delay rings that one population can write: delay vectors among its outgoing projections that differ by more than a number of steps for all neurons."""

POINTERS = ((PASS_1, "ring"), (POPULATION_5, "ring"), (REPEAT_1, "first"))
"""Words that lead elsewhere; all hold the address at the same place, so that what comes late from memory passes one multiplexer."""

same_place(*POINTERS)
for _table in ("table_1", "table_2"):
    same_place((PASS_5, _table), (GATHER_5, _table))
same_place((INSTRUCTION, "opcode"), (PASS_0, "opcode"))  # the instruction's word is looked at before it is known to be a pass
