"""The command line, as a script would use it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from lifline.arch.config import preset
from lifline.cli.main import app
from lifline.network.file import save
from lifline.sim.random_network import random_network, random_spikes

needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")


def call(*words: str, status: int = 0) -> dict:
    result = CliRunner().invoke(app, list(words))
    assert result.exit_code == status, result.output
    return json.loads(result.stdout.strip().splitlines()[-1]) if "--json" in words and not status else {}


def test_info_lists_the_configurations() -> None:
    assert set(call("info", "--json")) >= {"tiny", "small", "medium", "large", "loihi"}


@needs_compiler
def test_compile_and_run(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    network = random_network(rng, config=preset("tiny"))
    save(network, tmp_path / "net")
    np.save(tmp_path / "spikes.npy", random_spikes(rng, network, 12))
    call("show", str(tmp_path / "net"))
    modes = call("compile", str(tmp_path / "net"), "-o", str(tmp_path / "program"), "--config", "tiny", "--mode", "dense", "--json")
    assert set(modes["modes"].values()) == {"dense"}
    assert call("run", str(tmp_path / "program"), str(tmp_path / "spikes.npy"), "--json")["mismatches"] == 0


@pytest.mark.parametrize("damage", ["truncate", "flip", "foreign", "missing"])
def test_bad_program_files_are_one_line_errors(tmp_path: Path, damage: str) -> None:
    network = random_network(np.random.default_rng(3), config=preset("tiny"))
    save(network, tmp_path / "net")
    path = tmp_path / "program"
    call("compile", str(tmp_path / "net"), "-o", str(path), "--config", "tiny")
    data = bytearray(path.read_bytes())
    if damage == "truncate":
        path.write_bytes(data[: len(data) // 2])
    elif damage == "flip":
        data[-5] ^= 1
        path.write_bytes(data)
    elif damage == "foreign":
        path.write_bytes((tmp_path / "net").read_bytes())
    else:
        path.unlink()
    np.save(tmp_path / "spikes.npy", np.zeros((4, network.input.size), np.uint8))
    result = CliRunner().invoke(app, ["run", str(path), str(tmp_path / "spikes.npy")])
    assert result.exit_code == 1 and "ProgramError" in result.output


@needs_compiler
@pytest.mark.parametrize("fault", ["weight", "descriptor", "delay", "state"])
def test_injected_faults_are_found(fault: str) -> None:
    assert call("verify", "--random", "12", "--config", "tiny", "--inject", fault, "--json")["mismatches"] > 0
