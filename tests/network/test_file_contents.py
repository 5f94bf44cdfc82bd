"""Network files whose digest is right and whose content is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from lifline.arch.config import preset
from lifline.arch.errors import NetworkError, ProgramError
from lifline.network import file as network_file
from lifline.network.model import Network
from lifline.sim.random.network import random_network

ROOT = Path(__file__).parents[2]


def drawn() -> Network:
    for seed in range(100):
        network = random_network(np.random.default_rng(seed), config=preset("tiny"))
        if any(np.ndim(p.neurons.threshold) for p in network.populations if p.neurons) and any(np.ndim(p.delays) for p in network.projections):
            return network
    raise AssertionError("no network with arrays")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    network_file.save(drawn(), tmp_path / "net")
    return tmp_path / "net"


def changed(path: Path, arrays: Callable[[dict], Any] = id, header: Callable[[dict], Any] = id, text: Callable[[str], str] = str) -> Path:
    with safe_open(path, framework="numpy") as file:
        found, meta = {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118
    description = json.loads(meta["network"])
    arrays(found)
    header(description)
    meta["network"] = text(json.dumps(description))
    save_file(found, path, meta | {"digest": network_file._digest(meta["network"], found)})
    return path


def refused(path: Path, message: str) -> None:
    with pytest.raises((ProgramError, NetworkError), match=message or "net"):
        network_file.load(path)


def test_an_unchanged_file_loads(path: Path) -> None:
    assert network_file.load(changed(path)).order == drawn().order


def test_every_missing_field_is_named(path: Path) -> None:
    whole = path.read_bytes()
    with safe_open(path, framework="numpy") as file:
        description = json.loads(file.metadata()["network"])
    places = [((), key) for key in description]
    places += [(("populations", 1, "neurons"), key) for key in description["populations"][1]["neurons"]]
    places += [(("projections", 0), key) for key in description["projections"][0]] + [(("populations", 0), key) for key in description["populations"][0]]
    assert len(places) > 20
    for way, key in places:

        def drop(header: Any, way: tuple = way, key: str = key) -> None:
            for step in way:
                header = header[step]
            del header[key]

        path.write_bytes(whole)
        refused(changed(path, header=drop), f"{key}: Field required")


@pytest.mark.parametrize("value", ["no", 1, 0, None, [], 1.0])
def test_strict_is_a_truth_value(path: Path, value: object) -> None:
    refused(changed(path, header=lambda h: h["populations"][1]["neurons"].update(strict=value)), "strict: Input should be a valid boolean")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda h: h.update(state_bits=16.0), "state_bits: "),
        (lambda h: h.update(state_bits="16"), "state_bits: "),
        (lambda h: h.update(state_bits=2**70), "state_bits"),
        (lambda h: h.update(name=None), "name: "),
        (lambda h: h.update(output=[]), "output: "),
        (lambda h: h.update(metadata=None), "metadata: "),
        (lambda h: h.update(spell=1), "spell: Extra inputs"),
        (lambda h: h["populations"][1].update(shape=[3.7]), "shape.0: "),
        (lambda h: h["populations"][1].update(shape=[2**32, 2**32]), "has shape"),
        (lambda h: h["populations"][1].update(shape=3), "shape: "),
        (lambda h: h["populations"][1]["neurons"].update(reset="never"), "reset: "),
        (lambda h: h["populations"][1]["neurons"].update(decay_v=True), "decay_v: "),
        (lambda h: h["populations"][1]["neurons"].update(threshold={"tensor": "j0.weights"}), "not its own"),
        (lambda h: h["populations"][1]["neurons"].update(threshold={"tensor": 3}), "threshold"),
        (lambda h: h["projections"][0].update(weights=3), "weights: "),
        (lambda h: h["projections"][0].update(weights={"tensor": "j9.weights"}), "missing"),
        (lambda h: h["projections"][0].update(delays=[1, 2]), "delays"),
        (lambda h: h["projections"][0].update(delays=1.0), "delays"),
        (lambda h: h["projections"].pop(), "refers to|no path"),
        (lambda h: h.update(early_exit={"every": 4}), "margin: Field required"),
        (lambda h: h.update(early_exit=3), "early_exit: "),
    ],
)
def test_fields_of_other_types_are_named(path: Path, change: Callable, message: str) -> None:
    refused(changed(path, header=change), message)


@pytest.mark.parametrize("kind", [bool, np.uint8, np.float32, np.float64, np.uint64])
def test_arrays_of_other_types_are_named(path: Path, kind: type) -> None:
    refused(changed(path, lambda a: a.update({"j0.weights": a["j0.weights"].astype(kind)})), "j0.weights is .*not signed integers")


@pytest.mark.parametrize("other", [lambda w: w[:0], lambda w: w[:, :0], lambda w: w.reshape(-1), lambda w: w[None], lambda w: w.T.copy() if w.shape[0] != w.shape[1] else w[:1]])
def test_arrays_of_other_shapes_are_named(path: Path, other: Callable) -> None:
    refused(changed(path, lambda a: a.update({"j0.weights": np.ascontiguousarray(other(a["j0.weights"]))})), "weights have shape")


def test_arrays_too_many_and_too_few_are_named(path: Path) -> None:
    whole = path.read_bytes()
    refused(changed(path, lambda a: a.update(more=np.zeros(2, np.int8))), r"nothing refers to the arrays \['more'\]")
    path.write_bytes(whole)
    refused(changed(path, lambda a: a.pop("j0.weights")), "missing")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (lambda t: "[" * 100_000 + "]" * 100_000, "nested too deeply"),
        (lambda t: t.replace('"metadata": {', '"metadata": {"x": ' + '{"a":' * 5000 + "1" + "}" * 5001 + ', "y": {', 1), ""),
        (lambda t: t.replace('"metadata": {', '"metadata": {"x": NaN, ', 1).replace("NaN, }", "NaN}"), "NaN is no number"),
        (lambda t: t.replace('"name"', '"name": "other", "name"', 1), "there twice"),
        (lambda t: "null", ""),
        (lambda t: "[]", ""),
        (lambda t: "{}", "Field required"),
        (lambda t: "", ""),
    ],
)
def test_json_of_other_kinds_is_named(path: Path, text: Callable[[str], str], message: str) -> None:
    refused(changed(path, text=text), message)


FILES = [f for folder in ("examples", "sw/data") for f in sorted(ROOT.glob(f"{folder}/**/*.safetensors")) if network_file.file_format(f) == network_file.FORMAT]


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_files_of_earlier_versions_load_and_are_written_as_they_were(file: Path, tmp_path: Path) -> None:
    network = network_file.load(file)
    network_file.save(network, tmp_path / "again")
    with safe_open(file, framework="numpy") as old, safe_open(tmp_path / "again", framework="numpy") as new:
        assert old.metadata() == new.metadata()
