"""Asks for weights: the way from an entry of the list to the words of its weights, from a memory that may answer late."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config

from ..cells.carry import ChoosingAdder
from ..cells.select import parts_of
from ..streams import weight_request, weight_word


class WeightFetch(wiring.Component):
    """Addresses of weight words, one request per cycle, and who has to wait for their answers.

    A word comes one cycle after its request was taken, or later; the next request is shown in the cycle in which it comes. So a memory that
    always answers in the next cycle is asked in every cycle; such a memory ties ``word.valid`` to 1, with which synthesis
    removes all waiting. A memory that answers late leaves ``word.valid`` low in the first cycle after a reset, when nothing has been asked for.

    Parameters
    ----------
    carry_cells : see :class:`~lifline.rtl.cells.carry.ChoosingAdder`, with which a choice before the adder takes no time from the words of the list.

    Members
    -------
    start : In, one cycle, a pass begins.   base : In, with it: the word of presynaptic neuron 0 in block 0.
    fan_in : In, words from a block to the next, stays for the pass.
    load, neuron : In, one cycle, not with ``hold``: from the next cycle on the address is that of ``neuron`` in the current block.
    walking, walked : In, only in configurations with maps: level, ``load`` takes ``walked``, a word counted from ``base``, in place of ``neuron``.
    advance : In, one cycle, with ``accepted``: from the next cycle on it is that of the same neuron in the next block; ``load`` comes first.
    next_block : In, one cycle: the next block becomes the current one.
    jump, target : In, only in configurations that gather: one cycle, from the next one on neurons are counted from word ``target``.
    asking : In, level: the word at the address is wanted; stays while ``hold``.
    request : Out(weight_request), from registers but for ``valid``, which waits for the last answer.
    word : In(weight_word), without a register.
    weights : Out, one per lane: the word that comes in this cycle.
    hold : Out, level: nobody may ask for another word in the next cycle.   accepted : Out, one cycle: the request is taken.
    late : Out, level: the word that was asked for last does not come in this cycle.
    settled : Out, level: every word that was asked for comes in the next cycle at the latest.
    """

    def __init__(self, config: Config, *, carry_cells: bool = False) -> None:
        self.config, self.carry_cells = config, carry_cells
        members = {
            "start": In(1),
            "base": In(range(config.weight_words)),
            "fan_in": In(range(config.max_fan_in + 1)),
            "load": In(1),
            "neuron": In(range(config.max_fan_in)),
            "advance": In(1),
            "next_block": In(1),
            "asking": In(1),
            "request": Out(weight_request(config)),
            "word": In(weight_word(config)),
            "weights": Out(signed(config.weight_bits)).array(config.lanes),
            "hold": Out(1),
            "accepted": Out(1),
            "late": Out(1),
            "settled": Out(1),
        }
        if config.map_words:
            members |= {"walking": In(1), "walked": In(range(config.weight_words))}
        super().__init__(members | ({"jump": In(1), "target": In(range(config.weight_words))} if config.gathers else {}))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        base, address = (Signal.like(self.base, name=name) for name in ("base", "address"))
        m.submodules.adder = adder = ChoosingAdder(len(base), carry_cells=self.carry_cells)
        if self.config.map_words:
            m.d.comb += [adder.addend.eq(base), adder.first.eq(self.walked), adder.second.eq(self.neuron), adder.choose.eq(self.walking)]
            with m.If(self.load):
                m.d.sync += address.eq(adder.total)
            with m.Elif(self.advance):
                m.d.sync += address.eq(address + self.fan_in)
        else:  # a neuron comes late, from the list: the one adder is all that it has to pass
            m.d.comb += [
                adder.addend.eq(Mux(self.load, base, address)),
                adder.first.eq(self.neuron),
                adder.second.eq(self.fan_in),
                adder.choose.eq(self.load),
            ]
            with m.If(self.load | self.advance):
                m.d.sync += address.eq(adder.total)
        with m.If(self.next_block):
            m.d.sync += base.eq(base + self.fan_in)
        if self.config.gathers:
            with m.If(self.jump):
                m.d.sync += base.eq(self.target)
        with m.If(self.start):
            m.d.sync += base.eq(self.base)

        expected = Signal()  # a word was asked for and has not come before this cycle
        prompt = Signal(init=1)  # nobody has ever waited: constant where `word.valid` is, so that it takes no flip-flop
        m.d.comb += [
            self.late.eq(expected & ~self.word.valid),
            self.request.valid.eq(self.asking & ~self.late),
            self.request.payload.eq(address),
            self.accepted.eq(self.request.valid & self.request.ready),
            self.hold.eq(self.late | (self.asking & ~self.request.ready)),
            self.settled.eq((prompt & self.request.ready) | ~(self.asking | self.late)),
        ]
        m.d.sync += [expected.eq(self.accepted | self.late), prompt.eq(prompt & self.word.valid)]
        m.d.comb += [weight.eq(part) for weight, part in zip(self.weights, parts_of(self.word.payload, self.config.lanes), strict=True)]
        return m
