"""Proofs of handshakes and pointers. Each has a broken twin, whose counterexample must be found."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
from amaranth.hdl import Assert, Assume, Elaboratable, Module, Signal

from lifline.arch.config import preset
from lifline.rtl import input as input_module
from lifline.rtl import link as link_module

from .prove import missing, mutated, prove

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))
CONFIG = preset("tiny").replace(input_words=16)


class RepliesAreStable(Elaboratable):
    """The link's bytes to the driver: once offered, a byte stays until it is taken."""

    def __init__(self, module: ModuleType) -> None:
        self.link = module.Link()
        self.ports = [
            self.link.i.valid, self.link.i.payload, self.link.o.ready, self.link.request.ready,
            self.link.response.valid, self.link.response.payload.as_value(),
        ]  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.link = link = self.link
        waiting, payload = Signal(), Signal(8)
        m.d.sync += [waiting.eq(link.o.valid & ~link.o.ready), payload.eq(link.o.payload)]
        with m.If(waiting):
            m.d.comb += [Assert(link.o.valid), Assert(link.o.payload == payload)]
        return m


class InputIsReadOnce(Elaboratable):
    """The input writer never takes a word that the host has not written, however many the host writes at a time."""

    def __init__(self, module: ModuleType) -> None:
        self.writer = module.InputWriter(CONFIG)
        writer = self.writer
        self.count = Signal.like(writer.available)
        self.ports = [
            self.count, writer.discard, writer.limit, writer.base, writer.rows, writer.delay, writer.uniform, writer.neurons,
            writer.read_free, writer.write_free, writer.delay_free, writer.read_data, writer.delay_data,
            writer.host_address, writer.host_write_data, writer.host_write_enable, writer.host_read,
        ]  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.writer = writer = self.writer
        written, waiting = Signal.like(writer.available), Signal.like(writer.available)
        m.d.comb += [writer.available.eq(written), waiting.eq(written - writer.taken)]
        with m.If(waiting <= CONFIG.input_words):  # else the assumption would hide what the assertion is to find
            m.d.comb += Assume(self.count + waiting <= CONFIG.input_words)
        m.d.sync += written.eq(written + self.count)
        with m.If(writer.discard):
            m.d.sync += written.eq(0)
        m.d.comb += Assert(waiting <= CONFIG.input_words)
        return m


PROOFS = {
    "replies-are-stable": (RepliesAreStable, link_module, "outgoing.ready.eq(~self.o.valid | self.o.ready)", "outgoing.ready.eq(1)", 4),
    "input-is-read-once": (InputIsReadOnce, input_module, "(~word_valid | consume) & ~fetching &", "(~word_valid | consume) &", 8),
}  # fmt: skip


@pytest.mark.parametrize("broken", [False, True], ids=["holds", "broken-twin-fails"])
@pytest.mark.parametrize("name", PROOFS)
def test_proof(tmp_path: Path, name: str, broken: bool) -> None:
    wrapper, module, old, new, depth = PROOFS[name]
    design = wrapper(mutated(module, old, new) if broken else module)
    assert prove(tmp_path, design, design.ports, 30 if broken else depth) is not broken
