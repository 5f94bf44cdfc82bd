"""Tidies a synthesised netlist before place and route.

    python -m lifline.boards.netlist top.json
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

CARRY_CELL, CARRY_IN, CARRY_OUT = "CCU2C", "CIN", "COUT"
UNCONNECTED = ["x"]
"""A port of one bit that belongs to no net; the port itself must stay."""

Module = dict[str, Any]


def uses(module: Module) -> Counter[int | str]:
    """How many inputs of cells, and ports, every bit of a module goes to."""
    found = Counter(
        bit
        for cell in module["cells"].values()
        for port, bits in cell["connections"].items()
        if cell["port_directions"][port] != "output"
        for bit in bits
    )
    found.update(bit for port in module["ports"].values() for bit in port["bits"])
    return found


def drop_unused_carries(module: Module) -> int:
    """Disconnect every carry output that nothing uses; returns how many there were.

    Synthesis leaves the last carry of every chain connected, and place and route spends a cell on bringing each of them out.
    """
    used, dropped = uses(module), 0
    for cell in module["cells"].values():
        if cell["type"] == CARRY_CELL and not any(used[bit] for bit in cell["connections"].get(CARRY_OUT, ())):
            dropped += cell["connections"].get(CARRY_OUT) != UNCONNECTED
            cell["connections"][CARRY_OUT] = UNCONNECTED
    return dropped


def start_chains_without_carry(module: Module) -> int:
    """Let the first half of every carry chain whose carry input is a constant make the carry by itself; returns how many chains.

    Place and route spends two cells on bringing a constant into a chain. The first half's carry output is ``LUT4 ? CIN : LUT2(A, B)``. With a
    constant ``CIN``, and constant C and D, it depends on A and B alone: that goes to LUT2, the quarter of the table with C = D = 0, and the
    quarter that LUT4 shows, C = D = 1, becomes zero. Its sum, where it is used, is a lookup table outside.
    """
    used, started = uses(module), 0
    for name, cell in list(module["cells"].items()):
        pins = cell["connections"]
        if cell["type"] != CARRY_CELL or pins[CARRY_IN] not in (["0"], ["1"]) or not {*pins["C0"], *pins["D0"]} <= {"0", "1"}:
            continue
        table, carry = int(cell["parameters"]["INIT0"], 2), int(pins[CARRY_IN][0])
        shown = table >> 4 * int(pins["C0"][0]) + 8 * int(pins["D0"][0])
        makes = sum((carry if shown >> k & 1 else table >> k & 1) << k for k in range(4))
        if any(used[bit] for bit in pins["S0"]):
            module["cells"][f"{name}$sum"] = {
                "hide_name": 1,
                "type": "LUT4",
                "parameters": {"INIT": f"{table ^ 0xFFFF * carry:016b}"},
                "attributes": {},
                "port_directions": dict.fromkeys("ABCD", "input") | {"Z": "output"},
                "connections": {pin: pins[f"{pin}0"] for pin in "ABCD"} | {"Z": pins["S0"]},
            }
        cell["parameters"]["INIT0"] = f"{makes:016b}"
        cell["connections"] = pins | {"C0": ["1"], "D0": ["1"], "S0": UNCONNECTED, CARRY_IN: UNCONNECTED}
        started += 1
    return started


def tidy(path: Path) -> None:
    """Do both to every module of a file of yosys."""
    netlist = json.loads(path.read_text())
    for module in netlist["modules"].values():
        drop_unused_carries(module)
        start_chains_without_carry(module)
    path.write_text(json.dumps(netlist))


if __name__ == "__main__":
    tidy(Path(sys.argv[1]))
