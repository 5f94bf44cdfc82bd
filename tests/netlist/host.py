"""A host that says anything to a board, well formed or not, and takes whatever comes back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lifline.arch.frame import CRC_BYTES, MAX_WORDS, REPLY_HEADER, REQUEST_SYNC, RESYNC_BYTES, Kind, crc16
from lifline.arch.registers import REGISTERS, Space, address
from lifline.sim.netlist.conversation import Bytes

WORD = 0xFFFFFFFF
SHORT = 40
"""Zero bytes that end most frames."""


class Host:
    """Says things to a board and takes whatever comes back."""

    def __init__(self, board: Bytes, rng: np.random.Generator) -> None:
        self.board, self.rng = board, rng
        self._sequence = 0

    def frame(self, kind: int, where: int, count: int, words: Sequence[int] = (), *, sequence: int | None = None) -> bytes:
        """A request, which may be one that no driver sends; its CRC is right."""
        self._sequence = (self._sequence + 1) & 0xFF
        body = bytes([self._sequence if sequence is None else sequence, kind, count]) + (where & 0xFFFFFF).to_bytes(3, "little")
        size = {Kind.WRITE: 4, Kind.WRITE_HALVES: 2, Kind.WRITE_BYTES: 1}.get(kind, 0) if kind in list(Kind) else 0
        body += b"".join((int(word) & (1 << 8 * size) - 1).to_bytes(size, "little") for word in words if size)
        return bytes([REQUEST_SYNC]) + body + crc16(body).to_bytes(CRC_BYTES, "little")

    def say(self, data: bytes) -> None:
        """Send bytes, and take one reply; none if the board is silent."""
        self.board.write(data)
        head = self.board.read(REPLY_HEADER)
        if len(head) == REPLY_HEADER:
            self.board.read(4 * head[3] + CRC_BYTES)

    def end(self) -> None:
        """End whatever the board may take for the begin of a frame."""
        self.board.write(bytes(RESYNC_BYTES if self.rng.random() < 0.1 else SHORT))
        self.listen()

    def listen(self) -> None:
        """Take what comes until nothing does."""
        while self.board.read(MAX_WORDS):
            pass

    def write(self, where: int, words: Sequence[int]) -> None:
        """Write words, in as many requests as that takes."""
        for k in range(0, len(words), MAX_WORDS):
            part = [int(word) & WORD for word in words[k : k + MAX_WORDS]]
            self.say(self.frame(Kind.WRITE, where + k, len(part), part))

    def read(self, where: int, count: int) -> None:
        """Read words."""
        for k in range(0, count, MAX_WORDS):
            self.say(self.frame(Kind.READ, where + k, min(MAX_WORDS, count - k)))

    def register(self, name: str, value: int) -> None:
        """Write a register."""
        self.write(address(Space.REGISTERS, REGISTERS[name].offset), [value])

    def registers(self) -> None:
        """Read all registers."""
        self.read(address(Space.REGISTERS, 0), len(REGISTERS))

    def number(self, bits: int = 32) -> int:
        """A number in which extremes, single bits and small numbers are as likely as others."""
        top = (1 << bits) - 1
        match int(self.rng.integers(6)):
            case 0:
                return 0
            case 1:
                return top
            case 2:
                return 1 << int(self.rng.integers(bits))
            case 3:
                return top ^ 1 << int(self.rng.integers(bits))
            case 4:
                return int(self.rng.integers(16)) & top
            case _:
                return int(self.rng.integers(1 << bits))


class Paper:
    """A board that only writes down what it is told."""

    def __init__(self) -> None:
        self.said = bytearray()

    def write(self, data: bytes) -> None:
        self.said += data

    def read(self, count: int) -> bytes:
        del count
        return b""

    def close(self) -> None:
        pass
