"""Configurations of one's own on the command line, from their file to a result."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from lifline.arch.config import preset
from lifline.arch.config_file import load_config, save_config
from lifline.cli.main import app
from lifline.network.file import save
from lifline.sim.random.network import random_network

from .test_cli import call, needs_compiler


def test_new_writes_a_file_that_show_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made = call("config", "new", "mine", "--from", "medium", "lanes=32", "window=16", "--json")
    assert made["file"] == "mine.toml" and made["event_lanes"] == made["dense_lanes"] == 32 and made["window"] == 16
    assert load_config("mine.toml") == preset("medium").replace(name="mine", event_lanes=32, dense_lanes=32, window=16)
    assert call("config", "show", "mine.toml", "--json") == {k: v for k, v in made.items() if k != "file"}
    again = CliRunner().invoke(app, ["config", "new", "mine"])
    assert again.exit_code == 1 and "--force" in again.output and load_config("mine.toml").window == 16
    assert call("config", "new", "mine", "--force", "--json")["window"] == 8


def test_bad_changes_are_one_line_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["config", "new", "mine", "window=3"])
    assert result.exit_code == 1 and "window=3 must be" in result.output and not list(tmp_path.iterdir())


@needs_compiler
def test_a_program_for_ones_own_configuration_names_it_and_runs(tmp_path: Path) -> None:
    config, path = preset("tiny").replace(name="mine", list_entries=64), tmp_path / "mine.toml"
    save_config(config, path)
    network = random_network(np.random.default_rng(3), config=config).replace(early_exit=None)
    save(network, tmp_path / "net")
    np.save(tmp_path / "spikes.npy", np.random.default_rng(0).integers(0, 2, (2, 9, network.input.size), np.uint8))
    assert call("compile", str(tmp_path / "net"), "-o", str(tmp_path / "program"), "--config", str(path), "--json")["config"] == "mine"
    assert call("show", str(tmp_path / "program"), "--json")["config"] == "mine"
    assert call("run", str(tmp_path / "program"), str(tmp_path / "spikes.npy"), "--json")["mismatches"] == 0
    assert call("run", str(tmp_path / "program"), str(tmp_path / "spikes.npy"), "--device", f"sim:{path}", "--json")["mismatches"] == 0
    assert call("info", "--device", f"golden:{path}", "--json")["config"] == "mine"
    assert call("verify", "--random", "2", "--config", str(path), "--json")["configurations"] == ["mine"]
