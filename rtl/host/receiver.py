"""The first third of the link: bytes become a request whose checksum is right, or that is refused."""

from amaranth.hdl import Cat, Module, Signal, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.frame import MAX_WORDS, REQUEST_SYNC, Status

from ..cells.states import States
from .frames import BYTE_BITS, HEADER_BYTES, WORD_BYTES, FrameCheck, FramePlace, RequestHeader, has_bytes, has_halves, is_known, writes

RECEIVER = ("Hunt", "Header", "Payload", "Check-Low", "Check-High", "Judge")


class Receiver(wiring.Component):
    """Looks for a request, takes it to its end, judges it, and rests until ``start``. After a reset it does not rest.

    Members
    -------
    i : In(stream of bytes), from the driver; without a register, and not taken at rest.
    start : In, one cycle, at rest: look for the next request.
    header : Out, of the request, from ``accepted`` or ``refused`` until the next one begins.   no_words : In, ``header.count`` becomes zero.
    place, check : Out, of :mod:`.frames`.
    shift : Out, the byte of ``i`` goes into the word in hand.   halves, bytes : Out, with ``word_valid``: only its upper half, or its highest byte came.   word_valid : Out, with the last byte of a word: it belongs to the payload at ``place.index``.
    accepted : Out, one cycle: execute the request.   refused : Out, one cycle: reply ``status``.   status : Out, counts in both.
    busy : Out, for checks: not at rest.
    """

    i: In(stream.Signature(unsigned(BYTE_BITS)))
    start: In(1)
    header: Out(RequestHeader)
    no_words: In(1)
    place: Out(FramePlace())
    check: Out(FrameCheck())
    shift: Out(1)
    halves: Out(1)
    bytes: Out(1)
    word_valid: Out(1)
    accepted: Out(1)
    refused: Out(1)
    status: Out(Status)
    busy: Out(1)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        header, place = self.header, self.place
        taken, good, crc_low, settling = Signal(), Signal(), Signal(BYTE_BITS), Signal()
        m.d.comb += taken.eq(self.i.valid & self.i.ready)
        # Words of a byte would come sooner than it is known which word is the last one.
        m.d.sync += settling.eq(self.word_valid | (place.next_byte & place.first_byte))

        states = States(m, *RECEIVER, start=self.start, awake=True)
        m.d.comb += self.busy.eq(states.busy)
        with states("Hunt"):
            m.d.comb += [self.i.ready.eq(1), self.check.start.eq(1), place.first_byte.eq(1), place.first_word.eq(1)]
            with m.If(taken & (self.i.payload == REQUEST_SYNC)):
                states.next("Header")
        with states("Header"):
            self.take_checked(m, taken)
            with m.If(taken):
                m.d.comb += place.next_byte.eq(1)
                m.d.sync += header.eq(Cat(header.as_value()[BYTE_BITS:], self.i.payload))
                with m.If(place.byte == HEADER_BYTES - 1):
                    m.d.comb += place.first_byte.eq(1)
                    states.next("Check-Low")
                    early = RequestHeader(header.as_value() >> BYTE_BITS)  # what is still one byte too high in the shift register
                    with m.If(writes(early.kind) & (early.count != 0)):
                        states.next("Payload")
        with states("Payload"):
            self.take_checked(m, taken)
            m.d.comb += self.i.ready.eq(~settling)
            m.d.comb += [self.shift.eq(taken), self.halves.eq(has_halves(header.kind)), self.bytes.eq(has_bytes(header.kind))]
            with m.If(taken):
                m.d.comb += place.next_byte.eq(1)
                with m.If((place.byte == WORD_BYTES - 1) | (self.halves & (place.byte == WORD_BYTES // 2 - 1)) | self.bytes):
                    m.d.comb += [self.word_valid.eq(1), place.first_byte.eq(1), place.next_word.eq(1)]
                    with m.If(place.last):
                        states.next("Check-Low")
        with states("Check-Low"):
            m.d.comb += [self.i.ready.eq(1), place.first_word.eq(1)]
            with m.If(taken):
                m.d.sync += crc_low.eq(self.i.payload)
                states.next("Check-High")
        with states("Check-High"):
            m.d.comb += self.i.ready.eq(1)
            m.d.sync += good.eq(self.check.crc == Cat(crc_low, self.i.payload))
            with m.If(taken):
                states.next("Judge")
        with states("Judge"):
            self.judge(m, good)
            states.finish()
        with m.If(self.refused | self.no_words):  # behind all else that sets it, so that it takes no logic
            m.d.sync += header.count.eq(0)
        return m

    def take_checked(self, m: Module, taken: Signal) -> None:
        """Take a byte, which the checksum covers."""
        m.d.comb += [self.i.ready.eq(1), self.check.valid.eq(taken), self.check.byte.eq(self.i.payload)]

    def judge(self, m: Module, good: Signal) -> None:
        """Accept or refuse what has been received; ``good``: its checksum is right."""
        kind, count = self.header.kind, self.header.count
        with m.If(~good):
            m.d.comb += [self.refused.eq(1), self.status.eq(Status.BAD_CRC)]
        with m.Elif(~is_known(kind) | (count == 0) | (count > MAX_WORDS)):
            m.d.comb += [self.refused.eq(1), self.status.eq(Status.BAD_REQUEST)]
        with m.Else():
            m.d.comb += self.accepted.eq(1)
