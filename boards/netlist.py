"""Tidies a synthesised netlist before place and route.

    python -m lifline.boards.netlist top.json
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

CARRY_CELL, CARRY_OUT = "CCU2C", "COUT"
UNCONNECTED = ["x"]
"""A port of one bit that belongs to no net; the port itself must stay."""


def drop_unused_carries(netlist: dict[str, Any]) -> int:
    """Disconnect every carry output that nothing uses; returns how many there were.

    Synthesis leaves the last carry of every chain connected, and place and route spends a cell on bringing each of them out.
    """
    dropped = 0
    for module in netlist["modules"].values():
        uses = Counter(
            bit
            for cell in module["cells"].values()
            for port, bits in cell["connections"].items()
            if cell["port_directions"][port] != "output"
            for bit in bits
        )
        uses.update(bit for port in module["ports"].values() for bit in port["bits"])
        for cell in module["cells"].values():
            if cell["type"] == CARRY_CELL and not any(uses[bit] for bit in cell["connections"].get(CARRY_OUT, ())):
                dropped += cell["connections"].get(CARRY_OUT) != UNCONNECTED
                cell["connections"][CARRY_OUT] = UNCONNECTED
    return dropped


if __name__ == "__main__":
    path = Path(sys.argv[1])
    netlist = json.loads(path.read_text())
    drop_unused_carries(netlist)
    path.write_text(json.dumps(netlist))
