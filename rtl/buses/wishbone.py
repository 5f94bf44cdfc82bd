"""Wishbone B4, classic cycles: registers and memories of the core as 32-bit words of one address space."""

from amaranth.hdl import Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.frame import Status
from lifline.arch.layout import WORD_BITS
from lifline.arch.registers import ADDRESS_BITS

from ..cells.states import States
from ..host.bus import HostRequest, HostResponse

WISHBONE = ("Idle", "Request", "Response", "Refused")


class Wishbone(wiring.Component):
    """Address ``n`` is word ``n`` of :mod:`lifline.arch.registers`. A word that does not exist, is locked during a run, or is written in part
    ends with ``err`` in place of ``ack``. (Wishbone B4, OpenCores 2010, chapter 3.)

    A cycle that is given up (``cyc`` low) before its answer is still executed; nobody sees its answer, and the next one
    waits for it.

    Members
    -------
    ``wb_`` and what follows : the bus, named as the specification names its signals, without the direction.   request, response : the host bus; one response for each request.
    """

    wb_cyc: In(1)
    wb_stb: In(1)
    wb_we: In(1)
    wb_adr: In(ADDRESS_BITS)
    wb_sel: In(WORD_BITS // 8)
    wb_dat_w: In(WORD_BITS)
    wb_dat_r: Out(WORD_BITS)
    wb_ack: Out(1)
    wb_err: Out(1)
    request: Out(stream.Signature(HostRequest))
    response: In(stream.Signature(HostResponse))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        asked = Signal(HostRequest)
        cycle, given_up = Signal(), Signal()
        m.d.comb += [
            cycle.eq(self.wb_cyc & self.wb_stb),
            self.request.payload.eq(asked),
            self.wb_dat_r.eq(self.response.payload.data),
        ]
        with m.If(~cycle):
            m.d.sync += given_up.eq(1)
        states = States(m, *WISHBONE)
        with states("Idle"):
            m.d.sync += [asked.write.eq(self.wb_we), asked.address.eq(self.wb_adr), asked.data.eq(self.wb_dat_w), given_up.eq(0)]
            with m.If(cycle):
                states.next("Request")
                with m.If(self.wb_we & ~self.wb_sel.all()):
                    states.next("Refused")
        with states("Request"):
            m.d.comb += self.request.valid.eq(1)
            with m.If(self.request.ready):
                states.next("Response")
        with states("Response"):
            m.d.comb += self.response.ready.eq(1)
            with m.If(self.response.valid):
                good = self.response.payload.error == Status.OK
                m.d.comb += [self.wb_ack.eq(cycle & ~given_up & good), self.wb_err.eq(cycle & ~given_up & ~good)]
                states.next("Idle")
        with states("Refused"):
            m.d.comb += self.wb_err.eq(cycle)
            states.next("Idle")
        return m
