"""Transport over a serial port."""

from __future__ import annotations

import os
import threading

import serial

from lifline.arch.errors import LinkError
from lifline.sim.board.owner import check_process

try:
    from termios import error as _TerminalError
except ImportError:  # Windows has none
    _TerminalError = OSError
FAILURES = (serial.SerialException, OSError, OverflowError, ValueError, _TerminalError)
"""What pyserial and the system raise; of numbers that a driver of a port does not take, also the last but one."""
STUCK_S = 10.0
"""A write that takes so long will never end; the longest frame takes a tenth of it at 9600 baud."""


class SerialTransport:
    """Bytes over a serial port, opened exclusively so that two drivers cannot share it, and used by one thread at a time: others wait.

    Parameters
    ----------
    timeout_s : how long a read waits for its bytes; a reply that takes longer counts as lost.

    Raises
    ------
    LinkError   if the port does not exist, is in use, or goes away; or if a fork of the process that opened it uses it.
    """

    def __init__(self, port: str, *, baud_hz: int = 1_000_000, timeout_s: float = 0.5) -> None:
        self.port, self.timeout_s, self._process, self._lock = port, timeout_s, os.getpid(), threading.RLock()
        try:
            self._serial = serial.Serial(port, baud_hz, timeout=timeout_s, write_timeout=STUCK_S, exclusive=True)
            self._serial.reset_input_buffer()
        except FAILURES as error:
            raise LinkError(f"cannot open {port}: {error}; is it the right port, and does no other program use it?") from error

    def set_rate(self, baud_hz: int, *, timeout_s: float) -> None:
        """Change rate and time limit; what has come so far is dropped.

        Raises
        ------
        ValueError   if the port cannot have this rate.
        """
        check_process(self.port, self._process)
        with self._lock:
            try:
                self._serial.timeout, self._serial.baudrate = timeout_s, baud_hz
                self._serial.reset_input_buffer()
            except FAILURES as error:
                raise ValueError(f"{self.port} cannot have {baud_hz} baud: {error}") from error
            self.timeout_s = timeout_s

    def write(self, data: bytes) -> None:
        """Send bytes."""
        check_process(self.port, self._process)
        with self._lock:
            try:
                self._serial.write(data)
            except FAILURES as error:
                raise LinkError(f"{self.port} went away while writing: {error}") from error

    def read(self, count: int) -> bytes:
        """Receive up to ``count`` bytes within the time limit."""
        check_process(self.port, self._process)
        with self._lock:
            try:
                return self._serial.read(count)
            except FAILURES as error:
                raise LinkError(f"{self.port} went away while reading: {error}") from error

    def close(self) -> None:
        """Release the port, once a read or write under way has ended."""
        if os.getpid() != self._process:
            return  # a fork's copy: the port stays with the process that opened it
        with self._lock:
            self._serial.close()
