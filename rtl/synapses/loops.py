"""The three loops of a walk: from where it starts to all that it visits, one pair of a weight word and a slot per cycle."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config
from lifline.arch.maps import TABLES

from ..cells.decode import WALK_SHAPE
from ..streams import vector_lanes
from .look_up import COUNT_BITS, starts


def pair_layout(config: Config) -> data.StructLayout:
    """A weight word, without the pass's base, a slot, and the mask of the walk."""
    return data.StructLayout({"weight": range(config.weight_words), "slot": range(config.slot_words), "mask": vector_lanes(config)})


class Loops(wiring.Component):
    """Visits all pairs of a walk, loop 0 innermost; a pair of the next walk follows the last one of this without a gap.

    Beside the pair in hand there are the ones with which loops 1 and 2 go on. Whichever comes next, its weight word and slot are a sum that is
    in a register, but for the innermost loop's: one adder for each loop.

    Members
    -------
    words : In, words 6 and further ones of the pass count; they stay while there is a walk.
    i : In(stream), see :func:`~lifline.rtl.synapses.look_up.starts`.   o : Out(stream), pairs, from registers.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        super().__init__({"words": In(WALK_SHAPE), "i": In(starts(config)), "o": Out(stream.Signature(pair_layout(config)))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        moves, ends, enters, accepts = Signal(), Signal(), Signal(), Signal()
        last = Signal(TABLES)  # bit k: loop k is in its last repetition
        advance = Signal(TABLES)  # bit k: loop k goes on, or begins anew
        m.d.comb += [
            moves.eq(self.o.valid & self.o.ready),
            ends.eq(last.all()),
            enters.eq(~self.o.valid | ends),  # what comes next is another walk's
            accepts.eq(~self.o.valid | (self.o.ready & ends)),
            self.i.ready.eq(accepts),
            advance.eq(Cat(accepts | moves, accepts | (moves & last[0]), accepts | (moves & last[:2].all()))),
        ]
        with m.If(accepts):
            m.d.sync += [self.o.valid.eq(self.i.valid), self.o.payload.mask.eq(self.i.payload.mask)]
        self._count(m, last, enters, advance)
        steps = [self.words[f"pass_{6 + k}"] for k in range(TABLES)]
        for part in ("weight", "slot"):
            start, place = self.i.payload[part], self.o.payload[part]
            self._move(m, part, start, place, [step[f"{part}_step"][: len(place)] for step in steps], last, enters, advance)
        return m

    def _count(self, m: Module, last: Signal, enters: Signal, advance: Signal) -> None:
        """Repetitions that are left less one, of every loop: negative in the last one. All inner loops begin anew when an outer one goes on."""
        for k in range(TABLES):
            left, count = Signal(signed(COUNT_BITS + 1), name=f"left{k}"), self.i.payload.counts[k]
            if k < TABLES - 1:
                length = Signal(COUNT_BITS, name=f"length{k}")
                with m.If(advance[-1] & enters):
                    m.d.sync += length.eq(count)
                remaining = Mux(enters, count, Mux(last[k], length, left))
            else:
                remaining = Mux(enters, count, left)
            with m.If(advance[k]):
                m.d.sync += left.eq(remaining - 1)
            m.d.comb += last[k].eq(left[-1])

    def _move(
        self, m: Module, part: str, start: Signal, place: Signal, steps: list[Signal], last: Signal, enters: Signal, advance: Signal
    ) -> None:
        """The place in hand, and those with which loop 1 and loop 2 go on."""
        middle, outer = (Signal(len(place), name=f"{name}_{part}") for name in ("middle", "outer"))
        outermost, next_place = Signal(len(place), name=f"outermost_{part}"), Signal(len(place), name=f"next_{part}")
        m.d.comb += [
            outermost.eq(Mux(enters, start, outer)),
            next_place.eq(Mux(enters | last[1], outermost, middle)),
        ]
        with m.If(advance[0]):
            m.d.sync += place.eq(Mux(enters | last[0], next_place, place + steps[0]))
        with m.If(advance[1]):
            m.d.sync += middle.eq(next_place + steps[1])
        with m.If(advance[2]):
            m.d.sync += outer.eq(outermost + steps[2])
