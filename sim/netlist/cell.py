"""A cell of a netlist as the models of its family see it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from lifline.arch.errors import NetlistError

from .circuit import UNKNOWN, Circuit

BINARY = re.compile("[01xz]+")


@dataclass(frozen=True)
class Cell:
    """A cell: its name, type, parameters as in the file of yosys, and the nets at its pins, lowest bit first."""

    name: str
    type: str
    parameters: dict[str, str]
    pins: dict[str, tuple[int, ...]]

    def pin(self, name: str, absent: int = UNKNOWN) -> int:
        """The net at a pin of one bit; ``absent`` where nothing is connected."""
        nets = self.pins.get(name, ())
        return absent if not nets or nets[0] == UNKNOWN else nets[0]

    def bus(self, name: str, width: int) -> tuple[int, ...]:
        """Nets of a pin of several bits, or of pins of one bit with numbered names."""
        if name in self.pins:
            nets = self.pins[name]
            return (*nets, *[UNKNOWN] * (width - len(nets)))
        return tuple(self.pin(f"{name}{k}") for k in range(width))

    def out(self, name: str, circuit: Circuit) -> int:
        """The net that a pin of one bit drives, a new one where nothing is connected."""
        nets = self.pins.get(name, ())
        return circuit.net() if not nets or nets[0] == UNKNOWN else nets[0]

    def outs(self, name: str, width: int, circuit: Circuit) -> tuple[int, ...]:
        """The same for several bits."""
        return tuple(circuit.net() if net == UNKNOWN else net for net in self.bus(name, width))

    def bits(self, name: str, absent: str = "0") -> str:
        """A parameter as a binary number with ``x``, highest bit first.

        Raises
        ------
        NetlistError   if it is none.
        """
        value = self.parameters.get(name, absent)
        if not BINARY.fullmatch(value):
            raise NetlistError(f"{name} of `{self.name}` ({self.type}) is `{value}`, no binary number")
        return value

    def number(self, name: str, absent: int = 0) -> int:
        """A parameter as a number; undefined bits are 0."""
        return int(self.bits(name, f"{absent:b}").replace("x", "0").replace("z", "0"), 2)

    def text(self, name: str, absent: str) -> str:
        """A parameter as a word. Yosys adds a blank to one that would look like a number."""
        return self.parameters.get(name, absent).strip()

    def must(self, name: str, *allowed: str) -> str:
        """A parameter as a word, the first of ``allowed`` if it is not given.

        Raises
        ------
        NetlistError   if it is none of ``allowed``: the model would be wrong.
        """
        value = self.text(name, allowed[0])
        if value not in allowed:
            raise NetlistError(f"{name} of `{self.name}` ({self.type}) is `{value}`; the model has only {', '.join(allowed)}")
        return value

    def selected(self, name: str, selector: str, circuit: Circuit, absent: int = UNKNOWN) -> int:
        """The net at a pin behind the multiplexer ``selector``: itself, inverted or a constant."""
        choice = self.must(selector, name, "INV", "0", "1")
        if choice in ("0", "1"):
            return int(choice)
        return circuit.inverse(self.pin(name, absent)) if choice == "INV" else self.pin(name, absent)

    def clock(self, name: str, selector: str, circuit: Circuit) -> None:
        """Note the clock at a pin, which must be used at its rising edge."""
        if selector:
            self.must(selector, name)
        circuit.clocks.add(self.pin(name))


Model = Callable[[Cell, Circuit], None]
"""Adds what a cell does to a circuit."""
