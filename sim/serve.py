"""A simulated board behind a pseudo-terminal: to a driver it is a serial port, in this process or in any other."""

from __future__ import annotations

import os
import select

from lifline.arch.errors import ToolError

from .board import Board

BURST_CYCLES = 64
"""Cycles without a byte after which the port is looked at again: short against a reply, long against the cost of looking."""
IDLE_CYCLES = 65536
"""After so many cycles without a byte the clock stands still until the next byte comes, so that an idle board costs nothing."""
READ_BYTES = 4096


class PseudoTerminal:
    """A board served on a pseudo-terminal. One thread calls :meth:`serve`; clients come and go.

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

    def serve(self) -> None:
        """Serve until :meth:`stop` is called from another thread, or an exception such as ``KeyboardInterrupt`` comes."""
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
        """End :meth:`serve`."""
        os.write(self._waker, b"\0")

    def close(self) -> None:
        """Take the pseudo-terminal away; the board stays open."""
        for descriptor in (self._server, self._client, self._wake, self._waker):
            os.close(descriptor)
