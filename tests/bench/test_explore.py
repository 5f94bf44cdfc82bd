"""The bench of the search prints its figures, after a kill."""

from __future__ import annotations

from pathlib import Path

import pytest

from .test_benches import run


def test_the_search_goes_on_after_a_kill_and_is_compared(tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    figures = run("explore", "--trials", "6", "--seeds", "1", "--builds", "0", "--workers", "0", "--folder", str(tmp_path))
    assert figures["resumed"] and 2 <= figures["killed_after"][0] <= 6 <= figures["trials"]
    assert {"accuracy", "cycles", "lut", "fmax", "microjoules"} <= figures["front"][0].keys()
    [ratios] = figures["ratios"]
    assert ratios["with_presets"] <= ratios["ratio"] == figures["beats_random"] == figures["beats_random_worst"] and figures["estimator_error"] is None and figures["builds"] == 0
