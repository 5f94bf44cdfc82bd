"""Rows of lookup tables that no program can ever look at: proved, by a SAT solver."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterable, Sequence
from typing import Self

import numpy as np
from pysat.solvers import Solver

from lifline.sim.netlist.circuit import Circuit
from lifline.sim.netlist.conversation import Fault
from lifline.sim.netlist.engine import ALL, Engine

from .clauses import Frame, after

SOLVER = "cadical195"
DEPTH = 2
"""Cycles that an induction looks at before the next one."""
STATE, PROBE = "now", "pair of states"
"""What the gateware calls the bits of a state machine, and what tables are called that look at two of them and are none of the chip's."""


def with_probes(circuit: Circuit) -> Circuit:
    """A copy with a table more for every pair of bits of its state machines. That two states are not met at once is what most other proofs need, and no table of
    the chip may look at both."""
    probed = dataclasses.replace(circuit, tables=list(circuit.tables))
    outputs = {register.output for register in circuit.registers}
    states = [net for name, nets in circuit.names.items() if name.split(".")[-1] == STATE for net in nets if net in outputs]
    for pair in itertools.combinations(dict.fromkeys(states), 2):
        probed.table(0, pair, cell=PROBE)
    return probed


def never_looked_at(circuit: Circuit, candidates: Iterable[Fault], depth: int = DEPTH) -> list[Fault]:
    """Of rows that a simulation has never looked at, those for which a proof says that this holds for ever.

    By induction, all at once: if in ``depth`` cycles none of them is looked at, then in the next one none is; and none is in the first cycles behind the reset, or
    behind power-up where there is none. Rows for which that fails are dropped until it holds for the rest. Contents of memories, products, and what comes
    in may be anything.
    """
    rows = list(candidates)
    wanderer = _Wanderer(circuit)
    left = list(range(len(rows)))
    for first in (True, False):
        with _Induction(circuit, rows, left, depth, first=first) as induction:
            left = induction.refine(left, wanderer)
    return [rows[k] for k in left]


class _Induction:
    """Rows that cannot be looked at behind ``depth`` cycles in which none of them is; ``first``: in so many cycles behind the one that begins everything."""

    def __init__(self, circuit: Circuit, rows: Sequence[Fault], left: Sequence[int], depth: int, *, first: bool) -> None:
        self._circuit, self._rows, self._first = circuit, rows, first
        self._frames = [Frame(circuit, 1 + k * circuit.nets) for k in range(depth + 1)]
        self._next = self._frames[-1].last + 1
        self._solver = Solver(name=SOLVER)
        for k, frame in enumerate(self._frames):
            self._add(frame.clauses(resets=first and not k))
        for before, behind in itertools.pairwise(self._frames):
            self._join(before, behind, starts=first and before is self._frames[0])
        self._assumed = dict(zip(left, self._new(len(left)), strict=True))
        self._asked = self._frames[1:] if first else self._frames[-1:]
        self._looked = [dict(zip(left, self._new(len(left)), strict=True)) for _ in self._asked]
        for k in left:
            table, bit = circuit.tables[rows[k].table], rows[k].bit
            if not first:
                self._add([-self._assumed[k], *(-literal for literal in frame.row(table, bit))] for frame in self._frames[:-1])
            for looked, frame in zip(self._looked, self._asked, strict=True):
                self._add([-looked[k], literal] for literal in frame.row(table, bit))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._solver.delete()

    def _new(self, number: int) -> range:
        self._next += number
        return range(self._next - number, self._next)

    def _add(self, clauses: Iterable[list[int]]) -> None:
        for clause in clauses:
            self._solver.add_clause(clause)

    def _join(self, before: Frame, behind: Frame, *, starts: bool) -> None:
        """What registers hold in the next cycle; in the first one, all that is known is what they start with."""
        for register, spare in zip(self._circuit.registers, self._new(len(self._circuit.registers)), strict=True):
            if starts:
                self._add([[before[register.output] if register.start else -before[register.output]]])
            if starts and "rst" not in self._circuit.inputs:  # without a reset the first cycle is that of power-up
                self._add([[behind[register.output] if register.start else -behind[register.output]]])
                continue
            pins = (before[register.data], before[register.enable], before[register.reset], before[register.output])
            self._add(after(register, pins, behind[register.output], spare))

    def refine(self, left: list[int], wanderer: _Wanderer) -> list[int]:
        """Those of ``left`` for which the step holds, all together."""
        while left:
            [any_of] = self._new(1)
            self._add([[-any_of, *(looked[k] for looked in self._looked for k in left)]])
            if not self._solver.solve(assumptions=[any_of, *([] if self._first else (self._assumed[k] for k in left))]):
                break
            model = self._solver.get_model()
            assert model is not None
            hit: set[int] = set()
            for frame in self._asked:
                hit |= {k for k in left if all(model[abs(v) - 1] == v for v in frame.row(self._circuit.tables[self._rows[k].table], self._rows[k].bit))}
            last = self._frames[-1]
            seen = wanderer.goes_on({register.output: model[last[register.output] - 1] > 0 for register in self._circuit.registers})
            left = [k for k in left if k not in hit and not seen[self._rows[k].table] >> self._rows[k].bit & 1]
            self._add([[-any_of]])
        return left


class _Wanderer:
    """Simulates on from a state, with anything in the place of memories, products and inputs: every row that is looked at then can be looked at, if those
    that nobody has looked at before cannot."""

    CYCLES = 30

    def __init__(self, circuit: Circuit) -> None:
        free = [net for memory in circuit.memories for port in memory.reads for net in port.data]
        free += [net for product in circuit.multipliers for net in product.output]
        free += [net for name, port in circuit.inputs.items() if name != "rst" for net in port]
        reset = {name: port for name, port in circuit.inputs.items() if name == "rst"}
        self._engine = Engine(dataclasses.replace(circuit, inputs={"free": tuple(free), **reset}, memories=[], multipliers=[]))
        self._free = np.array(free, np.int32)

    def goes_on(self, state: dict[int, bool]) -> dict[int, int]:
        """Table -> a bit for each row that is looked at from there on."""
        for net, value in state.items():
            self._engine.set(net, ALL * value)
        self._engine.cover()
        self._engine.wander(self._free, self.CYCLES)
        return self._engine.covered()
