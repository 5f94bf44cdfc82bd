"""Cells of an ECP5, as in Lattice's FPGA-TN-02204 (memories), FPGA-TN-02205 (multipliers), FPGA-DS-02012, and the wiki of Project Trellis."""

from __future__ import annotations

from lifline.arch.errors import NetlistError

from .cell import Cell, Model
from .circuit import ONE, ZERO, Circuit, Memory, Multiplier, Place, ReadPort, Register, WritePort

SUM = 0b0110
CHOICE = 0b11001010
"""``c ? b : a``, of inputs a, b, c."""
ADDRESS_BITS, PORT_BITS, PORT_MAX = 14, 18, 36
INIT_WORDS, INIT_WORD_BITS, INITS = 16, 20, 64
UNIT, NARROW = 9, 8
"""A block memory is made of units of nine bits; words narrower than that leave the ninth bit out."""
DISTRIBUTED_WORDS, DISTRIBUTED_BITS = 16, 4
OPERAND_BITS = 18


def lookup_table(cell: Cell, circuit: Circuit) -> None:
    """LUT4."""
    circuit.table(cell.number("INIT"), [cell.pin(name) for name in "ABCD"], cell.out("Z", circuit), cell.name)


def multiplexer(cell: Cell, circuit: Circuit) -> None:
    """PFUMX and L6MUX21, which join lookup tables."""
    first, second, select = ("BLUT", "ALUT", "C0") if cell.type == "PFUMX" else ("D0", "D1", "SD")
    circuit.table(CHOICE, [cell.pin(first), cell.pin(second), cell.pin(select)], cell.out("Z", circuit))


def carries(cell: Cell, circuit: Circuit) -> None:
    """CCU2C: two bits of an adder. Each has a table of four inputs, ``shown``, and the quarter of it that two inputs choose, ``kept``:
    the sum is ``shown ^ carry`` and the next carry ``shown ? carry : kept``."""
    carried = cell.pin("CIN")
    for half in (0, 1):
        content, inputs = cell.number(f"INIT{half}"), [cell.pin(f"{name}{half}") for name in "ABCD"]
        alone = cell.must(f"INJECT1_{half}", "YES", "NO") == "YES"
        outputs = cell.out(f"S{half}", circuit), cell.out("COUT", circuit) if half else circuit.net()
        carry(content, inputs, carried, circuit, outputs, alone=alone)
        carried = outputs[1]


def carry(content: int, inputs: list[int], carried: int, circuit: Circuit, outputs: tuple[int, int], *, alone: bool) -> None:
    """One bit of an adder, with the nets of its sum and of the next carry; ``alone``: the carry does not enter the sum, nor `kept` the next carry."""
    shown = circuit.table(content, inputs, circuit.net())
    circuit.table(SUM, [shown, ZERO if alone else carried], outputs[0])
    circuit.table(_next_carry(0 if alone else content & 0xF), [inputs[0], inputs[1], carried, shown], outputs[1])


def _next_carry(kept: int) -> int:
    """Table of inputs a, b, carry, shown."""
    return sum((k >> 2 & 1 if k >> 3 else kept >> (k & 3) & 1) << k for k in range(16))


def flip_flop(cell: Cell, circuit: Circuit) -> None:
    """TRELLIS_FF: starts with the value of its reset. Behind routing, SD says whether it takes what its own table shows (DI) or what comes from elsewhere (M)."""
    cell.clock("CLK", "CLKMUX", circuit)
    cell.must("LSRMODE", "LSR")
    enable = cell.selected("CE", "CEMUX", circuit) if cell.text("CEMUX", "1") != "1" else ONE
    reset = cell.pin("LSR", ZERO)
    if cell.must("LSRMUX", "LSR", "INV") == "INV":
        reset = circuit.inverse(reset)
    value, output = int(cell.must("REGSET", "RESET", "SET") == "SET"), cell.out("Q", circuit)
    data = cell.pin("DI" if cell.must("SD", "1", "0") == "1" else "M")
    mode = cell.must("SRMODE", "LSR_OVER_CE", "CE_OVER_LSR", "ASYNC")
    if mode != "ASYNC" or reset == ZERO:
        circuit.registers.append(Register(data, output, enable, reset, value, mode == "CE_OVER_LSR", value))
        return
    kept = circuit.net()
    circuit.registers.append(Register(data, kept, enable, reset, value, start=value))
    circuit.table(0b1110 if value else 0b0010, (kept, reset), output)


def distributed_ram(cell: Cell, circuit: Circuit) -> None:
    """TRELLIS_DPR16X4: 16 x 4 bits in lookup tables; a port that writes at the edge, another that always shows its word."""
    cell.clock("WCK", "WCKMUX", circuit)
    content = cell.bits("INITVAL", "x").rjust(DISTRIBUTED_WORDS * DISTRIBUTED_BITS, "x")[::-1]
    place = Place(DISTRIBUTED_BITS)
    circuit.memories.append(
        Memory(
            cell.name,
            tuple(int(bit) if bit in "01" else None for bit in content),
            (ReadPort(cell.bus("RAD", 4), place, cell.outs("DO", DISTRIBUTED_BITS, circuit)),),
            (WritePort(cell.bus("WAD", 4), place, cell.bus("DI", 4), (ONE,) * DISTRIBUTED_BITS, cell.selected("WRE", "WREMUX", circuit)),),
        )
    )


def block_ram(cell: Cell, circuit: Circuit) -> None:
    """DP16KD: 18 kbit, two ports of 1 to 18 bits; or one that writes 36 bits (A) and one that reads (B). Outputs without registers or resets.

    A port that writes shows the old word (READBEFOREWRITE) or what it showed before (NORMAL); what the other one shows of the same bits is unknown.
    """
    widths = {port: cell.number(f"DATA_WIDTH_{port}", PORT_BITS) for port in "AB"}
    reads, writes = [], []
    for port, other in ("AB", "BA"):
        width = widths[port]
        if cell.pin(f"CLK{port}") == ZERO:
            continue  # a port that is not used; who looks at its outputs is refused, as nothing drives them
        cell.clock(f"CLK{port}", f"CLK{port}MUX", circuit)
        cell.must(f"REGMODE_{port}", "NOREG")
        cell.must(f"CSDECODE_{port}", "0b000")
        if any(cell.pin(f"CS{port}{k}", ZERO) != ZERO for k in range(3)) or cell.pin(f"RST{port}", ZERO) != ZERO:
            raise NetlistError(f"port {port} of `{cell.name}` has a reset or a select; the model has none")
        enable, write = cell.selected(f"CE{port}", f"CE{port}MUX", circuit, ONE), cell.selected(f"WE{port}", f"WE{port}MUX", circuit, ZERO)
        if width == PORT_MAX and (port == "A") != (write != ZERO):
            raise NetlistError(f"port {port} of `{cell.name}` has {PORT_MAX} bits; the model writes those of port A and reads those of port B")
        address, place = _address(cell, port, width), _place(width)
        if not (width == PORT_MAX and port == "A"):
            mode = cell.must(f"WRITEMODE_{port}", "NORMAL", "READBEFOREWRITE")
            looks = enable if mode == "READBEFOREWRITE" else circuit.both(enable, circuit.inverse(write))
            reads.append((port, ReadPort(address, place, _data(cell, circuit, "DO", port, width), looks)))
        if write != ZERO:
            masks = tuple(cell.pin(f"AD{port}{k // UNIT}") for k in range(width)) if width >= PORT_BITS else (ONE,) * width
            data = (*cell.bus("DIA", PORT_BITS), *cell.bus("DIB", PORT_BITS)) if width == PORT_MAX else cell.bus(f"DI{port}", width)
            writes.append((other, WritePort(address, place, data, masks, circuit.both(enable, write))))
    ports = [port for port, _ in reads]
    circuit.memories.append(
        Memory(
            cell.name,
            tuple(int(bit) for k in range(INITS) for bit in _init(cell, k)),
            tuple(read for _, read in reads),
            tuple(WritePort(w.address, w.place, w.data, w.masks, w.enable, tuple(k for k, p in enumerate(ports) if p == spoilt)) for spoilt, w in writes),
        )
    )


def _init(cell: Cell, k: int) -> str:
    """Content that a parameter gives, lowest bit first: sixteen words of 18 of its 20 bits each."""
    bits = f"{cell.number(f'INITVAL_{k:02X}'):0{INIT_WORDS * INIT_WORD_BITS}b}"[::-1]
    return "".join(bits[INIT_WORD_BITS * j : INIT_WORD_BITS * j + PORT_BITS] for j in range(INIT_WORDS))


def _place(width: int) -> Place:
    return Place(width) if width >= UNIT else Place(UNIT, (NARROW // width).bit_length() - 1, width)


def _address(cell: Cell, port: str, width: int) -> tuple[int, ...]:
    """Nets of the address, lowest bit first: narrow words use more of the pins."""
    lowest = {PORT_MAX: 5, PORT_BITS: 4, UNIT: 3, 4: 2, 2: 1, 1: 0}
    if width not in lowest:
        raise NetlistError(f"port {port} of `{cell.name}` has {width} bits; there are {', '.join(map(str, lowest))}")
    return cell.bus(f"AD{port}", ADDRESS_BITS)[lowest[width] :]


def _data(cell: Cell, circuit: Circuit, pins: str, port: str, width: int) -> tuple[int, ...]:
    if width == PORT_MAX:
        return (*cell.outs(f"{pins}A", PORT_BITS, circuit), *cell.outs(f"{pins}B", PORT_BITS, circuit))
    return tuple(cell.out(f"{pins}{port}{k}", circuit) for k in range(width))


def multiplier(cell: Cell, circuit: Circuit) -> None:
    """MULT18X18D without registers."""
    for name, value in cell.parameters.items():
        if name.startswith("REG_") and name.endswith("_CLK") and value.strip() != "NONE":
            raise NetlistError(f"{name} of `{cell.name}` is {value}; the model has no registers in multipliers")
    for name in ("SOURCEA", "SOURCEB"):
        if cell.pin(name, ZERO) != ZERO:
            raise NetlistError(f"{name} of `{cell.name}` must be 0: the model has no shift chain")
    circuit.multipliers.append(
        Multiplier(
            cell.bus("A", OPERAND_BITS), cell.bus("B", OPERAND_BITS), cell.pin("SIGNEDA"), cell.pin("SIGNEDB"),
            tuple(cell.out(f"P{k}", circuit) for k in range(2 * OPERAND_BITS)),
        )
    )  # fmt: skip


def pin(cell: Cell, circuit: Circuit) -> None:
    """TRELLIS_IO as an input, or as an output that is always on."""
    if cell.must("DIR", "INPUT", "OUTPUT") == "INPUT":
        circuit.table(0b10, [cell.pin("B")], cell.out("O", circuit))
    elif cell.pin("T", ZERO) == ZERO:
        circuit.table(0b10, [cell.pin("I")], cell.out("B", circuit))
    else:
        raise NetlistError(f"`{cell.name}` can be switched off; the model has outputs that are always on")


def clock_loop(cell: Cell, circuit: Circuit) -> None:
    """EHXPLLL: has locked when the simulation begins."""
    circuit.table(0b11, (), cell.out("LOCK", circuit))


def clock_gate(cell: Cell, circuit: Circuit) -> None:
    """DCCA: lets the clock through, which is simulated from then on."""


MODELS: dict[str, Model] = {
    "TRELLIS_IO": pin,
    "EHXPLLL": clock_loop,
    "DCCA": clock_gate,
    "LUT4": lookup_table,
    "PFUMX": multiplexer,
    "L6MUX21": multiplexer,
    "CCU2C": carries,
    "TRELLIS_FF": flip_flop,
    "TRELLIS_DPR16X4": distributed_ram,
    "DP16KD": block_ram,
    "MULT18X18D": multiplier,
}
