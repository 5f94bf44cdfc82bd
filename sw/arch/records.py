"""What a device sends back: records in the output memory, each a header word and its payload words."""

import enum

from .layout import Field, Word


class RecordKind(enum.IntEnum):
    SPIKES = 0
    """payload: one word, bit ``k`` is neuron ``32 * index + k``"""
    V = 1
    """payload: one word per multiplier, signed: neurons ``index * multipliers + k``"""
    I = 2  # noqa: E741
    """payload as ``V``"""


RECORD = Word(
    "record",
    "Header of a record.",
    Field("step", 12, "time step, modulo 2^12"),
    Field("index", 12, "spikes: word of 32 neurons; v and i: row"),
    Field("population", 6, "number of the population in the program"),
    Field("kind", 2, "0 spikes, 1 v, 2 i"),
)

MAX_STEPS_PER_RUN = 2048
"""The driver starts longer runs in parts, so that a record's step is never ambiguous: half of what it can tell."""


INPUT_END_OF_STEP = 1 << 15
"""Input word that ends a time step; any other word is the index of an input neuron that fires in it."""
INPUT_BITS = 16

AHEAD_BITS = 6
"""Steps of input are counted modulo 64: they are at most two windows of 16 steps ahead of the computation."""
