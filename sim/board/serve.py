"""A simulated board behind a pseudo-terminal: to a driver it is a serial port, in this process or in any other."""

from __future__ import annotations

import contextlib
import os
import select
import threading

from lifline.arch.errors import LinkError, ToolError

from .owner import Owner
from .simulated import Board

BURST_CYCLES = 64
"""Cycles without a byte after which the port is looked at again: short against a reply, long against the cost of looking."""
IDLE_CYCLES = 1 << 20
"""After so many cycles without a byte the clock stands still until the next byte comes, so that an idle board costs nothing."""
READ_BYTES = 4096
PIPE_BYTES = 1 << 20
CLOSE_S = 60.0
"""How long a server may take to end; the interpreted board looks up every few seconds."""


class PseudoTerminal:
    """A board served on a pseudo-terminal. One thread calls :meth:`serve`; clients come and go. :meth:`stop` and :meth:`close` may come from any.

    The server keeps the client's end open, too: a client that leaves is not noticed, as on a real serial port.

    Attributes
    ----------
    path : the device to open, like ``/dev/pts/3``.

    Raises
    ------
    ToolError   if the platform has no pseudo-terminals.
    """

    def __init__(self, board: Board) -> None:
        try:
            import tty
        except ImportError as error:
            raise ToolError("this platform has no pseudo-terminals; open the simulated board with `sim:` instead") from error
        self.board = board
        try:
            self._server, self._client = os.openpty()
        except OSError as error:
            raise ToolError(f"no pseudo-terminal is left ({error}); close some of them") from error
        tty.setraw(self._client)  # before any client opens it: nothing is echoed or translated
        os.set_blocking(self._server, False)
        self.path = os.ttyname(self._client)
        self._wake, self._waker = os.pipe()
        os.set_blocking(self._waker, False)
        self._owner = Owner(self.path)
        self._descriptors = threading.RLock()
        self._closed = False

    def serve(self) -> None:
        """Serve until :meth:`stop` is called from another thread, or an exception such as ``KeyboardInterrupt`` comes.

        Raises
        ------
        DeviceError   if another thread serves already.
        LinkError     if the pseudo-terminal is closed, or was made by a process of which this one is a fork.
        """
        with self._owner.use("serve()"):
            self._serve()

    def _serve(self) -> None:
        waiting, idle = b"", IDLE_CYCLES
        while True:
            # A client that does not read stops its board, and bytes wait where they are: nothing is dropped.
            readable, _, _ = select.select(
                [self._wake] if waiting else [self._wake, self._server],
                [self._server] if waiting else [],
                [],
                None if waiting or idle >= IDLE_CYCLES else 0,
            )
            if self._wake in readable:
                os.read(self._wake, PIPE_BYTES)  # all that have asked
                return
            if waiting:
                waiting = waiting[os.write(self._server, waiting) :]
                continue
            if self._server in readable:
                self.board.write(os.read(self._server, READ_BYTES))
                idle = 0
            count = self.board.advance(BURST_CYCLES)
            waiting = self.board.read(count) if count else b""
            idle = 0 if count else idle + BURST_CYCLES

    def stop(self) -> None:
        """End :meth:`serve`, or the next one if nobody serves.

        Raises
        ------
        LinkError   if it is closed.
        """
        with self._descriptors:
            if self._closed:
                raise LinkError(f"{self.path} is closed; there is nothing to stop")
            with contextlib.suppress(BlockingIOError):  # so often asked already
                os.write(self._waker, b"\0")

    def close(self) -> None:
        """Take the pseudo-terminal away, once nobody serves any more; the board stays open."""
        with self._descriptors:
            if self._closed:
                return
            if self._owner.doing:
                self.stop()
            self._closed = True
        self._owner.close(CLOSE_S)
        for descriptor in (self._server, self._client, self._wake, self._waker):
            os.close(descriptor)
