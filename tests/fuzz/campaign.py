"""Runs the kinds and counts outcomes."""

from __future__ import annotations

import tempfile
import warnings
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from .kinds import KINDS, TYPED


def campaign(kind: str, inputs: int, start: int) -> Counter[str]:
    """``inputs`` inputs of a kind from a seed: how many were a typed error, by name, and how many loaded.

    Raises
    ------
    whatever is neither; hypothesis prints the smallest input that does.
    """
    outcomes: Counter[str] = Counter()

    @seed(start)
    @settings(max_examples=inputs, deadline=None, database=None, suppress_health_check=list(HealthCheck), phases=(Phase.generate, Phase.shrink), print_blob=False)
    @given(st.data())
    def one(data: st.DataObject) -> None:
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("error")
            try:
                KINDS[kind](data.draw, Path(folder))
            except TYPED as error:
                outcomes[type(error).__name__] += 1
            else:
                outcomes["correct"] += 1

    one()
    return outcomes
