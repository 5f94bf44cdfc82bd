"""The address map in SystemRDL 2.0 (Accellera, 2018), from which well-kept tools make IP-XACT, headers and pages."""

from __future__ import annotations

from lifline.arch.config import Config
from lifline.arch.layout import WORD_BITS
from lifline.arch.registers import REGISTERS, Access, Space, address
from lifline.rtl.host.decode import depths

WORD_BYTES = WORD_BITS // 8

MEANINGS = {
    Space.PROGRAM: "The program: instructions, populations, microprograms, ring descriptors. Locked during a run.",
    Space.WEIGHTS: "Weight words, 32 bits at a time, lowest lanes first. Locked during a run.",
    Space.NEURONS: "State values, sign-extended: neuron word times multipliers plus multiplier. Locked during a run.",
    Space.DELAYS: "Axonal delays in steps, one for each presynaptic neuron. Locked during a run.",
    Space.RINGS: "Delay rings: rows of 32 neurons. Locked during a run.",
    Space.INPUT: "Circular: word n of the input stream at n modulo the depth, 16 bits each.",
    Space.OUTPUT: "Circular: word n of the output stream at n modulo the depth.",
    Space.MAPS: "Tables of mapped passes. Locked during a run.",
}


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def system_rdl(config: Config, name: str) -> str:
    """Registers and memories of a core, by byte address.

    Parameters
    ----------
    name : of the address map, an identifier.
    """
    lines = [
        f"addrmap {name} {{",
        f"    name = {_quoted(f'lifline, configuration {config.name}')};",
        f"    desc = {_quoted(f'Spiking neural network accelerator; configuration hash {config.hash:#010x}. Byte addresses.')};",
        f"    default regwidth = {WORD_BITS};",
        f"    default accesswidth = {WORD_BITS};",
        "    addrmap {",  # of its own: IP-XACT has memories only beside blocks of registers
    ]
    for register in REGISTERS.values():
        written = register.access is Access.WRITE
        lines += [
            "        reg {",
            f"            desc = {_quoted(register.doc)};",
            f"            field {{ sw = {'rw' if written else 'r'}; hw = {'r' if written else 'w'}; }} value[{WORD_BITS - 1}:0];",
            f"        }} {register.name} @ {register.offset * WORD_BYTES:#x};",
        ]
    lines.append(f"    }} registers @ {address(Space.REGISTERS, 0) * WORD_BYTES:#x};")
    for space, depth in depths(config).items():
        if space is Space.REGISTERS:
            continue
        lines += [
            "    external mem {",
            f"        desc = {_quoted(MEANINGS[space])};",
            f"        mementries = {depth};",
            f"        memwidth = {WORD_BITS};",
            f"        sw = {'r' if space is Space.OUTPUT else 'rw'};",
            f"    }} {space.name.lower()} @ {address(space, 0) * WORD_BYTES:#x};",
        ]
    return "\n".join([*lines, "};", ""])
