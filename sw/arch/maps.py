"""Maps: which weight words and slots a presynaptic neuron visits in a MAPPED_PASS, and what reaches a block in a GATHER_PASS.

The index of an active presynaptic neuron within its pass is a number of three digits with mixed radices::

    digit_0 = index % radix_0
    digit_1 = index // radix_0 % radix_1
    digit_2 = index // radix_0 // radix_1

A source in its network's order has the digits (x, y, channel), one in position-major order (channel, x, y). Word ``table_k + digit_k`` of table
``k`` is read for each of them. Unless all three exist the neuron reaches nothing. Else three nested loops visit pairs, the repetitions of loop
``k`` being those of word ``k``, loop 0 innermost::

    for c in range(words[2].count + 1):
        for b in range(words[1].count + 1):
            for a in range(words[0].count + 1):
                weight = weight_base + sum(word.weight for word in words) + a * weight_step_0 + b * weight_step_1 + c * weight_step_2
                slot   = slot_of_block_0 + sum(word.slot for word in words) + a * slot_step_0 + b * slot_step_1 + c * slot_step_2

Weight words and slots are modulo the depths of their memories: a word or a step may be negative in two's complement. A slot that comes again within
``ACCUMULATE_SPACING`` cycles waits.

In a VECTOR_PASS an index is that of a block, ``lanes`` presynaptic neurons from ``index * lanes`` on. A block with any spikes visits the pairs of its index once, and
each pair adds a weight to those lanes only whose neuron, the one in this lane of the presynaptic block, spikes.

A GATHER_PASS goes the other way, from each block to what reaches it. ``channels`` presynaptic neurons make a source position; positions count from
the first neuron that the pass scans, and those of a row are neighbours. Word ``table_2 + row`` of table 2 and word ``table_1 + column`` of table 1 say
together for a target position which source positions its kernel covers: those of ``count + 1`` rows, from the first of which on ``count + 1`` columns each. A
``slot`` is here a position, and ``exists`` 0 means that nothing is covered::

    block = 0
    for row in range(rows):                       # until there are no blocks left
        for column in range(columns):
            for group in range(groups):
                r, c = table 2[table_2 + row], table 1[table_1 + column]
                if r.exists and c.exists:
                    for k in range(r.count + 1):
                        first = r.slot + c.slot + k * row_positions
                        for position in range(first, first + c.count + 1):
                            for index in range(position * channels, (position + 1) * channels):
                                weight = weight_base + index + r.weight + c.weight + k * row_step + group * group_step
                                # the neuron's spikes of all steps, times this weight word, are added to `block`
                block += 1

Weight words are modulo the depth of their memory. Positions are not: all that are covered are scanned by the pass, and no more than ``list_entries``
neurons are.
"""

from __future__ import annotations

from .layout import Field, Word
from .program import PASS_3

MAP = Word(
    "map",
    "A word of a map table.",
    Field("weight", 13, "weight words, added to those of the other tables and weight_base"),
    Field("slot", 11, "slots, added to those of the other tables; of a GATHER_PASS: source positions"),
    Field("count", 7, "repetitions of the table's loop less one; of a GATHER_PASS: rows or columns less one"),
    Field("exists", 1, "0: neurons with this digit reach nothing; of a GATHER_PASS: nothing reaches these blocks"),
)

TABLES = 3
"""Map tables, one per digit, of ``Config.map_words`` words each. The host's address of a word is ``table * map_words + word``."""

INDEX_BITS = 14
"""Of a presynaptic neuron's index in a MAPPED_PASS."""

SHIFT_STEP = 4
"""Quotients are products shifted by ``INDEX_BITS + SHIFT_STEP * k``, ``k`` from 0 to 3."""

LARGEST_RADIX = (1 << PASS_3["radix_0"].width) - 1


def reciprocal(radix: int) -> tuple[int, int]:
    """What division by ``radix`` multiplies with, and ``k`` of its shift.

    Exact for every index below ``2^INDEX_BITS``: with ``shift >= INDEX_BITS + ceil(log2(radix))`` the reciprocal, rounded up, is too large by less than
    ``2^-INDEX_BITS`` of its value.

    Raises
    ------
    ValueError   if the radix does not fit its field.
    """
    if not 1 <= radix <= LARGEST_RADIX:
        raise ValueError(f"radix {radix} must be in 1..{LARGEST_RADIX}")
    k = -(-(radix - 1).bit_length() // SHIFT_STEP)
    return -(-(1 << shift_of(k)) // radix), k


def shift_of(k: int) -> int:
    """Bits by which a product is shifted."""
    return INDEX_BITS + SHIFT_STEP * k


def quotient(index: int, reciprocal: int, k: int) -> int:
    """``index // radix``, as the gateware computes it."""
    return index * reciprocal >> shift_of(k)
