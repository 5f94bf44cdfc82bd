"""Cells of an iCE40, as in Lattice's "iCE Technology Library" and FPGA-TN-02002 (memories), FPGA-TN-02007 (multipliers)."""

from __future__ import annotations

from lifline.arch.errors import NetlistError

from .cell import Cell, Model
from .circuit import ONE, UNKNOWN, ZERO, Circuit, Memory, Multiplier, Place, ReadPort, Register, WritePort

MAJORITY = 0b11101000
WORDS, WORD_BITS = 256, 16
FIRST_BIT = (0, 0, 1, 3)
"""Of the data pins, by mode: the lowest one that is used; further ones are ``1 << mode`` apart."""
PLAIN_INPUT, PLAIN_OUTPUT = 0b000001, 0b101001
SINGLE_PORT_WORDS = 16384
SINGLE_PORT_ADDRESS = 14


def lookup_table(cell: Cell, circuit: Circuit) -> None:
    """SB_LUT4."""
    circuit.table(cell.number("LUT_INIT"), [cell.pin(f"I{k}") for k in range(4)], cell.out("O", circuit), cell.name)


def carry(cell: Cell, circuit: Circuit) -> None:
    """SB_CARRY."""
    circuit.table(MAJORITY, [cell.pin(name) for name in ("I0", "I1", "CI")], cell.out("CO", circuit))


def flip_flop(cell: Cell, circuit: Circuit) -> None:
    """SB_DFF with any of enable (E) and synchronous (SR, SS) or asynchronous (R, S) reset. All are 0 after configuration."""
    kind = cell.type.removeprefix("SB_DFF")
    enabled, reset = kind.startswith("E"), kind.removeprefix("E")
    cell.clock("C", "", circuit)
    value, pin = int(reset.endswith("S")), cell.pin(reset[-1]) if reset else ZERO
    output, enable = cell.out("Q", circuit), cell.pin("E", ONE) if enabled else ONE
    # With an enable, the synchronous reset waits for it; an asynchronous one does not.
    if len(reset) != 1:
        circuit.registers.append(Register(cell.pin("D"), output, enable, pin, value, gated=enabled))
        return
    kept = circuit.net()
    circuit.registers.append(Register(cell.pin("D"), kept, enable, pin, value))
    circuit.table(0b1110 if value else 0b0010, (kept, pin), output)


def _block_place(mode: int) -> Place:
    return Place(WORD_BITS, mode, 1, 1 << mode)


def block_ram(cell: Cell, circuit: Circuit) -> None:
    """SB_RAM40_4K: a port that reads and one that writes, each 256 x 16 to 2048 x 2 bits; the bits of narrow words lie interleaved."""
    cell.clock("RCLK", "", circuit)
    cell.clock("WCLK", "", circuit)
    reading, writing = cell.number("READ_MODE"), cell.number("WRITE_MODE")
    read_address, write_address = cell.bus("RADDR", 11), cell.bus("WADDR", 11)
    pins = cell.bus("RDATA", WORD_BITS)
    shown = pins[FIRST_BIT[reading] :: 1 << reading]
    for net in set(pins) - set(shown) - {UNKNOWN}:
        circuit.table(0, (), net)  # pins that a narrow word leaves free show 0
    data = tuple(circuit.net() if net == UNKNOWN else net for net in shown)
    masks = tuple(circuit.inverse(net) for net in cell.bus("MASK", WORD_BITS)) if writing == 0 else (ONE,) * (WORD_BITS >> writing)
    content = "".join(f"{cell.number(f'INIT_{k:X}'):0256b}"[::-1] for k in range(16))
    circuit.memories.append(
        Memory(
            cell.name,
            tuple(int(bit) for bit in content),
            (ReadPort(_ordered(read_address, reading), _block_place(reading), data, circuit.both(cell.pin("RE", ZERO), cell.pin("RCLKE", ONE))),),
            (
                WritePort(
                    _ordered(write_address, writing), _block_place(writing), cell.bus("WDATA", WORD_BITS)[FIRST_BIT[writing] :: 1 << writing], masks,
                    circuit.both(cell.pin("WE", ZERO), cell.pin("WCLKE", ONE)), (0,),
                ),
            ),
        )
    )  # fmt: skip


def _ordered(address: tuple[int, ...], mode: int) -> tuple[int, ...]:
    """Address with the bits that choose a part of a word first; the pins have them last."""
    return (*address[8 : 8 + mode], *address[:8])


def single_port_ram(cell: Cell, circuit: Circuit) -> None:
    """SB_SPRAM256KA: 16384 x 16 bits, undefined after configuration, a mask bit per four bits; what it shows after a write is undefined."""
    cell.clock("CLOCK", "", circuit)
    for name, value in (("STANDBY", ZERO), ("SLEEP", ZERO), ("POWEROFF", ONE)):
        if cell.pin(name) != value:
            raise NetlistError(f"{name} of `{cell.name}` must be {value}: the model has no power down")
    address, chosen, writes = cell.bus("ADDRESS", SINGLE_PORT_ADDRESS), cell.pin("CHIPSELECT"), cell.pin("WREN")
    masks = tuple(cell.pins["MASKWREN"][k // 4] for k in range(WORD_BITS))
    circuit.memories.append(
        Memory(
            cell.name,
            (None,) * (SINGLE_PORT_WORDS * WORD_BITS),
            (ReadPort(address, Place(WORD_BITS), cell.outs("DATAOUT", WORD_BITS, circuit), chosen),),
            (WritePort(address, Place(WORD_BITS), cell.bus("DATAIN", WORD_BITS), masks, circuit.both(chosen, writes), (0,), whole=True),),
        )
    )


def multiplier(cell: Cell, circuit: Circuit) -> None:
    """SB_MAC16 as a product of 16 x 16 bits, with any of its registers before, within (one stage) and behind the multiplier's first half; no adders."""
    for name, value in (("NEG_TRIGGER", 0), ("MODE_8x8", 0), ("PIPELINE_16x16_MULT_REG2", 0), ("TOPOUTPUT_SELECT", 3), ("BOTOUTPUT_SELECT", 3)):
        if cell.number(name) != value:
            raise NetlistError(f"{name} of `{cell.name}` is {cell.number(name)}; the model has only products, with {name} {value}")
    inside = [cell.number(name) for name in ("TOP_8x8_MULT_REG", "BOT_8x8_MULT_REG", "PIPELINE_16x16_MULT_REG1")]
    if len(set(inside)) > 1:
        raise NetlistError(f"`{cell.name}` has registers behind some of its four parts only; the model has all or none")
    for name in ("IRSTTOP", "IRSTBOT"):
        if cell.pin(name) != ZERO:
            raise NetlistError(f"{name} of `{cell.name}` must be 0: the model has no reset")
    cell.clock("CLK", "", circuit)
    enable = cell.pin("CE", ONE)
    operands = []
    for name in "AB":
        nets = cell.bus(name, WORD_BITS)
        if cell.number(f"{name}_REG"):
            hold = circuit.both(enable, circuit.inverse(cell.pin(f"{name}HOLD", ZERO)))
            nets = tuple(_registered(circuit, net, hold) for net in nets)
        operands.append(nets)
    output = cell.outs("O", 2 * WORD_BITS, circuit)
    product = tuple(circuit.net() for _ in output) if inside[0] else output
    circuit.multipliers.append(Multiplier(operands[0], operands[1], cell.number("A_SIGNED"), cell.number("B_SIGNED"), product))
    if inside[0]:  # registers behind the four partial products: their sum a cycle later is the product a cycle later
        circuit.registers += [Register(net, out, enable) for net, out in zip(product, output, strict=True)]
    # Carries and the sign for the next cell are not connected in a product: who looks at one is refused, as nothing drives it.


def _registered(circuit: Circuit, net: int, enable: int) -> int:
    output = circuit.net()
    circuit.registers.append(Register(net, output, enable))
    return output


def pin(cell: Cell, circuit: Circuit) -> None:
    """SB_IO as a plain input or a plain output that is always on."""
    kind = cell.number("PIN_TYPE")
    if kind == PLAIN_INPUT:
        circuit.table(0b10, [cell.pin("PACKAGE_PIN")], cell.out("D_IN_0", circuit))
    elif kind == PLAIN_OUTPUT and cell.pin("OUTPUT_ENABLE", ONE) == ONE:
        circuit.table(0b10, [cell.pin("D_OUT_0")], cell.out("PACKAGE_PIN", circuit))
    else:
        raise NetlistError(f"PIN_TYPE of `{cell.name}` is {kind:06b}; the model has plain inputs and outputs, {PLAIN_INPUT:06b} and {PLAIN_OUTPUT:06b}")


def clock_loop(cell: Cell, circuit: Circuit) -> None:
    """SB_PLL40_PAD: makes the clock that is simulated, and has locked from the second cycle on."""
    circuit.registers.append(Register(ONE, cell.out("LOCK", circuit)))


MODELS: dict[str, Model] = {
    "SB_IO": pin,
    "SB_PLL40_PAD": clock_loop,
    "SB_LUT4": lookup_table,
    "SB_CARRY": carry,
    **{f"SB_DFF{kind}": flip_flop for kind in ("", "E", "SR", "R", "SS", "S", "ESR", "ER", "ESS", "ES")},
    "SB_RAM40_4K": block_ram,
    "SB_SPRAM256KA": single_port_ram,
    "SB_MAC16": multiplier,
}
