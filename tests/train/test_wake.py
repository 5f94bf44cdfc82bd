"""The wake example: the committed detector finds what it was trained for, device and golden model agree, and the page shows what was measured."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lifline.network.file import load

FOLDER = Path(__file__).parents[2] / "examples" / "wake"
RESULTS = json.loads((FOLDER / "results.json").read_text())
PAGE = (FOLDER / "README.md").read_text()


@pytest.fixture
def wake(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(FOLDER))
    import wake

    return wake


def test_events_come_in_order_and_say_which_level_was_passed_and_how(wake: Any) -> None:
    made = wake.recording(60, 5, share=0.2)
    times, channels = made.events.T
    assert (np.diff(times) >= 0).all() and 0 <= channels.min() and channels.max() < wake.CHANNELS and made.premature.any()
    for level in range(wake.CHANNELS // 2):
        own = channels[channels // 2 == level] % 2
        assert (np.diff(own) != 0).all(), "up and down take turns"


def test_the_committed_detector_finds_early_beats_in_another_recording(wake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wake, "SEED", 4)
    found = wake.run(400, "golden:small", load(FOLDER / "wake8.safetensors"), 20)
    best = found["best"]
    assert found["premature"] >= 8 and best["misses"] <= 1 and best["false_alarms_per_hour"] <= 18 and 0 < best["latency_s"] < 0.6


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
def test_the_board_agrees_with_the_golden_model_part_by_part(wake: Any, tmp_path: Path) -> None:
    found = wake.run(40, "sim:small", load(FOLDER / "wake8.safetensors"), 30)
    assert found["mismatches"] == 0 and found["answers_compared"] > 100 and found["spent"]["cycles"] > 10 * 3000 and found["spent"]["late"] == found["spent"]["early"] == 0
    wake.draw(found, tmp_path / "wake.png")
    assert (tmp_path / "wake.png").stat().st_size > 10_000


def test_flags_and_beats_are_matched_once(wake: Any) -> None:
    """Beats at 10 and 50 s; flags in time for the first, nowhere near the second, and one that is false."""
    made = wake.Recording(np.zeros((0, 2), np.int64), np.array([10.0, 30.0, 50.0]), np.array([True, False, True]), 60.0)
    ends = (np.arange(240) + 1) * 0.25
    leads = np.where(np.isin(ends, [10.5, 10.75, 31.0, 51.5]), 9, 0)
    point = wake.judge(made, leads, 8, 0.001)
    assert (point.misses, point.premature, point.latency_s) == (1, 2, 0.5)
    assert point.wakes_per_hour == 180 and point.false_alarms_per_hour == 60 and point.awake_share == pytest.approx(0.1)
    assert point.milliwatts == pytest.approx(1 + 0.1 * wake.LARGER_W * 1e3)
    assert wake.judge(made, leads, 9, 0.001).misses == 2


def test_the_page_shows_what_was_measured() -> None:
    best, spent = RESULTS["best"], RESULTS["spent"]
    assert RESULTS["mismatches"] == 0 and RESULTS["seconds"] == 3600 and RESULTS["device"] == "sim:small" and RESULTS["answers_compared"] > 1000
    for figure in (
        f"{RESULTS['beats']:,} beats", f"{RESULTS['premature']} of them premature", f"{RESULTS['events']:,} events", f"{best['misses']} missed",
        f"{best['false_alarms_per_hour']:.0f} false alarms", f"{best['latency_s']:.2f} s", f"{spent['cycles']:,} cycles", f"{RESULTS['answers_compared']:,} answers", f"{RESULTS['duty_cycle'] * 100:.3f} %",
        f"{RESULTS['core_microwatts']:.0f} microwatts", f"{best['milliwatts']:.1f} mW", f"{best['awake_share'] * 100:.1f} %",
    ):  # fmt: skip
        assert figure in re.sub(r"\s+", " ", PAGE), figure
