"""The test plan names tests that exist, and every test file of the gateware."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLAN = (ROOT / "docs" / "verification.md").read_text()
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PLAN)))
WITHOUT = ["netlist recovered from a bitstream equals the simulation", "a real board"]
"""Testpoints that are known to have no test yet."""


@pytest.mark.parametrize("path", sorted({path for path, _ in NAMED}))
def test_named_tests_exist(path: str) -> None:
    there = {node.name for node in ast.parse((ROOT / path).read_text()).body if isinstance(node, ast.FunctionDef)}
    missing = [name for other, name in NAMED if other == path and name not in there]
    assert not missing, f"{path} has no {missing}"


def test_empty_rows_are_known() -> None:
    rows = [[cell.strip() for cell in line.strip("|\n").split("|")] for line in PLAN.splitlines() if line.startswith("| ")]
    assert len(rows) > 40
    assert [row[0] for row in rows if not row[-1]] == WITHOUT


def test_every_test_file_of_the_gateware_is_named() -> None:
    files = {str(f.relative_to(ROOT)) for folder in ("rtl", "formal") for f in (ROOT / "tests" / folder).rglob("test_*.py")}
    assert files <= {path for path, _ in NAMED}


def test_every_memory_is_in_the_plan() -> None:
    """As many rows as the gateware makes memories, with two in one row for weights and delays."""
    made = sum(len(re.findall(r"= Ram\(", f.read_text())) for f in (ROOT / "rtl").rglob("*.py"))
    section = PLAN[PLAN.index("## Memories") :]
    rows = [line for line in section.splitlines() if line.startswith("| ")][1:]
    assert len(rows) + sum("weights, delays" in row for row in rows) == made
