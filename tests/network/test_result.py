"""Counts of a run have the names and the order that the device has for them."""

from __future__ import annotations

from dataclasses import fields

from lifline.arch.program import POPULATION_COUNTERS
from lifline.arch.registers import COUNTERS
from lifline.network.result import Counters, Cycles


def test_counters_of_a_population_are_those_of_its_program_words() -> None:
    assert tuple(f.name for f in fields(Counters)) == POPULATION_COUNTERS


def test_cycles_are_the_counters_among_the_registers() -> None:
    assert tuple(f.name for f in fields(Cycles)) == tuple(name.removesuffix("_cycles") for name in COUNTERS)
