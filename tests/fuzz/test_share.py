"""A small share of the campaign, with a new seed in every run, which is printed."""

from __future__ import annotations

import random

import pytest

from .campaign import campaign
from .kinds import KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_damaged_inputs_are_typed_errors_or_load_correctly(kind: str) -> None:
    start = random.randrange(1 << 32)
    print(f"seed {start}: python -m tests.fuzz --kind {kind} --inputs 40 --seed {start}")
    outcomes = campaign(kind, 40, start)
    assert sum(outcomes.values()) >= 30, outcomes
