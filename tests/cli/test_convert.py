"""Import, fidelity and export from the command line."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from lifline.cli.main import app
from lifline.network.file import load

from ..convert.fixtures import FOLDER, needs_fixtures
from .test_cli import call

pytest.importorskip("nir")


@needs_fixtures
def test_import_fidelity_export(tmp_path: Path) -> None:
    with np.load(FOLDER / "norse_fc_lifbox.npz") as data:
        np.save(tmp_path / "spikes.npy", data["x"].swapaxes(0, 1).astype(np.uint8))
    graph, spikes, network = str(FOLDER / "norse_fc_lifbox.nir"), str(tmp_path / "spikes.npy"), str(tmp_path / "net")
    result = CliRunner().invoke(app, ["import", graph, "-o", network])
    assert result.exit_code == 1 and "Presets" in result.output and "norse" in result.output
    result = CliRunner().invoke(app, ["import", graph, "-o", network, "--dialect", "norse"])
    assert result.exit_code == 1 and "calibration" in result.output
    figures = call("import", graph, "-o", network, "--dialect", "norse", "--calibration", spikes, "--config", "medium", "--json")
    assert figures["dialect"]["reset"] == "now_value" and figures["fidelity"]["prediction_agreement"] >= 0.5
    choices = ["--set", "v_min=-0.25", "--set", "reset=now_subtract", "--set", "strict=false"]
    varied = call("import", graph, "-o", str(tmp_path / "varied"), "--dialect", "norse", "--calibration", spikes, *choices, "--json")
    assert (varied["dialect"]["v_min"], varied["dialect"]["reset"], varied["dialect"]["strict"]) == (-0.25, "now_subtract", False)
    assert load(tmp_path / "varied").population("1").neurons.v_min < 0
    for wrong, message in (("v_min", "name=value"), ("speed=1", "no speed"), ("dt=fast", "dt 'fast'")):
        result = CliRunner().invoke(app, ["import", graph, "-o", network, "--dialect", "norse", "--set", wrong])
        assert result.exit_code == 1 and message in result.output
    device = ["--device", "sim:medium"] if shutil.which("g++") else ["--device", "golden:medium"]
    report = call("fidelity", graph, network, "--samples", spikes, *device, "--picture", str(tmp_path / "report.svg"), "--json")
    assert report["board_mismatches"] == 0 and (tmp_path / "report.svg").stat().st_size > 2000
    assert call("export", network, "-o", str(tmp_path / "again.nir"), "--json")["nodes"] == 6
    again = call("import", str(tmp_path / "again.nir"), "-o", str(tmp_path / "net2"), "--json")
    assert again["quantised"] is False
    first, second = load(network), load(tmp_path / "net2")
    assert json.dumps(dict(first.metadata)) == json.dumps(dict(second.metadata))
    for a, b in zip(first.projections, second.projections, strict=True):
        np.testing.assert_array_equal(a.weights, b.weights)


@needs_fixtures
def test_import_of_lava_files(tmp_path: Path) -> None:
    pytest.importorskip("h5py")
    out = str(tmp_path / "net")
    assert call("import", str(FOLDER / "tiny.net"), "-o", out, "--json")["quantised"] is False
    assert load(out).state_bits == 24 and load(out).projections[1].weights.size == 1800
    call("import", str(FOLDER / "tiny.net"), "-o", out, "--unroll", "--json")
    assert load(out).projections[1].weights.size == 864 * 768


def test_layers_of_a_lava_file_whose_head_is_none(tmp_path: Path) -> None:
    from ..convert.frameworks.test_lava import neuron, write

    dense = {"type": "dense", "weight": np.ones((2, 3), np.int64)} | neuron(4096, 0, 2)
    path, out = str(write(tmp_path / "head.net", [{"type": "input", "shape": [3]}, dense, {"type": "average"}])), str(tmp_path / "net")
    result = CliRunner().invoke(app, ["import", path, "-o", out])
    assert result.exit_code == 1 and "layers=2" in result.output
    assert call("import", path, "-o", out, "--layers", "2", "--json")["quantised"] is False
    assert load(out).output == "layer1"


def test_options_of_quantisation(tmp_path: Path) -> None:
    import nir

    rng = np.random.default_rng(0)
    lif = nir.LIF(tau=np.full(6, 1e-3), r=np.full(6, 10.0), v_leak=np.zeros(6), v_threshold=np.ones(6), v_reset=np.zeros(6))
    last = nir.LIF(tau=np.full(3, 0.35), r=np.full(3, 3500.0), v_leak=np.zeros(3), v_threshold=np.full(3, 1e6), v_reset=np.zeros(3))
    graph = nir.NIRGraph.from_list(nir.Linear(rng.normal(0.1, 0.4, (6, 20))), lif, nir.Linear(rng.normal(0, 0.4, (3, 6))), last)
    nir.write(tmp_path / "net.nir", graph)
    np.save(tmp_path / "x.npy", (rng.random((8, 30, 20)) < 0.3).astype(np.uint8))
    arguments = ["import", str(tmp_path / "net.nir"), "-o", str(tmp_path / "net"), "--dialect", "snntorch", "--calibration", str(tmp_path / "x.npy")]
    for options, message in (
        ([], "time constant of 3,499 steps"),
        (["--max-decay-error", "0.2"], "--read-out"),
        (["--max-decay-error", "0.2", "--read-out", "--weight-bits", "1"], "weight_bits 1"),
        (["--max-decay-error", "0.2", "--read-out", "--headroom", "2"], "headroom 2"),
        (["--max-decay-error", "0.2", "--read-out", "--cap", "0"], "cap 0"),
    ):
        result = CliRunner().invoke(app, [*arguments, *options])
        assert result.exit_code == 1 and message in " ".join(result.output.split()), result.output
    good = ["--max-decay-error", "0.2", "--read-out", "--weight-bits", "4", "--headroom", "0.25"]
    figures = call(*arguments, *good, "--json")
    network = load(tmp_path / "net")
    assert figures["fidelity"]["layers"][1]["read_out"] and all(np.abs(p.weights).max() == 7 for p in network.projections)
    report = call("fidelity", str(tmp_path / "net.nir"), str(tmp_path / "net"), "--samples", str(tmp_path / "x.npy"), "--json")
    assert report["layers"] == figures["fidelity"]["layers"]


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["import", str(tmp_path / "absent.nir"), "-o", str(tmp_path / "net"), "--dialect", "norse"])
    assert result.exit_code == 1 and "absent.nir" in result.output and "Traceback" not in result.output


def test_arguments_of_nir_graphs_by_name(tmp_path: Path) -> None:
    """What exporters leave out, and what edges mean that are there twice."""
    import nir

    rng = np.random.default_rng(0)
    lif = nir.LIF(tau=np.full(2, 1e-3), r=np.full(2, 10.0), v_leak=np.zeros(2), v_threshold=np.ones(2), v_reset=np.zeros(2))
    graph = nir.NIRGraph.from_list(nir.Linear(rng.uniform(0.1, 0.6, (2, 5))), lif)
    graph.edges.append(graph.edges[-1])
    nir.write(tmp_path / "net.nir", graph)
    np.save(tmp_path / "x.npy", (rng.random((3, 30, 5)) < 0.4).astype(np.uint8))
    command = ["import", str(tmp_path / "net.nir"), "-o", str(tmp_path / "net"), "--dialect", "snntorch_zero_now", "--calibration", str(tmp_path / "x.npy"), "--json"]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 1 and "duplicates='once'" in " ".join(result.output.split())
    choices = ["--set", "duplicates=once", "--set", 'v_reset={"lif": -0.5}', "--set", "bias=[0.25, 0]"]
    figures = call(*command, *choices)
    assert figures["dialect"]["v_reset"] == {"lif": -0.5} and figures["dialect"]["bias"] == [0.25, 0]
    assert any("counted once" in note for note in figures["notes"])
    neurons = load(tmp_path / "net").population("lif").neurons
    assert neurons is not None and neurons.v_reset < 0
    report = call("fidelity", str(tmp_path / "net.nir"), str(tmp_path / "net"), "--samples", str(tmp_path / "x.npy"), "--set", "duplicates=once", "--json")
    assert report["layers"][0]["spike_agreement"] > 0.8
    for name in ("source", "choice", "check"):
        result = CliRunner().invoke(app, [*command, "--set", f"{name}=1"])
        assert result.exit_code == 1 and f"`{name}` is not a choice" in result.output
