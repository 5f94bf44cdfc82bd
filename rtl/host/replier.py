"""The last third of the link: status and words of a request become the bytes of a reply."""

from functools import reduce
from operator import or_

from amaranth.hdl import Module, Signal, ValueLike, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.frame import REPLY_SYNC, Status
from lifline.arch.layout import WORD_BITS

from ..cells.states import States
from .frames import BYTE_BITS, WORD_BYTES, FrameCheck, FramePlace

REPLIER = ("Start", "Sequence", "Status", "Count", "Data", "Crc", "Crc-Low", "Crc-High")


class Replier(wiring.Component):
    """Sends one reply, and rests until ``start``.

    Members
    -------
    start : In, one cycle, at rest: reply.
    sequence, status, count : In, of the reply; they stay until ``done``.
    place, check : Out, of :mod:`.frames`.
    word : In, the word in hand.   load : Out, one cycle: the reply's word at ``place.index`` becomes it.   shift : Out, one cycle: its lowest byte goes.
    uses_word : Out, for checks: the reply's word counts now.
    o : Out(stream of bytes), without a register; a byte stays until it is taken.
    done : Out, one cycle, the last byte is taken.
    busy : Out, for checks: not at rest.
    """

    start: In(1)
    sequence: In(BYTE_BITS)
    status: In(Status)
    count: In(BYTE_BITS)
    place: Out(FramePlace())
    check: Out(FrameCheck())
    word: In(WORD_BITS)
    load: Out(1)
    shift: Out(1)
    uses_word: Out(1)
    o: Out(stream.Signature(unsigned(BYTE_BITS)))
    done: Out(1)
    busy: Out(1)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        place, ready = self.place, self.o.ready  # without `valid`: a byte is offered in every state that asks, and a state is late enough
        sent: list[Signal] = []  # by the states; zero while another one is on, so that an OR joins them

        def send(byte: ValueLike, *, checked: bool) -> None:
            sent.append(byte_sent := Signal(BYTE_BITS, name=f"sent{len(sent)}"))
            m.d.comb += [self.o.valid.eq(1), byte_sent.eq(byte)]
            if checked:
                m.d.comb += self.check.valid.eq(ready)

        states = States(m, *REPLIER, start=self.start)
        m.d.comb += self.busy.eq(states.busy)
        with states("Start"):
            m.d.comb += [self.check.start.eq(1), place.first_byte.eq(1), place.first_word.eq(1)]
            send(REPLY_SYNC, checked=False)
            with m.If(ready):
                states.next("Sequence")
        with states("Sequence"):
            send(self.sequence, checked=True)
            with m.If(ready):
                states.next("Status")
        with states("Status"):
            send(self.status, checked=True)
            with m.If(ready):
                states.next("Count")
        with states("Count"):
            m.d.comb += [self.load.eq(1), self.uses_word.eq(1)]
            send(self.count, checked=True)
            with m.If(ready):
                states.next("Data")
                with m.If(self.count == 0):
                    states.next("Crc")
        with states("Data"):
            m.d.comb += [self.uses_word.eq(1), self.shift.eq(ready)]
            send(self.word[:BYTE_BITS], checked=True)
            with m.If(ready):
                m.d.comb += place.next_byte.eq(1)
                with m.If(place.byte == 0):
                    m.d.comb += place.next_word.eq(1)
                with m.If(place.byte == WORD_BYTES - 1):
                    m.d.comb += [place.first_byte.eq(1), self.load.eq(1)]
                    with m.If(place.done):
                        states.next("Crc")
        with states("Crc"):  # the last byte is on its way to the checksum
            states.next("Crc-Low")
        with states("Crc-Low"):
            send(self.check.crc[:BYTE_BITS], checked=False)
            with m.If(ready):
                states.next("Crc-High")
        with states("Crc-High"):
            send(self.check.crc[BYTE_BITS:], checked=False)
            with m.If(ready):
                m.d.comb += self.done.eq(1)
                states.finish()
        m.d.comb += [self.o.payload.eq(reduce(or_, sent)), self.check.byte.eq(self.o.payload)]
        return m
