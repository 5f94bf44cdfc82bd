"""Program files whose digest is right and whose content is not: compiled again, each is found."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from lifline.arch.config import preset
from lifline.arch.errors import ProgramError
from lifline.compiler import program_file
from lifline.compiler.compile import compile_network
from lifline.compiler.layouts import Layout
from lifline.network import file as network_file
from lifline.sim.random.network import random_network

CONFIG = preset("tiny").replace(name="of-our-own", max_delay=6)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    program_file.save(compile_network(random_network(np.random.default_rng(5), config=CONFIG), CONFIG, "dense"), tmp_path / "program")
    return tmp_path / "program"


def changed(path: Path, images: Callable[[dict], Any] = id, header: Callable[[dict], Any] = id, text: Callable[[str], str] = str) -> Path:
    """The file with other images and another header, and with the digest that belongs to them."""
    with safe_open(path, framework="numpy") as file:
        found, meta = {name: file.get_tensor(name) for name in file.keys()}, file.metadata()  # noqa: SIM118
    description = json.loads(meta["program"])
    images(found)
    header(description)
    meta["program"] = text(json.dumps(description, sort_keys=True))
    save_file(found, path, meta | {"digest": program_file._digest(found, meta["program"])})
    return path


def refused(path: Path, message: str) -> None:
    with pytest.raises(ProgramError, match=f"is not a complete program .*{message}.*compile the network again"):
        program_file.load(path)


def test_an_unchanged_file_loads(path: Path) -> None:
    """Also for a configuration that is no preset: the file holds it whole."""
    program = program_file.load(changed(path))
    assert program.config == CONFIG and program.config_name == "of-our-own" and program.passes[0].mode.name == "DENSE"


@pytest.mark.parametrize("name", ["program", "weights", "neurons", "delays", "network"])
def test_a_missing_array_is_found(path: Path, name: str) -> None:
    refused(changed(path, lambda images: images.pop(name)), "missing|it holds the arrays")


def test_an_array_too_many_is_found(path: Path) -> None:
    refused(changed(path, lambda images: images.update(extra=np.zeros(3, np.uint32))), "it holds the arrays delays, extra")


@pytest.mark.parametrize("name", ["program", "weights", "neurons", "delays", "network"])
@pytest.mark.parametrize(
    "other",
    [lambda a: a[:0], lambda a: a[:-1], lambda a: np.append(a, a[:1]), lambda a: a.astype(np.float32), lambda a: a.astype(bool),
     lambda a: np.full(a.shape, np.nan), lambda a: a.astype(np.int64), lambda a: a.reshape(1, -1), lambda a: a ^ a.dtype.type(1)],
)  # fmt: skip
def test_arrays_of_other_types_shapes_and_values_are_found(path: Path, name: str, other: Callable) -> None:
    refused(changed(path, lambda images: images.update({name: np.ascontiguousarray(other(images[name]))})), name if name != "network" else "")


def test_one_changed_bit_of_any_image_is_found(path: Path) -> None:
    rng, whole = np.random.default_rng(0), path.read_bytes()
    for name in ("program", "weights", "neurons", "delays"):
        for _ in range(6):

            def flip(images: dict, name: str = name) -> None:
                images[name][rng.integers(len(images[name]))] ^= np.uint32(1 << int(rng.integers(32)))

            path.write_bytes(whole)
            refused(changed(path, flip), f"of array `{name}` is not what its network compiles to")


def test_another_network_is_found(path: Path, tmp_path: Path) -> None:
    for seed in (6, 7, 8):
        network_file.save(random_network(np.random.default_rng(seed), config=CONFIG), tmp_path / "other")
        refused(changed(path, lambda images: images.update(network=np.frombuffer((tmp_path / "other").read_bytes(), np.uint8))), "")


def test_a_network_with_one_other_weight_is_found(path: Path, tmp_path: Path) -> None:
    network = program_file.load(path).network
    first = network.projections[0]
    weights = first.weights.copy()
    weights[0, 0] ^= 1
    other = network.replace(projections=(dataclasses.replace(first, weights=weights), *network.projections[1:]))
    network_file.save(other, tmp_path / "other")
    refused(changed(path, lambda images: images.update(network=np.frombuffer((tmp_path / "other").read_bytes(), np.uint8))), "array `weights`")


def values(header: dict) -> list[tuple[Any, Any]]:
    """Every place of the description: what holds it, and its key."""
    found, todo = [], [header]
    while todo:
        holder = todo.pop()
        for key in holder if isinstance(holder, dict) else range(len(holder)):
            found.append((holder, key))
            if isinstance(holder[key], dict | list):
                todo.append(holder[key])
    return found


@pytest.mark.parametrize("value", [None, True, 1.0, -1, 2**40, "1", [], {}, [[[]]]])
def test_every_field_of_another_value_is_found(path: Path, value: object) -> None:
    whole = path.read_bytes()
    with safe_open(path, framework="numpy") as file:
        count = len(values(json.loads(file.metadata()["program"])))
    rng = np.random.default_rng(len(str(value)))
    for place in rng.choice(count, 25, replace=False):

        def put(header: dict, place: int = place) -> None:
            holder, key = values(header)[place]
            if json.dumps(holder[key]) == json.dumps(value):
                header["memory"] = None
            holder[key] = value

        path.write_bytes(whole)
        refused(changed(path, header=put), "")


def test_missing_and_unknown_fields_are_found(path: Path) -> None:
    whole = path.read_bytes()
    for change in (
        lambda h: h.pop("memory"), lambda h: h["config"].pop("early_exit"), lambda h: h["config"].update(spell=1), lambda h: h.update(spell=1),
        lambda h: h["passes"].pop(), lambda h: h["passes"].clear(), lambda h: h["passes"].append(h["passes"][0]), lambda h: h["registers"].update(x=1),
        lambda h: h["populations"][0].pop("rows"), lambda h: h["passes"][0].update(mode=0), lambda h: h.update(config_hash=3),
    ):  # fmt: skip
        path.write_bytes(whole)
        refused(changed(path, header=change), "")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (lambda t: t.replace('"memory"', '"passes": [], "memory"', 1), "twice"),
        (lambda t: t.replace('"config_hash": ', '"config_hash": NaN, "x": ', 1), "NaN is no number"),
        (lambda t: "[" * 100_000 + "]" * 100_000, "nested too deeply"),
        (lambda t: t + " ", "its description"),
        (lambda t: "", ""),
        (lambda t: "9" * 5000, ""),
    ],
)
def test_json_of_other_kinds_is_found(path: Path, text: Callable[[str], str], message: str) -> None:
    refused(changed(path, text=text), message)


@pytest.mark.parametrize("config", [preset("medium"), CONFIG.replace(weight_words=1024), CONFIG.replace(dense_lanes=0, drain_cycles=1)])
def test_another_configuration_is_found(path: Path, config: Any) -> None:
    refused(changed(path, header=lambda h: h.update(config=dataclasses.asdict(config), config_hash=config.hash)), "")


@pytest.fixture
def ordered(tmp_path: Path) -> Path:
    network = random_network(np.random.default_rng(5), config=CONFIG, max_inputs=20, max_size=10)
    layouts = {p.name: Layout(np.arange(p.size)[::-1] + 1) for p in network.populations}
    program_file.save(compile_network(network, CONFIG, "event", layouts), tmp_path / "ordered")
    assert program_file.load(tmp_path / "ordered").layouts == layouts
    return tmp_path / "ordered"


@pytest.mark.parametrize("change", [
    lambda h, name: h.pop("layouts"), lambda h, name: h["layouts"].pop(name), lambda h, name: h["layouts"].update(nobody=h["layouts"][name]),
    lambda h, name: h["layouts"][name]["indices"].pop(), lambda h, name: h["layouts"][name]["indices"].append(0), lambda h, name: h["layouts"][name]["indices"].reverse(),
    lambda h, name: h["layouts"][name].update(indices=[]), lambda h, name: h["layouts"][name].update(indices=[[0]]), lambda h, name: h["layouts"][name].update(size=0),
    lambda h, name: h["layouts"][name].update(size=2**40), lambda h, name: h["layouts"][name].update(size=h["layouts"][name]["size"] + 40),
    lambda h, name: h["layouts"][name]["indices"].__setitem__(0, h["layouts"][name]["indices"][1]), lambda h, name: h["layouts"][name]["indices"].__setitem__(0, -1),
    lambda h, name: h["layouts"][name]["indices"].__setitem__(0, 2**70), lambda h, name: h["layouts"][name]["indices"].__setitem__(0, 1.0),
    lambda h, name: h["layouts"].update({name: None}), lambda h, name: h["layouts"][name].update(spell=1),
])  # fmt: skip
def test_damaged_layouts_are_found(ordered: Path, change: Callable) -> None:
    whole = ordered.read_bytes()
    for name in ("input", "output"):
        ordered.write_bytes(whole)
        refused(changed(ordered, header=lambda h, name=name: change(h, name)), "")
