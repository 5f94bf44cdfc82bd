"""Finds the blocks of a group that have active presynaptic neurons, one block per cycle, with a bit for each of its lanes."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config
from lifline.arch.limits import RING_BITS

from ..cells.count import only_lowest
from ..cells.select import parts_of, selected_part
from ..streams import index_bits


class Vectors(wiring.Component):
    """One list entry per block with any active neuron, lowest first; a group takes a cycle for each, and at least one. It stops while the list is full.

    What :class:`~lifline.rtl.synapses.emit.Emit` is for neurons, in the passes in which blocks are counted. A block does not reach over a group.

    Members
    -------
    start : In, one cycle: the next group is number 0.
    full, active : In, a group of a scan of one row, see :class:`~lifline.rtl.synapses.capture.Capture`.   final : In, with it: no group comes after this one.
    take : Out, one cycle: the group is copied.
    ready : In, in the next cycle an entry may come.   valid : Out, there is an entry, which is taken: ``index``, the block's number within the pass, and
        ``mask``, its active neurons, lowest lane first.
    finished : Out, level: the last entry of the scan comes in the next cycle, or came before; low from the cycle after ``start``, and while
        not ``ready``.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        super().__init__(
            {
                "start": In(1),
                "full": In(1),
                "active": In(RING_BITS),
                "final": In(1),
                "take": Out(1),
                "ready": In(1),
                "valid": Out(1),
                "index": Out(index_bits(config)),
                "mask": Out(config.lanes),
                "finished": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        blocks = RING_BITS // self.config.lanes
        neurons, waiting, rest = Signal(RING_BITS), Signal(blocks), Signal(blocks)  # of the group in hand; blocks that are still to come
        groups = 1 << max((self.config.mapped_fan_in - 1) // RING_BITS, 1).bit_length()
        group, final = Signal(range(groups), init=groups - 1), Signal()  # starts as `start` sets it
        first, group_ends = Signal(blocks), Signal()
        m.d.comb += [
            first.eq(only_lowest(waiting)),
            rest.eq(waiting & ~first),
            group_ends.eq(~rest.any() & self.ready),
            self.take.eq(self.full & group_ends),
            self.finished.eq(final & group_ends),
        ]
        with m.If(self.ready):
            m.d.sync += waiting.eq(rest)
        with m.If(self.take):
            m.d.sync += [
                waiting.eq(Cat(block.any() for block in parts_of(self.active, blocks))),
                neurons.eq(self.active),
                group.eq(group + 1),
                final.eq(self.final),
            ]
        number = Cat(Cat(first[k] for k in range(blocks) if k >> bit & 1).any() for bit in range((blocks - 1).bit_length()))
        m.d.sync += [self.valid.eq(waiting.any() & self.ready), self.index.eq(Cat(number, group)), self.mask.eq(selected_part(neurons, first, Const(1)))]
        with m.If(self.start):
            m.d.sync += [final.eq(0), group.eq(group.init)]
        return m
