"""Only this checkout is tested: says how to install lifline where it is missing or where what is installed differs from these sources."""

from __future__ import annotations

import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parent
INSTALL = "python -m pip install -e '.[test]' --config-settings editable_mode=strict"


def contents(folder: Path, patterns: list[str]) -> dict[str, bytes]:
    """Name -> bytes of a package's own files, without those of the packages in it."""
    return {path.name: path.read_bytes() for pattern in patterns for path in folder.glob(pattern) if path.is_file()}


def differences(root: Path) -> list[str]:
    """Files of the checkout ``root`` that are not the installed ones, and installed modules that it has no more.

    Raises
    ------
    ModuleNotFoundError   if lifline is not installed at all.
    """
    settings = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["setuptools"]
    found: list[str] = []
    for package in settings["packages"]:
        top = next(name for name in sorted(settings["package-dir"], reverse=True) if f"{package}.".startswith(f"{name}."))
        folder = Path(settings["package-dir"][top], *package.removeprefix(top).strip(".").split("."))
        spec = find_spec(package)
        if spec is None or not spec.submodule_search_locations:
            raise ModuleNotFoundError(f"no module named {package}", name=package)
        patterns = ["*.py", *settings["package-data"].get(package, [])]
        here, there = contents(root / folder, patterns), contents(Path(spec.submodule_search_locations[0]), patterns)
        found += [(folder / name).as_posix() for name in sorted({*here, *there}) if here.get(name) != there.get(name)]
    return found


def check(root: Path) -> None:
    """Refuse an installed lifline that is not ``root``.

    Raises
    ------
    pytest.UsageError   with the command that installs it.
    """
    try:
        found = differences(root)
    except ModuleNotFoundError as error:
        raise pytest.UsageError(f"lifline is not installed here ({error}); in {root} run: {INSTALL}") from error
    if found:
        names = ", ".join(found[:5]) + (f" and {len(found) - 5} more" if len(found) > 5 else "")
        again = f"rm -rf build && {INSTALL}"
        raise pytest.UsageError(f"the installed lifline is not this checkout, {names} differ; in {root} run: {again}")


check(ROOT)
