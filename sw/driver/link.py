"""Driver's end of the link: numbered requests, checked replies, retries, and a way back after lost bytes."""

from __future__ import annotations

import logging
import struct
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Protocol
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from lifline.arch.errors import DeviceError, LinkError
from lifline.arch.frame import CRC_BYTES, MAX_WORDS, REPLY_HEADER, REPLY_SYNC, RESYNC_BYTES, Kind, Request, Status, crc16

LOG = logging.getLogger(__name__)
"""DEBUG: every frame, ``->`` to the device and ``<-`` from it. WARNING: every request that is sent again, and why."""
LOG.addHandler(logging.NullHandler())  # whoever uses the library decides where this goes


class NoReply(LinkError):
    """Nothing came within the byte stream's time limit."""


class Transport(Protocol):
    """A byte stream to a device. ``read`` returns fewer bytes than asked, maybe none, after its time limit."""

    def write(self, data: bytes) -> None: ...

    def read(self, count: int) -> bytes: ...

    def close(self) -> None: ...


_locks: WeakKeyDictionary[Transport, AbstractContextManager[bool]] = WeakKeyDictionary()
"""One per byte stream: no two links, in whatever threads, have requests under way on the same one."""


def _lock_of(transport: Transport) -> AbstractContextManager[bool]:
    try:
        return _locks.setdefault(transport, threading.RLock())
    except TypeError:  # it cannot be a key, or not be referred to weakly: its links do not know of each other
        return threading.RLock()


class Link:
    """Reads and writes words of the device's address space.

    Every request is idempotent, so one whose reply is lost or damaged is simply repeated. Threads may share a link, and links a transport:
    each waits until the request of another one is answered.

    Raises
    ------
    LinkError     when a request still has no valid reply after ``retries`` repetitions, or the device is gone.
    DeviceError   when the device refuses a request.
    """

    def __init__(self, transport: Transport, *, retries: int = 8) -> None:
        self.transport, self.retries = transport, retries
        self._sequence = 0
        self._ended = False
        self.lock = _lock_of(transport)
        """Held while a request, or what belongs together, is under way."""
        self.repeated = 0

    @property
    def ended(self) -> bool:
        """Whether further requests are refused."""
        return self._ended

    def end(self) -> None:
        """Refuse every further request; one that is under way is still answered."""
        self._ended = True

    def close(self) -> None:
        """Close the byte stream."""
        self._ended = True
        self.transport.close()

    def read(self, address: int, count: int = 1) -> NDArray[np.uint32]:
        """``count`` words from ``address`` on, uint32."""
        parts = [
            self._exchange(Kind.READ, address + first, min(MAX_WORDS, count - first), ()) for first in range(0, count, MAX_WORDS)
        ]
        return np.array([w for part in parts for w in part], np.uint32)

    def write(self, address: int, words: Sequence[int] | NDArray[np.uint32]) -> None:
        """Write consecutive words."""
        values = [int(w) & 0xFFFFFFFF for w in words]
        for first in range(0, len(values), MAX_WORDS):
            part = tuple(values[first : first + MAX_WORDS])
            self._exchange(Kind.WRITE, address + first, len(part), part)

    def _exchange(self, kind: Kind, address: int, count: int, payload: tuple[int, ...]) -> tuple[int, ...]:
        with self.lock:
            return self._exchange_alone(kind, address, count, payload)

    def _exchange_alone(self, kind: Kind, address: int, count: int, payload: tuple[int, ...]) -> tuple[int, ...]:
        problem = "no reply"
        for attempt in range(self.retries + 1):
            if self._ended:
                raise LinkError(f"{kind.name.lower()} at {address:#08x}: the link is closed; open it again")
            if attempt:
                LOG.warning("%s of %d words at %#08x: %s; sent again, %d of %d", kind.name, count, address, problem, attempt, self.retries)
                self.repeated += 1
                self.resynchronise()
            [request] = self.send([Request(0, kind, address, count, payload)])
            try:
                status, words = self.reply(request)
            except LinkError as error:
                problem = str(error)
                continue
            if status is Status.OK:
                return words
            if status in (Status.BAD_CRC, Status.BAD_REQUEST):
                problem = f"the device answered {status.name}"
                continue
            raise DeviceError(f"{kind.name.lower()} of {count} words at {address:#08x}: the device answered {status.name}")
        raise LinkError(f"{kind.name.lower()} at {address:#08x} failed {self.retries + 1} times ({problem}); check cable, port and baud rate")

    def send(self, requests: Sequence[Request]) -> list[Request]:
        """Send requests at once, numbered anew; returns them as they were sent.

        Raises
        ------
        LinkError   if the link is closed.
        """
        if self._ended:
            raise LinkError("the link is closed; open it again")
        numbered = []
        for request in requests:
            self._sequence = (self._sequence + 1) & 0xFF
            numbered.append(replace(request, sequence=self._sequence))
            if LOG.isEnabledFor(logging.DEBUG):
                LOG.debug("-> %s of %d words at %#08x, sequence %d", request.kind.name, request.count, request.address, self._sequence)
        self.transport.write(b"".join(request.encode() for request in numbered))
        return numbered

    def reply(self, request: Request, *, in_order: bool = False) -> tuple[Status, tuple[int, ...]]:
        """Status and words of the reply to a request. Replies to others are dropped; ``in_order``: there is none on the line, so that one says that a
        request or reply was lost.

        Raises
        ------
        LinkError   if none comes, or a damaged one.
        """
        expected = request.reply_words
        while True:
            first = self.transport.read(1)
            if not first:
                raise NoReply("no reply")
            if first[0] != REPLY_SYNC:
                continue
            header = self.transport.read(REPLY_HEADER - 1)
            if len(header) < REPLY_HEADER - 1:
                raise LinkError("the reply broke off")
            sequence, status, count = header
            body = self.transport.read(4 * count + CRC_BYTES)
            if len(body) < 4 * count + CRC_BYTES:
                raise LinkError("the reply broke off")
            if crc16(header + body[:-CRC_BYTES]) != int.from_bytes(body[-CRC_BYTES:], "little"):
                raise LinkError("the reply has a wrong CRC")
            if sequence != request.sequence and in_order:
                raise LinkError("a reply is missing")
            if sequence != request.sequence and status != Status.BAD_CRC:
                LOG.debug("<- %d words, sequence %d, status %d: a late reply to an earlier request", count, sequence, status)
                continue
            if status not in list(Status) or (status == Status.OK and count != expected):
                raise LinkError(f"the reply has status {status} and {count} words, expected {expected}")
            if LOG.isEnabledFor(logging.DEBUG):
                name = Status(status).name
                LOG.debug("<- %s of %d words at %#08x, sequence %d, status %s", request.kind.name, count, request.address, sequence, name)
            return Status(status), struct.unpack(f"<{count}I", body[:-CRC_BYTES])

    def resynchronise(self) -> None:
        """Let the device answer what it has, end any frame that it still waits for, and drop what it says to that."""
        self.empty()
        self.transport.write(bytes(RESYNC_BYTES))
        self.empty()

    def empty(self) -> None:
        """Drop what is on the line, until nothing comes any more."""
        while self.transport.read(256):
            pass
