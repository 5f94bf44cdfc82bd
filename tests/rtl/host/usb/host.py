"""A host: it enumerates the device behind a :class:`~tests.rtl.host.usb.design.Bus` and is the byte stream that a driver wants."""

from __future__ import annotations

import random

from .design import Bus
from .packets import (
    ACK,
    BIT_TICKS,
    DATA0,
    DATA1,
    IN,
    NAK,
    OUT,
    SE0,
    SETUP,
    STALL,
    BadPacket,
    data,
    header,
    heard_packet,
    levels,
    samples,
    start_of_frame,
    token,
)

FRAME_TICKS = 48_000
RESET_TICKS = 48 * 60
TURNAROUND_BITS = 18
"""A host gives up a device that has not begun to answer so many bits after the end of the packet."""
RETRIES = 40
"""Of a packet that nobody answers: real hosts give up after three; here most packets may be damaged."""
QUIET = 400
"""Times that a device has nothing to say, after which there is nothing."""
ADDRESS = 9


class UsbError(Exception):
    """The device is not what the standard or the host wants."""


class Host:
    """The only host of the bus.

    Parameters
    ----------
    bus : the lines.   rate : of its clock, as a share of what it should be.
    damaged : share of the packets, in both directions, that are lost or have a wrong sample.   seed : which.

    Attributes
    ----------
    pid : of the next packet, by endpoint and direction.   latest_bits : the longest that the device has needed to answer.
    repeated, refused, lost : packets that nobody answered and were sent again, that the device refused for now, that were damaged here.
    longest : bytes of the longest packet that the data endpoint has sent.
    """

    def __init__(self, bus: Bus, *, rate: float = 1.0, damaged: float = 0.0, seed: int = 0) -> None:
        self.bus, self.rate, self.damaged, self._random = bus, rate, damaged, random.Random(seed)
        self.address, self.frame = 0, 0
        self.pid = {(end, direction): DATA0 for end in (0, 1, 2) for direction in (IN, OUT)}
        self.latest_bits = 0.0
        self.repeated = self.refused = self.lost = self.longest = 0
        self._received = bytearray()

    def _damage(self, line: bytes) -> bytes:
        """The same, or nothing, or with a stretch of a bit that is wrong."""
        if self._random.random() >= self.damaged:
            return line
        self.lost += 1
        if self._random.random() < 0.5:
            return bytes([1]) * len(line)
        place = self._random.randrange(8 * BIT_TICKS, len(line) - 4 * BIT_TICKS)
        return line[:place] + bytes(s ^ 3 if s in (1, 2) else s for s in line[place : place + BIT_TICKS]) + line[place + BIT_TICKS :]

    def _say(self, bits: list[int], *, answer: bool) -> tuple[int, bytes] | None:
        """Send a packet; what comes back, None if nothing does that is a packet."""
        said = self._damage(samples(levels(bits), self.rate))
        heard = self.bus.talk(said + bytes([1]) * BIT_TICKS, wait=TURNAROUND_BITS * BIT_TICKS if answer else 2 * BIT_TICKS)
        first = next((n for n, tick in enumerate(heard) if tick & 4), None)
        if first is None:
            return None
        if not answer:
            raise UsbError("the device talks without being asked")
        self.latest_bits = max(self.latest_bits, (first - len(said)) / BIT_TICKS + 1)  # the end's last bit is idle
        line = bytes(tick & 3 for tick in heard[first:] if tick & 4)
        try:
            return heard_packet(list(self._damage(line)))
        except BadPacket as error:
            if not self.damaged:
                raise UsbError(f"the device sent no packet: {error}") from error
            return None

    def _token(self, pid: int, endpoint: int, *, answer: bool) -> tuple[int, bytes] | None:
        if self.bus.ticks // FRAME_TICKS != self.frame:
            self.frame = self.bus.ticks // FRAME_TICKS
            self._say(start_of_frame(self.frame & 0x7FF), answer=False)
        return self._say(token(pid, self.address, endpoint), answer=answer)

    def send(self, endpoint: int, payload: bytes, *, kind: int = OUT) -> bool:
        """One packet to the device, repeated until it is taken; False if it is refused for now."""
        pid = self.pid[endpoint, OUT]
        for _ in range(RETRIES):
            self._token(kind, endpoint, answer=False)
            answer = self._say(data(pid, payload), answer=True)
            if answer == (ACK, b""):
                self.pid[endpoint, OUT] = DATA0 + DATA1 - pid
                return True
            if answer == (NAK, b""):
                self.refused += 1
                return False
            if answer is not None:
                raise UsbError(f"{answer} to a packet for endpoint {endpoint}")
            self.repeated += 1
        raise UsbError(f"nobody takes a packet for endpoint {endpoint}")

    def receive(self, endpoint: int) -> bytes | None:
        """Bytes of one packet from the device; None if it has none."""
        for _ in range(RETRIES):
            answer = self._token(IN, endpoint, answer=True)
            if answer is None:
                self.repeated += 1
                continue
            pid, payload = answer
            if pid == NAK:
                return None
            if pid == STALL:
                raise UsbError(f"endpoint {endpoint} refuses for good")
            self._say(header(ACK), answer=False)
            if pid == self.pid[endpoint, IN]:
                self.pid[endpoint, IN] = DATA0 + DATA1 - pid
                self.longest = max(self.longest, len(payload) if endpoint else 0)
                return payload
        raise UsbError(f"endpoint {endpoint} does not answer")

    def control(self, kind: int, request: int, value: int, index: int, *, length: int = 0, payload: bytes = b"") -> bytes:
        """A control transfer: ``payload`` to the device, or up to ``length`` bytes from it."""
        setup = bytes([kind, request]) + b"".join(n.to_bytes(2, "little") for n in (value, index, len(payload) or length))
        self.pid[0, OUT], self.pid[0, IN] = DATA0, DATA1
        if not self.send(0, setup, kind=SETUP):
            raise UsbError("a device must not refuse a request for now")
        found = b""
        if kind & 0x80:
            while len(found) < length:
                part = self._wait(lambda: self.receive(0))
                found += part
                if len(part) < 64:
                    break
            self.pid[0, OUT] = DATA1
            self._wait(lambda: self.send(0, b"") or None)
            return found
        if payload:
            self.pid[0, OUT] = DATA1
            self._wait(lambda: self.send(0, payload) or None)
        self.pid[0, IN] = DATA1
        if self._wait(lambda: self.receive(0)) != b"":
            raise UsbError("a status with bytes")
        return b""

    @staticmethod
    def _wait(what):
        for _ in range(QUIET):
            found = what()
            if found is not None:
                return found
        raise UsbError("the device is busy for ever")

    def reset(self) -> None:
        """The bus, as when a device is plugged in."""
        self.bus.talk(bytes([SE0]) * RESET_TICKS, wait=BIT_TICKS)
        self.bus.talk(bytes([1]) * RESET_TICKS, wait=BIT_TICKS)
        self.address, self.pid = 0, dict.fromkeys(self.pid, DATA0)

    def enumerate(self) -> tuple[bytes, bytes]:
        """Find out what the device is, as hosts do; its descriptors of device and configuration. It is configured then."""
        self.reset()
        first = self.control(0x80, 6, 0x0100, 0, length=8)
        self.reset()
        self.control(0x00, 5, ADDRESS, 0)
        self.address = ADDRESS
        device = self.control(0x80, 6, 0x0100, 0, length=18)
        if device[:8] != first:
            raise UsbError("the device has changed")
        total = int.from_bytes(self.control(0x80, 6, 0x0200, 0, length=9)[2:4], "little")
        configuration = self.control(0x80, 6, 0x0200, 0, length=total)
        self.control(0x00, 9, 1, 0)
        self.pid[1, IN] = self.pid[1, OUT] = DATA0
        return device, configuration

    # The byte stream.

    def write(self, payload: bytes) -> None:
        """Bytes to the device; what it says in the meantime is kept."""
        for k in range(0, len(payload), 64):
            while not self.send(1, payload[k : k + 64]):
                self._received += self.receive(1) or b""

    def read(self, count: int) -> bytes:
        """``count`` bytes, or what there is when the device has nothing to say for long."""
        quiet = 0
        while len(self._received) < count and quiet < QUIET:
            got = self.receive(1)
            quiet = 0 if got else quiet + 1
            self._received += got or b""
        found = bytes(self._received[:count])
        del self._received[:count]
        return found

    def close(self) -> None:
        """Nothing more is said."""
        self.bus.close()
