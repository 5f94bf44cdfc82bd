"""Packets of USB at full speed on two lines: what the standard says, written down for tests."""

from __future__ import annotations

BIT_TICKS = 4
"""Ticks of 48 MHz in a bit."""
J, K, SE0 = 1, 2, 0
"""D+ in bit 0, D- in bit 1."""
OUT, IN, SOF, SETUP, DATA0, DATA1, ACK, NAK, STALL = 0b0001, 0b1001, 0b0101, 0b1101, 0b0011, 0b1011, 0b0010, 0b1010, 0b1110
ONES = 6
"""That many in a row are followed by a zero that means nothing."""


class BadPacket(Exception):
    """What was heard is none."""


def checksum(bits: list[int], width: int, polynomial: int) -> list[int]:
    """CRC of a packet, in the order in which it is sent."""
    register = (1 << width) - 1
    for bit in bits:
        top = register >> (width - 1)
        register = (register << 1) & ((1 << width) - 1)
        if top ^ bit:
            register ^= polynomial
    return [1 - (register >> k & 1) for k in reversed(range(width))]


def bits_of(value: int, width: int) -> list[int]:
    """The lowest first."""
    return [value >> k & 1 for k in range(width)]


def number(bits: list[int]) -> int:
    """The inverse."""
    return sum(bit << k for k, bit in enumerate(bits))


def token(pid: int, address: int, endpoint: int) -> list[int]:
    """Bits of a token."""
    fields = bits_of(address, 7) + bits_of(endpoint, 4)
    return header(pid) + fields + checksum(fields, 5, 0b00101)


def start_of_frame(frame: int) -> list[int]:
    """Bits of the packet that comes each millisecond."""
    fields = bits_of(frame, 11)
    return header(SOF) + fields + checksum(fields, 5, 0b00101)


def header(pid: int) -> list[int]:
    """Bits of a packet identifier; a handshake is no more."""
    return bits_of(pid | (pid ^ 15) << 4, 8)


def data(pid: int, payload: bytes) -> list[int]:
    """Bits of a packet with bytes."""
    bits = [bit for byte in payload for bit in bits_of(byte, 8)]
    return header(pid) + bits + checksum(bits, 16, 0x8005)


def levels(bits: list[int]) -> list[int]:
    """The lines for each bit of a packet, from the synchronisation to the end."""
    stuffed, ones = [], 0
    for bit in [0, 0, 0, 0, 0, 0, 0, 1, *bits]:
        stuffed.append(bit)
        ones = ones + 1 if bit else 0
        if ones == ONES:
            stuffed.append(0)
            ones = 0
    lines, state = [], J
    for bit in stuffed:
        state = state if bit else J + K - state
        lines.append(state)
    return [*lines, SE0, SE0, J]


def samples(lines: list[int], rate: float = 1.0) -> bytes:
    """The lines at each tick, by a host whose clock is ``rate`` times as fast as it should be."""
    ticks = BIT_TICKS / rate
    return bytes(lines[int(n / ticks)] for n in range(int(len(lines) * ticks)))


def heard_packet(heard: list[int]) -> tuple[int, bytes]:
    """Identifier and bytes of a packet from the lines in each tick.

    Raises
    ------
    BadPacket   if the standard says that it is none.
    """
    lines = heard[BIT_TICKS // 2 :: BIT_TICKS]
    if SE0 not in lines or lines[lines.index(SE0) :][:3] not in ([SE0, SE0, J], [SE0, SE0]):
        raise BadPacket("no end")
    bits, state = [], J
    for line in lines[: lines.index(SE0)]:
        if line not in (J, K):
            raise BadPacket("both lines are high")
        bits.append(int(line == state))
        state = line
    if bits[:8] != [0, 0, 0, 0, 0, 0, 0, 1]:
        raise BadPacket(f"begins with {bits[:8]}")
    plain, ones = [], 1  # the last bit of the synchronisation counts
    for bit in bits[8:]:
        if ones == ONES:
            if bit:
                raise BadPacket("seven ones")
            ones = 0
            continue
        plain.append(bit)
        ones = ones + 1 if bit else 0
    if len(plain) % 8 or not plain:
        raise BadPacket(f"{len(plain)} bits")
    pid = number(plain[:4])
    if number(plain[4:8]) != pid ^ 15:
        raise BadPacket("identifier")
    body = plain[8:]
    if pid in (DATA0, DATA1):
        if len(body) < 16 or checksum(body[:-16], 16, 0x8005) != body[-16:]:
            raise BadPacket("checksum")
        return pid, bytes(number(body[k : k + 8]) for k in range(0, len(body) - 16, 8))
    if body:
        raise BadPacket("a handshake with bits")
    return pid, b""
