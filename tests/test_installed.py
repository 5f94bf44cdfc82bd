"""Both ways of installing lifline: what a wheel carries, and strict editable mode, in which tools find every module as a file."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from .installs import ROOT, STRICT, copy_checkout, install, make_environment

USE = "import lifline.rtl.core\nfrom lifline.arch.config import preset\n\nname: str = preset('tiny').window\n"


def file_of(python: Path, module: str) -> Path:
    """The file that a module is read from, as Python finds it; tools that do not run code look in the same folders."""
    script = f"from importlib.util import find_spec\nprint(find_spec({module!r}).origin)"
    return Path(subprocess.run([python, "-c", script], capture_output=True, text=True, check=True, cwd=python.parent).stdout.strip())


def pyright(python: Path, folder: Path) -> list[str]:
    """Rules that the files of ``folder`` break; of libraries, only what they declare with ``py.typed`` or stubs is known."""
    (folder / "pyrightconfig.json").write_text(json.dumps({"useLibraryCodeForTypes": False, "typeCheckingMode": "basic"}))
    command = [sys.executable, "-m", "pyright", "--project", str(folder), "--pythonpath", str(python), "--outputjson"]
    report = json.loads(subprocess.run(command, capture_output=True, text=True, cwd=folder).stdout)
    return [f"{d['range']['start']['line'] + 1}: {d.get('rule')}" for d in report["generalDiagnostics"]]


def pytest_says(python: Path, checkout: Path) -> str:
    """What pytest says to a test of ``checkout``; no line of it for one that passes."""
    (checkout / "test_nothing.py").write_text("def test_nothing(): pass\n")
    done = subprocess.run([python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_nothing.py"], cwd=checkout, capture_output=True, text=True)
    return done.stdout + done.stderr if done.returncode else ""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "checkout").mkdir()
    return copy_checkout(tmp_path / "checkout")


@pytest.fixture
def python(tmp_path: Path) -> Path:
    return make_environment(tmp_path / "environment")


def test_every_folder_of_the_sources_is_a_package() -> None:
    """The list in ``pyproject.toml`` is written by hand, because setuptools finds no packages whose names are not those of their folders."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    folders = {"lifline": "sw", **{f"lifline.{name}": name for name in ("rtl", "sim", "boards")}}
    assert settings["package-dir"] == folders
    there = {".".join([top, *file.parent.relative_to(ROOT / folder).parts]) for top, folder in folders.items() for file in (ROOT / folder).rglob("*.py")}
    assert sorted(settings["packages"]) == sorted(there)


def test_a_wheel_carries_every_file_and_its_types(checkout: Path, python: Path, tmp_path: Path) -> None:
    install(python, str(checkout))
    top = file_of(python, "lifline").parent
    assert top.is_relative_to(tmp_path / "environment")
    assert {f.relative_to(top).as_posix() for f in top.rglob("*") if f.suffix != ".pyc" and f.is_file()} == {
        (Path() if folder == "sw" else Path(folder)).joinpath(f.relative_to(checkout / folder)).as_posix()
        for folder in ("sw", "rtl", "sim", "boards") for f in (checkout / folder).rglob("*") if f.is_file()
    }  # fmt: skip
    (tmp_path / "use").mkdir()
    (tmp_path / "use" / "use.py").write_text(USE)
    assert pyright(python, tmp_path / "use") == ["4: reportAssignmentType"]
    (top / "py.typed").unlink()
    (top.parent / "libraries.pth").unlink()  # else pyright takes the types of a lifline that is installed beside the tests
    assert pyright(python, tmp_path / "use") == [], "types that are not declared are not used"


def test_strict_editable_mode_leads_tools_to_the_sources(checkout: Path, python: Path, tmp_path: Path) -> None:
    install(python, *STRICT, str(checkout))
    for module, source in (("lifline.rtl.core", "rtl/core.py"), ("lifline.arch.config", "sw/arch/config.py"), ("lifline.sim.golden.model", "sim/golden/model.py")):
        assert file_of(python, module).resolve() == checkout / source
    (tmp_path / "use").mkdir()
    (tmp_path / "use" / "use.py").write_text(USE)
    assert pyright(python, tmp_path / "use") == ["4: reportAssignmentType"]
    (checkout / "rtl" / "core.py").write_text("changed = True\n")
    assert "changed" in file_of(python, "lifline.rtl.core").read_text(), "changes need no new installation"
    assert pytest_says(python, checkout) == ""


def test_strict_editable_mode_sees_new_files_after_another_installation(checkout: Path, python: Path) -> None:
    install(python, *STRICT, str(checkout))
    (checkout / "rtl" / "later.py").write_text("")
    (checkout / "rtl" / "top.py").unlink()
    said = pytest_says(python, checkout)
    assert "the installed lifline is not this checkout, rtl/later.py differ" in said and "pip install -e '.[test]' --config-settings editable_mode=strict" in said
    install(python, *STRICT, str(checkout))
    assert file_of(python, "lifline.rtl.later").resolve() == checkout / "rtl" / "later.py"
    assert not list((checkout / "build").rglob("rtl/top.py")), "links to files that are no more are gone"
    assert pytest_says(python, checkout) == ""


def test_a_stale_wheel_is_refused_by_name(checkout: Path, python: Path) -> None:
    install(python, str(checkout))
    assert pytest_says(python, checkout) == ""
    for name in ("rtl/core.py", "sw/data/lifline.h"):
        before = (checkout / name).read_bytes()
        (checkout / name).write_bytes(before + b"\n")
        said = pytest_says(python, checkout)
        assert f"the installed lifline is not this checkout, {name} differ; in {checkout} run: rm -rf build && python -m pip install -e" in said
        (checkout / name).write_bytes(before)


def test_without_lifline_the_first_words_say_how_to_install_it(checkout: Path) -> None:
    script = "import sys, pytest\nsys.modules['lifline'] = None\nsys.exit(pytest.main(['-q', '-p', 'no:cacheprovider']))"
    done = subprocess.run([sys.executable, "-c", script], cwd=checkout, capture_output=True, text=True)
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert f"lifline is not installed here (no module named lifline); in {checkout} run: python -m pip install -e '.[test]'" in done.stderr
