"""The direction of knowledge: who may import whom."""

from __future__ import annotations

import ast
from importlib.resources import files

import pytest

ALLOWED = {
    "arch": set(),
    "network": {"arch"},
    "rtl": {"arch"},
    "compiler": {"arch", "network"},
    "sim": {"arch", "network", "rtl"},
    "driver": {"arch", "network", "compiler", "sim"},
    "boards": {"arch", "rtl"},
    "convert": {"arch", "network", "sim", "driver"},
    "train": {"arch", "network", "sim"},
}


@pytest.mark.parametrize("package", ALLOWED)
def test_imports_point_one_way(package: str) -> None:
    for source in files(f"lifline.{package}").iterdir():
        if not source.name.endswith(".py"):
            continue
        for node in ast.walk(ast.parse(source.read_text())):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            names += [a.name for a in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                parts = name.split(".")
                if parts[0] == "lifline" and len(parts) > 1:
                    assert parts[1] in ALLOWED[package] | {package}, f"{package}/{source.name} imports {name}"
