"""Scanner: finds the presynaptic neurons with arrivals in one row (event) or in several rows (dense) of a delay ring."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config

from ..streams import Entries, RingScan, ScanCommand
from .capture import Capture
from .emit import Emit
from .fetch import Fetch
from .vectors import Vectors


class Scanner(wiring.Component):
    """Read ring words, emit one list entry per presynaptic neuron with an arrival, lowest index first; wait while the list has no room.

    A group is 32 presynaptic neurons; it takes ``max(rows, active neurons, 1)`` cycles: the rows of the next group are
    fetched while the active neurons of this one are emitted. If the command says ``vector``, blocks with active neurons take the place of these.

    Members
    -------
    command : In(ScanCommand).
    entries : Out(Entries), from registers but for ``done``, which waits for ``ready``.
    ring : Out(RingScan): every word is read once and, if the command says so, cleared in the cycle in which it arrives.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        super().__init__({"command": In(ScanCommand(config)), "entries": Out(Entries(config)), "ring": Out(RingScan(config))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        command, ring, entries = self.command, self.ring, self.entries
        m.submodules.fetch = fetch = Fetch(self.config)
        m.submodules.capture = capture = Capture(self.config)
        m.submodules.emit = emit = Emit(self.config)
        wiring.connect(m, wiring.flipped(command), fetch.command)
        clears = Signal()  # the word that arrives
        with m.If(~capture.hold):
            m.d.sync += clears.eq(fetch.clear)
        m.d.comb += [
            ring.busy.eq(command.busy),
            ring.address.eq(fetch.address),
            ring.enable.eq(~capture.hold),
            ring.clear.eq(capture.arriving & clears),
            ring.clear_address.eq(capture.arriving_address),
            fetch.hold.eq(capture.hold),
            fetch.finished.eq(entries.done),
            capture.start.eq(command.start),
            capture.fetching.eq(fetch.fetching),
            capture.first.eq(fetch.first),
            capture.last.eq(fetch.last),
            capture.address.eq(fetch.address),
            capture.data.eq(ring.data),
            emit.start.eq(command.start),
            emit.active.eq(capture.active),
            emit.final.eq(~capture.arriving),  # nothing is read any more
            emit.ready.eq(entries.ready),
        ]
        m.d.comb += [row.eq(captured) for row, captured in zip(emit.rows, capture.rows, strict=True)]
        if self.config.vectors:
            self.choose(m, capture, emit)
        else:
            m.d.comb += [
                emit.full.eq(capture.full),
                capture.take.eq(emit.take),
                entries.valid.eq(emit.valid),
                entries.entry.eq(emit.entry),
                entries.done.eq(command.busy & emit.finished),
            ]
        return m

    def choose(self, m: Module, capture: Capture, emit: Emit) -> None:
        """Either of two gets the groups of a scan: the other one shows nothing."""
        command, entries = self.command, self.entries
        m.submodules.vectors = vectors = Vectors(self.config)
        low_bits = len(entries.entry.index)
        m.d.comb += [
            vectors.start.eq(command.start),
            vectors.active.eq(capture.active),
            vectors.final.eq(emit.final),
            vectors.ready.eq(entries.ready),
            emit.full.eq(capture.full & ~command.vector),
            vectors.full.eq(capture.full & command.vector),
            capture.take.eq(emit.take | vectors.take),
            entries.valid.eq(emit.valid | vectors.valid),
            entries.entry.eq(emit.entry),
            entries.entry.mask.eq(vectors.mask),
            entries.done.eq(command.busy & (emit.finished | vectors.finished)),
        ]
        with m.If(command.vector):
            m.d.comb += [entries.entry.index.eq(vectors.index), entries.entry.upper.eq(vectors.index >> low_bits)]
