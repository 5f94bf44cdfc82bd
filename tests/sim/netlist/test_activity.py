"""What switches in a netlist is counted as by hand, and as the gateware's own registers change in Amaranth's simulator."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from lifline.arch.config import preset
from lifline.arch.errors import NetlistError
from lifline.arch.program import PASS_0
from lifline.boards.synthesis import synthesised
from lifline.cli.verify import random_program
from lifline.driver.device import LinkedDevice
from lifline.driver.link import Link
from lifline.driver.predict import predict, record_activity
from lifline.sim.board.build import cache_folder
from lifline.sim.board.simulated import InterpretedBoard
from lifline.sim.netlist.activity import FLIP_FLOPS, KINDS, ActivityCounter
from lifline.sim.netlist.board import NetlistBoard
from lifline.sim.netlist.circuit import Circuit
from lifline.sim.netlist.engine import Engine
from lifline.sim.netlist.reader import circuit_of, read_netlist

TINY = preset("tiny")
FEMTOSECONDS = 1_000_000_000
"""A clock cycle in the waveform."""
CONTROL = re.compile(r"top\.core\.(scanner|accumulate|update|sequencer)\.(?!lanes|slots\.(?:adders|memory)|counters|host__)[\w.]+")
"""What is left out adds words of memories that nothing has written yet, or shows what the host says."""


def counting() -> dict[str, object]:
    """A counter of two bits with a carry cell, as yosys writes it: `part` has the flip-flops, `part.sum` the table and the carry; `live` and `mark` are ports."""
    def cell(kind: str, connections: dict[str, list[object]], out: str, **parameters: str) -> dict[str, object]:
        directions = {pin: "output" if pin == out else "input" for pin in connections}
        return {"type": kind, "parameters": parameters, "connections": connections, "port_directions": directions}

    clock, live, mark, q0, q1, d0, d1, carry = range(2, 10)
    cells = {
        "top.part": {"type": "$scopeinfo", "parameters": {}, "connections": {}},
        "top.part.q0": cell("SB_DFF", {"D": [d0], "Q": [q0], "C": [clock]}, "Q"),
        "top.part.q1": cell("SB_DFF", {"D": [d1], "Q": [q1], "C": [clock]}, "Q"),
        "top.part.carry": cell("SB_CARRY", {"I0": [q0], "I1": ["1"], "CI": ["0"], "CO": [carry]}, "CO"),
        "top.invert": cell("SB_LUT4", {"I0": [q0], "I1": ["0"], "I2": ["0"], "I3": ["0"], "O": [d0]}, "O", LUT_INIT="0101010101010101"),
        "top.part.sum": cell("SB_LUT4", {"I0": [q1], "I1": [carry], "I2": ["0"], "I3": ["0"], "O": [d1]}, "O", LUT_INIT="0110011001100110"),
    }
    ports = {name: {"direction": "input", "bits": [bit]} for name, bit in (("clock", clock), ("live", live), ("mark", mark))}
    names = {"live": {"bits": [live]}, "mark": {"bits": [mark]}, "count": {"bits": [q0, q1]}}
    return {"ports": ports, "cells": cells, "netnames": names}


def run(circuit: Circuit, counter: ActivityCounter, engine: Engine, script: list[tuple[int, int]]) -> np.ndarray:
    """Counts of some cycles with these values of live and mark."""
    counter.begin()
    for live, mark in script:
        engine.set(circuit.inputs["live"][0], -live & (1 << 64) - 1)
        engine.set(circuit.inputs["mark"][0], -mark & (1 << 64) - 1)
        engine.call("settle")
        engine.call("edge")
    return counter.counts().numbers


def test_a_small_netlist_counts_as_by_hand() -> None:
    """q counts 0, 1, 2, 3, 0, ...: in each of eight cycles q0 and its inverse change, in every second one the carry and q1; the sum d1 is 1 at 1 and 2."""
    circuit = circuit_of(counting())
    engine = Engine(circuit)
    counter = ActivityCounter(engine, live="live", marks="mark", row="count")
    engine.call("settle")  # q is 0, and everything behind it shows that
    numbers = run(circuit, counter, engine, [(0, 0)] * 9)
    assert counter.modules == ("top.part", "") and counter.flip_flops == 2
    totals = {kind: numbers[0, :, k].tolist() for k, kind in enumerate(KINDS) if numbers[:, :, k].any()}
    # In 9 cycles it shows 0 1 2 3 0 1 2 3 0: 8 changes of q0 and of its inverse, 4 of q1, 8 of the carry (which is q0), and d1 is 0 1 1 0 0 1 1 0 0.
    assert totals == {"cycles": [0, 9], "table": [4, 8], "carry": [8, 0], "flip_flop": [12, 0]}
    engine.close()


def test_cycles_count_in_the_row_that_was_shown_when_they_were_marked() -> None:
    circuit = circuit_of(counting())
    engine = Engine(circuit)
    counter = ActivityCounter(engine, live="live", marks="mark", row="count")
    # q shows    0       1       2       3       0       1       2       3
    numbers = run(circuit, counter, engine, [(0, 1), (1, 0), (1, 1), (1, 0), (1, 0), (1, 1), (0, 0), (1, 0)])
    assert numbers[:, -1, 0].tolist() == [2, 1, 3, 0, 2]  # not live; marked at 1; marked at 2; at 3; not marked since it was live
    engine.close()


def test_nothing_is_counted_unless_asked_for() -> None:
    circuit = circuit_of(counting())
    engine = Engine(circuit)
    counter = ActivityCounter(engine, live="live", marks="mark", row="count")
    for _ in range(5):
        engine.call("settle")
        engine.call("edge")
    assert run(circuit, counter, engine, [])[:, -1, 0].sum() == 0
    engine.close()


def test_a_netlist_without_the_nets_that_say_what_it_does_is_refused() -> None:
    engine = Engine(circuit_of(counting()))
    with pytest.raises(NetlistError, match="no net `top.core.sequencer.run__running`"):
        ActivityCounter(engine)
    engine.close()


def test_words_that_memories_read_and_write_are_counted() -> None:
    """An SB_RAM40_4K that reads in cycles 1 and 2, writes in cycle 2, and in cycle 3 writes no bit."""
    names = ("RADDR", "WADDR", "WDATA", "MASK", "RDATA")
    widths = dict(zip(names, (11, 11, 16, 16, 16), strict=True)) | {"RE": 1, "WE": 1, "RCLKE": 1, "WCLKE": 1}
    nets, connections, ports = 3, {}, {}
    for name, width in widths.items():
        connections[name] = list(range(nets, nets + width))
        ports[name] = {"direction": "output" if name == "RDATA" else "input", "bits": connections[name]}
        nets += width
    connections |= {"RCLK": [2], "WCLK": [2]}
    cells = {"top.ram": {"type": "SB_RAM40_4K", "parameters": {}, "connections": connections, "port_directions": {"RDATA": "output"}}}
    shown = {"live": {"bits": ["0"]}, "mark": {"bits": ["0"]}, "row": {"bits": [3]}}
    circuit = circuit_of({"ports": ports, "cells": cells, "netnames": shown})
    engine = Engine(circuit)
    counter = ActivityCounter(engine, live="live", marks="mark", row="row")
    counter.begin()
    for reads, writes, masked in ((0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 1)):
        for net in circuit.inputs["MASK"]:
            engine.set(net, -masked & (1 << 64) - 1)
        for name, value in (("RE", reads), ("RCLKE", 1), ("WE", writes), ("WCLKE", 1)):
            engine.set(circuit.inputs[name][0], -value & (1 << 64) - 1)
        engine.call("settle")
        engine.call("edge")
    counts = counter.counts()
    assert (counts.total("block_read"), counts.total("block_write"), counts.total("cycles")) == (2, 1, 4)
    engine.close()


def changes(waveform: Path, after: int) -> Counter[tuple[str, int]]:
    """How often every bit of every signal of a VCD file changes after a time, by (name with its modules, bit)."""
    scopes: list[str] = []
    names: dict[str, list[str]] = {}
    value: dict[str, int] = {}
    found: Counter[tuple[str, int]] = Counter()
    time = 0
    for line in waveform.read_text().splitlines():
        if match := re.match(r"\$scope \S+ (\S+) ", line):
            scopes.append(match[1])
        elif line.startswith("$upscope"):
            scopes.pop()
        elif match := re.match(r"\$var \S+ \d+ (\S+) (\S+)", line):
            names.setdefault(match[1], []).append(".".join([*scopes[1:], match[2]]))  # without the bench
        elif line.startswith("#"):
            time = int(line[1:])
        elif match := re.match(r"b([01]+) (\S+)|([01])(\S+)$", line):
            symbol, now = match[2] or match[4], int(match[1] or match[3], 2)
            moved = now ^ value.get(symbol, now) if time > after else 0
            value[symbol] = now
            for bit in range(moved.bit_length()):
                if moved >> bit & 1:
                    found.update((name, bit) for name in names.get(symbol, ()))
    return found


@pytest.fixture(scope="module", params=["ice40", "ecp5"])
def circuit(request: pytest.FixtureRequest) -> Circuit:
    return read_netlist(synthesised(TINY, request.param, cache_folder()))


def test_registers_change_as_often_as_in_the_gateware(circuit: Circuit, tmp_path: Path) -> None:
    """Every register that synthesis kept under its name, bit by bit, of the parts of the core that no memory without a defined content reaches."""
    _, program, spikes = random_program(0, TINY)
    waveform = tmp_path / "run.vcd"
    simulated = InterpretedBoard(TINY, waveform=waveform)
    with LinkedDevice(Link(simulated)) as device:
        device.load(program)
        loaded = simulated.cycles * FEMTOSECONDS
        device.run(spikes)
    expected = changes(waveform, loaded)

    registers = {net for kind, outputs in circuit.cells.values() if kind.startswith(FLIP_FLOPS) for nets in outputs.values() for net in nets}
    named = {(name, bit): net for name, nets in circuit.names.items() if CONTROL.fullmatch(name) for bit, net in enumerate(nets) if net in registers}
    named = {key: net for key, net in named.items() if key in expected}
    numbers = {net: k for k, net in enumerate(sorted(set(named.values())), 1)}
    groups = np.zeros(circuit.nets + sum(len(m.reads) + len(m.writes) for m in circuit.memories) + len(circuit.multipliers), np.int32)
    for net, k in numbers.items():
        groups[net] = k
    board = NetlistBoard(circuit)
    with LinkedDevice(Link(board)) as device:
        device.load(program)
        board.engine.call("count", groups.ctypes.data, len(groups), len(numbers) + 1, groups.ctypes.data, 0, 0, 0)  # rows: not live, and one more
        device.run(spikes)
        counts = np.zeros(2 * (len(numbers) + 1), np.uint64)
        board.engine.call("counted", counts.ctypes.data)
    different = {key: (expected[key], int(counts[numbers[net]])) for key, net in named.items() if expected[key] != counts[numbers[net]]}
    assert not different
    assert len(named) > 200 and sum(expected[key] for key in named) > 5_000


def test_every_pass_takes_the_cycles_of_the_cycle_model(circuit: Circuit) -> None:
    board = NetlistBoard(circuit)
    counter = ActivityCounter(board.engine)
    with LinkedDevice(Link(board)) as device:
        for seed in (0, 2, 5):
            _, program, spikes = random_program(seed, TINY)
            device.load(program)
            counter.begin()
            device.run(spikes)
            cycles = counter.counts().numbers[:, -1, 0]
            starts = [address for address, layout, _ in program.listing() if layout is PASS_0]
            [costs] = predict(program, TINY, record_activity(program.network, spikes))
            assert len(starts) == len(program.passes)
            assert [cycles[start + 1] for start in starts] == costs.cycles.sum(axis=0)[:-1].tolist(), seed
