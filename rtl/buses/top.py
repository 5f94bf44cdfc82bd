"""The core as a component of a system on a chip: one top level per bus. With a byte stream it is :class:`~lifline.rtl.top.Top`."""

from __future__ import annotations

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config
from lifline.arch.registers import REGISTERS, Space, address

from ..cells.target import GENERIC, Target
from ..core import Core
from .axi_lite import AxiLite
from .axi_stream import AxiStream
from .share import Share
from .wishbone import Wishbone


class AxiTop(wiring.Component):
    """Core behind AXI4-Lite, with its input and output also as AXI4-Stream.

    Members
    -------
    ``s_axi_`` and what follows : of :class:`~lifline.rtl.buses.axi_lite.AxiLite`.   ``s_axis_``, ``m_axis_`` : of :class:`~lifline.rtl.buses.axi_stream.AxiStream`.
    stream_error : Out, sticky, its ``error``.
    """

    def __init__(self, config: Config, *, target: Target = GENERIC) -> None:
        self.config, self.target = config, target
        self.lite, self.stream = AxiLite(), AxiStream(config)
        self._outer = {name: member for part in (self.lite, self.stream) for name, member in part.signature.members.items() if "axi" in name}
        super().__init__(self._outer | {"stream_error": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.core = core = Core(self.config, target=self.target)
        m.submodules.lite, m.submodules.stream = lite, streams = self.lite, self.stream
        m.submodules.share = share = Share(2)
        for part in (lite, streams):
            for name, member in part.signature.members.items():
                if name in self._outer:
                    inner, outer = getattr(part, name), getattr(self, name)
                    m.d.comb += inner.eq(outer) if member.flow is In else outer.eq(inner)
        for k, part in enumerate((lite, streams)):
            wiring.connect(m, part.request, share.requests[k])
            wiring.connect(m, share.responses[k], part.response)
        wiring.connect(m, share.request, core.request)
        wiring.connect(m, core.response, share.response)
        asked = lite.request.payload
        m.d.comb += [
            streams.watched.eq(
                lite.request.valid & lite.request.ready & asked.write & (asked.address == address(Space.REGISTERS, REGISTERS["control"].offset))
            ),
            streams.watched_data.eq(asked.data),
            streams.cleared.eq(core.cleared),
            self.stream_error.eq(streams.error),
        ]
        return m


class WishboneTop(wiring.Component):
    """Core behind Wishbone.

    Members
    -------
    ``wb_`` and what follows : of :class:`~lifline.rtl.buses.wishbone.Wishbone`.
    """

    def __init__(self, config: Config, *, target: Target = GENERIC) -> None:
        self.config, self.target, self.bus = config, target, Wishbone()
        self._outer = {name: member for name, member in self.bus.signature.members.items() if name.startswith("wb_")}
        super().__init__(self._outer)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.core = core = Core(self.config, target=self.target)
        m.submodules.bus = bus = self.bus
        for name, member in self._outer.items():
            inner, outer = getattr(bus, name), getattr(self, name)
            m.d.comb += inner.eq(outer) if member.flow is In else outer.eq(inner)
        wiring.connect(m, bus.request, core.request)
        wiring.connect(m, core.response, bus.response)
        return m
