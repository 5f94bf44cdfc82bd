"""Wrong bits that nobody can notice: proved of two machines side by side, a sound one and one with the wrong bit, by a SAT solver.

What is proved, by induction, is which registers may differ and when: each only while some control registers have certain values, as a payload may differ while it is not
valid. At first nothing may differ; every counterexample allows what it shows, until there is none. If in all that nothing that leaves the circuit or goes into a memory or a
multiplier can differ, nobody ever notices the bit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from pysat.solvers import Solver

from lifline.sim.netlist.circuit import Circuit
from lifline.sim.netlist.conversation import Fault

from .clauses import Frame, after, of_table
from .reachable import SOLVER, STATE

MOST_REGISTERS = 48
"""That may differ; with more of them a proof is given up."""


def control(circuit: Circuit) -> list[int]:
    """Indices of registers whose values may say when others differ: those that have a name of their own, and bits of state machines."""
    index = {register.output: k for k, register in enumerate(circuit.registers)}
    named = [nets for name, nets in circuit.names.items() if len(nets) == 1 or name.split(".")[-1] == STATE]
    return sorted({index[net] for nets in named for net in nets if net in index})


Relation = dict[int, frozenset[int]]
"""Register -> what holds in the sound machine whenever it differs: ``k + 1`` if register k is 1, ``-k - 1`` if it is 0."""


@dataclass
class _Step:
    """The machines in one cycle: literals of registers that differ behind it, of what somebody notices, and what switches it on."""

    on: int
    wrong: dict[int, int] = field(default_factory=dict)
    kept: dict[int, int] = field(default_factory=dict)
    seen: list[int] = field(default_factory=list)


class _Machines:
    """One cycle of both machines: the one behind power-up, in reset if there is one (``first``), or any later one, in which no row is looked at of which a proof says that it never is."""

    def __init__(self, circuit: Circuit, never: Iterable[Fault], watched: Iterable[int], *, first: bool) -> None:
        self.circuit, self._frame = circuit, Frame(circuit, 1)
        self._last, self._solver = self._frame.last, Solver(name=SOLVER)
        self._add(self._frame.clauses(resets=first))
        if first:
            self._add([self._frame[r.output] if r.start else -self._frame[r.output]] for r in circuit.registers)
        else:
            self._add([-literal for literal in self._frame.row(circuit.tables[fault.table], fault.bit)] for fault in never)
        self._order = [index for kind, index, _ in circuit.order() if kind == "table"]
        self._behind = {k: self._after(k, {}) for k in watched}

    def _new(self) -> int:
        self._last += 1
        return self._last

    def _add(self, clauses: Iterable[list[int]], on: int | None = None) -> None:
        for clause in clauses:
            self._solver.add_clause(clause if on is None else [-on, *clause])

    def _after(self, index: int, wrong: Mapping[int, int], on: int | None = None) -> int:
        """Literal of what a register holds behind the cycle."""
        register, value = self.circuit.registers[index], self._new()
        pins = tuple(wrong.get(net, self._frame[net]) for net in (register.data, register.enable, register.reset, register.output))
        self._add(after(register, (pins[0], pins[1], pins[2], pins[3]), value, self._new()), on)
        return value

    def _now(self, condition: int) -> int:
        literal = self._frame[self.circuit.registers[abs(condition) - 1].output]
        return literal if condition > 0 else -literal

    def _then(self, condition: int) -> int:
        literal = self._behind[abs(condition) - 1]
        return literal if condition > 0 else -literal

    def _unequal(self, first: int, second: int, *where: int) -> int:
        """A literal that can only be true if two others differ, and all of ``where`` are true."""
        literal = self._new()
        self._add([-literal, *clause] for clause in ([first, second], [-first, -second], *([w] for w in where)))
        return literal

    def counterexample(self, fault: Fault, relation: Relation) -> Relation | None:
        """Registers that can differ behind a cycle otherwise than ``relation`` says, and what holds then; None if there are none.

        Raises
        ------
        LookupError   if what differs can be noticed.
        """
        step = self._step(fault, relation)
        broken: list[int] = []
        for index, literal in step.kept.items():
            broken.append(self._new())
            self._add([[-broken[-1], literal]])
            if index in relation:
                self._add([[-broken[-1], *(-self._then(condition) for condition in relation[index])]])
        self._add([[*step.seen, *broken]], step.on)
        possible = self._solver.solve(assumptions=[step.on])
        model = self._solver.get_model() if possible else None
        self._add([[-step.on]])
        if model is None:
            return None
        true = {literal for literal in model if literal > 0}
        if not true.isdisjoint(step.seen):
            raise LookupError
        holds = frozenset(k + 1 if literal in true else -k - 1 for k, literal in self._behind.items())
        return {index: holds for (index, _), literal in zip(step.kept.items(), broken, strict=True) if literal in true}

    def _step(self, fault: Fault, relation: Relation) -> _Step:
        frame, circuit, step = self._frame, self.circuit, _Step(self._new())
        for index, conditions in relation.items():
            net = circuit.registers[index].output
            step.wrong[net] = other = self._new()
            for condition in conditions:  # where one does not hold, both are equal
                self._add(([self._now(condition), -other, frame[net]], [self._now(condition), other, -frame[net]]), step.on)
        for index in self._order:
            table = circuit.tables[index]
            if index == fault.table or any(net in step.wrong for net in table.inputs):
                content, inputs = table.content ^ (1 << fault.bit if index == fault.table else 0), [step.wrong.get(net, frame[net]) for net in table.inputs]
                step.wrong[table.output] = output = self._new()
                self._add(of_table(content, inputs, output), step.on)
        for index, register in enumerate(circuit.registers):
            if not step.wrong.keys().isdisjoint((register.data, register.enable, register.reset, register.output)):
                sound = self._behind[index] if index in self._behind else self._after(index, {}, step.on)
                step.kept[index] = self._unequal(self._after(index, step.wrong, step.on), sound)
        step.seen = self._seen(step.wrong)
        return step

    def _seen(self, wrong: Mapping[int, int]) -> list[int]:
        """Literals of which one must be true for a difference to leave the registers."""
        frame, found = self._frame, []
        for memory in self.circuit.memories:
            for port in (*memory.reads, *memory.writes):
                looks = [] if port.enable is None else [frame[port.enable]]
                found += [self._unequal(wrong[net], frame[net]) for net in (port.enable,) if net in wrong]
                found += [self._unequal(wrong[net], frame[net], *looks) for net in port.address if net in wrong]
            for write in memory.writes:
                pairs = zip(write.data, write.masks, strict=True)
                found += [self._unequal(wrong[net], frame[net], frame[write.enable], frame[mask]) for net, mask in pairs if net in wrong]
                found += [self._unequal(wrong[net], frame[net], frame[write.enable]) for net in set(write.masks) if net in wrong]
        others = [net for m in self.circuit.multipliers for net in (*m.first, *m.second, m.first_signed, m.second_signed)]
        others += [net for name, port in self.circuit.outputs.items() for net in port if name != "o__payload"]
        found += [self._unequal(wrong[net], frame[net]) for net in others if net in wrong]
        valid = [frame[net] for net in self.circuit.outputs.get("o__valid", ())]
        return found + [self._unequal(wrong[net], frame[net], *valid) for net in self.circuit.outputs.get("o__payload", ()) if net in wrong]

    def close(self) -> None:
        self._solver.delete()


class Unnoticeable:
    """Asks whether anybody can ever notice a wrong bit, of which rows of tables never are looked at being known."""

    def __init__(self, circuit: Circuit, never: Iterable[Fault]) -> None:
        watched, rows = control(circuit), list(never)
        self._cycles = [_Machines(circuit, rows, watched, first=first) for first in (True, False)]

    def proves(self, fault: Fault) -> bool:
        """Whether nobody can ever notice ``fault``."""
        relation: Relation = {}
        while len(relation) <= MOST_REGISTERS:
            try:
                found = next((more for machines in self._cycles if (more := machines.counterexample(fault, relation)) is not None), None)
            except LookupError:
                return False
            if found is None:
                return True
            relation |= {index: relation.get(index, holds) & holds for index, holds in found.items()}
        return False

    def close(self) -> None:
        """Free the solvers."""
        for machines in self._cycles:
            machines.close()
