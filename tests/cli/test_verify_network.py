"""``lifline verify NETWORK --samples``: one's own network, every value and cycle, and faults."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from lifline.arch.config import preset
from lifline.cli import verify_network as own
from lifline.cli.main import app
from lifline.network.file import save
from lifline.sim.random.network import random_network, random_spikes

from .test_cli import call, needs_compiler


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    rng = np.random.default_rng(8)
    network = random_network(rng, config=preset("tiny")).replace(early_exit=None)
    save(network, tmp_path / "net")
    np.save(tmp_path / "spikes.npy", np.stack([random_spikes(rng, network, 30) for _ in range(3)]))
    return [str(tmp_path / "net"), "--samples", str(tmp_path / "spikes.npy"), "--config", "tiny"]


@needs_compiler
def test_every_value_and_cycle_is_compared_and_faults_are_noticed(files: list[str]) -> None:
    found = call("verify", *files, "--faults", "2", "--json")
    assert (found["samples"], found["mismatches"], found["cycle_mismatches"]) == (3, 0, 0)
    assert set(found["faults"]) == {"weight", "state", "delay", "descriptor", "pointer"}
    for fault in found["faults"].values():
        assert fault["tried"] == fault["noticed"] + len(fault["unnoticed"])
    assert sum(fault["noticed"] for fault in found["faults"].values()) >= 3


@needs_compiler
@pytest.mark.parametrize("fault", ["state", "weight"])
def test_lines_say_which_bits_nobody_noticed(files: list[str], fault: str) -> None:
    result = CliRunner().invoke(app, ["verify", *files, "--faults", "3", "--inject", fault])
    assert result.exit_code == 0 and f"{fault}: noticed" in result.output and "every value of every step" in result.output.replace("\n", " ")
    assert ("nobody noticed" in result.output) is ("; not " in result.output)


@needs_compiler
def test_a_board_that_computes_something_else_is_noticed(files: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    class Wrong(own.GoldenModel):
        def run(self, spikes, **options):  # type: ignore[no-untyped-def]
            return super().run(1 - spikes, **options)

    monkeypatch.setattr(own, "GoldenModel", Wrong)
    result = CliRunner().invoke(app, ["verify", *files, "--faults", "1"])
    assert result.exit_code == 1 and "samples differ" in result.output and "faults injected" not in result.output


@pytest.mark.parametrize("arguments", [["net"], ["--samples", "spikes.npy"]])
def test_network_and_samples_come_together(arguments: list[str]) -> None:
    result = CliRunner().invoke(app, ["verify", *arguments])
    assert result.exit_code == 1 and "give both" in result.output
