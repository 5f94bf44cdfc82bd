"""Spikes with axonal delays: the spikes of words one by one, each with its delay."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config
from lifline.arch.limits import RING_BITS
from lifline.arch.program import RING_1
from lifline.arch.timing import ARRIVAL_STAGES

from ..cells.count import at_most_one, lowest_bit
from ..cells.decode import word_layout
from ..streams import DelayRead


class Picker(wiring.Component):
    """The spikes of a word, one in each cycle, lowest first; a word without takes a cycle, too.

    Members
    -------
    load : In, one cycle, only while ``free``: a new word.   spikes, empty, single : In, with ``load``: the word, whether it has no spike, and whether at most one.
    valid : Out, level: a spike is picked in this cycle.   neuron : Out, with ``valid``: which.
    last : Out, one cycle: the word's last.   free : Out, level, from a register: no word is in hand after this cycle.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        super().__init__(
            {
                "load": In(1),
                "spikes": In(RING_BITS),
                "empty": In(1),
                "single": In(1),
                "valid": Out(1),
                "neuron": Out(range(RING_BITS)),
                "last": Out(1),
                "free": Out(1, init=1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        pending, busy, some = Signal(RING_BITS), Signal(), Signal()
        neuron, rest = lowest_bit(m, pending)
        m.d.comb += [self.valid.eq(some), self.neuron.eq(neuron), self.last.eq(busy & self.free)]
        # Nothing is left where a word is loaded: an OR joins them.
        m.d.sync += [
            pending.eq(rest | (self.spikes & self.load.replicate(RING_BITS))),
            self.free.eq(at_most_one(rest) & (self.single | ~self.load)),
        ]
        with m.If(self.free):
            m.d.sync += [busy.eq(0), some.eq(0)]
        with m.If(self.load):
            m.d.sync += [busy.eq(1), some.eq(~self.empty)]
        return m


class Arrivals(wiring.Component):
    """Takes the words of a step and ring one after the other; shows their spikes and when a word is through, both :data:`~lifline.arch.timing.ARRIVAL_STAGES` cycles later.

    Members
    -------
    start : In, level: another ring or step begins; nothing is loaded, and no word is in hand.   ring : In, its delays; stays from the last cycle of ``start`` on.
    load, spikes, empty, single, free : In, In, In, In, Out, as in :class:`Picker`.
    delays : Out(:class:`~lifline.rtl.streams.DelayRead`), always free for it.
    delay : Out, of the spike that is shown in the next cycle, in steps.
    valid, neuron : Out, a spike in this cycle.   last : Out, one cycle, with the last spike of a word, if it has one: what comes then is of the next word.
    idle : Out, level: after this cycle no spike is left that was not shown.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        super().__init__(
            {
                "start": In(1),
                "ring": In(word_layout(RING_1)),
                "load": In(1),
                "spikes": In(RING_BITS),
                "empty": In(1),
                "single": In(1),
                "free": Out(1),
                "delays": Out(DelayRead(config)),
                "delay": Out(range(config.max_delay + 1)),
                "valid": Out(1),
                "neuron": Out(range(RING_BITS)),
                "last": Out(1),
                "idle": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.picker = picker = Picker(self.config)
        neuron_bits = len(picker.neuron)
        word, first = Signal(len(self.delays.address) - neuron_bits), self.ring.delay >> neuron_bits  # of delays, of 32 neurons each
        with m.If(picker.last):
            m.d.sync += word.eq(word + 1)
        begins = self.start
        if self.config.map_words:
            begins = begins | (picker.last & self._period_ends(m, picker.last))
        with m.If(begins):
            m.d.sync += word.eq(first)

        valid, last, neurons = Signal(ARRIVAL_STAGES), Signal(ARRIVAL_STAGES), [Signal(neuron_bits, name=f"neuron{k}") for k in range(ARRIVAL_STAGES)]
        m.d.sync += [valid.eq(Cat(picker.valid, valid)), last.eq(Cat(picker.last, last)), self.delay.eq(self.delays.data)]
        m.d.sync += [later.eq(earlier) for later, earlier in zip(neurons, (picker.neuron, *neurons), strict=False)]
        with m.If(self.start):
            m.d.sync += last.eq(0)
        m.d.comb += [
            picker.load.eq(self.load),
            picker.spikes.eq(self.spikes),
            picker.empty.eq(self.empty),
            picker.single.eq(self.single),
            self.free.eq(picker.free),
            self.delays.address.eq(Cat(picker.neuron, word)),
            self.delays.enable.eq(picker.valid),
            self.valid.eq(valid[-1]),
            self.neuron.eq(neurons[-1]),
            self.last.eq(last[-1]),
            self.idle.eq(~(picker.valid | valid[:-1].any())),
        ]
        return m

    def _period_ends(self, m: Module, goes_on: Signal) -> Value:
        """Level: the word in hand is the last one of the period. Without one, whose 0 counts down from the highest number, no ring has as many words."""
        left = Signal.like(self.ring.period)
        ends = left == 1
        with m.If(goes_on):
            m.d.sync += left.eq(left - 1)
        with m.If(self.start | (goes_on & ends)):
            m.d.sync += left.eq(self.ring.period)
        return ends
