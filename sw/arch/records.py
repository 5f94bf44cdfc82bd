"""What a device takes, input words, and what it sends back: records in the output memory, each a header word and its payload words."""

import enum

from .layout import Field, Word
from .limits import RING_BITS


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
"""Input word that ends a time step; any smaller word is the index of an input neuron that fires in it."""
INPUT_PACKED_STEPS = 15
"""``INPUT_END_OF_STEP + n``, with ``n`` up to this, in the place of a step's first word: the next ``n`` steps are packed, and each is complete with its last
word. Only where all input neurons share one delay, in configurations with :attr:`~lifline.arch.config.Config.packed_input`."""
INPUT_BITS = 16


def packed_words(neurons: int) -> int:
    """Input words of a packed step, a bit per neuron: two for 32 neurons, lower half first; bits behind the last neuron are zero."""
    return -(-neurons // RING_BITS) * (RING_BITS // INPUT_BITS)


AHEAD_BITS = 6
"""Steps of input are counted modulo 64: they are at most two windows of 16 steps ahead of the computation."""
