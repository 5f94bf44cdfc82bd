"""AXI4-Lite: registers and memories of the core as 32-bit words of one address space."""

import enum

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.frame import Status
from lifline.arch.layout import WORD_BITS
from lifline.arch.registers import ADDRESS_BITS

from ..cells.states import States
from ..host.bus import HostRequest, HostResponse

BYTES_SHIFT = (WORD_BITS // 8 - 1).bit_length()
"""Bits of a byte address below that of its word."""
AXI_LITE = ("Idle", "Request", "Response", "Written", "Read")


class Answer(enum.IntEnum):
    """``BRESP`` and ``RRESP``."""

    OKAY = 0
    SLVERR = 2
    """locked during a run, or written in part"""
    DECERR = 3
    """no such word, or it cannot be written"""


class AxiLite(wiring.Component):
    """One transaction at a time; reads and writes take turns where both wait. Byte address ``4 * n`` is word ``n`` of :mod:`lifline.arch.registers`.

    A word is written whole: one of which only some bytes are strobed is refused with ``SLVERR``. Answers are registered and stay until taken; address
    and data are taken in one cycle, when both are there. (AMBA AXI and ACE Protocol Specification, IHI 0022, part B.)

    Members
    -------
    ``s_axi_`` and what follows : the bus, named as the specification names its signals.   request, response : the host bus; one response for each request.
    """

    s_axi_awaddr: In(ADDRESS_BITS + BYTES_SHIFT)
    s_axi_awprot: In(3)
    s_axi_awvalid: In(1)
    s_axi_awready: Out(1)
    s_axi_wdata: In(WORD_BITS)
    s_axi_wstrb: In(WORD_BITS // 8)
    s_axi_wvalid: In(1)
    s_axi_wready: Out(1)
    s_axi_bresp: Out(2)
    s_axi_bvalid: Out(1)
    s_axi_bready: In(1)
    s_axi_araddr: In(ADDRESS_BITS + BYTES_SHIFT)
    s_axi_arprot: In(3)
    s_axi_arvalid: In(1)
    s_axi_arready: Out(1)
    s_axi_rdata: Out(WORD_BITS)
    s_axi_rresp: Out(2)
    s_axi_rvalid: Out(1)
    s_axi_rready: In(1)
    request: Out(stream.Signature(HostRequest))
    response: In(stream.Signature(HostResponse))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        asked, prefers_write, answer = Signal(HostRequest), Signal(), Signal(Answer)
        writes, reads = Signal(), Signal()  # what could be taken in this cycle
        m.d.comb += [
            writes.eq(self.s_axi_awvalid & self.s_axi_wvalid),
            reads.eq(self.s_axi_arvalid),
            self.request.payload.eq(asked),
            self.s_axi_bresp.eq(answer),
            self.s_axi_rresp.eq(answer),
        ]
        states = States(m, *AXI_LITE)
        with states("Idle"):
            with m.If(writes & (prefers_write | ~reads)):
                self.take_write(m, states, asked, answer)
                m.d.sync += prefers_write.eq(0)
            with m.Elif(reads):
                m.d.comb += self.s_axi_arready.eq(1)
                m.d.sync += [asked.write.eq(0), asked.address.eq(self.s_axi_araddr >> BYTES_SHIFT), prefers_write.eq(1)]
                states.next("Request")
        with states("Request"):
            m.d.comb += self.request.valid.eq(1)
            with m.If(self.request.ready):
                states.next("Response")
        with states("Response"):
            m.d.comb += self.response.ready.eq(1)
            with m.If(self.response.valid):
                error = self.response.payload.error
                m.d.sync += [
                    self.s_axi_rdata.eq(self.response.payload.data),
                    answer.eq(Mux(error == Status.OK, Answer.OKAY, Mux(error == Status.BAD_ADDRESS, Answer.DECERR, Answer.SLVERR))),
                ]
                states.next("Read")
                with m.If(asked.write):
                    states.next("Written")
        with states("Written"):
            m.d.comb += self.s_axi_bvalid.eq(1)
            with m.If(self.s_axi_bready):
                states.next("Idle")
        with states("Read"):
            m.d.comb += self.s_axi_rvalid.eq(1)
            with m.If(self.s_axi_rready):
                states.next("Idle")
        return m

    def take_write(self, m: Module, states: States, asked: Signal, answer: Signal) -> None:
        """Take address and data of a write; one of a part of a word ends here."""
        m.d.comb += [self.s_axi_awready.eq(1), self.s_axi_wready.eq(1)]
        m.d.sync += [asked.write.eq(1), asked.address.eq(self.s_axi_awaddr >> BYTES_SHIFT), asked.data.eq(self.s_axi_wdata)]
        states.next("Request")
        with m.If(~self.s_axi_wstrb.all()):
            m.d.sync += answer.eq(Answer.SLVERR)
            states.next("Written")
