"""``lifline run``: numbers, files and pictures from samples; the default mode of ``compile``."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from lifline.arch.config import preset
from lifline.cli.main import app
from lifline.network.file import save
from lifline.network.model import Network
from lifline.sim.golden.model import GoldenModel
from lifline.sim.random.network import random_network

from .test_cli import call, needs_compiler


@pytest.fixture
def network(tmp_path: Path) -> Network:
    """A network whose output fires, saved as ``net``, with three samples and labels of which one is wrong."""
    rng = np.random.default_rng(3)
    made = random_network(rng, config=preset("tiny")).replace(early_exit=None)
    save(made, tmp_path / "net")
    spikes = rng.integers(0, 2, (3, 60, made.input.size), np.uint8)
    np.save(tmp_path / "spikes.npy", spikes)
    labels = GoldenModel(made).run(spikes).prediction
    labels[1] += 1
    np.save(tmp_path / "labels.npy", labels)
    return made


@needs_compiler
def test_one_command_goes_from_a_network_and_samples_to_numbers_and_files(network: Network, tmp_path: Path) -> None:
    files = [str(tmp_path / name) for name in ("net", "spikes.npy")]
    options = ["--labels", "labels.npy", "--record", "all.v", "--picture", "picture.svg", "--report", "report.json", "--out", "out.npz", "--sample", "2"]
    figures = call("run", *files, "--config", "tiny", *(str(tmp_path / o) if "." in o and o != "all.v" else o for o in options), "--json")
    assert figures["samples"] == 3 and figures["accuracy"] == pytest.approx(2 / 3) and figures["mismatches"] == 0
    layers = figures["layers"].values()
    assert sum(layer["cycles"] for layer in layers) + figures["rest_cycles"] == pytest.approx(np.mean(figures["busy_cycles"])), "the model equals the counter"
    assert sum(layer["energy_estimate_uj"] for layer in layers) < figures["energy_estimate_uj"]
    assert json.loads((tmp_path / "report.json").read_text()) == figures
    golden = GoldenModel(network).run(np.load(tmp_path / "spikes.npy"), record=["all", "all.v"])
    with np.load(tmp_path / "out.npz") as recorded:
        for name, variables in golden.records.items():
            assert (recorded[f"{name}.v"] == variables["v"]).all(), name
    drawn = (tmp_path / "picture.svg").read_text()
    assert drawn.startswith("<?xml") and drawn.count("<use") > 100


@needs_compiler
def test_what_is_printed_goes_to_a_file_too_and_a_short_period_is_noticed(network: Network, tmp_path: Path) -> None:
    report = tmp_path / "report.txt"
    files = [str(tmp_path / name) for name in ("net", "spikes.npy")]
    figures = call("run", *files, "--config", "tiny", "--period", "1", "--report", str(report), "--json")
    text = report.read_text()
    assert figures["overruns"] > 0 and "windows came late" in text and "total" in text and figures["accuracy"] is None
    assert max(map(len, text.splitlines())) <= 80 and all(f"│ {name}" in text for name in figures["layers"])
    assert call("run", *files, "--config", "tiny", "--period", "1000", "--json")["overruns"] == 0


@pytest.mark.parametrize(("options", "message"), [
    (("--labels", "short.npy"), "one for each of the 3 samples"),
    (("--record", "nothing.v"), "cannot record"),
    (("--sample", "3"), "must be in 0..2"),
    (("--report", "r.html"), "must end in .json or .txt"),
    (("--picture", "p.txt"), "must end in .png"),
    (("--config", "huge"), "no configuration `huge`"),
])  # fmt: skip
def test_what_cannot_be_is_refused(options: tuple[str, ...], message: str, network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("short.npy", [1])
    config = () if "--config" in options else ("--config", "tiny")
    result = CliRunner().invoke(app, ["run", "net", "spikes.npy", "--device", "golden:tiny", *config, *options])
    assert result.exit_code == 1 and message in result.output, result.output


def test_a_program_for_another_configuration_is_refused(network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    call("compile", "net", "-o", "program", "--config", "tiny")
    result = CliRunner().invoke(app, ["run", "program", "spikes.npy", "--config", "medium"])
    assert result.exit_code == 1 and "was compiled for configuration `tiny`" in result.output


def test_samples_choose_the_modes_and_without_them_there_is_a_hint(network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    chosen = call("compile", "net", "-o", "program", "--config", "tiny", "--samples", "spikes.npy", "--json")["modes"]
    assert chosen == call("compile", "net", "-o", "auto", "--config", "tiny", "--samples", "spikes.npy", "--mode", "auto", "--json")["modes"]
    assert set(chosen.values()) != {"event"}, "half of the input fires in every step"
    bare = CliRunner().invoke(app, ["compile", "net", "-o", "event", "--config", "tiny"])
    assert "--samples FILE.npy" in bare.output
    assert "--samples" not in CliRunner().invoke(app, ["compile", "net", "-o", "event", "--config", "tiny", "--mode", "event"]).output
    said = CliRunner().invoke(app, ["run", "event", "spikes.npy", "--device", "golden:tiny"]).output
    assert "other modes would save" in said
    assert "other modes would save" not in CliRunner().invoke(app, ["run", "program", "spikes.npy", "--device", "golden:tiny"]).output


def test_a_waveform_is_written_beside_the_numbers(network: Network, tmp_path: Path) -> None:
    np.save(tmp_path / "short.npy", np.load(tmp_path / "spikes.npy")[:1, :3])
    wave = tmp_path / "run.vcd"
    figures = call("run", str(tmp_path / "net"), str(tmp_path / "short.npy"), "--config", "tiny", "--vcd", str(wave), "--json")
    assert figures["mismatches"] == 0 and "$scope module sequencer" in wave.read_text()
    result = CliRunner().invoke(app, ["run", str(tmp_path / "net"), str(tmp_path / "short.npy"), "--vcd", str(wave), "--device", "sim:tiny"])
    assert result.exit_code == 1 and "leave --device away" in result.output.replace("\n", " ")


def test_an_estimate_needs_no_board_and_says_what_limits(network: Network, tmp_path: Path) -> None:
    files = [str(tmp_path / name) for name in ("net", "spikes.npy")]
    options = ("--config", "tiny", "--board", "icebreaker", "--classify", "--json")
    slow, fast = (call("estimate", *files, "--link", rate, *options) for rate in ("100000", "10000000"))
    assert slow["limit"] in ("input", "output") and slow["samples_per_second"] < fast["samples_per_second"]
    assert slow["cycles"] == fast["cycles"] and len(slow["cycles"]) == 3 and slow["microjoules"] > 0 and "not measured" in slow["energy_model"] and slow["energy"]["low"] < slow["microjoules"] < slow["energy"]["high"]
    refused = CliRunner().invoke(app, ["estimate", *files, "--config", "tiny"])
    assert refused.exit_code == 1 and "no board is built with `tiny`" in refused.stderr
