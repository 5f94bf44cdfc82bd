"""Every bench prints one JSON object on its last line, with the keys that scripts read."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

BENCH = Path(__file__).parents[2] / "bench"
needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")


def run(name: str, *options: str) -> dict[str, Any]:
    done = subprocess.run([sys.executable, BENCH / f"{name}.py", *options, "--json"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@needs_compiler
@pytest.mark.parametrize("delays", [False, True])
def test_r256(delays: bool) -> None:
    options = ("--preset", "medium", "--mode", "event", "--inputs", "26", "--steps", "60")
    figures = run("r256", *options, *(["--delays"] if delays else []))
    assert figures["mismatches"] == 0 and 300 < figures["cycles_per_step"] < 700
    assert figures["useful_sop_per_cycle"] == pytest.approx(26 * 256 / figures["cycles_per_step"])
    assert figures["utilisation"] == pytest.approx(figures["useful_sop_per_cycle"] / 16)


@needs_compiler
def test_silence_is_cheap() -> None:
    figures = run("r256", "--preset", "medium", "--mode", "event", "--inputs", "0", "--steps", "60")
    assert figures["mismatches"] == 0 and figures["cycles_per_step"] <= 40 + 256 / 16 + 256 / 32


@needs_compiler
def test_sim() -> None:
    figures = run("sim", "--preset", "tiny")
    assert figures and all(speed > 0 for speed in figures.values() if isinstance(speed, float))


@pytest.mark.skipif(find_spec("snntorch") is None or find_spec("spikingjelly") is None, reason="needs the extra `bench`")
def test_golden() -> None:
    figures = run("golden", "--threads", "1", "--rounds", "1")
    assert {"samples_per_s", "speedup_snntorch", "speedup_spikingjelly", "rates"} <= figures.keys() and set(figures["rates"]) == {"0.02", "0.3"}


@pytest.mark.skipif(find_spec("snntorch") is None, reason="needs the extra `bench`")
def test_golden_layers() -> None:
    figures = run("golden_layers", "--threads", "1", "--rounds", "1")
    assert set(figures["speedups"]) == {"convolutional", "recurrent"} and len(figures["rows"]) == 6


@needs_compiler
def test_stream() -> None:
    rows = run("stream", "--preset", "tiny", "--parts", "5")["rows"]
    assert [(r["device"], r["chunk"]) for r in rows] == [(d, c) for d in ("simulated board", "pseudo-terminal") for c in (1, 8, 32)]
    for own, served in zip(rows[:3], rows[3:], strict=True):
        assert 0 < own["best_ms"] <= own["median_ms"] <= own["p95_ms"] <= own["worst_ms"] and own["cycles"] == served["cycles"] > own["chunk"] * 30
        assert own["requests"] > 5 and own["wire_ms"] == pytest.approx(own["link_bytes"] / 100)
