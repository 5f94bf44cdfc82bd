"""Input with a bit per neuron: two words of the input memory become a word of the ring."""

from __future__ import annotations

from amaranth.hdl import Assert, Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.limits import RING_BITS
from lifline.arch.records import INPUT_BITS

from ..cells.memory import Check

HALVES = RING_BITS // INPUT_BITS
assert HALVES == 2, "a word of the ring is taken in two halves"


def any_from(word: Value, first: Value) -> Value:
    """Whether any bit of ``word`` from number ``first`` on is set: a tree, bit by bit of ``first``, of a few lookup tables per bit of ``word``."""
    if len(word) == 1:
        return word[0]
    half = len(word) // 2
    low, high = word[:half], word[half:]
    return Mux(first[-1], any_from(high, first[:-1]), high.any() | any_from(low, first[:-1]))


class PackedWord(wiring.Component):
    """Collects the 32 neurons of a ring word and offers them, lower half first: a ring word in three cycles, and one more for the last one of a step.

    The upper half stays in hand until it is taken, which is known late in a cycle, and consumed in the next one. The last word of a step is looked at first:
    if a bit names a neuron behind the last one it is refused as a whole.

    Members
    -------
    discard : In, one cycle: forget what is collected.
    active : In, level: the address of the next ring word is there, until that has been taken or refused.
    last : In, level, with ``active``: it is the step's last word.
    beyond : In, the number of neurons, modulo 32; stays during a run.
    valid, word : In, the input word in hand, until it is consumed.   consume : Out, one cycle, only while ``valid``.
    offered : Out, level: ``neurons`` are a ring word, until ``ready``.   neurons : Out, bit ``k`` is neuron ``k`` of it.   ready : In, one cycle, it is taken.
    refused : Out, one cycle: the ring word is not to be written.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "discard": In(1),
                "active": In(1),
                "last": In(1),
                "beyond": In(range(RING_BITS)),
                "valid": In(1),
                "word": In(INPUT_BITS),
                "consume": Out(1),
                "offered": Out(1),
                "neurons": Out(RING_BITS),
                "ready": In(1),
                "refused": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        low, lower_there, looked, found, bad, used = Signal(INPUT_BITS), Signal(), Signal(), Signal(), Signal(), Signal()
        here, whole, refuses = Signal(), Signal(), Signal()  # a word is to be taken; it is the upper half, and has been looked at
        first, upper_first = self.beyond[:-1], self.beyond[-1]
        # Bits of this half that name no neuron: none of a full word, nor of a lower half if there are 16 neurons or more; all of an upper one if there are fewer.
        all_exist, none_exist = ~self.beyond.any() | (~lower_there & upper_first), lower_there & ~upper_first
        m.d.comb += found.eq(~all_exist & Mux(none_exist, self.word.any(), any_from(self.word, first)))
        m.d.comb += [
            here.eq(self.active & self.valid & ~used),
            whole.eq(here & lower_there & (looked | ~self.last)),
            self.offered.eq(whole & ~bad),
            refuses.eq(whole & bad),
            self.refused.eq(refuses),
            self.neurons.eq(Cat(low, self.word)),
            self.consume.eq((here & ~lower_there) | used),
        ]
        if platform is Check.ASSERT:  # what has been found stays so until the word is taken
            m.d.comb += Assert(Mux(lower_there, ~looked | (here & self.last & (bad | ~found)), ~(looked | bad)))
        with m.If(here & ~lower_there):
            m.d.sync += [low.eq(self.word), lower_there.eq(1), bad.eq(self.last & found)]
        with m.If(here & lower_there & self.last):
            m.d.sync += [looked.eq(1), bad.eq(bad | found)]
        m.d.sync += used.eq((self.offered & self.ready) | refuses)
        with m.If((self.offered & self.ready) | refuses):
            m.d.sync += [lower_there.eq(0), looked.eq(0), bad.eq(0)]
        with m.If(self.discard):
            m.d.sync += [lower_there.eq(0), looked.eq(0), bad.eq(0), used.eq(0)]
        return m
