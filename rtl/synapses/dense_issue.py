"""Dense mode: for every block of the target, all active presynaptic neurons, one after the other."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config


class DenseIssue(wiring.Component):
    """Issues a column of weights per cycle; behind each block the sums of the dense lanes leave, while the next block begins.

    They also leave within a block, wherever they may be full and there is more to add. They leave no earlier than the words of all
    columns are here, and a drain begins at least ``window`` cycles after the one before it.

    Members
    -------
    start : In, one cycle, a pass begins.   last_block : In, number of the last block, stays for the pass.
    enable : In, level: accumulate now.
    available, ended, silent, arrivals : In, of the list, see :class:`~lifline.rtl.synapses.entries.EntryList`; of a gather pass all but the last are those of
    :class:`~lifline.rtl.synapses.gather.Gather`.
    gathered, final : In, only in configurations that gather: level, it is a gather pass; and with ``ended``: no further block follows.
    hold : In, level: the request of the column in hand is not taken.   accepted : In, one cycle: it is.   late : In, level: the word that was asked
        for before does not come in this cycle.   settled : In, level: all words will be here in the next cycle at the latest.
    take : Out, one cycle, only while ``available``: the entry in hand is used.
    asking : Out, level, from the next cycle on: the word of the last column is wanted.
    columns : Out, arrivals of the column whose word comes in this cycle; zero if none does.
    drain, partial : Out, one cycle: the sums leave; with ``partial`` more of this block's follow, else the block is complete.
    block : Out, number of the block, unless it is a gather pass.
    issued : Out, level: nothing is left to add, and the last block drains or there was none.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        members = {
            "start": In(1),
            "last_block": In(range(config.max_blocks + 1)),
            "enable": In(1),
            "available": In(1),
            "ended": In(1),
            "silent": In(1),
            "arrivals": In(config.window),
            "hold": In(1),
            "accepted": In(1),
            "late": In(1),
            "settled": In(1),
            "take": Out(1),
            "asking": Out(1),
            "columns": Out(config.window),
            "drain": Out(1),
            "partial": Out(1),
            "block": Out(range(config.max_blocks + 1)),
            "issued": Out(1),
        }
        super().__init__(members | ({"gathered": In(1), "final": In(1)} if config.gathers else {}))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.config
        since_drain = Signal(range(max(config.window, 2)))  # cycles until the next drain may begin
        full, last, drainable = Signal(), Signal(), Signal()
        m.d.comb += [drainable.eq((since_drain == 0) & self.settled), last.eq(self.block == self.last_block)]
        if config.gathers:
            with m.If(self.gathered):
                m.d.comb += last.eq(self.final)
        with m.If(since_drain != 0):
            m.d.sync += since_drain.eq(since_drain - 1)
        with m.If(self.enable & ~self.issued):
            with m.If(self.ended & self.silent):
                m.d.sync += self.issued.eq(1)
            with m.Elif(self.ended):
                with m.If(drainable):
                    m.d.comb += self.drain.eq(1)
                    m.d.sync += [self.block.eq(self.block + 1), self.issued.eq(last)]
            with m.Elif(full):
                m.d.comb += [self.partial.eq(self.available & drainable), self.drain.eq(self.partial)]
            with m.Elif(self.available & (since_drain <= config.window - config.drain_cycles)):
                m.d.comb += self.take.eq(~self.hold)
        if config.dense_entries:
            room = Signal(range(config.dense_entries), init=config.dense_entries - 1)  # entries less one that the sums have room for
            with m.If(self.take):
                m.d.sync += [room.eq(room - 1), full.eq(room == 0)]
            with m.If(self.drain | self.start):
                m.d.sync += room.eq(room.init)
        with m.If(self.drain):
            m.d.sync += [since_drain.eq(config.window - 1), full.eq(0)]
        with m.If(self.start):
            m.d.sync += [since_drain.eq(0), self.issued.eq(0), self.block.eq(0), full.eq(0)]
        self.follow_columns(m)
        return m

    def follow_columns(self, m: Module) -> None:
        """From the entry to its request, and on to its word."""
        asked, arrivals = Signal(), [Signal(self.config.window, name=f"arrivals{k}") for k in range(2)]
        m.d.sync += [self.asking.eq(self.take | (self.asking & self.hold)), asked.eq((self.asking & self.accepted) | (asked & self.late))]
        with m.If(~self.hold):
            m.d.sync += arrivals[0].eq(self.arrivals)
        with m.If(~self.late):
            m.d.sync += arrivals[1].eq(arrivals[0])
        m.d.comb += self.columns.eq(Mux(asked & ~self.late, arrivals[1], 0))
