"""Bit layouts of 32-bit words, written once: packer, decoder, C header and documentation tables use the same object."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

WORD_BITS = 32


@dataclass(frozen=True)
class Field:
    """Some bits of one word. ``signed`` fields are two's complement."""

    name: str
    width: int
    doc: str
    signed: bool = False


class Word:
    """One 32-bit word: fields packed from bit 0 upwards.

    Raises
    ------
    ValueError   if the fields do not fit in 32 bits or share a name.
    """

    def __init__(self, name: str, doc: str, *fields: Field) -> None:
        self.name, self.doc, self.fields = name, doc, fields
        self.offsets: dict[str, int] = {}
        position = 0
        for field in fields:
            if field.name in self.offsets:
                raise ValueError(f"word {name} has two fields {field.name}")
            self.offsets[field.name] = position
            position += field.width
        if position > WORD_BITS:
            raise ValueError(f"word {name} needs {position} bits, {WORD_BITS} exist")

    def __iter__(self) -> Iterator[tuple[int, Field]]:
        return ((self.offsets[f.name], f) for f in self.fields)

    def __getitem__(self, name: str) -> Field:
        """The field of this name.

        Raises
        ------
        KeyError   if there is none.
        """
        for field in self.fields:
            if field.name == name:
                return field
        raise KeyError(f"word {self.name} has no field {name}")

    def pack(self, **values: int) -> int:
        """Pack named field values (all of them) into an unsigned 32-bit integer.

        Raises
        ------
        ValueError   if a field is missing, unknown or out of its range.
        """
        unknown = set(values) ^ {f.name for f in self.fields}
        if unknown:
            raise ValueError(f"word {self.name}: fields {sorted(unknown)} missing or unknown")
        word = 0
        for offset, field in self:
            value = int(values[field.name])
            low = -(1 << (field.width - 1)) if field.signed else 0
            high = (1 << (field.width - 1 if field.signed else field.width)) - 1
            if not low <= value <= high:
                raise ValueError(f"word {self.name}: {field.name}={value} must be in {low}..{high}")
            word |= (value & ((1 << field.width) - 1)) << offset
        return word

    def unpack(self, word: int) -> dict[str, int]:
        """Field values of a packed word."""
        values = {}
        for offset, field in self:
            value = (word >> offset) & ((1 << field.width) - 1)
            if field.signed and value >> (field.width - 1):
                value -= 1 << field.width
            values[field.name] = value
        return values


def same_place(*fields: tuple[Word, str]) -> None:
    """Make sure that named fields of several words lie at the same place: hardware takes them from whichever word it is.

    Raises
    ------
    ValueError   if they do not.
    """
    if len({(word.offsets[name], word[name].width) for word, name in fields}) > 1:
        raise ValueError(f"{' and '.join(f'{word.name}.{name}' for word, name in fields)} must lie at the same place of their words; change all of them")
