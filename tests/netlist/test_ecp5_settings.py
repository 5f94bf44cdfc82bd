"""Settings of an ECP5's slices are compared with a routed netlist: a table that was turned round is the same, a wrong bit or choice is named."""

from __future__ import annotations

from typing import Any

import pytest

from .ecp5_settings import same_table, wrong_settings

CONFIG = """
.device LFE5U-25F
.tile R9C4:PLC2
arc: A3 H02W0501
word: SLICEB.K1.INIT 0101000001010000
enum: SLICEB.MODE LOGIC
enum: SLICEB.B1MUX 1
enum: SLICEB.D1MUX 1
enum: SLICEB.REG1.SD 1
enum: SLICEB.REG1.REGSET SET
enum: SLICEB.CEMUX INV
"""


def routed() -> dict[str, Any]:
    """A table that shows ``c & ~a`` and a flip-flop behind it; which inputs of the chip a and c come to is left open."""
    table = {
        "parameters": {"INITVAL": f"{sum((row >> 2 & 1 & ~row) << row for row in range(16)):016b}"},
        "connections": {"A": [7], "B": [], "C": [8], "D": [], "F": [9]},
        "attributes": {"NEXTPNR_BEL": "X4/Y9/SLICEB.K1"},
    }
    bit = {"parameters": {"SD": "1 ", "REGSET": "SET", "CEMUX": "INV"}, "connections": {}, "attributes": {"NEXTPNR_BEL": "X4/Y9/SLICEB.FF1"}}
    routes = "X4/Y9/C3_SLICE;X4/Y9/0_0_{}3->0_0_C3_SLICE;1;X4/Y9/A3_SLICE;X4/Y9/0_0_{}3->0_0_A3_SLICE;1"
    return {"cells": {"table": table, "bit": bit}, "netnames": {"n": {"attributes": {"ROUTING": routes}}}}


def with_routes(first: str, second: str) -> dict[str, Any]:
    module = routed()
    module["netnames"]["n"]["attributes"]["ROUTING"] = module["netnames"]["n"]["attributes"]["ROUTING"].format(first, second)
    return module


def test_a_table_is_the_same_only_with_its_own_inputs() -> None:
    assert wrong_settings(with_routes("C", "A"), CONFIG) == []
    assert wrong_settings(with_routes("A", "C"), CONFIG) == ["table"]  # c & ~a, turned, is a & ~c
    assert wrong_settings(with_routes("A", "C"), CONFIG.replace("0101000001010000", "0000101000001010")) == []


@pytest.mark.parametrize(
    ("right", "other", "name"),
    [
        ("0101000001010000", "0001000001010000", "table"), ("word: SLICEB.K1", "word: SLICEB.K0", "table"), ("MODE LOGIC", "MODE CCU2", "table"),
        ("B1MUX 1", "B1MUX 0", "table"), ("SD 1", "SD 0", "bit"), ("REGSET SET", "REGSET RESET", "bit"), ("CEMUX INV", "CEMUX CE", "bit"), ("R9C4", "R4C9", "bit table"),
    ],
)  # fmt: skip
def test_a_wrong_setting_is_named(right: str, other: str, name: str) -> None:
    assert right in CONFIG
    assert sorted(wrong_settings(with_routes("C", "A"), CONFIG.replace(right, other))) == name.split()


def test_inputs_without_a_wire_show_one() -> None:
    assert same_table(0b1000 << 12, 0b1000 << 12, {"A": "A", "B": "B"})
    assert same_table(0b1000 << 12, 0xFFFF, {}) and not same_table(0b0111 << 12, 0xFFFF, {})
