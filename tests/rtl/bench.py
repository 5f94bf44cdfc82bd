"""What the unit benches share: running one, and memories as the gateware sees them."""

from __future__ import annotations

import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from amaranth.hdl import Fragment, Module
from amaranth.sim import Simulator

from lifline.rtl.cells.memory import Check


def simulate(dut: Any, bench: Callable[[Any], Coroutine[Any, Any, None]], *background: Callable[[Any], Coroutine[Any, Any, None]]) -> None:
    """Run ``bench`` to its end, and ``background`` beside it; memories inside show wrong words where reads and writes collide."""
    simulator = Simulator(dut if isinstance(dut, Fragment) else Fragment.get(dut, Check.POISON))
    simulator.add_clock(1e-6)
    for other in background:
        simulator.add_testbench(other, background=True)
    simulator.add_testbench(bench)
    simulator.run()


def evaluate(m: Module, bench: Callable[[Any], Coroutine[Any, Any, None]]) -> None:
    """Run ``bench`` on a module without a clock."""
    simulator = Simulator(m)
    simulator.add_testbench(bench)
    simulator.run()


@dataclass
class Memory:
    """A memory with one read and one write port, behind the ports of a unit.

    ``cycle`` takes what the ports show in a clock cycle and returns the word that is read, to be shown in the next. A word that is
    read while it is written comes back as noise, and so does the word of a port that belongs to somebody else.
    """

    width: int
    words: list[int]
    rng: random.Random = field(default_factory=lambda: random.Random(0))
    shown: int = 0

    def cycle(self, address: int, enable: int = 1, write_address: int = 0, write_enable: int = 0, write_data: int = 0, free: bool = True) -> int:
        if not free:
            self.shown = self.noise()
        elif enable:
            collision = write_enable and address == write_address
            self.shown = self.noise() if collision else self.words[address]
        if write_enable:
            self.words[write_address] = write_data
        return self.shown

    def noise(self) -> int:
        return self.rng.getrandbits(self.width)
