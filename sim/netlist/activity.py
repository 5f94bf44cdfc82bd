"""How often every kind of cell of a netlist switches, module by module, while it runs a program: what an estimate of energy is made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lifline.arch.errors import NetlistError

from .circuit import Circuit
from .engine import Engine

KINDS = (
    "cycles", "table", "carry", "flip_flop", "memory", "block_read", "block_write", "single_port_read", "single_port_write", "distributed_write", "product",
)  # fmt: skip
"""What is counted: clock cycles; changes at the outputs of lookup tables, carry cells, flip-flops and of memories and multipliers (``memory``); words that memories read
and write, by the kind of memory; and products, that is, cycles in which an operand of a multiplier was another one than before."""
TABLES = "SB_LUT4", "LUT4", "PFUMX", "L6MUX21"
CARRIES = "SB_CARRY", "CCU2C"
BLOCKS = {"SB_RAM40_4K": "block", "DP16KD": "block", "SB_SPRAM256KA": "single_port", "TRELLIS_DPR16X4": "distributed"}
MULTIPLIERS = "SB_MAC16", "MULT18X18D"
FLIP_FLOPS = "SB_DFF", "TRELLIS_FF"
SEQUENCER = "top.core.sequencer"
RUNNING, DECODES, ADDRESS = f"{SEQUENCER}.run__running", f"{SEQUENCER}.at_instruction", f"{SEQUENCER}.address"
"""Nets of the gateware: the device runs; the first word of an instruction has arrived; the address behind that word."""
DEPTH = 3
"""Modules are told apart down to the parts of the core (``top.core.scanner``)."""


@dataclass(frozen=True)
class Counts:
    """What switched.

    Attributes
    ----------
    kinds : names of the columns, :data:`KINDS`.   modules : names of the modules; what belongs to none is in the last, ``""``.
    numbers : (row, module, kind). Cycles have no module and stand under the last one.
    """

    modules: tuple[str, ...]
    numbers: NDArray[np.int64]
    kinds: tuple[str, ...] = KINDS

    def total(self, kind: str) -> int:
        """Of all rows and modules."""
        return int(self.numbers[:, :, self.kinds.index(kind)].sum())


class ActivityCounter:
    """Counts in lane 0 of a board's evaluator, at no cost before :meth:`begin`.

    Parameters
    ----------
    live, marks, row : names of nets in the netlist. While ``live`` is 0, everything counts in row 0; then in
    the row whose number ``row`` showed when ``marks`` was last 1, and before the first mark in the last one.

    Raises
    ------
    NetlistError   if the netlist has no such nets: synthesis has removed them.
    """

    def __init__(self, engine: Engine, *, live: str = RUNNING, marks: str = DECODES, row: str = ADDRESS) -> None:
        self._engine, circuit = engine, engine.circuit
        nets = {}
        for name in (live, marks, row):
            if name not in circuit.names:
                raise NetlistError(f"the netlist has no net `{name}`, so that it cannot be told what the device is doing; synthesise it from these sources")
            nets[name] = circuit.names[name]
        (self._live,), (self._marks,), self._row = nets[live], nets[marks], np.array(nets[row], np.int32)
        self.modules = tuple(sorted({_part(name) for name in circuit.scopes})) + ("",)
        self._groups = np.array(self._grouped(circuit), np.int32)
        self.flip_flops = sum(kind.startswith(FLIP_FLOPS) for kind, _ in circuit.cells.values())

    def begin(self) -> None:
        """Count from now on, from 0."""
        columns = len(self.modules) * len(KINDS)
        self._engine.call("count", self._groups.ctypes.data, len(self._groups), columns, self._row.ctypes.data, len(self._row), self._live, self._marks)

    def counts(self) -> Counts:
        """What was counted since :meth:`begin`; a row for each value of the nets ``row``, and one more."""
        shape = (1 << len(self._row)) + 1, len(self.modules), len(KINDS)
        numbers = np.zeros(shape, np.uint64)
        self._engine.call("counted", numbers.ctypes.data)
        numbers = numbers.astype(np.int64)
        cycles = numbers[:, 0, 0].copy()  # the evaluator counts them in its first group
        numbers[:, 0, 0] = 0
        numbers[:, -1, 0] = cycles
        return Counts(self.modules, numbers)

    def _grouped(self, circuit: Circuit) -> list[int]:
        """The group of every net, memory port and multiplier, as `Activity` in ``activity.h`` reads them; 0 where nothing is counted."""
        nets = [0] * circuit.nets
        for name, (kind, outputs) in circuit.cells.items():
            for pin, driven in outputs.items():
                what = _switches(kind, pin)
                for net in driven:
                    if what and net > 2:
                        nets[net] = self._group(circuit, name, what)
        ports = []
        for memory in circuit.memories:
            kind = BLOCKS[circuit.cells[memory.cell][0]]
            reads = 0 if kind == "distributed" else self._group(circuit, memory.cell, f"{kind}_read")
            ports += [reads] * len(memory.reads) + [self._group(circuit, memory.cell, f"{kind}_write")] * len(memory.writes)
        return nets + ports + [self._group(circuit, "", "product")] * len(circuit.multipliers)

    def _group(self, circuit: Circuit, cell: str, what: str) -> int:
        module = cell
        while module and module not in circuit.scopes:
            module = module.rpartition(".")[0]
        return self.modules.index(_part(module)) * len(KINDS) + KINDS.index(what)


def _part(module: str) -> str:
    return ".".join(module.split(".")[:DEPTH])


def _switches(kind: str, pin: str) -> str:
    """What a change at an output pin of a type of cell counts as; nothing for pins of the chip and clocks."""
    if kind in CARRIES:
        return "table" if pin.startswith("S") else "carry"
    if kind in TABLES or BLOCKS.get(kind) == "distributed":
        return "table"
    if kind in BLOCKS or kind in MULTIPLIERS:
        return "memory"
    return "flip_flop" if kind.startswith(FLIP_FLOPS) else ""
