"""Spikes with axonal delays: the spikes of words one by one, each with its delay."""

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config
from lifline.arch.limits import RING_BITS
from lifline.arch.program import RING_1
from lifline.arch.timing import ARRIVAL_STAGES

from ..cells.count import BYTE, at_most_one, index_of, lowest_bit, only_lowest
from ..cells.decode import word_layout
from ..cells.select import selected_part
from ..streams import DelayRead

BYTES = RING_BITS // BYTE


class Picker(wiring.Component):
    """The spikes of words, one in each cycle, lowest first; a word without takes a cycle, too.

    Members
    -------
    offered : In, level: there is a word, which stays until it is ``taken``.   spikes, occupied : In, the word, and which of its bytes have a spike.
    taken : Out, one cycle: the last byte of the word goes in hand; another word may be offered in the next cycle.
    valid : Out, level: a spike is picked in this cycle.   neuron : Out, with ``valid``: which.
    last : Out, one cycle: the word's last, or it has none.
    """

    offered: In(1)
    spikes: In(RING_BITS)
    occupied: In(BYTES)
    taken: Out(1)
    valid: Out(1)
    neuron: Out(range(RING_BITS))
    last: Out(1)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # The byte in hand: what is pending of it, which one it is, whether there is one, whether it has a spike, and whether it is the word's last.
        pending, number, busy, some, final = Signal(BYTE), Signal(range(BYTES)), Signal(), Signal(), Signal()
        position, rest = lowest_bit(m, pending)
        # The bytes of the word that have been in hand, and the one that comes next.
        done, left, following, moves = Signal(BYTES), Signal(BYTES), Signal(BYTES), Signal()
        ends = at_most_one(pending)
        m.d.comb += [
            left.eq(self.occupied & ~done),
            following.eq(only_lowest(left)),
            moves.eq(self.offered & ends),
            self.taken.eq(moves & at_most_one(left)),
            self.valid.eq(some),
            self.neuron.eq(Cat(position, number)),
            self.last.eq(busy & final & ends),
        ]
        # Nothing is left of a byte where the next one comes: an OR joins them.
        m.d.sync += pending.eq(rest | selected_part(self.spikes, following, moves))
        with m.If(ends):
            m.d.sync += [busy.eq(self.offered), some.eq(self.offered & left.any()), final.eq(at_most_one(left)), number.eq(index_of(following))]
        with m.If(moves):
            m.d.sync += done.eq(done | following)
        with m.If(self.taken):
            m.d.sync += done.eq(0)
        return m


class Arrivals(wiring.Component):
    """Takes the words of a step and ring one after the other; shows their spikes and when a word is through, both :data:`~lifline.arch.timing.ARRIVAL_STAGES` cycles later.

    Members
    -------
    start : In, level: another ring or step begins; nothing is offered, and no word is in hand.   ring : In, its delays; stays from the last cycle of ``start`` on.
    offered, spikes, occupied, taken : In, In, In, Out, as in :class:`Picker`.
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
                "offered": In(1),
                "spikes": In(RING_BITS),
                "occupied": In(BYTES),
                "taken": Out(1),
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
        m.submodules.picker = picker = Picker()
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
            picker.offered.eq(self.offered),
            picker.spikes.eq(self.spikes),
            picker.occupied.eq(self.occupied),
            self.taken.eq(picker.taken),
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
