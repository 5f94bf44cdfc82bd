"""The gateware's end of the link against a reference parser of the same byte stream."""

import random
from dataclasses import dataclass, field

import pytest

from lifline.arch.frame import (
    MAX_WORDS,
    QUEUE_BYTES,
    REPLY_SYNC,
    REQUEST_HEADER,
    REQUEST_SYNC,
    RESYNC_BYTES,
    Kind,
    Reply,
    Request,
    Status,
    crc16,
)
from lifline.rtl.host.link import Link

from ..bench import simulate

MEMORY_WORDS = 256
LOCKED = 0x40
"""Word that answers BUSY; addresses from ``MEMORY_WORDS`` on do not exist."""


@dataclass
class Memory:
    """The bus's other end: 256 words, one of them busy."""

    words: list[int] = field(default_factory=lambda: [k * 0x01010101 & 0xFFFFFFFF for k in range(MEMORY_WORDS)])

    def access(self, write: bool, address: int, data: int) -> tuple[int, Status]:
        if address >= MEMORY_WORDS:
            return 0, Status.BAD_ADDRESS
        if address == LOCKED:
            return 0xDEADBEEF, Status.BUSY
        if write:
            self.words[address] = data
            return 0, Status.OK
        return self.words[address], Status.OK


def reference(data: bytes, memory: Memory) -> bytes:
    """Every reply to a byte stream of requests."""
    out = b""
    position = 0
    while position < len(data):
        if data[position] != REQUEST_SYNC:
            position += 1
            continue
        body = data[position + 1 :]
        if len(body) < REQUEST_HEADER - 1:
            break
        sequence, kind, count, address = body[0], body[1], body[2], int.from_bytes(body[3:6], "little")
        width = 0 if not kind & 2 else 1 if kind & 8 else 2 if kind & 4 else 4
        size = REQUEST_HEADER - 1 + width * count
        if len(body) < size + 2:
            break
        position += 1 + size + 2
        status, words = Status.OK, []
        if crc16(body[:size]) != int.from_bytes(body[size : size + 2], "little"):
            status = Status.BAD_CRC
        elif kind not in list(Kind) or not 1 <= count <= MAX_WORDS:
            status = Status.BAD_REQUEST
        else:
            for k in range(count):
                payload = int.from_bytes(body[6 + width * k : 6 + width * (k + 1)], "little")
                if width == 1:
                    payload = payload & 0x7F | payload >> 7 << 15
                word, status = memory.access(not Kind(kind).reads, (address + k) & 0xFFFFFF, payload)
                if status != Status.OK:
                    break
                words.append(word)
        good = status == Status.OK and Kind(kind).reads
        out += Reply(sequence, status, tuple(words) if good else ()).encode()
    return out


async def fired(ctx, condition, value=0):
    """Wait for a clock edge with ``condition``; gives ``value`` at that edge."""
    while True:
        _, _, done, sampled = await ctx.tick().sample(condition, value)
        if done:
            return sampled


def gateware(data: bytes, memory: Memory, seed: int | None = None, rests_at: int = 0) -> tuple[bytes, int]:
    """Replies of the gateware and the cycles until it was done; ``seed`` makes every neighbour stall at random; the core rests from a cycle on."""
    link = Link()
    rng = random.Random(seed)
    out = bytearray()
    cycles, left = 0, len(data)

    def pause() -> bool:
        return seed is not None and rng.random() < 0.4

    async def sender(ctx):
        nonlocal left
        for byte in data:
            while pause():
                await ctx.tick()
            ctx.set(link.i.payload, byte)
            ctx.set(link.i.valid, 1)
            await fired(ctx, link.i.ready)
            ctx.set(link.i.valid, 0)
            left -= 1

    async def bus(ctx):
        while True:
            while pause():
                await ctx.tick()
            ctx.set(link.request.ready, 1)
            request = await fired(ctx, link.request.valid, link.request.payload)
            ctx.set(link.request.ready, 0)
            word, status = memory.access(bool(request.write), request.address, request.data)
            for _ in range(rng.randrange(6) if seed is not None else 2):
                await ctx.tick()
            ctx.set(link.response.payload, {"data": word, "error": status})
            ctx.set(link.response.valid, 1)
            await fired(ctx, link.response.ready)
            ctx.set(link.response.valid, 0)

    async def receiver(ctx):
        nonlocal cycles
        quiet = 0
        held = None
        while quiet < 300 or cycles < rests_at + 300:  # so long may what is in the queue take
            ready = not pause()
            ctx.set(link.o.ready, ready)
            ctx.set(link.resting, cycles >= rests_at)
            _, _, valid, payload, working = await ctx.tick().sample(link.o.valid, link.o.payload, link.request.valid)
            cycles += 1
            assert held is None or (valid and payload == held), "a byte that was offered must stay"
            held = payload if valid and not ready else None
            if valid and ready:
                out.append(payload)
            quiet = 0 if valid or working or left else quiet + 1
        cycles -= quiet

    simulate(link, receiver, sender, bus)
    return bytes(out), cycles


def check(data: bytes, seed: int | None = None) -> bytes:
    """Gateware and reference give the same replies and leave the same memory."""
    here, there = Memory(), Memory()
    got, _ = gateware(data, here, seed)
    assert got == reference(data, there)
    assert here.words == there.words
    return got


def read(address: int, count: int, sequence: int = 1) -> bytes:
    return Request(sequence, Kind.READ, address, count).encode()


def write(address: int, words: list[int], sequence: int = 2) -> bytes:
    return Request(sequence, Kind.WRITE, address, len(words), tuple(words)).encode()


def test_reads_one_word():
    assert check(read(3, 1, sequence=0x77)) == Reply(0x77, Status.OK, (0x03030303,)).encode()


def test_writes_then_reads_the_largest_frame():
    words = [(k * 2654435761) & 0xFFFFFFFF for k in range(MAX_WORDS)]
    got = check(write(100, words, 9) + read(100, MAX_WORDS, 10))
    assert got == Reply(9, Status.OK).encode() + Reply(10, Status.OK, tuple(words)).encode()


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (Request(5, Kind.READ, 0, 0).encode(), Status.BAD_REQUEST),
        (Request(5, Kind.READ, 0, MAX_WORDS + 1).encode(), Status.BAD_REQUEST),
        (Request(5, Kind.WRITE, 0, 0).encode(), Status.BAD_REQUEST),
        (Request(5, Kind.WRITE, 0, MAX_WORDS + 1, (1,) * (MAX_WORDS + 1)).encode(), Status.BAD_REQUEST),
        (read(3, 1, 5)[:2] + b"\x03" + b"\x01\0\0\0" + b"\0\0\0\0" + crc16(b"\x05\x03\x01" + bytes(7)).to_bytes(2, "little"), Status.BAD_REQUEST),
        *(
            (read(3, 1, 5)[:2] + bytes([kind, 1, 0, 0, 0]) + crc16(bytes([5, kind, 1, 0, 0, 0])).to_bytes(2, "little"), Status.BAD_REQUEST)
            for kind in (0, 4, 8, 9, 13, 16, 17, 33)
        ),
        (read(MEMORY_WORDS - 2, 3, 5), Status.BAD_ADDRESS),
        (write(0xFFFFFF, [1], 5), Status.BAD_ADDRESS),
        (read(LOCKED - 3, 5, 5), Status.BUSY),
        (read(3, 1, 5)[:-1] + b"\x00", Status.BAD_CRC),
    ],
)
def test_refuses_without_payload(request_bytes, status):
    assert check(request_bytes) == Reply(5, status).encode()


@pytest.mark.parametrize("count", [1, 2, 3, MAX_WORDS])
def test_halves_arrive_as_words(count):
    halves = tuple((k * 40503 + 7) & 0xFFFF for k in range(count))
    frame = Request(9, Kind.WRITE_HALVES, 100, count, halves).encode()
    assert len(frame) == 9 + 2 * count
    assert check(frame + read(100, count, 10)).endswith(Reply(10, Status.OK, halves).encode())


@pytest.mark.parametrize("count", [1, 2, 3, MAX_WORDS])
def test_bytes_arrive_as_words_of_sixteen_bits(count):
    words = tuple((k * 37 & 0x7F) | (0x8000 if k % 3 == 0 else 0) for k in range(count))
    frame = Request(9, Kind.WRITE_BYTES, 100, count, words).encode()
    assert len(frame) == 9 + count
    assert check(frame + read(100, count, 10)).endswith(Reply(10, Status.OK, words).encode())


def test_a_read_at_rest_waits_and_what_is_behind_it_waits_too():
    data = Request(1, Kind.READ_AT_REST, 3, 2).encode() + write(3, [5], 2) + read(3, 1, 3)
    memory = Memory()
    got, cycles = gateware(data, memory, rests_at=300)
    assert got == Reply(1, Status.OK, (0x03030303, 0x04040404)).encode() + Reply(2, Status.OK).encode() + Reply(3, Status.OK, (5,)).encode()
    assert 300 < cycles < 400 and memory.words[3] == 5


def test_a_full_queue_ends_the_waiting():
    """Whatever waits behind it: requests, then the zero bytes of a driver that has lost track."""
    waits = Request(1, Kind.READ_AT_REST, 3, 1).encode()
    data = waits + read(5, 1, 2) + waits + bytes(RESYNC_BYTES) + read(4, 1, 3)
    got, cycles = gateware(data, Memory(), rests_at=4000)
    assert got == b"".join(Reply(n, Status.OK, (w * 0x01010101,)).encode() for n, w in ((1, 3), (2, 5), (1, 3), (3, 4)))
    assert cycles < 2000


def test_a_queue_of_requests_is_taken_while_the_first_one_waits():
    """All of the queue, and nothing is lost when it is full."""
    more = [read(k % 200, 1, k & 0xFF) for k in range(2 * QUEUE_BYTES // len(read(0, 1)))]
    taken = {}
    link = Link()
    data = Request(1, Kind.READ_AT_REST, 3, 1).encode() + b"".join(more)

    async def sender(ctx):
        for k, byte in enumerate(data):
            if k == QUEUE_BYTES - 1 + len(read(0, 1)):
                taken["bytes"] = k - len(read(0, 1))  # one more, and it would not wait any more
                return
            ctx.set(link.i.payload, byte)
            ctx.set(link.i.valid, 1)
            await fired(ctx, link.i.ready)

    simulate(link, sender)
    assert taken["bytes"] == QUEUE_BYTES - 1
    assert check(data) == reference(data, Memory())


def test_a_write_with_a_wrong_crc_changes_nothing():
    frame = bytearray(write(0, [1, 2, 3]))
    frame[8] ^= 0x10
    memory = Memory()
    got, _ = gateware(bytes(frame), memory)
    assert got == Reply(2, Status.BAD_CRC).encode()
    assert memory.words == Memory().words


def test_skips_noise_between_frames():
    assert check(b"\x00\xff\x5a" + read(1, 1) + bytes(range(0x20)) + read(2, 2)).count(bytes([REPLY_SYNC, 1, 0])) == 2


def test_zero_bytes_end_any_half_received_frame():
    for cut in (1, 5, 8, 40):
        got = check(write(0, list(range(20)))[:cut] + bytes(RESYNC_BYTES) + read(7, 1, 0x31))
        assert got.endswith(Reply(0x31, Status.OK, (0x07070707,)).encode())


def test_a_corrupted_count_does_not_outlast_the_resynchronisation():
    frame = bytearray(write(0, [1]))
    frame[3] = 255
    assert check(bytes(frame) + bytes(RESYNC_BYTES) + read(7, 1, 0x31)).endswith(Reply(0x31, Status.OK, (0x07070707,)).encode())


@pytest.mark.parametrize("seed", range(4))
def test_random_requests_with_stalls_and_corruption(seed):
    rng = random.Random(seed)
    stream = b""
    for k in range(25):
        count = rng.choice([1, 1, 2, 5, 17])
        address = rng.choice([rng.randrange(MEMORY_WORDS), LOCKED - 1, MEMORY_WORDS - 1, rng.randrange(1 << 24)])
        kind = rng.choice(list(Kind))
        words = () if kind.reads else tuple(rng.getrandbits(8 * kind.word_bytes) for _ in range(count))
        if kind is Kind.WRITE_BYTES:
            words = tuple(word & 0x7F | word >> 7 << 15 for word in words)
        frame = bytearray(Request(k, kind, address, count, words).encode())
        if rng.random() < 0.3:
            frame[rng.randrange(len(frame))] ^= 1 << rng.randrange(8)
        if rng.random() < 0.1:
            del frame[rng.randrange(len(frame))]
        stream += bytes(frame) + rng.randbytes(rng.randrange(3))
    check(stream, seed=seed)


def test_cycles_of_a_full_read():
    """What a read of 64 words costs, without stalls: the bytes, and six cycles a word for a bus that answers in three."""
    data = read(0, MAX_WORDS)
    _, cycles = gateware(data, Memory())
    assert cycles <= len(data) + 6 + 4 * MAX_WORDS + 7 * MAX_WORDS
