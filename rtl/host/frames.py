"""What receiver, executor and replier of the link share: the place in a frame, the word in hand, the checksum."""

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.crc.catalog import CRC16_IBM_3740
from amaranth.lib.wiring import In, Out, Signature

from lifline.arch.frame import CRC_BYTES, REQUEST_HEADER
from lifline.arch.layout import WORD_BITS
from lifline.arch.registers import ADDRESS_BITS

BYTE_BITS = 8
WORD_BYTES = WORD_BITS // BYTE_BITS
HEADER_BYTES = REQUEST_HEADER - 1
"""Bytes of a request's header after the one that announces it."""


class RequestHeader(data.Struct):
    """A request's header after the byte that announces it, in the order of the bytes."""

    sequence: BYTE_BITS
    kind: BYTE_BITS
    count: BYTE_BITS
    address: ADDRESS_BITS


def reads(kind: Value) -> Value:
    """Of a known kind: words come back."""
    return kind[0]


def writes(kind: Value) -> Value:
    """Of a known kind: words come with it."""
    return kind[1]


def waits(kind: Value) -> Value:
    """Of a known kind that reads: only at rest."""
    return kind[2]


def has_halves(kind: Value) -> Value:
    """Of a known kind that writes: halves of words."""
    return kind[2]


def has_bytes(kind: Value) -> Value:
    """Of a known kind that writes: a byte for a word."""
    return kind[3]


def is_known(kind: Value) -> Value:
    """There is such a kind, see :class:`lifline.arch.frame.Kind`."""
    return ~kind[4:].any() & (reads(kind) != writes(kind)) & ~(kind[3] & (reads(kind) | kind[2]))


class FramePlace(Signature):
    """The place in a frame, for the one who is at work in it.

    Members
    -------
    next_byte, first_byte : for one cycle, go to the next byte of a word or header, to its first one; together: to the first one.
    next_word, first_word : the same for words.
    byte : number of the byte in its word or header.   index : number of the word in the frame.
    last : the word is the last one, known from the second cycle after ``index`` has changed or ``count`` has; only counts then.
    done : the word before the one at ``index`` was the last one, by what ``last`` was at ``next_word``.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "next_byte": Out(1),
                "first_byte": Out(1),
                "next_word": Out(1),
                "first_word": Out(1),
                "byte": In(range(HEADER_BYTES)),
                "index": In(BYTE_BITS),
                "last": In(1),
                "done": In(1),
            }
        )


class FrameCounters(wiring.Component):
    """Keeps the place in a frame, for users who work one after the other; what any of them says is done.

    Members
    -------
    count : In, words of the frame.   index : Out, number of the word.   users : In(:class:`FramePlace`), one per user.
    """

    def __init__(self, users: int) -> None:
        super().__init__({"count": In(BYTE_BITS), "index": Out(BYTE_BITS), "users": In(FramePlace()).array(users)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        users = list(self.users)
        byte, following = Signal.like(users[0].byte), Signal.like(self.index)
        last, done = Signal(), Signal()
        for user in users:
            m.d.comb += [user.byte.eq(byte), user.index.eq(self.index), user.last.eq(last), user.done.eq(done)]
        m.d.comb += following.eq(self.index + 1)
        m.d.sync += last.eq(following == self.count)
        with m.If(Cat(user.next_byte for user in users).any()):
            m.d.sync += byte.eq(byte + 1)
        with m.If(Cat(user.first_byte for user in users).any()):
            m.d.sync += byte.eq(0)
        with m.If(Cat(user.next_word for user in users).any()):
            m.d.sync += [self.index.eq(following), done.eq(last)]
        with m.If(Cat(user.first_word for user in users).any()):
            m.d.sync += self.index.eq(0)
        return m


class WordRegister(wiring.Component):
    """The word in hand: bytes come in at its top and leave at its bottom, lowest byte first.

    Members
    -------
    shift : In, one cycle: ``byte`` comes in, the lowest byte goes.   byte : In.
    load : In, one cycle: ``loaded`` becomes the word; goes before ``shift``.   loaded : In, a whole word.
    word : Out, the word.   shifted : Out, what it becomes by ``shift``, in the same cycle.
    """

    byte: In(BYTE_BITS)
    shift: In(1)
    loaded: In(WORD_BITS)
    load: In(1)
    word: Out(WORD_BITS)
    shifted: Out(WORD_BITS)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.comb += self.shifted.eq(Cat(self.word[BYTE_BITS:], self.byte))
        with m.If(self.load):
            m.d.sync += self.word.eq(self.loaded)
        with m.Elif(self.shift):
            m.d.sync += self.word.eq(self.shifted)
        return m


class FrameCheck(Signature):
    """The checksum of a frame, for the one who is at work in it.

    Members
    -------
    start : the checksum begins anew with the next byte.   valid : ``byte`` counts.   byte : zero from who is not at work.
    crc : of all bytes up to the cycle before the last one.
    """

    def __init__(self) -> None:
        super().__init__({"start": Out(1), "valid": Out(1), "byte": Out(BYTE_BITS), "crc": In(CRC_BYTES * BYTE_BITS)})


class FrameChecksum(wiring.Component):
    """Keeps the checksum of a frame, for users who work one after the other. A byte reaches it through a register.

    Members
    -------
    users : In(:class:`FrameCheck`), one per user.
    """

    def __init__(self, users: int) -> None:
        super().__init__({"users": In(FrameCheck()).array(users)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.crc = crc = CRC16_IBM_3740().create()
        users = list(self.users)
        m.d.comb += crc.start.eq(Cat(user.start for user in users).any())
        m.d.sync += [crc.valid.eq(Cat(user.valid for user in users).any()), crc.data.eq(reduce(or_, (user.byte for user in users)))]
        m.d.comb += [user.crc.eq(crc.crc) for user in users]
        return m
