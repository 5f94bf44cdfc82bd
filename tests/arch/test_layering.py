"""The direction of knowledge: who may import whom."""

from __future__ import annotations

import ast
from importlib.util import find_spec
from pathlib import Path

import pytest

ALLOWED = {
    "arch": set(),
    "network": {"arch"},
    "rtl": {"arch"},
    "compiler": {"arch", "network"},
    "sim": {"arch", "network", "rtl"},
    "driver": {"arch", "network", "compiler", "sim"},
    "boards": {"arch", "rtl"},
    "convert": {"arch", "network", "compiler", "sim", "driver"},
    "train": {"arch", "network", "sim", "convert"},
}


@pytest.mark.parametrize("package", ALLOWED)
def test_imports_point_one_way(package: str) -> None:
    spec = find_spec(f"lifline.{package}")  # not imported: `train` needs PyTorch
    assert spec is not None and spec.submodule_search_locations is not None
    sources = [source for folder in spec.submodule_search_locations for source in Path(folder).glob("*.py")]
    assert sources
    for source in sources:
        for node in ast.walk(ast.parse(source.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            names += [a.name for a in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                parts = name.split(".")
                if parts[0] == "lifline" and len(parts) > 1:
                    assert parts[1] in ALLOWED[package] | {package}, f"{package}/{source.name} imports {name}"
