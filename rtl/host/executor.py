"""The second third of the link: an accepted request, word by word on the host bus."""

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.frame import Status
from lifline.arch.layout import WORD_BITS

from ..cells.states import States
from .bus import HostRequest, HostResponse
from .frames import FramePlace, RequestHeader, reads, waits, writes

EXECUTOR = ("Execute", "Answer", "Next")


class Executor(wiring.Component):
    """Reads or writes the words of a request up to the first error, and rests until ``start``. A read at rest waits for ``go`` first.

    Members
    -------
    start : In, one cycle, at rest, with the place at the first word: execute ``header``.   header : In, stays until ``done``.
    go : In, level, what waits may be read.
    place : Out, of :mod:`.frames`.
    word : In, the payload's word at ``place.index``, one cycle after it.   uses_word : Out, for checks: ``word`` counts now.
    request : Out(stream of HostRequest), the host bus; address and data stay while a request is offered, because the place does.
    response : In(stream of HostResponse).
    answered : Out, one cycle per word, before ``place`` goes on: ``response`` holds its status.
    read_valid : Out, with it, and only for reads: its data belongs to the reply.
    no_words : Out, one cycle: the reply carries no words.   done : Out, one cycle: reply.
    busy : Out, for checks: not at rest.
    """

    start: In(1)
    header: In(RequestHeader)
    go: In(1)
    place: Out(FramePlace())
    word: In(WORD_BITS)
    uses_word: Out(1)
    request: Out(stream.Signature(HostRequest))
    response: In(stream.Signature(HostResponse))
    answered: Out(1)
    read_valid: Out(1)
    no_words: Out(1)
    done: Out(1)
    busy: Out(1)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        header, request, response = self.header, self.request, self.response
        # `place.index` stays for at least four cycles but for the one after Answer.
        m.d.sync += request.payload.address.eq(header.address + self.place.index)
        m.d.comb += [request.payload.write.eq(writes(header.kind)), request.payload.data.eq(self.word)]

        states = States(m, *EXECUTOR, start=self.start)
        m.d.comb += self.busy.eq(states.busy)
        with states("Execute"):
            m.d.comb += [request.valid.eq(writes(header.kind) | ~waits(header.kind) | self.go), self.uses_word.eq(request.payload.write)]
            with m.If(request.valid & request.ready):
                states.next("Answer")
        with states("Answer"):
            m.d.comb += [response.ready.eq(1), self.answered.eq(response.valid), self.read_valid.eq(response.valid & reads(header.kind))]
            with m.If(response.valid):
                m.d.comb += self.place.next_word.eq(1)
                states.next("Next")
                with m.If(response.payload.error != Status.OK):
                    m.d.comb += [self.no_words.eq(1), self.done.eq(1)]
                    states.finish()
        with states("Next"):
            states.next("Execute")
            with m.If(self.place.done):
                m.d.comb += [self.done.eq(1), self.no_words.eq(writes(header.kind))]
                states.finish()
        return m
