"""Driver's end of the link: numbered requests, checked replies, retries, and a way back after lost bytes."""

from __future__ import annotations

import logging
import struct
import threading
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Protocol
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from lifline.arch.errors import DeviceError, LinkError
from lifline.arch.frame import CRC_BYTES, MAX_WORDS, QUEUE_BYTES, REPLY_HEADER, REPLY_SYNC, RESYNC_BYTES, Kind, Request, Status, crc16

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


REPLY_BYTES = 2048
"""Most bytes of replies that are asked for ahead: half of what systems keep for a serial port that nobody reads."""


def has_room(request: Request, waiting: Iterable[Request]) -> bool:
    """Whether the device can keep a request behind those that wait for their replies, and this machine their replies."""
    ahead = list(waiting)
    queued = request.sent_bytes + sum(r.sent_bytes for r in ahead)
    return queued <= QUEUE_BYTES and request.reply_bytes + sum(r.reply_bytes for r in ahead) <= REPLY_BYTES


def reads_of(address: int, count: int) -> list[Request]:
    """Requests that read consecutive words."""
    return [Request(0, Kind.READ, address + k, min(MAX_WORDS, count - k)) for k in range(0, count, MAX_WORDS)]


def writes_of(address: int, words: Sequence[int], kind: Kind = Kind.WRITE) -> list[Request]:
    """Requests that write consecutive words."""
    parts = [tuple(words[k : k + MAX_WORDS]) for k in range(0, len(words), MAX_WORDS)]
    return [Request(0, kind, address + k * MAX_WORDS, len(part), part) for k, part in enumerate(parts)]


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
        return np.array([w for words in self.exchange(reads_of(address, count)) for w in words], np.uint32)

    def write(self, address: int, words: Sequence[int] | NDArray[np.uint32], kind: Kind = Kind.WRITE) -> None:
        """Write consecutive words."""
        self.exchange(writes_of(address, [int(w) & 0xFFFFFFFF for w in words], kind))

    def exchange(self, requests: Sequence[Request]) -> list[tuple[int, ...]]:
        """The words of the replies to some requests, as many as possible under way at a time. None may need that an earlier one was executed, or be
        harmful if it is executed again: of those behind a lost one some are.
        """
        found: list[tuple[int, ...]] = []
        failures = 0
        with self.lock:
            while len(found) < len(requests):
                before = len(found)
                try:
                    self._ahead(requests[before:], found)
                except LinkError as error:
                    what, failures = requests[len(found)], 1 + failures * (len(found) == before)
                    if self._ended:
                        raise LinkError(f"{what.kind.name.lower()} at {what.address:#08x}: the link is closed; open it again") from error
                    if failures > self.retries:
                        raise LinkError(
                            f"{what.kind.name.lower()} at {what.address:#08x} failed {failures} times ({error}); check cable, port and baud rate"
                        ) from error
                    LOG.warning("%s of %d words at %#08x: %s; sent again, %d of %d", what.kind.name, what.count, what.address, error, failures, self.retries)
                    self.repeated += 1
                    self.resynchronise()
        return found

    def _ahead(self, requests: Sequence[Request], found: list[tuple[int, ...]]) -> None:
        """Send requests and collect the words of their replies in ``found``, up to the first that lacks one."""
        waiting: deque[Request] = deque()

        def collect() -> None:
            request = waiting[0]
            status, words = self.reply(request)
            if status in (Status.BAD_CRC, Status.BAD_REQUEST):
                raise LinkError(f"the device answered {status.name}")
            if status is not Status.OK:
                if len(waiting) > 1:
                    self.empty()
                raise DeviceError(f"{request.kind.name.lower()} of {request.count} words at {request.address:#08x}: the device answered {status.name}")
            found.append(words)
            waiting.popleft()

        for request in requests:
            while waiting and not has_room(request, waiting):
                collect()
            waiting += self.send([request])
        while waiting:
            collect()

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

    def reply(self, request: Request) -> tuple[Status, tuple[int, ...]]:
        """Status and words of the reply to a request, the oldest one that has none; replies to those before it are dropped.

        Raises
        ------
        LinkError   if none comes, or a damaged one, or one to a later request.
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
            if 0 < (sequence - request.sequence) & 0xFF < 0x80 and status != Status.BAD_CRC:
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
