"""Chips and what they have."""

from __future__ import annotations

from dataclasses import dataclass

RESOURCES = ("lut", "ff", "block_ram", "dsp", "spram")
"""What a build uses and a chip has, by the names of the fields of :class:`Chip`."""


@dataclass(frozen=True)
class Chip:
    """A chip and what it has, as its place and route counts it.

    Attributes
    ----------
    family : name of its family, see :data:`lifline.boards.families.FAMILIES`.
    lut, ff : lookup tables with four inputs, and flip-flops; a logic cell of an iCE40 is one of each.
    block_ram : memories of 18 kbit (ECP5) or 4 kbit (iCE40).
    dsp : multipliers, 18 x 18 or 16 x 16.
    spram : single-port memories of 256 kbit.
    """

    name: str
    family: str
    lut: int
    ff: int
    block_ram: int
    dsp: int
    spram: int = 0

    def available(self) -> dict[str, int]:
        """Number of every resource that the chip has, by name."""
        return {name: getattr(self, name) for name in RESOURCES if getattr(self, name)}
