"""Proofs of handshakes, pointers and saturation. Each has a broken twin, whose counterexample must be found."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
from amaranth.hdl import Assert, Assume, Elaboratable, Module, Mux, Signal, signed
from amaranth.lib.wiring import In

from lifline.arch.config import preset
from lifline.rtl.cells import buffers as buffers_module
from lifline.rtl.cells import clip as clip_module
from lifline.rtl.cells.memory import Check
from lifline.rtl.host import executor as executor_module
from lifline.rtl.host import host as host_module
from lifline.rtl.host import link as link_module
from lifline.rtl.host import uart as uart_module
from lifline.rtl.spikes import input as input_module

from .prove import around, missing, mutated, prove

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))
CONFIG = preset("tiny").replace(input_words=16)


class RepliesAreStable(Elaboratable):
    """The link's bytes to the driver: once offered, a byte stays until it is taken."""

    def __init__(self, module: ModuleType) -> None:
        self.link = module.Link(queue_bytes=4)
        self.ports = [
            self.link.i.valid, self.link.i.payload, self.link.o.ready, self.link.request.ready,
            self.link.resting, self.link.response.valid, self.link.response.payload.as_value(),
        ]  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.link = link = self.link
        waiting, payload = Signal(), Signal(8)
        m.d.sync += [waiting.eq(link.o.valid & ~link.o.ready), payload.eq(link.o.payload)]
        with m.If(waiting):
            m.d.comb += [Assert(link.o.valid), Assert(link.o.payload == payload)]
        return m


class RequestsAreStable(Elaboratable):
    """The link's requests to the core: once offered, a request stays until it is taken."""

    def __init__(self, module: ModuleType) -> None:
        self.link = module.Link()
        self.ports = [
            self.link.i.valid, self.link.i.payload, self.link.o.ready, self.link.request.ready,
            self.link.response.valid, self.link.response.payload.as_value(),
        ]  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.link = link = self.link
        waiting, where = Signal(), Signal.like(link.request.payload.as_value())
        now = link.request.payload.as_value()
        m.d.sync += [waiting.eq(link.request.valid & ~link.request.ready), where.eq(now)]
        with m.If(waiting):
            m.d.comb += [Assert(link.request.valid), Assert(now == where)]
        return m


class ResponsesAreStable(Elaboratable):
    """The core's answers: one per request, in the sixth cycle of it, and each stays until it is taken."""

    def __init__(self, module: ModuleType) -> None:
        self.host = module.Host(CONFIG)
        found = [value for _, member, value in self.host.signature.flatten(self.host) if member.flow is In]
        self.ports = [value if isinstance(value, Signal) else value.as_value() for value in found]

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.host = host = self.host
        offered, waiting, payload = Signal(), Signal(), Signal.like(host.response.payload.as_value())
        request = Signal.like(host.request.payload.as_value())
        m.d.sync += [
            offered.eq(host.request.valid & ~host.request.ready), request.eq(host.request.payload.as_value()),
            waiting.eq(host.response.valid & ~host.response.ready), payload.eq(host.response.payload.as_value()),
        ]  # fmt: skip
        with m.If(offered):  # the link keeps its side of the contract: proved above
            m.d.comb += [Assume(host.request.valid), Assume(host.request.payload.as_value() == request)]
        with m.If(waiting):
            m.d.comb += [Assert(host.response.valid), Assert(host.response.payload.as_value() == payload)]
        taken = Signal()
        m.d.sync += taken.eq(host.request.valid & host.request.ready)
        with m.If(taken):
            m.d.comb += Assert(host.response.valid)
        m.d.comb += Assert(~(host.request.ready & ~host.request.valid))
        m.d.comb += Assert(~(host.request.ready & host.response.valid))
        return m


class ReceivedBytesAreStable(Elaboratable):
    """The UART's bytes: once offered, a byte stays until it is taken, whatever comes on the line meanwhile."""

    def __init__(self, module: ModuleType) -> None:
        self.uart = module.Uart(4)
        self.ports = [self.uart.rx, self.uart.o.ready, self.uart.i.valid, self.uart.i.payload]

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.uart = uart = self.uart
        waiting, payload = Signal(), Signal(8)
        m.d.sync += [waiting.eq(uart.o.valid & ~uart.o.ready), payload.eq(uart.o.payload)]
        with m.If(waiting):
            m.d.comb += [Assert(uart.o.valid), Assert(uart.o.payload == payload)]
        return m


class Clips(Elaboratable):
    """``max(sat(total), floor)`` for every total that can occur on `medium` and every floor."""

    def __init__(self, module: ModuleType) -> None:
        config = preset("medium")
        self.clipped, self.bits, self.limit = module.clipped, config.state_bits, config.state_max
        self.total = Signal(signed(config.accumulator_bits + config.weight_shifts[-1] + 2))
        self.floor = Signal(signed(self.bits))
        self.ports = [self.total, self.floor]

    def elaborate(self, platform: object) -> Module:
        m = Module()
        result, saturated = self.clipped(m, self.total, self.floor, self.bits, "total")
        sat = Mux(self.total > self.limit, self.limit, Mux(self.total < -self.limit, -self.limit, self.total))
        m.d.comb += Assume(self.floor >= -self.limit)
        m.d.comb += [Assert(result == Mux(sat < self.floor, self.floor, sat)), Assert(saturated == (sat != self.total))]
        return m


class InputIsReadOnce(Elaboratable):
    """The input writer never takes a word that the host has not written, however many the host writes at a time."""

    def __init__(self, module: ModuleType) -> None:
        self.writer = module.InputWriter(CONFIG)
        writer = self.writer
        self.count = Signal.like(writer.control.available)
        control = (getattr(writer.control, name) for name, member in writer.control.signature.members.items() if member.flow.name == "In")
        self.ports = [
            self.count, *(signal for signal in control if signal is not writer.control.available), writer.progress.limit,
            writer.write.ready, writer.delays.free, writer.delays.data, writer.host.address, writer.host.data, writer.host.write, writer.host.read,
        ]  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.writer = writer = self.writer
        written, waiting = Signal.like(writer.control.available), Signal.like(writer.control.available)
        m.d.comb += [writer.control.available.eq(written), waiting.eq(written - writer.control.taken)]
        with m.If(waiting <= CONFIG.input_words):  # else the assumption would hide what the assertion is to find
            m.d.comb += Assume(self.count + waiting <= CONFIG.input_words)
        m.d.sync += written.eq(written + self.count)
        with m.If(writer.control.discard):
            m.d.sync += written.eq(0)
        m.d.comb += Assert(waiting <= CONFIG.input_words)
        started, neurons = Signal(), Signal.like(writer.control.neurons)  # which stay, as the host loads them once
        m.d.sync += [started.eq(1), neurons.eq(writer.control.neurons)]
        m.d.comb += Assume(~started | (writer.control.neurons == neurons))
        wrote = Signal()  # the host writes where nothing waits, and reads no word that it has just written
        m.d.sync += wrote.eq(writer.host.write)
        m.d.comb += [
            Assume(~writer.host.write | ((writer.host.address - writer.control.taken)[: len(writer.host.address)] >= waiting)),
            Assume(~(writer.host.read & (writer.host.write | wrote))),
        ]
        return m


PARTS_OF_THE_LINK = (buffers_module, executor_module)
PROOFS = {
    "replies-are-stable": (RepliesAreStable, buffers_module, "self.i.ready.eq(~self.o.valid | self.o.ready)", "self.i.ready.eq(1)", 4, 30),
    "requests-are-stable": (RequestsAreStable, executor_module, "m.d.comb += self.busy.eq(states.busy)", "m.d.comb += [self.busy.eq(states.busy), request.valid.eq(response.valid)]", 4, 4),
    "responses-are-stable": (ResponsesAreStable, host_module, "counters of the new run.\n            m.d.comb += idle.eq(1)", "counters of the new run.\n            m.d.comb += [idle.eq(1), self.response.valid.eq(self.run.running)]", 8, 8),
    "received-bytes-are-stable": (ReceivedBytesAreStable, uart_module, "with m.If(self.o.valid & self.o.ready):", "with m.If(self.o.valid):", 4, 60),
    "input-is-read-once": (InputIsReadOnce, input_module, "moves.eq(fetched & (~self.valid | self.consume))", "moves.eq(~self.valid | self.consume)", 4, 30),
    "saturation": (Clips, clip_module, "saturated.eq(~inside | (sign & ~total[: state_bits - 1].any()))", "saturated.eq(~inside)", 1, 1),
}  # fmt: skip
"""Wrapper, module, a line of it and what the broken twin has instead, steps of the induction, steps within which the twin fails."""


@pytest.mark.parametrize("broken", [False, True], ids=["holds", "broken-twin-fails"])
@pytest.mark.parametrize("name", PROOFS)
def test_proof(tmp_path: Path, name: str, broken: bool) -> None:
    wrapper, module, old, new, depth, twin_depth = PROOFS[name]
    twin = mutated(module, (old, new)) if broken else module
    design = wrapper(around(link_module, module, twin) if module in PARTS_OF_THE_LINK else twin)
    # With what the states of link and host assert: the induction needs to know that one of them is on; and the input, that what it has fetched was there.
    platform = Check.ASSERT if module in (executor_module, host_module, input_module) else None
    assert prove(tmp_path, design, design.ports, twin_depth if broken else depth, platform=platform) is not broken
