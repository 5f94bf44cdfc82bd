"""What a driver and a board said to each other, recorded, and said again to netlists with faults: 63 of them at once, and a sound one beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lifline.arch.errors import NetlistError
from lifline.sim.board.simulated import QUIET_CYCLES

from .board import STREAM
from .circuit import Circuit
from .engine import LANES, Engine

SOUND = 0
"""The lane without a fault."""
PAUSE = 1 << 31
"""Of what a byte waits for: also for a silence of the board, of :data:`~lifline.sim.board.simulated.QUIET_CYCLES`, as long as in the recording: what it says in real time depends on it."""
HUNG_CYCLES = QUIET_CYCLES + 64
"""Cycles without a byte after which a lane says nothing any more."""


class Bytes(Protocol):
    """A byte stream, as of any board."""

    def write(self, data: bytes) -> None: ...

    def read(self, count: int) -> bytes: ...

    def close(self) -> None: ...


@dataclass(frozen=True)
class Conversation:
    """``sent`` to a board and ``answered`` by it; byte ``k`` was sent after ``needs[k]`` bytes had come back, and behind a silence where that has :data:`PAUSE`."""

    sent: bytes
    needs: NDArray[np.uint32]
    answered: bytes


class Recorder:
    """A board that also keeps everything that is said."""

    def __init__(self, board: Bytes) -> None:
        self._board = board
        self._sent, self._answered = bytearray(), bytearray()
        self._needs: list[int] = []
        self._silent = False

    def write(self, data: bytes) -> None:
        """Send bytes."""
        self._sent += data
        self._needs += [len(self._answered) + PAUSE * (self._silent and not k) for k in range(len(data))]
        self._silent = self._silent and not data
        self._board.write(data)

    def read(self, count: int) -> bytes:
        """``count`` bytes, or what there is when the board falls silent."""
        data = self._board.read(count)
        self._silent |= len(data) < count
        self._answered += data
        return data

    def close(self) -> None:
        """Close the board."""
        self._board.close()

    def conversation(self) -> Conversation:
        """Everything that was said so far."""
        return Conversation(bytes(self._sent), np.array(self._needs, np.uint32), bytes(self._answered))


@dataclass(frozen=True, order=True)
class Fault:
    """Bit ``bit`` of lookup table ``table`` of a circuit is the other one."""

    table: int
    bit: int


def faults_of(circuit: Circuit) -> list[Fault]:
    """Every bit of every lookup table of the chip that its inputs can choose at all: none whose address needs two values of one net, or of a constant."""
    found = []
    for index, table in enumerate(circuit.tables):
        if table.cell:
            for bit in range(1 << len(table.inputs)):
                pairs = {(net, bit >> k & 1) for k, net in enumerate(table.inputs)} | {(0, 0), (1, 1)}
                if len({net for net, _ in pairs}) == len(pairs):
                    found.append(Fault(index, bit))
    return found


def unnoticed(circuit: Circuit, conversation: Conversation, faults: Sequence[Fault], *, seed: int = 0) -> list[Fault]:
    """Of ``faults``, those whose answers are the recorded ones, byte for byte. Each has a copy of the circuit from power-up on.

    Raises
    ------
    NetlistError   if the circuit without faults answers something else.
    """
    left: list[Fault] = []
    for start in range(0, len(faults), LANES - 1):
        part = faults[start : start + LANES - 1]
        noticed = _noticed(circuit, conversation, part, seed)
        if noticed >> SOUND & 1:
            raise NetlistError("the netlist without a fault does not answer what was recorded; record the conversation anew")
        left += [fault for lane, fault in enumerate(part, SOUND + 1) if not noticed >> lane & 1]
    return left


def _noticed(circuit: Circuit, conversation: Conversation, part: Sequence[Fault], seed: int) -> int:
    """A bit for every lane whose answer differs; lane ``k + 1`` has fault ``k``."""
    ports = {**circuit.inputs, **circuit.outputs}
    engine = Engine(circuit, (*(net for name, _ in STREAM for net in ports[name]), 0, 0, 0), seed)
    place = {index: op for op, (kind, index, _) in enumerate(engine.order) if kind == "table"}
    for op, bit, lane in sorted((place[fault.table], fault.bit, lane) for lane, fault in enumerate(part, SOUND + 1)):
        engine.call("fault", op, bit, lane)
    engine.reset()
    try:
        needs = np.ascontiguousarray(conversation.needs)
        watched = sum(1 << lane for lane in range(SOUND + 1, SOUND + 1 + len(part)))
        return engine.call(
            "replay", conversation.sent, needs.ctypes.data, len(conversation.sent), conversation.answered, len(conversation.answered), HUNG_CYCLES, watched
        )
    finally:
        engine.close()
