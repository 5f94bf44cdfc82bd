"""A configuration file of an iCE40 back to a netlist: its cells, as yosys would write them, from bits and wiring."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lifline.arch.errors import NetlistError

from .circuit import Circuit
from .icestorm import Tile, Wiring, database, read_bits, read_wiring, unpack
from .reader import circuit_of

TABLE_BITS = (4, 14, 15, 5, 6, 16, 17, 7, 3, 13, 12, 2, 1, 11, 10, 0)
"""Of the bits of a logic cell, those of its table, row by row."""
CARRY, FLIP_FLOP, SETS, AT_ONCE = 8, 9, 18, 19
"""Of the same: whether the carry and the flip-flop are used, and whether the latter is set instead of reset, and without waiting for an edge."""
CELLS = range(8)
PINS = re.compile(r"set_io\s+(?:-\S+\s+)*(\S+)\s+(\S+)")
OUTPUTS = "mult/O", "slf_op", "neigh_op"
"""How the database calls what is no logic cell's output."""
INDEXED = re.compile(r"(.*)_(\d+)")
OUTPUT_BITS = 0b111100
BEHIND_A_PAD = "010"

Pin = int | str


class _Module:
    """Cells and ports; nets are numbers of the chip's, from 2 on as yosys has them. ``drivers``: nets that have one.   ``constants``: those of them that never change."""

    def __init__(self, wiring: Wiring, drivers: set[int], constants: dict[int, str]) -> None:
        self.wiring, self._driven, self._constants = wiring, drivers, constants
        self.cells: dict[str, Any] = {}
        self.ports: dict[str, Any] = {}
        self.used = set(wiring.sources.values())
        self._pads = len(wiring.numbers)

    def net(self, tile: Tile, name: str, absent: str) -> Pin:
        """What is seen at ``name``: ``absent`` where nothing drives it."""
        root = self.wiring.root(tile, name)
        return absent if root is None or root not in self._driven else self._constants.get(root, root + 2)

    def out(self, tile: Tile, name: str) -> Pin:
        """The net that a cell drives by the name ``name``."""
        return self.wiring.numbers[(*tile, name)] + 2

    def pad(self) -> Pin:
        """A new net for a pin of the package."""
        self._pads += 1
        return self._pads + 2

    def add(self, kind: str, name: str, pins: dict[str, list[Pin]], parameters: dict[str, str] | None = None) -> None:
        """Add a cell."""
        self.cells[name] = {"type": kind, "parameters": parameters or {}, "connections": pins}


def read_bitstream(path: Path, constraints: Path, database_file: Path | None = None) -> Circuit:
    """The circuit that a configuration file (``.bin``) makes of an iCE40UP5K.

    Parameters
    ----------
    constraints : file with the pins (``.pcf``), whose names the ports get.
    database_file : Project IceStorm's database of the chip; where distributions put it if not given.

    Raises
    ------
    ToolError      if the tool or the database is missing.
    NetlistError   if the file is of another chip, or sets something that no model describes.
    """
    wiring = read_wiring(read_bits(unpack(path)), database(database_file))
    return circuit_of(module_of(wiring, constraints.read_text()))


def module_of(wiring: Wiring, constraints: str) -> dict[str, Any]:
    """The module, in the form of yosys, of a configured chip.

    Raises
    ------
    NetlistError   if it sets something that no model describes.
    """
    tiles = wiring.bits.kinds.items()
    logic = {
        (tile, k): bits for tile, kind in tiles if kind == "logic_tile" for k in CELLS if "1" in (bits := wiring.value(tile, f"LC_{k}"))
    }
    rams = [tile for tile, kind in tiles if kind == "ramb_tile" and wiring.value(tile, "RamConfig.PowerUp") == "1"]
    special = [(kind, pins) for kind, pins in wiring.cells if _is_used(wiring, kind, pins)]
    pads = {name: wiring.pads[pin] for name, pin in PINS.findall(constraints)}
    drivers = {_clock(wiring, special)} | _drivers(wiring, logic, rams, special, pads.values())
    constants = {
        wiring.numbers[(*tile, f"lutff_{k}/out")]: str(_table(bits) & 1)
        for (tile, k), bits in logic.items()
        if bits[FLIP_FLOP] == "0" and drivers.isdisjoint(wiring.root(tile, f"lutff_{k}/in_{j}") for j in _looked_at(bits))
    }
    module = _Module(wiring, drivers, constants)
    for (tile, k), bits in logic.items():
        _logic(module, tile, k, bits)
    for tile in rams:
        _block_ram(module, tile)
    for number, (kind, pins) in enumerate(special):
        {"MAC16": _multiplier, "SPRAM": _single_port_ram, "PLL": _loop}[kind](module, f"{kind.lower()}_{number}", pins)
    loop = next(pins for kind, pins in special if kind == "PLL")
    for name, (tile, k) in pads.items():
        _pad(module, name, tile, k, loop)
    return {"cells": module.cells, "ports": module.ports}


def _drivers(
    wiring: Wiring, logic: Iterable[tuple[Tile, int]], rams: Iterable[Tile], special: Iterable[tuple[str, dict[str, tuple[Tile, str]]]],
    pads: Iterable[tuple[Tile, int]],
) -> set[int]:
    """Nets that some cell drives."""
    names = [(*tile, f"lutff_{k}/{pin}") for tile, k in logic for pin in ("out", "lout", "cout")]
    names += [(x, above, f"ram/RDATA_{k}") for x, y in rams for above in (y, y + 1) for k in range(16)]
    names += [(*tile, name) for _, pins in special for tile, name in pins.values() if name.startswith(OUTPUTS)]
    names += [(*tile, f"io_{k}/D_IN_0") for tile, k in pads]
    return {wiring.numbers[name] for name in names if name in wiring.numbers}


def _is_used(wiring: Wiring, kind: str, pins: dict[str, tuple[Tile, str]]) -> bool:
    match kind:
        case "SPRAM":
            return _setting(wiring, pins, "SPRAM_EN") == "1"
        case "PLL":
            return _settings(wiring, pins, "PLLTYPE", 3) != "000"
        case "MAC16":  # a product that nobody uses costs nothing
            return any("1" in _setting(wiring, pins, name) for name, (_, what) in pins.items() if what.startswith("CBIT"))
        case _:
            return False


def _setting(wiring: Wiring, pins: dict[str, tuple[Tile, str]], name: str) -> str:
    tile, what = pins[name]
    return wiring.value(tile, f"{'PLL' if what.startswith('PLL') else 'IpConfig'}.{what}")


def _settings(wiring: Wiring, pins: dict[str, tuple[Tile, str]], name: str, width: int) -> str:
    """A setting of several bits, highest first."""
    return "".join(_setting(wiring, pins, f"{name}_{k}") for k in reversed(range(width)))


def _clock(wiring: Wiring, special: list[tuple[str, dict[str, tuple[Tile, str]]]]) -> int:
    """The net that the loop drives: a global one, from the pad that it takes the place of."""
    for kind, pins in special:
        if kind == "PLL":
            (x, y), number = pins["PLLOUT_A"]
            for net, pad in wiring.globals_in.items():
                if pad == ((x, y), int(number)):
                    return wiring.numbers[0, 1, f"glb_netwk_{net}"]
    raise NetlistError("the configuration has no loop whose output is a global clock: it is none of a board of lifline's")


def _table(bits: str) -> int:
    return sum(int(bits[place]) << row for row, place in enumerate(TABLE_BITS))


def _looked_at(bits: str) -> list[int]:
    """Inputs of a logic cell's table that make a difference."""
    table = _table(bits)
    return [j for j in range(4) if any((table >> row ^ table >> (row ^ 1 << j)) & 1 for row in range(16))]


def _logic(module: _Module, tile: Tile, k: int, bits: str) -> None:
    """A logic cell: a table, maybe a carry, and maybe a flip-flop behind the table."""
    name = f"lc_{tile[0]}_{tile[1]}_{k}"
    wiring = module.wiring
    if wiring.value(tile, "NegClk") == "1":
        raise NetlistError(f"tile {tile} has flip-flops at the falling edge; the models have the rising one")
    inputs = [module.net(tile, f"lutff_{k}/in_{j}", "0") for j in range(4)]
    output = module.out(tile, f"lutff_{k}/out")
    table = output
    if bits[FLIP_FLOP] == "1":
        table = module.pad()
        kind, reset = "SB_DFFE", ("S" if bits[SETS] == "1" else "R")
        kind += reset if bits[AT_ONCE] == "1" else f"S{reset}"
        pins: dict[str, list[Pin]] = {
            "C": [module.net(tile, "lutff_global/clk", "x")], "E": [module.net(tile, "lutff_global/cen", "1")],
            reset: [module.net(tile, "lutff_global/s_r", "0")], "D": [table], "Q": [output],
        }  # fmt: skip
        module.add(kind, f"{name}_ff", pins)
    looks: dict[str, list[Pin]] = {f"I{j}": [inputs[j] if j in _looked_at(bits) else "0"] for j in range(4)}  # the others may be those of the carry, even its own output
    module.add("SB_LUT4", name, {**looks, "O": [table]}, {"LUT_INIT": f"{_table(bits):016b}"})
    if wiring.numbers.get((*tile, f"lutff_{k}/lout")) in module.used:
        module.add("SB_LUT4", f"{name}_direct", {"I0": [table], "O": [module.out(tile, f"lutff_{k}/lout")]}, {"LUT_INIT": "1010101010101010"})
    if bits[CARRY] == "1":
        if k:
            before = module.net(tile, f"lutff_{k - 1}/cout", "0")
        else:
            before = module.net(tile, "carry_in_mux", wiring.value(tile, "CarryInSet"))
        module.add("SB_CARRY", f"{name}_carry", {"I0": [inputs[1]], "I1": [inputs[2]], "CI": [before], "CO": [module.out(tile, f"lutff_{k}/cout")]})


def _block_ram(module: _Module, tile: Tile) -> None:
    wiring, above = module.wiring, (tile[0], tile[1] + 1)
    if wiring.value(tile, "NegClk") == "1" or wiring.value(above, "NegClk") == "1":
        raise NetlistError(f"the block memory in tile {tile} uses a falling edge; the models have the rising one")

    def place(name: str) -> Tile:
        return tile if (*tile, name) in wiring.numbers else above

    def bus(pin: str, width: int) -> list[Pin]:
        return [module.net(place(f"ram/{pin}_{k}"), f"ram/{pin}_{k}", "0") for k in range(width)]

    pins = {"RADDR": bus("RADDR", 11), "WADDR": bus("WADDR", 11), "MASK": bus("MASK", 16), "WDATA": bus("WDATA", 16)}
    for pin, absent in (("RE", "0"), ("WE", "0"), ("RCLKE", "1"), ("WCLKE", "1"), ("RCLK", "x"), ("WCLK", "x")):
        pins[pin] = [module.net(place(f"ram/{pin}"), f"ram/{pin}", absent)]
    pins["RDATA"] = [module.out(place(f"ram/RDATA_{k}"), f"ram/RDATA_{k}") for k in range(16)]
    mode = {name: wiring.value(above, f"RamConfig.CBIT_{k}") for k, name in enumerate(("w0", "w1", "r0", "r1"))}
    content = wiring.bits.memories.get(tile, ["0"] * 16)
    parameters = {f"INIT_{k:X}": f"{int(word, 16):0256b}" for k, word in enumerate(content)}
    parameters |= {"READ_MODE": mode["r1"] + mode["r0"], "WRITE_MODE": mode["w1"] + mode["w0"]}
    module.add("SB_RAM40_4K", f"ram_{tile[0]}_{tile[1]}", pins, parameters)


def _grouped(names: Iterable[str]) -> dict[str, list[str]]:
    """Names of pins and settings of one bit, by the bus that they belong to, lowest bit first."""
    found: dict[str, dict[int, str]] = {}
    for name in names:
        match = INDEXED.fullmatch(name)
        found.setdefault(match[1] if match else name, {})[int(match[2]) if match else 0] = name
    return {name: [bits[k] for k in sorted(bits)] for name, bits in found.items()}


def _pins(module: _Module, pins: dict[str, tuple[Tile, str]], outputs: tuple[str, ...], absent: dict[str, str]) -> dict[str, list[Pin]]:
    found: dict[str, list[Pin]] = {}
    for name, bits in _grouped(n for n, (_, what) in pins.items() if not what.startswith("CBIT")).items():
        places = [pins[bit] for bit in bits]
        found[name] = [module.out(*p) if name in outputs else module.net(*p, absent.get(name, "0")) for p in places]
    return found


def _multiplier(module: _Module, name: str, pins: dict[str, tuple[Tile, str]]) -> None:
    settings = _grouped(n for n, (_, what) in pins.items() if what.startswith("CBIT"))
    parameters = {n: "".join(_setting(module.wiring, pins, bit) for bit in reversed(bits)) for n, bits in settings.items()}
    module.add("SB_MAC16", name, _pins(module, pins, ("O", "CO"), {"CE": "1", "CLK": "x"}), parameters)


def _single_port_ram(module: _Module, name: str, pins: dict[str, tuple[Tile, str]]) -> None:
    module.add("SB_SPRAM256KA", name, _pins(module, pins, ("DATAOUT",), {"CLOCK": "x"}))


def _loop(module: _Module, name: str, pins: dict[str, tuple[Tile, str]]) -> None:
    wiring = module.wiring
    if (kind := _settings(wiring, pins, "PLLTYPE", 3)) != BEHIND_A_PAD:
        raise NetlistError(f"the loop is set to {kind}; the model is one behind a pad, {BEHIND_A_PAD}")
    parameters = {n: _settings(wiring, pins, n, width) for n, width in (("DIVR", 4), ("DIVF", 7), ("DIVQ", 3), ("FILTER_RANGE", 3))}
    module.add("SB_PLL40_PAD", name, {"LOCK": [module.out(*pins["LOCK"])], "RESETB": [module.net(*pins["RESETB"], "0")]}, parameters)


def _pad(module: _Module, name: str, tile: Tile, k: int, loop: dict[str, tuple[Tile, str]]) -> None:
    """A pin: an input or an output without a register, or the one that the loop takes its clock from."""
    wiring, net = module.wiring, module.pad()
    kind = "".join(wiring.value(tile, f"IOB_{k}.PINTYPE_{bit}") for bit in reversed(range(6)))
    if loop["PLLOUT_A"] == (tile, str(k)):
        module.ports[name] = {"direction": "input", "bits": [net]}
    elif int(kind, 2) & OUTPUT_BITS:
        module.add("SB_IO", name, {"PACKAGE_PIN": [net], "D_OUT_0": [module.net(tile, f"io_{k}/D_OUT_0", "0")]}, {"PIN_TYPE": kind})
        module.ports[name] = {"direction": "output", "bits": [net]}
    else:
        module.add("SB_IO", name, {"PACKAGE_PIN": [net], "D_IN_0": [module.out(tile, f"io_{k}/D_IN_0")]}, {"PIN_TYPE": kind})
        module.ports[name] = {"direction": "input", "bits": [net]}

