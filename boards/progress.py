"""How far a build has come, read from the logs that its tools write."""

from __future__ import annotations

import re
from pathlib import Path

SYNTHESIS_PASSES, PLACER_ITERATIONS = 260, 20
"""Typical numbers; a build with more of them waits at the end of the stage."""
STAGES = {"synthesis": 0.25, "placement": 0.25, "routing": 0.5}
"""In this order, with their typical share of the time."""


def progress(folder: Path) -> tuple[str, float]:
    """The stage of the build in ``folder`` and the share of the whole that is done, 0 to 1."""
    synthesis, place_and_route = _text(folder / "top.rpt"), _text(folder / "top.tim")
    done = {
        "synthesis": len(re.findall(r"^[\d.]+ Executing", synthesis, re.MULTILINE)) / SYNTHESIS_PASSES,
        "placement": len(re.findall(r"at iteration #", place_and_route)) / PLACER_ITERATIONS,
        "routing": 0.0,
    }
    stage = "placement" if place_and_route else "synthesis"
    if arcs := re.search(r"Routing (\d+) arcs", place_and_route):
        stage = "routing"
        left = re.findall(r"^Info: +\d+ \|.*\| +(\d+)\| ", place_and_route, re.MULTILINE)
        done["routing"] = 1 - int(left[-1]) / max(int(arcs[1]), 1) if left else 0.0
    total = 0.0
    for name, share in STAGES.items():
        if name == stage:
            return stage, total + share * min(max(done[name], 0.0), 1.0)
        total += share
    raise AssertionError(stage)


def _text(path: Path) -> str:
    return path.read_text(errors="replace") if path.exists() else ""
