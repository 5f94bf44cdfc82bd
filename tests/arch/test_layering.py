"""The direction of knowledge: who may import whom."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from .imports import COMPUTED, imported

ALLOWED = {
    "arch": set(),
    "network": {"arch"},
    "sensor": {"arch"},
    "rtl": {"arch"},
    "compiler": {"arch", "network"},
    "sim": {"arch", "network", "rtl"},
    "driver": {"arch", "boards", "network", "compiler", "sensor", "sim"},
    "boards": {"arch", "rtl"},
    "embedded": {"arch", "network", "compiler"},
    "ip": {"arch", "rtl"},
    "convert": {"arch", "network", "compiler", "sim", "driver"},
    "report": {"arch", "boards", "network", "compiler", "sim", "driver", "convert"},
    "explore": {"arch", "boards", "network", "compiler", "sim", "driver", "convert"},
    "train": {"arch", "network", "sim", "convert"},
}

ROOMS = {
    "cells": set(),
    "host": {"cells"},
    "spikes": {"cells"},
    "synapses": {"cells"},
    "neurons": {"cells"},
    "control": {"cells"},
    "buses": {"cells", "core", "host"},
}
"""Rooms of the gateware: engines do not know each other, the core joins them."""

OF_FRAMEWORKS = {("convert", "torch_layers.py")}
"""Modules that import what their callers name: a framework."""


def refused(source: str, package: str) -> list[str]:
    """What a source of ``package`` imports and may not."""
    found, own = [], package.partition(".")[0]
    for name in imported(source, f"lifline.{package}"):
        parts = name.split(".")
        if name == COMPUTED or parts[0] == "lifline" and (len(parts) == 1 or parts[1] not in ALLOWED[own] | {own}):
            found.append(name)
    return found


@pytest.mark.parametrize("package", ALLOWED)
def test_imports_point_one_way(package: str) -> None:
    spec = find_spec(f"lifline.{package}")  # not imported: `train` needs PyTorch
    assert spec is not None and spec.submodule_search_locations is not None
    sources = [(source, folder) for folder in spec.submodule_search_locations for source in Path(folder).rglob("*.py")]
    assert sources
    for source, folder in sources:
        found = refused(source.read_text(), ".".join([package, *source.relative_to(folder).parts[:-1]]))
        assert found == ([COMPUTED] if (package, source.name) in OF_FRAMEWORKS else []), f"{package}/{source.name} imports {found}"


@pytest.mark.parametrize("room", ROOMS)
def test_rooms_of_the_gateware_know_only_cells_and_streams(room: str) -> None:
    spec = find_spec(f"lifline.rtl.{room}")
    assert spec is not None and spec.submodule_search_locations is not None
    for source in Path(spec.submodule_search_locations[0]).rglob("*.py"):
        own = [name.split(".") for name in imported(source.read_text(), f"lifline.rtl.{room}") if name.startswith("lifline.rtl.")]
        others = [".".join(name) for name in own if name[2] not in ROOMS[room] | {room, "streams"}]
        assert not others, f"rtl/{room}/{source.name} imports {others}"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("from lifline.sim.golden import GoldenModel", "lifline.sim.golden.GoldenModel"),
        ("import lifline.sim.golden", "lifline.sim.golden"),
        ("import numpy, lifline.sim as s", "lifline.sim"),
        ("from lifline import sim", "lifline.sim"),
        ("import lifline", "lifline"),
        ("from .. import sim", "lifline.sim"),
        ("from ..sim import golden", "lifline.sim.golden"),
        ("from ..sim.golden import GoldenModel as G", "lifline.sim.golden.GoldenModel"),
        ("def f():\n    from ..sim import golden", "lifline.sim.golden"),
        ("def f():\n    if True:\n        import lifline.sim.golden", "lifline.sim.golden"),
        ("class A:\n    from lifline.sim import golden", "lifline.sim.golden"),
        ("import importlib\nm = importlib.import_module('lifline.sim.golden')", "lifline.sim.golden"),
        ("from importlib import import_module\nimport_module(name='..sim', package=__package__)", "lifline.sim"),
        ("__import__('lifline.sim')", "lifline.sim"),
    ],
)
def test_every_way_of_importing_is_seen(source: str, expected: str) -> None:
    assert refused(source, "compiler") == [expected]
    assert refused(source.replace("sim", "network"), "compiler") == ([] if expected != "lifline" else ["lifline"])


@pytest.mark.parametrize("source", ["from . import checks", "from .checks import x", "import numpy", "from ..arch import errors", "'import lifline.sim'"])
def test_what_is_allowed_passes(source: str) -> None:
    assert refused(source, "compiler") == []


@pytest.mark.parametrize(("source", "expected"), [("import_module(f'lifline.{name}')", "lifline."), ("import_module(name)", COMPUTED), ("import_module(f'{name}.sim')", COMPUTED)])
def test_names_that_only_the_run_knows_are_refused(source: str, expected: str) -> None:
    assert refused(source, "compiler") == [expected]
    assert refused("import_module(f'amaranth_boards.{name}')", "compiler") == []


def test_an_import_above_the_top_is_an_error() -> None:
    with pytest.raises(ValueError, match="lies above the top"):
        refused("from ... import sim", "compiler")


def rows(heading: str) -> list[list[str]]:
    """Cells of the rows of the table of ``docs/architecture.md`` whose first line begins with ``heading``."""
    text = (Path(__file__).parents[2] / "docs" / "architecture.md").read_text()
    body = text[text.index(f"| {heading} |") :].partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in body]


@pytest.mark.parametrize(("heading", "rules", "always"), [("package", ALLOWED, set()), ("room", ROOMS, {"streams"})])
def test_the_page_on_architecture_says_the_same(heading: str, rules: dict[str, set[str]], always: set[str]) -> None:
    written = {re.findall(r"`(\w+)`", name)[0]: set(re.findall(r"`(\w+)`", allowed)) for name, what, allowed in rows(heading) if what}
    assert written == {name: allowed | (always if name != "cells" else set()) for name, allowed in rules.items()}


@pytest.mark.parametrize("kind", rows("later"), ids=lambda row: row[0])
def test_a_later_layer_is_a_new_file_in_a_room_that_is_there(kind: list[str]) -> None:
    files = re.findall(r"`([\w/]+\.py)`", kind[2])
    root = Path(__file__).parents[2]
    assert files and all((root / file).parent.joinpath("__init__.py").exists() for file in files)
    assert not [file for file in files if (root / file).exists()], "it is there: describe it where it belongs, and take the row out"
