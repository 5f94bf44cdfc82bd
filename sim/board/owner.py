"""Who may use a device now: one thread at a time, of the process that opened it."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator

from lifline.arch.errors import DeviceError, LinkError


def check_process(name: str, process: int) -> None:
    """Refuse a copy that a fork has made: bytes that it sends or takes would be missing in the process that opened the device.

    Raises
    ------
    LinkError   naming both processes.
    """
    if os.getpid() != process:
        raise LinkError(f"{name} was opened by process {process}, this is process {os.getpid()}, a fork of it; open the device again here")


class Owner:
    """Lends something to one thread at a time, and ends what it does when another one asks.

    Attributes
    ----------
    stop : set while whoever uses the device is asked to end.   process : the one that opened it.
    """

    def __init__(self, name: str) -> None:
        self.name, self.process, self.stop = name, os.getpid(), threading.Event()
        self._in_use = threading.Lock()
        self._fields = threading.RLock()  # a signal handler may come in while its own thread holds it
        self._thread: threading.Thread | None = None
        self._what = ""
        self.closed = False

    @contextlib.contextmanager
    def use(self, what: str, *, forks: bool = False) -> Iterator[None]:
        """Use the device for ``what``, a name for messages. ``forks``: a copy in a forked process is as good.

        Raises
        ------
        DeviceError   if another thread, or an outer call of this one, uses it.
        LinkError     if it is closed, or was opened by another process.
        """
        if not forks:
            check_process(self.name, self.process)
        if not self._in_use.acquire(blocking=False):
            with self._fields:
                thread, doing = self._thread, self._what
            who = f"thread `{thread.name}`" if thread else "another thread"
            raise DeviceError(f"{self.name} is in use by {who}, for {doing or 'something else'}; one at a time: wait for it, or open a device of your own")
        try:
            with self._fields:
                if self.closed:
                    raise LinkError(f"{self.name} is closed; open it again")
                self._thread, self._what = threading.current_thread(), what
            yield
        finally:
            with self._fields:
                self._thread, self._what = None, ""
                self.stop.clear()
            self._in_use.release()

    @property
    def doing(self) -> str:
        """What it is used for now; empty if for nothing."""
        return self._what

    @property
    def mine(self) -> bool:
        """Whether this thread uses it."""
        return self._thread is threading.current_thread()

    def interrupt(self) -> None:
        """Ask whoever uses the device to end; nothing happens if nobody does."""
        with self._fields:
            if self._thread is not None:
                self.stop.set()

    def close(self, wait_s: float) -> bool:
        """Let nobody use it from now on, end what is under way and wait for that; whether nobody uses it any more.

        From within the use itself, a signal handler say, nothing is waited for.
        """
        with self._fields:
            self.closed = True
            self.interrupt()
        if self.mine or not self._in_use.acquire(timeout=wait_s):
            return False
        self._in_use.release()
        return True
