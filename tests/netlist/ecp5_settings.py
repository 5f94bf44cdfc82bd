"""Do the settings in an ECP5's configuration say what the routed netlist says? Lookup tables, modes of slices and flip-flops, slice by slice.

Place and route may bring a wire to another input of a table than the netlist names, and turns the table: which input is which stands in the routes. What is compared is
what the table shows, with 1 at the inputs that no wire reaches.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

PLACE = re.compile(r"X(\d+)/Y(\d+)/SLICE([ABCD])\.(K|FF)([01])")
TURN = re.compile(r"(X\d+/Y\d+)/0_0_([ABCD])(\d)->0_0_([ABCD])\3_SLICE")
INPUTS = "ABCD"
ALL_ONE = 0xF

Turns = dict[tuple[str, int, str], str]
"""(place, number of the table there, input of the netlist) -> input of the chip."""


def settings(text: str) -> dict[str, dict[str, str]]:
    """Words and choices of a text configuration, by tile and name."""
    found: dict[str, dict[str, str]] = {}
    tile = ""
    for line in text.splitlines():
        match line.split():
            case [".tile", tile]:
                found.setdefault(tile, {})
            case ["word:" | "enum:", name, value] if tile:
                found[tile][name] = value
    return found


def turns(module: Mapping[str, Any]) -> Turns:
    """Which input of a table of the chip stands for which one of the netlist."""
    found: Turns = {}
    for net in module["netnames"].values():
        for pip in net["attributes"].get("ROUTING", "").split(";")[1::3]:
            if match := TURN.fullmatch(pip):
                place, chip, number, named = match.groups()
                found[place, int(number), named] = chip
    return found


def same_table(asked: int, set_to: int, inputs: Mapping[str, str]) -> bool:
    """Whether two tables show the same. ``inputs``: connected ones of the netlist -> those of the chip."""
    for row in range(1 << len(inputs)):
        low = [pair for k, pair in enumerate(inputs.items()) if not row >> k & 1]
        one = ALL_ONE - sum(1 << INPUTS.index(named) for named, _ in low)
        other = ALL_ONE - sum(1 << INPUTS.index(chip) for _, chip in low)
        if (asked >> one ^ set_to >> other) & 1:
            return False
    return True


def wrong_settings(module: Mapping[str, Any], text: str) -> list[str]:
    """Names of tables and flip-flops of a routed netlist whose settings are missing in the configuration, or say something else."""
    tiles, turned = settings(text), turns(module)
    wrong = []
    for name, cell in module["cells"].items():
        place = PLACE.fullmatch(cell["attributes"].get("NEXTPNR_BEL", ""))
        parameters = cell["parameters"]
        if place is None or parameters.get("MODE") == "RAMW_BLOCK":  # another kind of cell, or a table that brings writes to a memory
            continue
        x, y, letter, kind, k = place.groups()
        tile, slice_ = tiles.get(f"R{y}C{x}:PLC2", {}), f"SLICE{letter}"
        if kind == "FF":
            pairs = [(f"REG{k}.SD", "SD"), (f"REG{k}.REGSET", "REGSET"), ("CEMUX", "CEMUX")]
            good = all(tile.get(f"{slice_}.{setting}") == parameters[parameter].strip() for setting, parameter in pairs)
        else:
            good = tile.get(f"{slice_}.MODE") == parameters.get("MODE", "LOGIC") and f"{slice_}.K{k}.INIT" in tile
            keys = {pin: (f"X{x}/Y{y}", 2 * INPUTS.index(letter) + int(k), pin) for pin in INPUTS if cell["connections"].get(pin)}
            good = good and all(key in turned for key in keys.values())
            inputs = {pin: turned[key] for pin, key in keys.items()} if good else {}
            good = good and all(tile.get(f"{slice_}.{pin}{k}MUX") == "1" for pin in INPUTS if pin not in inputs.values())
            good = good and same_table(int(parameters["INITVAL"], 2), int(tile[f"{slice_}.K{k}.INIT"], 2), inputs)
        if not good:
            wrong.append(name)
    return wrong
