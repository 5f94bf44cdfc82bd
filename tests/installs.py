"""Installs a copy of this checkout into virtual environments of their own, which see the libraries of the one that runs the tests."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]
STRICT = ("--config-settings", "editable_mode=strict", "-e")


def copy_checkout(target: Path) -> Path:
    """What an installation is made of, and nothing that was built before."""
    for name in ("sw", "rtl", "sim", "boards"):
        shutil.copytree(ROOT / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "conftest.py"):
        shutil.copy(ROOT / name, target)
    return target


def make_environment(folder: Path) -> Path:
    """An environment without lifline; its Python."""
    venv.create(folder)
    python = folder / "bin" / "python"
    libraries = Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))
    (libraries / "libraries.pth").write_text("\n".join(p for p in sys.path if p.endswith("site-packages")))
    return python


def install(python: Path, *what: str) -> None:
    """``pip install`` without downloads: the libraries are there."""
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", "--no-build-isolation", "--ignore-installed"]
    subprocess.run([*pip, *what], check=True)
