"""Modules that import each other, directly or in a circle."""

from __future__ import annotations

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from importlib.util import find_spec
from pathlib import Path

from .imports import COMPUTED, imported


def modules(package: str) -> dict[str, Path]:
    """Source of every module of an installed package by full name; nothing but packages is imported."""
    spec = find_spec(package)
    assert spec is not None and spec.submodule_search_locations is not None
    found: dict[str, Path] = {}
    for folder in map(Path, spec.submodule_search_locations):
        for source in folder.rglob("*.py"):
            parts = source.relative_to(folder).with_suffix("").parts
            found[".".join([package, *(parts[:-1] if parts[-1] == "__init__" else parts)])] = source
    return found


def graph(sources: Mapping[str, Path]) -> dict[str, set[str]]:
    """The modules among ``sources`` that each one imports while it runs: at its top or inside a function, and not for types alone."""
    return {name: {found for wanted in _wanted(name, source) if (found := _module(wanted, sources)) and found != name} for name, source in sources.items()}


def _wanted(name: str, source: Path) -> list[str]:
    package = name if source.name == "__init__.py" else name.rpartition(".")[0]
    return [wanted for wanted in imported(source.read_text(), package, types=False) if wanted != COMPUTED]


def _module(wanted: str, sources: Mapping[str, Path]) -> str:
    """The module that a name is, or is in: ``a.b`` for the class ``a.b.C``; nothing for other packages."""
    while wanted and wanted not in sources:
        wanted = wanted.rpartition(".")[0]
    return wanted


def cycle(imports: Mapping[str, set[str]]) -> list[str]:
    """Modules that import each other in a circle, the first one again at the end; none if there is no circle."""
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return error.args[1][::-1]
    return []
