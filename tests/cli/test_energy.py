"""``lifline energy`` and ``calibrate``, and ``--coefficients`` wherever energy is shown."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from lifline.arch.config import preset
from lifline.cli.main import app
from lifline.network.file import save
from lifline.sim.random.network import random_network

from .test_cli import call, needs_compiler

PARTS = ("static_uj", "clock_uj", "dynamic_uj", "low_uj", "high_uj", "total_uj")


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    """A network and two samples, whose spikes fit the output memory: no layer waits for the host."""
    rng = np.random.default_rng(3)
    made = random_network(rng, config=preset("tiny")).replace(early_exit=None)
    save(made, tmp_path / "net")
    np.save(tmp_path / "spikes.npy", rng.integers(0, 2, (2, 14, made.input.size), np.uint8))
    return str(tmp_path / "net"), str(tmp_path / "spikes.npy")


def own(tmp_path: Path) -> str:
    (tmp_path / "own.toml").write_text("[devices.iCE40UP5K]\nstatic_uw = 1000000\n[devices.ecp5]\nstatic_uw = 1000000\n")
    return str(tmp_path / "own.toml")


@needs_compiler
def test_both_levels_show_the_same_layers_and_add_up(files: tuple[str, str]) -> None:
    figures = call("energy", *files, "--config", "tiny", "--board", "icebreaker", "--netlist", "--json")
    quick, counted = figures["quick"], figures["netlist"]
    assert quick["layers"].keys() == counted["layers"].keys()
    for found in (quick, counted):
        for part in PARTS:
            assert sum(layer[part] for layer in found["layers"].values()) == pytest.approx(found["total"][part])
        assert found["total"]["low_uj"] < found["total"]["total_uj"] < found["total"]["high_uj"]
    assert figures["device"] == "iCE40UP5K" and counted["counts"]["host and link"]["table"] > 0 and figures["waiting_milliwatts"] > 0
    assert {name: layer["cycles"] for name, layer in quick["layers"].items() if "," not in name} == pytest.approx(
        {name: layer["cycles"] for name, layer in counted["layers"].items() if "," not in name}
    )


def test_energy_is_shown_as_an_estimate_with_its_range(files: tuple[str, str]) -> None:
    result = CliRunner().invoke(app, ["energy", *files, "--config", "tiny"])
    assert result.exit_code == 0 and "an estimate" in result.stderr and "range" in result.stderr and re.search(r"[\d.]+ to [\d.]+", result.stderr)
    assert "not measured on a board" in result.stderr


def test_coefficients_change_what_is_shown_and_are_named(files: tuple[str, str], tmp_path: Path) -> None:
    for command in (("energy",), ("estimate", "--classify")):
        options = (*command, *files, "--config", "tiny", "--board", "icebreaker", "--json")
        before, after = call(*options), call(*options, "--coefficients", own(tmp_path))
        assert "own.toml" in after["energy_model"] and "own.toml" not in before["energy_model"]
        static = [f["quick"]["total"]["static_uj"] if command == ("energy",) else f["energy"]["static"] for f in (before, after)]
        assert static[1] == pytest.approx(static[0] * 1e6 / 130)


@needs_compiler
def test_runs_and_reports_take_coefficients(files: tuple[str, str], tmp_path: Path) -> None:
    run = call("run", *files, "--config", "tiny", "--coefficients", own(tmp_path), "--json")
    page = call("report", *files, "--config", "tiny", "--board", "icebreaker", "--coefficients", own(tmp_path), "-o", str(tmp_path / "page.html"), "--json")
    assert "own.toml" in run["energy_model"] and run["energy"]["static_uj"] > 0.9 * run["energy_estimate_uj"]
    assert run["energy"]["total_uj"] == pytest.approx(run["energy_estimate_uj"])
    text = (tmp_path / "page.html").read_text()
    assert "own.toml" in text and "static 9" in text and page["page"]


def test_a_bad_file_of_coefficients_is_an_error_in_a_line(files: tuple[str, str], tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("[devices.ecp5]\nvolts = 1\n")
    for command in ("energy", "run", "report"):
        options = ["-o", str(tmp_path / "page.html")] if command == "report" else []
        result = CliRunner().invoke(app, [command, *files, "--config", "tiny", *options, "--coefficients", str(tmp_path / "bad.toml")])
        assert result.exit_code == 1 and "InputError" in result.stderr and "`volts` of ecp5 is no coefficient" in result.stderr.replace("\n", " ")


def test_calibrate_writes_coefficients_that_energy_takes(files: tuple[str, str], tmp_path: Path) -> None:
    (tmp_path / "meter.toml").write_text(
        'board = "icebreaker"\n[[run]]\nstate = "blank"\nmilliwatts = 0.26\n[[run]]\nstate = "waiting"\nmilliwatts = 9.0\n'
    )
    found = call("calibrate", str(tmp_path / "meter.toml"), "-o", str(tmp_path / "mine.toml"), "--json")
    assert found["factors"]["static"] == pytest.approx(2.0, rel=0.01) and found["device"] == "iCE40UP5K"
    figures = call("energy", *files, "--config", "tiny", "--board", "icebreaker", "--coefficients", str(tmp_path / "mine.toml"), "--json")
    assert "mine.toml" in figures["energy_model"]
    assert CliRunner().invoke(app, ["calibrate", str(tmp_path / "meter.toml"), "-o", str(tmp_path / "meter.toml")]).exit_code == 1
