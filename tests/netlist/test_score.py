"""Wrong bits are noticed, or it is proved that they cannot be: on a circuit of nine tables, all of whose bits are known."""

from __future__ import annotations

import numpy as np
import pytest

from lifline.arch.errors import NetlistError
from lifline.sim.netlist.circuit import ZERO, Circuit, Register
from lifline.sim.netlist.conversation import Conversation, Fault, Recorder, faults_of, unnoticed
from lifline.sim.netlist.engine import LANES

from .clauses import cubes
from .reachable import never_looked_at
from .score import Cover, Fate, module_of, score
from .unnoticeable import Unnoticeable

SENT = bytes([0x00, 0xFF, 0x5A, 0xA5, 0x01])


def echo() -> Circuit:
    """Takes a byte, gives its complement, in turns: of two registers one says that there is a byte, the other that there is none."""
    circuit = Circuit()
    for name, width in (("clk", 1), ("rst", 1), ("i__valid", 1), ("i__payload", 8), ("o__ready", 1)):
        circuit.inputs[name] = tuple(circuit.net() for _ in range(width))
    [reset], [valid] = circuit.inputs["rst"], circuit.inputs["i__valid"]
    empty, full = circuit.net(), circuit.net()
    circuit.names = {"empty": (empty,), "full": (full,)}
    takes = circuit.table(0b1000, (valid, empty), cell="takes")
    changes = circuit.table(0b1110, (takes, full), cell="changes")
    circuit.registers += [Register(full, empty, changes, reset, 1), Register(empty, full, changes, reset, 0)]
    both = circuit.table(0b1000, (empty, full), cell="both")  # never 1
    circuit.outputs = {"i__ready": (circuit.table(0b01, (both,), cell="not both"),), "o__valid": (full,)}
    payload = []
    for net in circuit.inputs["i__payload"]:
        held = circuit.net()
        circuit.registers.append(Register(circuit.table(0b0001, (net, ZERO), cell="payload"), held, takes, ZERO))
        payload.append(held)
    ready = circuit.table(0b10, (empty,), cell="ready")
    circuit.outputs |= {"i__ready": (circuit.table(0b1000, (ready, circuit.outputs["i__ready"][0]), cell="offers"),), "o__payload": tuple(payload)}
    return circuit


def test_bits_that_no_input_can_choose_are_left_out() -> None:
    circuit = echo()
    found = [fault for fault in faults_of(circuit) if circuit.tables[fault.table].cell == "payload"]
    assert [fault.bit for fault in found] == [0, 1] * 8  # the other three inputs are constant


def complement(*, at_once: bool) -> Conversation:
    """Every byte behind the answer to the one before, or all without waiting."""
    needs = np.zeros(len(SENT), np.uint32) if at_once else np.arange(len(SENT), dtype=np.uint32)
    return Conversation(SENT, needs, bytes(byte ^ 0xFF for byte in SENT))


def names(circuit: Circuit, faults: list[Fault]) -> set[tuple[str, int]]:
    return {(circuit.tables[fault.table].cell, fault.bit) for fault in faults}


UNREACHABLE = {("both", 0b00), ("both", 0b11), ("changes", 0b11), ("not both", 1), ("offers", 0b00), ("offers", 0b01)}
"""Rows that would take both registers on, or both off, which they never are."""
HIDDEN = {("both", 0b10)}
"""Whatever this table shows while there is a byte, none is taken."""
FREE = {("takes", 0b00), ("takes", 0b01)}
"""Change the byte while there is none: a register holds another one until the next comes, and nobody looks."""
NEEDS_MORE = {("ready", 0), ("offers", 0b10)}
"""Only noticed when a byte waits for the one before it."""


def test_what_one_conversation_misses_another_one_notices() -> None:
    circuit = echo()
    left = unnoticed(circuit, complement(at_once=False), faults_of(circuit))
    assert names(circuit, left) == UNREACHABLE | HIDDEN | FREE | NEEDS_MORE
    assert names(circuit, unnoticed(circuit, complement(at_once=True), left)) == UNREACHABLE | HIDDEN | FREE


def test_the_score_counts_what_could_be_noticed() -> None:
    circuit = echo()
    total, cover = len(faults_of(circuit)), Cover()
    cover.rows = dict.fromkeys(range(len(circuit.tables)), 0xFFFF)
    for table, bit in UNREACHABLE:
        cover.rows[next(k for k, t in enumerate(circuit.tables) if t.cell == table)] &= ~(1 << bit)
    said = [("slow", lambda: complement(at_once=False)), ("fast", lambda: complement(at_once=True)), ("again", lambda: complement(at_once=True))]
    found = score(circuit, said, cover, 1000, lambda line: None)
    assert found.bits == found.whole.bits == total
    assert found.whole == Fate(noticed=total - 9, never=6, hidden=3, missed=0)
    assert found.conversations == ["slow", "fast"]
    assert found.whole.percent == 100
    assert found.lines()[-1].split() == ["all", str(total), str(total - 9), "6", "3", "0", "0", f"{found.whole.percent:.1f}%"]


def test_modules_are_named_by_their_cells() -> None:
    assert [module_of(cell) for cell in ("top.core.update.lane0.x_SB_LUT4_O", "top.link.replier.now_SB_LUT4_I0", "top.core.command__ring$3_SB_LUT4", "rst_SB_LUT4_I0")] == [
        "update", "link.replier", "command", "top level",
    ]  # fmt: skip


def test_more_bits_than_lanes_are_noticed_alike() -> None:
    circuit, said = echo(), complement(at_once=True)
    faults = faults_of(circuit)
    assert len(faults * 5) > 2 * LANES
    assert unnoticed(circuit, said, faults * 5) == unnoticed(circuit, said, faults) * 5


def test_a_row_that_can_be_looked_at_is_not_proved() -> None:
    circuit = echo()
    takes = next(k for k, table in enumerate(circuit.tables) if table.cell == "takes")
    both = next(k for k, table in enumerate(circuit.tables) if table.cell == "both")
    asked = [Fault(takes, 0b11), Fault(both, 0b11), Fault(both, 0b00)]
    assert never_looked_at(circuit, asked) == [Fault(both, 0b11), Fault(both, 0b00)]


def test_what_makes_a_difference_is_not_proved() -> None:
    circuit = echo()
    takes = next(k for k, table in enumerate(circuit.tables) if table.cell == "takes")
    asked = Unnoticeable(circuit, [])
    assert not asked.proves(Fault(takes, 0b11))
    asked.close()


def test_what_is_proved_is_what_nobody_can_notice() -> None:
    circuit = echo()
    never = [fault for fault in faults_of(circuit) if names(circuit, [fault]) <= UNREACHABLE]
    for controls, expected in ((circuit.names, UNREACHABLE | HIDDEN | FREE), ({}, UNREACHABLE | HIDDEN)):
        circuit.names = controls  # without the name of a register that says when there is a byte, a difference may last for ever
        asked = Unnoticeable(circuit, never)
        assert names(circuit, [fault for fault in faults_of(circuit) if asked.proves(fault)]) == expected
        asked.close()


def test_what_differs_behind_the_reset_is_not_proved() -> None:
    circuit = echo()
    [reset] = circuit.inputs["rst"]
    kept = circuit.net()
    table = circuit.table(0b0010, (reset, kept), cell="behind reset")
    circuit.registers.append(Register(circuit.table(0b1110, (table, kept)), kept, start=0))
    circuit.outputs["late"] = (kept,)
    fault = Fault(next(k for k, t in enumerate(circuit.tables) if t.cell == "behind reset"), 0b01)  # only looked at while reset is 1
    asked = Unnoticeable(circuit, [])
    assert not asked.proves(fault)
    asked.close()


def test_a_sound_netlist_that_answers_something_else_is_refused() -> None:
    wrong = Conversation(SENT, np.zeros(len(SENT), np.uint32), SENT)
    with pytest.raises(NetlistError, match="record the conversation anew"):
        unnoticed(echo(), wrong, [Fault(0, 3)])


def test_a_conversation_says_what_each_byte_waited_for() -> None:
    class Board:
        def write(self, data: bytes) -> None:
            pass

        def read(self, count: int) -> bytes:
            return bytes(count)

        def close(self) -> None:
            pass

    recorder = Recorder(Board())
    recorder.write(b"ab")
    recorder.read(3)
    recorder.write(b"c")
    said = recorder.conversation()
    assert (said.sent, said.needs.tolist(), said.answered) == (b"abc", [0, 0, 3], bytes(3))


@pytest.mark.parametrize("content", [0, 0xFFFF, 0x8000, 0x6996, 0xCAFE, 0xACAC])
def test_cubes_are_a_table(content: int) -> None:
    rows = {row for cube in cubes(content) for row in range(16) if all(value is None or row >> k & 1 == value for k, value in enumerate(cube))}
    assert rows == {row for row in range(16) if content >> row & 1}


