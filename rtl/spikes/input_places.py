"""The way of an input spike from its index to its place in the ring."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config
from lifline.arch.limits import RING_BITS

from ..cells.buffers import StreamBuffer
from ..cells.select import wrapped


def place_layout(config: Config) -> data.StructLayout:
    """A bit of a ring: the word's ``address``, and which ``neuron`` of it."""
    return data.StructLayout({"address": range(config.ring_words), "neuron": range(RING_BITS)})


class InputPlaces(wiring.Component):
    """A spike is looked up, then timed, then located, then offered; each of them waits until what is before it goes on, but for the last one: whether the
    rings take it is known late in a cycle.

    Members
    -------
    base, rows, delay, uniform : In, the input's ring, as in :class:`~lifline.rtl.streams.InputControl`.
    row : In, of the step in the ring; stays until no spike of the step is left.
    free : Out, level: a spike may come.   comes : In, one cycle, only while ``free``: a spike, of ``group``, a word of 32 neurons, and ``neuron`` within it.
    looked_up : In, the delay of the spike that has come, one cycle later, if it is not uniform.
    behind : Out, level: there are spikes behind the one that is offered.
    o : Out(stream of :func:`place_layout`), from a register.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        super().__init__(
            {
                "base": In(range(config.ring_words)),
                "rows": In(range(config.max_ring_rows + 1)),
                "delay": In(range(config.delay_entries)),
                "uniform": In(1),
                "row": In(range(config.max_ring_rows + 1)),
                "free": Out(1),
                "comes": In(1),
                "group": In(range(config.max_input_neurons // RING_BITS + 1)),
                "neuron": In(range(RING_BITS)),
                "looked_up": In(range(config.max_delay + 1)),
                "behind": Out(1),
                "o": Out(stream.Signature(place_layout(config))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.offered = offered = StreamBuffer(place_layout(self.config))
        wiring.connect(m, offered.o, wiring.flipped(self.o))
        looking, timed, located = Signal(), Signal(), Signal()
        moves, passes = Signal(), Signal()  # what is located, what is timed makes room
        m.d.comb += [
            moves.eq(~located | offered.i.ready),
            passes.eq(~timed | moves),
            self.free.eq(~looking | passes),
            self.behind.eq(looking | timed | located | offered.waits),
        ]

        # Look up.
        group, neuron = Signal.like(self.group), Signal.like(self.neuron)
        with m.If(self.free):
            m.d.sync += [looking.eq(self.comes), group.eq(self.group), neuron.eq(self.neuron)]

        # Time. Registers stand on both sides of the multiplier, which may be far away. The delay comes late in the cycle: it is kept where it has to wait, and added to the row in the next one.
        product, waited, delay, kept = Signal(len(group) + len(self.rows)), Signal(), Signal.like(self.looked_up), Signal.like(self.looked_up)
        neuron_timed, delay_timed = Signal.like(neuron), Signal.like(delay)
        m.d.comb += delay.eq(Mux(self.uniform, self.delay, Mux(waited, kept, self.looked_up)))
        m.d.sync += [waited.eq(looking & ~passes), kept.eq(delay)]
        with m.If(passes):
            m.d.sync += [timed.eq(looking), product.eq(group * self.rows), neuron_timed.eq(neuron), delay_timed.eq(delay)]

        # Locate. Whether the row is beyond the end of the ring is looked at in the next cycle.
        column, arrival, neuron_located = Signal.like(self.base), Signal(range(2 * self.config.max_ring_rows)), Signal.like(neuron)
        with m.If(moves):
            m.d.sync += [located.eq(timed), column.eq(self.base + product), arrival.eq(self.row + delay_timed), neuron_located.eq(neuron_timed)]
        m.d.comb += [
            offered.i.valid.eq(located),
            offered.i.payload.address.eq(column + wrapped(arrival, self.rows)),
            offered.i.payload.neuron.eq(neuron_located),
        ]
        return m
