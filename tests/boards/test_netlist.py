"""Netlists lose the carries that nothing uses, and nothing else."""

from __future__ import annotations

from typing import Any

from lifline.boards.netlist import drop_unused_carries


def carry(out: int | str, carry_in: int | str = "0") -> dict[str, Any]:
    """A carry cell; bits of the sum are left out."""
    return {"type": "CCU2C", "port_directions": {"CIN": "input", "COUT": "output"}, "connections": {"CIN": [carry_in], "COUT": [out]}}


def test_only_unused_carries_go() -> None:
    lut = {"type": "LUT4", "port_directions": {"A": "input", "Z": "output"}, "connections": {"A": [12], "Z": [13]}}
    cells = {"first": carry(10), "last": carry(11, 10), "to a table": carry(12), "to a port": carry(14), "open": carry("x"), "table": lut}
    netlist = {"modules": {"top": {"ports": {"o": {"direction": "output", "bits": [14]}}, "cells": cells}}}
    assert drop_unused_carries(netlist) == 1
    assert {name for name, cell in cells.items() if cell["connections"].get("COUT") == ["x"]} == {"last", "open"}
    assert cells["first"]["connections"] == {"CIN": ["0"], "COUT": [10]} and cells["table"]["connections"] == {"A": [12], "Z": [13]}
    assert drop_unused_carries(netlist) == 0
