"""Widths are written once, in ``arch``: the gateware types none, and follows when one changes."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lifline.arch.layout import WORD_BITS
from lifline.arch.program import PROGRAM_LAYOUTS
from lifline.arch.records import RECORD

from .widened import widened

ROOT = Path(__file__).parents[2]
TYPED = {
    "rtl/host/link.py": "frames are bytes",
    "rtl/buses/axi_lite.py": "the bus protection bits are AXI's",
    "rtl/host/uart.py": "bytes, and the bits of one on the line",
    "rtl/host/bus.py": "the bus of the host: the widths are those of the frames",
}
"""Sources that may type the width of a signal, and why."""
WIDENED = [(word.name, field.name) for word in (*PROGRAM_LAYOUTS, RECORD) for field in word.fields if field.width < WORD_BITS and field.name != "reserved"]
FEW = [("record", "step"), ("pass_0", "blocks"), ("micro", "factor")]


def typed_widths(source: str) -> Iterator[tuple[int, int]]:
    """Line and number, of all signals and ports whose shape is a number above 2."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("In", "Out", "Signal", "signed", "unsigned") and node.args:
            match node.args[0]:
                case ast.Constant(value=int(width)) if width > 2:  # two: a value and the one before it
                    yield node.lineno, width


def test_typed_widths_are_seen() -> None:
    assert list(typed_widths("a = In(14)\nb = Signal(2), Out(len(x)), Signal(range(5))\nc = Signal(signed(5))")) == [(1, 14), (3, 5)]


def test_the_gateware_types_no_width() -> None:
    found = {str(f.relative_to(ROOT)): list(typed_widths(f.read_text())) for f in sorted((ROOT / "rtl").rglob("*.py"))}
    assert {name for name, widths in found.items() if widths} <= set(TYPED), {n: w for n, w in found.items() if w and n not in TYPED}


def test_a_widened_word_stays_a_word() -> None:
    for word in (*PROGRAM_LAYOUTS, RECORD):
        for field in word.fields:
            if (word.name, field.name) in WIDENED:
                fields = widened(word.fields, field.name)
                assert sum(f.width for f in fields) <= WORD_BITS and next(f for f in fields if f.name == field.name).width == field.width + 1


def check(word: str, field: str) -> None:
    done = subprocess.run([sys.executable, "-m", "tests.arch.widened", word, field], capture_output=True, text=True, timeout=600, cwd=ROOT, check=False)
    assert done.returncode == 0 and done.stdout.startswith(("follows", "refuses")), done.stdout + done.stderr


@pytest.mark.parametrize(("word", "field"), FEW)
def test_everything_follows_a_wider_field(word: str, field: str) -> None:
    check(word, field)


@pytest.mark.long
@pytest.mark.parametrize(("word", "field"), [pair for pair in WIDENED if pair not in FEW])
def test_everything_follows_any_wider_field(word: str, field: str) -> None:
    check(word, field)
