"""The walk: from the list of active presynaptic neurons to all that they visit in a mapped pass."""

from __future__ import annotations

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config

from ..cells.decode import WALK_SHAPE
from ..streams import MapRead
from .digits import Digits, indices
from .look_up import LookUp
from .loops import Loops, pair_layout


class Walk(wiring.Component):
    """Every index becomes as many pairs as :mod:`lifline.arch.maps` says, in the order of the indices, one pair per cycle without a gap.

    ``WALK_STAGES`` stages, each of which holds one index, lie between the list and the loops: four of :class:`~lifline.rtl.synapses.digits.Digits` and three of
    :class:`~lifline.rtl.synapses.look_up.LookUp`. An index moves on in every cycle in which the stage in front of it is empty or moves on too. Before
    the first stage one more index waits while that does not move; the next one is taken when it has gone on. One that is
    taken in cycle ``t`` of an empty walk is in stage ``k`` in cycle ``t + k``; one that reaches nothing is not in stage 6 any more. The last stage moves when the
    loops are empty or their last pair is taken; then its first pair is shown, in cycle ``t + WALK_STAGES + 1``, and, if it is taken at once, a new one in
    every cycle. So an index with one pair takes a cycle, and so does one that reaches nothing; while the loops are busy, others fill the stages behind.

    Members
    -------
    words : In, words 3 and further ones of the pass; they stay while ``busy``.   base : In, slot of block 0 in this step; stays while ``busy``.
    indices : In(stream), of presynaptic neurons within the pass, or of blocks of them with masks.
    maps : Out(:class:`~lifline.rtl.streams.MapRead`), the table memories.
    pairs : Out(stream), weight words, without the pass's base, and slots, each with the mask of its index; from registers.
    busy : Out, level: there is an index, or a pair.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        super().__init__(
            {
                "words": In(WALK_SHAPE),
                "base": In(range(config.slot_words)),
                "indices": In(indices(config)),
                "maps": Out(MapRead(config)),
                "pairs": Out(stream.Signature(pair_layout(config))),
                "busy": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.digits = digits = Digits(self.config)
        m.submodules.look_up = look_up = LookUp(self.config)
        m.submodules.loops = loops = Loops(self.config)
        wiring.connect(m, wiring.flipped(self.indices), digits.i)
        wiring.connect(m, digits.o, look_up.i)
        wiring.connect(m, look_up.maps, wiring.flipped(self.maps))
        wiring.connect(m, look_up.o, loops.i)
        wiring.connect(m, loops.o, wiring.flipped(self.pairs))
        m.d.comb += [
            digits.words.eq(self.words),
            loops.words.eq(self.words),
            look_up.base.eq(self.base),
            self.busy.eq(digits.busy | look_up.busy | self.pairs.valid),
        ]
        return m
