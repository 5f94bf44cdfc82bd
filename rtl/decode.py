"""Amaranth shapes of the program words that ``arch`` describes."""

from amaranth.hdl import signed, unsigned
from amaranth.lib import data

from lifline.arch.layout import Word


def word_layout(word: Word) -> data.StructLayout:
    """The fields of a program word, bit 0 first, with explicit shapes."""
    return data.StructLayout({f.name: signed(f.width) if f.signed else unsigned(f.width) for f in word.fields})
