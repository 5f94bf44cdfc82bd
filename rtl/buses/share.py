"""Several masters of one host bus."""

from __future__ import annotations

from amaranth.hdl import Array, Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from ..cells.states import States
from ..host.bus import HostRequest, HostResponse

SHARE = ("Idle", "Request", "Response")


class Share(wiring.Component):
    """One request after the other; who was served last comes last. Choosing takes a cycle; then request and response pass through without a register.

    Members
    -------
    requests, responses : of the masters.   request, response : the host bus.
    """

    def __init__(self, masters: int) -> None:
        request, response = stream.Signature(HostRequest), stream.Signature(HostResponse)
        super().__init__(
            {
                "requests": In(request).array(masters),
                "responses": Out(response).array(masters),
                "request": Out(request),
                "response": In(response),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        requests, responses = list(self.requests), list(self.responses)
        chosen = Signal(range(len(requests)))
        states = States(m, *SHARE)
        with states("Idle"):
            with m.If(Cat(r.valid for r in requests).any()):
                states.next("Request")
            with m.Switch(chosen):
                for last in range(len(requests)):
                    with m.Case(last):
                        for distance in reversed(range(1, len(requests))):  # who is nearest behind the last one is looked at last, and wins
                            k = (last + distance) % len(requests)
                            with m.If(requests[k].valid):
                                m.d.sync += chosen.eq(k)
        with states("Request"):
            with m.If(self.request.valid & self.request.ready):
                states.next("Response")
        with states("Response"):
            with m.If(self.response.valid & self.response.ready):
                states.next("Idle")
        asking, answering = states.ongoing("Request"), states.ongoing("Response")
        m.d.comb += [
            self.request.valid.eq(asking),
            self.request.payload.eq(Array(r.payload.as_value() for r in requests)[chosen]),
            self.response.ready.eq(answering & Array(r.ready for r in responses)[chosen]),
        ]
        for k, (request, response) in enumerate(zip(requests, responses, strict=True)):
            m.d.comb += [
                request.ready.eq(asking & (chosen == k) & self.request.ready),
                response.valid.eq(answering & (chosen == k) & self.response.valid),
                response.payload.eq(self.response.payload),
            ]
        return m
