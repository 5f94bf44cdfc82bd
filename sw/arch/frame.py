"""The frames that cross the byte stream between driver and device.

Request: ``sync, sequence, kind, count, address (3 bytes), payload (4 * count bytes, writes only; 2 * count of halves, count of bytes), crc (2 bytes)``.
Reply: ``sync, sequence, status, count, payload (4 * count bytes), crc (2 bytes)``. All integers are little-endian.
The CRC is CRC-16/IBM-3740 (polynomial 0x1021, initial value 0xFFFF) over everything between sync and CRC.
Every request is idempotent: reads and writes of absolute addresses, so the driver may repeat one whose reply was lost.
A device drops a frame whose CRC is wrong and answers ``BAD_CRC``; then it hunts for the next request sync byte.
It executes one request after the other, in the order in which they come, and keeps :data:`QUEUE_BYTES` bytes of those that it has not begun: a driver
may send so much ahead of the replies. What comes behind a request that was lost is executed all the same.
A driver that has lost track reads until nothing comes, then sends :data:`RESYNC_BYTES` zero bytes, which end any half-received frame, and reads
again until nothing comes.
A read at rest waits until no run is in progress; it is executed at once when that queue is full, as the zero bytes make it.
"""

from __future__ import annotations

import binascii
import enum
import struct
from dataclasses import dataclass

REQUEST_SYNC = 0xA5
REPLY_SYNC = 0x5A
MAX_WORDS = 128
REQUEST_HEADER = 7
REPLY_HEADER = 4
CRC_BYTES = 2
QUEUE_BYTES = 512
"""Bytes that a device takes while it is busy with an earlier request."""
RESYNC_BYTES = REQUEST_HEADER + 4 * 255 + CRC_BYTES
"""Longer than any frame that a corrupted count can announce."""


class Kind(enum.IntEnum):
    """Bit 0 reads, bit 1 writes, the others say how."""

    READ = 1
    WRITE = 2
    READ_AT_REST = 5
    """as ``READ``, once no run is in progress"""
    WRITE_HALVES = 6
    """as ``WRITE``, of words below 2^16, whose lower half alone crosses the link"""
    WRITE_BYTES = 10
    """as ``WRITE``, of words of 16 bits with nothing in bits 14 to 7, which cross the link without these: input words that name one of 128 neurons"""

    @property
    def reads(self) -> bool:
        """The reply has words."""
        return bool(self & 1)

    @property
    def word_bytes(self) -> int:
        """Bytes of a word of the request."""
        return {Kind.WRITE: 4, Kind.WRITE_HALVES: 2, Kind.WRITE_BYTES: 1}.get(self, 0)


BYTE_TOP, WORD_TOP = 1 << 7, 1 << 15
"""The highest bit of what crosses the link as a byte, and where it is in the word."""


def byte_of(word: int) -> int:
    """A word of ``WRITE_BYTES`` as it crosses the link."""
    return word % BYTE_TOP | BYTE_TOP * bool(word & WORD_TOP)


class Status(enum.IntEnum):
    OK = 0
    BAD_CRC = 1
    BAD_REQUEST = 2
    """unknown kind or count out of range"""
    BAD_ADDRESS = 3
    """no such word, or it cannot be written"""
    BUSY = 4
    """memories other than input and output are only reachable while no run is in progress"""


def crc16(data: bytes, value: int = 0xFFFF) -> int:
    """CRC-16/IBM-3740 (also called CCITT-FALSE): polynomial 0x1021, not reflected, no final inversion."""
    return binascii.crc_hqx(data, value)


@dataclass(frozen=True)
class Request:
    sequence: int
    kind: Kind
    address: int
    count: int
    payload: tuple[int, ...] = ()

    @property
    def sent_bytes(self) -> int:
        """Of the request."""
        return REQUEST_HEADER + self.kind.word_bytes * self.count + CRC_BYTES

    @property
    def reply_words(self) -> int:
        """Of the reply, if all goes well."""
        return self.count if self.kind.reads else 0

    @property
    def reply_bytes(self) -> int:
        """Of the reply, if all goes well."""
        return REPLY_HEADER + 4 * self.reply_words + CRC_BYTES

    def encode(self) -> bytes:
        body = struct.pack("<BBB", self.sequence, self.kind, self.count) + self.address.to_bytes(3, "little")
        if self.kind is Kind.WRITE_BYTES:
            body += bytes(map(byte_of, self.payload))
        else:
            body += struct.pack(f"<{len(self.payload)}{'H' if self.kind is Kind.WRITE_HALVES else 'I'}", *self.payload)
        return bytes([REQUEST_SYNC]) + body + crc16(body).to_bytes(2, "little")


@dataclass(frozen=True)
class Reply:
    sequence: int
    status: Status
    payload: tuple[int, ...] = ()

    def encode(self) -> bytes:
        body = struct.pack("<BBB", self.sequence, self.status, len(self.payload))
        body += struct.pack(f"<{len(self.payload)}I", *self.payload)
        return bytes([REPLY_SYNC]) + body + crc16(body).to_bytes(2, "little")
