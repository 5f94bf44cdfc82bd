"""The cache of simulated boards: what is not whole is built again, odd environments are typed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lifline.arch.config import preset
from lifline.arch.errors import ToolError
from lifline.arch.kernel import kernel
from lifline.sim.board import build as builds

TINY = preset("tiny")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of its own with a made-up board; building one writes a text."""
    if builds.compiler() is None:
        monkeypatch.setenv("CXX", sys.executable)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))

    def run(command: list[str], folder: Path) -> str:
        if "-o" in command:
            (folder / "board.so").write_text("a board")
        return "compiler 1.0"

    monkeypatch.setattr(builds, "run_tool", run)
    builds._compiler_version.cache_clear()

    def convert(top: Any, **options: Any) -> str:
        top._MustUse__used = True  # as the real one does; else Amaranth warns whenever it is collected
        return ""

    monkeypatch.setattr("amaranth.back.rtlil.convert", convert)
    yield tmp_path / "lifline"
    builds._compiler_version.cache_clear()


@pytest.mark.parametrize("damage", [b"", b"a boa", b"a boarD", b"\x7fELF another"])
def test_a_board_that_is_not_whole_is_built_again(cache: Path, damage: bytes) -> None:
    target = builds.build(TINY)
    assert target.read_text() == "a board" and builds.build(TINY) == target
    target.write_bytes(damage)
    assert builds.build(TINY).read_text() == "a board"


def test_a_board_without_its_digest_is_built_again(cache: Path) -> None:
    target = builds.build(TINY)
    before = target.stat().st_mtime_ns
    builds.build(TINY)
    assert target.stat().st_mtime_ns == before, "a whole one stays"
    target.with_suffix(".sha256").unlink()
    builds.build(TINY)
    assert target.stat().st_mtime_ns != before


def test_what_a_killed_build_left_is_swept(cache: Path) -> None:
    target = builds.library(TINY)
    cache.mkdir()
    (cache / f"{target.stem}-building-abc").mkdir()
    (cache / f"{target.stem}-building-abc" / "design.cc").touch()
    (cache / "board-other-0-building-x").mkdir()
    builds.build(TINY)
    assert sorted(p.name for p in cache.glob("*-building-*")) == ["board-other-0-building-x"], "others may be under way"


def test_a_relative_cache_folder_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "cache")
    with pytest.raises(ToolError, match="XDG_CACHE_HOME=`cache` must be an absolute path"):
        builds.build(TINY)


@pytest.mark.parametrize("command", ["g++ 'unfinished", "no-such-compiler", "/", "false", "/dev/null"])
def test_an_odd_compiler_is_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("CXX", command)
    with pytest.raises(ToolError):
        builds.build(TINY)


def test_a_compiler_that_makes_nothing_is_typed(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(builds, "run_tool", lambda command, folder: "quiet")
    with pytest.raises(ToolError, match="made no library"):
        builds.build(TINY)


def test_a_cache_that_cannot_be_written_is_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(ToolError, match="set XDG_CACHE_HOME"):
        builds.build(TINY)


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
def test_a_working_folder_that_is_gone_does_not_matter(tmp_path: Path) -> None:
    code = (
        "import os, sys, lifline\nos.mkdir(sys.argv[1]); os.chdir(sys.argv[1]); os.rmdir(sys.argv[1])\n"
        "print(lifline.open('golden:tiny').info()['config'])\nwith lifline.open('sim:tiny') as device: print(device.info()['config_hash'])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "gone")], capture_output=True, text=True)
    assert done.stdout.split() == ["tiny", str(TINY.hash)], done.stderr


def test_kernels_run_where_nothing_can_be_cached(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("numba.core.caching.CacheImpl._locator_classes", [])

    @kernel()
    def twice(x):
        return 2 * x

    assert twice(21) == 42
