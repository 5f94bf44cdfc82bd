"""Simulated boards: the complete gateware up to its byte stream, compiled to native code or run by Amaranth's simulator.

Both are byte streams as the driver's link wants them. Their clock runs only while somebody waits, so a run is deterministic.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lifline.arch.config import Config
from lifline.arch.errors import LinkError
from lifline.arch.files import check_target
from lifline.network.progress import Reporting

from .build import build, compiler
from .owner import check_process

__all__ = ["Board", "CompiledBoard", "InterpretedBoard", "compiler"]

QUIET_CYCLES = 4096
"""A read gives up when no byte has moved for this many cycles: every reply is on its way sooner."""
CLOSED = "the simulated board is closed; open it again"


class _Turns:
    """Threads take turns at a board; a fork of the process that opened it gets none."""

    def __init__(self) -> None:
        self._process, self._lock = os.getpid(), threading.RLock()

    @property
    def forked(self) -> bool:
        return os.getpid() != self._process

    @contextmanager
    def turn(self) -> Iterator[None]:
        check_process("the simulated board", self._process)
        with self._lock:
            yield


class Board(Protocol):
    """A simulated board. See :class:`lifline.driver.link.Transport` for the byte stream."""

    @property
    def cycles(self) -> int: ...

    def write(self, data: bytes) -> None: ...

    def read(self, count: int) -> bytes: ...

    def advance(self, cycles: int) -> int: ...

    def close(self) -> None: ...


class CompiledBoard:
    """Byte stream of a simulated board as native code (CXXRTL), built at the first use of a configuration.

    Parameters
    ----------
    trace : keep every neuron word that is stored and the sums that went into it, see :meth:`trace`; memories show
        wrong words where reads and writes collide.
    byte_cycles : clock cycles that a byte takes each way, as on a serial line, which drops what is not taken in time; 0: an ideal stream.
    progress : of building it, see :data:`~lifline.network.progress.Reporting`.

    Raises
    ------
    ToolError   if it cannot be built.
    """

    def __init__(self, config: Config, *, trace: bool = False, byte_cycles: int = 0, progress: Reporting = None) -> None:
        self.config, self._traced, self._turns = config, trace, _Turns()
        self._library = library = ctypes.CDLL(str(build(config, trace=trace, progress=progress)))
        handle, size = ctypes.c_void_p, ctypes.c_size_t
        for name, result, arguments in (
            ("create", handle, []),
            ("destroy", None, [handle]),
            ("cycles", ctypes.c_uint64, [handle]),
            ("push", None, [handle, ctypes.c_char_p, size]),
            ("pace", None, [handle, ctypes.c_uint64]),
            ("lost", ctypes.c_uint64, [handle]),
            ("run", size, [handle, size, ctypes.c_uint64]),
            ("pull", size, [handle, ctypes.c_char_p, size]),
            *([("trace", size, [handle, ctypes.c_void_p, size])] if trace else []),
        ):
            function: Any = getattr(library, f"board_{name}")
            function.restype, function.argtypes = result, arguments
        self._board: int | None = library.board_create()
        library.board_pace(self._board, byte_cycles)

    def _open(self) -> int:
        if self._board is None:
            raise LinkError(CLOSED)
        return self._board

    @property
    def cycles(self) -> int:
        """Clock cycles since power-up."""
        with self._turns.turn():
            return self._library.board_cycles(self._open())

    @property
    def lost(self) -> int:
        """Bytes that a serial line has brought and nobody took in time."""
        with self._turns.turn():
            return self._library.board_lost(self._open())

    def write(self, data: bytes) -> None:
        """Send bytes; the board takes them while it runs."""
        with self._turns.turn():
            self._library.board_push(self._open(), data, len(data))

    def read(self, count: int) -> bytes:
        """``count`` bytes, or what there is when the board falls silent."""
        out = ctypes.create_string_buffer(count)
        with self._turns.turn():
            self._library.board_run(self._open(), count, QUIET_CYCLES)
            size = self._library.board_pull(self._open(), out, count)
        return out.raw[:size]

    def advance(self, cycles: int) -> int:
        """Run for that many cycles after the last byte has moved; returns how many bytes wait to be read."""
        with self._turns.turn():
            return self._library.board_run(self._open(), ctypes.c_size_t(-1).value, cycles)

    def trace(self) -> NDArray[np.int32]:
        """What was stored since the last call, in order, (stores, 2 + 2 * multipliers): neuron word, a bit per spike, the stored values,
        the accumulators that went into them.

        Raises
        ------
        ValueError   if the board was made without ``trace``.
        """
        if not self._traced:
            raise ValueError("the simulated board was made without trace=True")
        with self._turns.turn():
            numbers = self._library.board_trace(self._open(), None, 0)
            out = np.empty(numbers, np.int32)
            self._library.board_trace(self._open(), out.ctypes.data, numbers)
        return out.reshape(-1, 2 + 2 * self.config.multipliers)

    def close(self) -> None:
        """Free the simulation, once what another thread does with it has ended."""
        if self._turns.forked:
            return  # the copy may be in the middle of a cycle
        with self._turns.turn():
            if self._board is not None:
                self._library.board_destroy(self._board)
                self._board = None


class InterpretedBoard:
    """The same byte stream in Amaranth's own simulator: needs no compiler, a few thousand cycles per second.

    Parameters
    ----------
    waveform : a file for everything that happens until the board is closed (VCD), states by name; see ``docs/hardware.md``.

    Raises
    ------
    OutputError   if the waveform cannot be written.
    """

    def __init__(self, config: Config, *, waveform: Path | None = None) -> None:
        from amaranth.sim import Simulator

        from lifline.rtl.top import Top

        self.config = config
        self._incoming, self._outgoing = bytearray(), bytearray()
        self._moved_at, self._closed, self._turns = 0, False, _Turns()
        self.cycles = 0
        top: Any = Top(config)  # its members are made at run time
        self._simulator = Simulator(top)
        self._simulator.add_clock(1e-6)

        async def pump(ctx: Any) -> None:
            ctx.set(top.o.ready, 1)
            while True:
                await ctx.delay(0.25e-6)  # a byte written now is offered at the very next edge
                offered = bool(self._incoming)
                ctx.set(top.i.valid, offered)
                ctx.set(top.i.payload, self._incoming[0] if offered else 0)
                _, _, ready, valid, payload = await ctx.tick().sample(top.i.ready, top.o.valid, top.o.payload)
                self.cycles += 1
                if offered and ready:
                    del self._incoming[0]
                if valid:
                    self._outgoing.append(payload)
                if valid or (offered and ready):
                    self._moved_at = self.cycles

        self._simulator.add_testbench(pump, background=True)
        self._waveform = ExitStack()
        if waveform is not None:
            check_target(waveform)
            self._waveform.enter_context(self._simulator.write_vcd(str(waveform)))

    def write(self, data: bytes) -> None:
        """Send bytes; the board takes them while it runs."""
        with self._turns.turn():
            self._check()
            self._incoming += data

    def _check(self) -> None:
        if self._closed:
            raise LinkError(CLOSED)

    def read(self, count: int) -> bytes:
        """``count`` bytes, or what there is when the board falls silent."""
        with self._turns.turn():
            self._run(count, QUIET_CYCLES)
            out = bytes(self._outgoing[:count])
            del self._outgoing[:count]
        return out

    def _run(self, wanted: int | None, quiet: int) -> None:
        self._check()
        self._moved_at = self.cycles
        while self.cycles - self._moved_at < quiet and (wanted is None or len(self._outgoing) < wanted):
            self._simulator.advance()

    def advance(self, cycles: int) -> int:
        """Run for that many cycles after the last byte has moved; returns how many bytes wait to be read."""
        with self._turns.turn():
            self._run(None, cycles)
            return len(self._outgoing)

    def close(self) -> None:
        """Refuse bytes from now on; a waveform is complete then."""
        self._closed = True
        self._waveform.close()
