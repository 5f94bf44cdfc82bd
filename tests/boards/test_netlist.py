"""Netlists lose the carries that nothing uses, and nothing else; chains that start with a constant do the same without it."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from lifline.boards.netlist import drop_unused_carries, start_chains_without_carry


def carry(out: int | str, carry_in: int | str = "0") -> dict[str, Any]:
    """A carry cell; bits of the sum are left out."""
    return {"type": "CCU2C", "port_directions": {"CIN": "input", "COUT": "output"}, "connections": {"CIN": [carry_in], "COUT": [out]}}


def test_only_unused_carries_go() -> None:
    lut = {"type": "LUT4", "port_directions": {"A": "input", "Z": "output"}, "connections": {"A": [12], "Z": [13]}}
    cells = {"first": carry(10), "last": carry(11, 10), "to a table": carry(12), "to a port": carry(14), "open": carry("x"), "table": lut}
    module = {"ports": {"o": {"direction": "output", "bits": [14]}}, "cells": cells}
    assert drop_unused_carries(module) == 1
    assert {name for name, cell in cells.items() if cell["connections"].get("COUT") == ["x"]} == {"last", "open"}
    assert cells["first"]["connections"] == {"CIN": ["0"], "COUT": [10]} and cells["table"]["connections"] == {"A": [12], "Z": [13]}
    assert drop_unused_carries(module) == 0


def first_half(cell: dict[str, Any], values: dict[Any, int]) -> tuple[int, int | None]:
    """``S0`` and the carry of a cell's first half; without a carry input None if the carry depends on it. After the vendor's model of the cell."""
    index = [values[cell["connections"][f"{pin}0"][0]] for pin in "ABCD"]
    table = int(cell["parameters"]["INIT0"], 2)
    low = table >> (index[0] + 2 * index[1]) & 1
    shown = table >> sum(bit << k for k, bit in enumerate(index)) & 1
    carry_in = values.get(cell["connections"]["CIN"][0])
    return shown ^ (carry_in or 0), carry_in if shown else low


@pytest.mark.parametrize("used", [True, False], ids=["sum", "carry only"])
@pytest.mark.parametrize(("carry_in", "c", "d"), [*product("01", repeat=3)])
def test_chains_start_as_they_did(carry_in: str, c: str, d: str, used: bool) -> None:
    for table in (0x96AA, 0x66FA, 0x1234, 0xFFFF, 0x0008):
        connections = {"A0": [2], "B0": [3], "C0": [c], "D0": [d], "CIN": [carry_in], "S0": [4], "COUT": [5]}
        directions = {pin: "output" if pin in ("S0", "COUT") else "input" for pin in connections}
        cell = {"type": "CCU2C", "parameters": {"INIT0": f"{table:016b}"}, "port_directions": directions, "connections": dict(connections)}
        before = {"parameters": dict(cell["parameters"]), "connections": dict(connections)}
        module = {"ports": {"o": {"direction": "output", "bits": [4, 5] if used else [5]}}, "cells": {"cell": cell}}
        assert start_chains_without_carry(module) == 1 and start_chains_without_carry(module) == 0
        assert cell["connections"]["CIN"] == cell["connections"]["S0"] == ["x"] and set(module["cells"]) == ({"cell", "cell$sum"} if used else {"cell"})
        for a, b in product((0, 1), repeat=2):
            values = {2: a, 3: b, "0": 0, "1": 1}
            total, carry_out = first_half(before, values)
            assert first_half(cell, values)[1] == carry_out
            if used:
                lut = module["cells"]["cell$sum"]
                index = sum(values[lut["connections"][pin][0]] << k for k, pin in enumerate("ABCD"))
                assert int(lut["parameters"]["INIT"], 2) >> index & 1 == total and lut["connections"]["Z"] == [4]


def test_chains_with_a_carry_or_a_choice_stay() -> None:
    directions = {pin: "input" for pin in ("A0", "B0", "C0", "D0", "CIN")} | {"S0": "output", "COUT": "output"}
    cells = {
        name: {
            "type": "CCU2C",
            "parameters": {"INIT0": f"{0x96AA:016b}"},
            "port_directions": directions,
            "connections": {"A0": [2], "B0": [3], "C0": [c], "D0": ["1"], "CIN": [carry_in], "S0": [4], "COUT": [5]},
        }
        for name, c, carry_in in (("carry", "0", 6), ("choice", 7, "0"))
    }
    assert start_chains_without_carry({"ports": {}, "cells": cells}) == 0 and set(cells) == {"carry", "choice"}
