"""Amaranth shapes of the program words that ``arch`` describes."""

from amaranth.hdl import signed, unsigned
from amaranth.lib import data

from lifline.arch.layout import Word
from lifline.arch.program import GATHER_WORDS, POPULATION_WORDS, WALK_WORDS


def word_layout(word: Word) -> data.StructLayout:
    """The fields of a program word, bit 0 first, with explicit shapes."""
    return data.StructLayout({f.name: signed(f.width) if f.signed else unsigned(f.width) for f in word.fields})


POPULATION_SHAPE = data.StructLayout({w.name: word_layout(w) for w in POPULATION_WORDS})
"""All words of a population."""

WALK_SHAPE = data.StructLayout({w.name: word_layout(w) for w in WALK_WORDS})
"""What a mapped pass says of its walk."""

GATHER_SHAPE = data.StructLayout({w.name: word_layout(w) for w in GATHER_WORDS})
"""What a gather pass says of its kernels."""
