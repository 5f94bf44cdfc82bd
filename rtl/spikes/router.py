"""Spike routing: a population's spikes of one step go into its delay rings, at the row of their arrival, and to the host."""

from __future__ import annotations

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import RING_BITS, Config, ceil_div
from lifline.arch.layout import WORD_BITS
from lifline.arch.program import MAX_RINGS, POPULATION_1, RING_0, RING_1
from lifline.arch.records import RECORD, RecordKind
from lifline.arch.states import ROUTER
from lifline.arch.timing import UPDATE_STAGES

from ..cells.count import lowest_bit
from ..cells.decode import word_layout
from ..cells.memory import Ram
from ..cells.states import States
from ..streams import spike_write


def wrapped(row: Signal, rows: Signal) -> object:
    """``row`` modulo ``rows`` for ``row < 2 * rows``."""
    return Mux(row >= rows, row - rows, row)


class Router(wiring.Component):
    """Takes the spike words of one step and writes them where they arrive.

    A population with one ring of uniform delay that is not recorded writes its words straight into the ring. Otherwise
    the words wait in a bitmap memory and ``go`` routes them, destination by destination: a cycle, 2 for a word, 1 more for a
    recorded word that is not empty, and for axonal delays 2 more for a word that is not empty and 3 for each spike.

    Members
    -------
    load : In, a window starts: its first step is at the heads of the rings.   rings, population : In, ring descriptors and
    word 1 of the population; they stay for the window.
    begin : In, an update of the next step starts.   spike_* : In, from the update; the index stays until the next word.
    complete : In, with the last word of a step or after it.   go : In, route them; the next step's words may arrive meanwhile.
    busy, needed : Out.   step : In, with ``begin``, for the records.
    write : Out(:func:`~lifline.rtl.streams.spike_write`), never kept waiting: a word is taken at once, a bit one cycle later.
    delay_* : delay memory.   output, output_valid : Out, words for the host.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        group = range(config.max_groups)
        super().__init__(
            {
                "load": In(1),
                "ring_0": In(word_layout(RING_0)).array(MAX_RINGS),
                "ring_1": In(word_layout(RING_1)).array(MAX_RINGS),
                "population": In(word_layout(POPULATION_1)),
                "begin": In(1),
                "spike_word": In(RING_BITS),
                "spike_index": In(group),
                "spike_valid": In(1),
                "step": In(14),
                "complete": In(1),
                "go": In(1),
                "busy": Out(1),
                "needed": Out(1),
                "write": Out(spike_write(config)),
                "delay_address": Out(range(config.delay_entries)),
                "delay_enable": Out(1),
                "delay_data": In(range(config.max_delay + 1)),
                "output": Out(WORD_BITS),
                "output_valid": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, pop, delay_bits = self.config, self.population, len(self.delay_data)
        word_bits = max(ceil_div(config.max_neurons, RING_BITS) - 1, 1).bit_length()
        m.submodules.bitmap = bitmap = Ram(width=RING_BITS + 1, depth=2 << word_bits)  # a half for each of two steps

        # The step whose spikes arrive now, and its number in the window; `begin` is delayed like the spikes. It is the last one
        # whose words were `complete` later, and then the one that is routed.
        begun, number, row = Signal(UPDATE_STAGES + 1), range(max(config.window, 2)), range(config.max_ring_rows + 1)
        upcoming, arriving, arriving_step = Signal(number), Signal(number), Signal.like(self.step)
        arrived = data.StructLayout({"number": number, "step": self.step.shape(), "last_word": self.spike_index.shape()})
        complete, routed = Signal(arrived), Signal(arrived)
        m.d.sync += begun.eq(Cat(self.begin, begun))
        with m.If(begun[-1]):
            m.d.sync += [upcoming.eq(upcoming + 1), arriving.eq(upcoming), arriving_step.eq(self.step)]
        with m.If(self.load):
            m.d.sync += upcoming.eq(0)
        with m.If(self.complete):
            m.d.sync += [complete.number.eq(arriving), complete.step.eq(arriving_step), complete.last_word.eq(self.spike_index)]
        with m.If(self.go):
            m.d.sync += routed.eq(complete)

        direct = Signal()
        alone = (pop.rings == 1) & self.ring_1[0].uniform & ~pop.record_spikes
        m.d.sync += [direct.eq(alone), self.needed.eq(pop.record_spikes | ((pop.rings != 0) & ~alone))]
        m.d.comb += [
            bitmap.write_address.eq(Cat(self.spike_index[:word_bits], arriving[0])),
            bitmap.write_data.eq(Cat(self.spike_word, self.spike_word.any())),
            bitmap.write_enable.eq(self.spike_valid),
        ]
        ring, to_host, word, last = Signal(range(MAX_RINGS)), Signal(), Signal.like(self.spike_index), Signal()
        next_ring, delays, rows = Signal(word_layout(RING_0)), Signal(word_layout(RING_1)), Signal(row)
        # Where a word goes: in row `target` of `column`. A ring has a row for every step of a window behind the longest delay, so
        # that only the sum of head, step and delay passes its end.
        column, moving, entering = Signal(range(config.ring_words)), Signal(), Signal()
        start, target, delay = Signal(range(config.max_ring_rows + config.window)), Signal(row), Signal.like(self.delay_data)
        step_number, starting = Signal(number), Signal()
        m.d.comb += [
            next_ring.eq(self.ring_0[0]),
            step_number.eq(Mux(direct, upcoming, complete.number)),
            delays.eq(Array(self.ring_1[r] for r in range(MAX_RINGS))[ring]),
            rows.eq(Array(self.ring_0[r].rows for r in range(MAX_RINGS))[ring]),
        ]
        with m.If(starting):
            m.d.sync += start.eq(next_ring.head + step_number)
        with m.If(~direct | begun[-1]):
            m.d.sync += target.eq(wrapped(start + Mux(delays.uniform, delays.delay[:delay_bits], delay), rows))
        with m.If(moving):
            m.d.sync += column.eq(column + rows)
        with m.If(entering):
            m.d.sync += column.eq(next_ring.base)

        pending, next_bit, more = Signal(RING_BITS), Signal(range(RING_BITS)), Signal()
        position, rest = lowest_bit(m, pending, carry_chain=config.memory_registers)
        spikes, empty = bitmap.read_data[:RING_BITS], ~bitmap.read_data[RING_BITS]
        header = Signal(word_layout(RECORD))
        m.d.comb += [
            bitmap.read_address.eq(Cat(word[:word_bits], routed.number[0])),
            self.write.payload.address.eq(column + target),
            self.write.payload.word.eq(Mux(direct, self.spike_word, spikes)),
            self.delay_address.eq(Cat(position, (delays.delay >> len(position)) + word)),
            header.kind.eq(RecordKind.SPIKES),
            header.population.eq(pop.population),
            header.index.eq(word),
            header.step.eq(routed.step),
        ]

        def next_word() -> None:
            m.d.comb += moving.eq(1)
            m.d.sync += word.eq(word + 1)
            states.next("Fetch")
            with m.If(last):
                states.next("Next")

        def look_up() -> None:
            m.d.comb += self.delay_enable.eq(1)
            m.d.sync += [next_bit.eq(position), pending.eq(rest)]

        def arrive() -> None:
            m.d.sync += [delay.eq(self.delay_data), self.write.payload.neuron.eq(next_bit)]
            states.next("Target")

        states = States(m, *ROUTER)
        m.d.comb += [
            bitmap.read_enable.eq(states.ongoing("Fetch")),
            bitmap.used.eq(states.ongoing("Examine") | states.ongoing("Record")),
            self.output.eq(Mux(states.ongoing("Record"), spikes, header)),
            self.write.payload.merge.eq(states.ongoing("Read") | states.ongoing("Write")),
        ]
        with states("Idle"):
            m.d.comb += [
                starting.eq(1),
                self.write.valid.eq(direct & self.spike_valid),
                moving.eq(self.spike_valid),
                entering.eq(begun[-1] | self.go),
            ]
            m.d.sync += word.eq(0)
            with m.If(self.go):
                m.d.sync += [self.busy.eq(1), to_host.eq(pop.record_spikes)]
                states.next("Fetch")
        with states("Next"):
            m.d.comb += [starting.eq(1), step_number.eq(routed.number), entering.eq(1)]
            m.d.sync += [word.eq(0), to_host.eq(0)]
            states.next("Fetch")
            with m.If(~to_host):
                m.d.comb += next_ring.eq(self.ring_0[MAX_RINGS - 1])
                m.d.sync += ring.eq(MAX_RINGS - 1)
            with m.If(Mux(to_host, pop.rings == 0, ring + 1 >= pop.rings)):
                m.d.sync += [ring.eq(0), self.busy.eq(0)]
                states.next("Idle")
        with states("Fetch"):
            m.d.sync += last.eq(word == routed.last_word)
            states.next("Examine")
        with states("Examine"):
            with m.If(to_host):
                m.d.comb += self.output_valid.eq(~empty)
                with m.If(self.output_valid):
                    states.next("Record")
                with m.Else():
                    next_word()
            with m.Elif(delays.uniform):
                m.d.comb += self.write.valid.eq(1)
                next_word()
            with m.Else():
                m.d.sync += pending.eq(spikes)
                states.next("Look-Up")
                with m.If(empty):
                    next_word()
        with states("Record"):
            m.d.comb += self.output_valid.eq(1)
            next_word()
        with states("Look-Up"):
            look_up()
            states.next("Arrive")
        with states("Arrive"):
            arrive()
        with states("Target"):
            states.next("Read")
        with states("Read"):
            m.d.comb += self.write.valid.eq(1)
            m.d.sync += more.eq(pending != 0)
            look_up()  # of the next spike, if there is one
            states.next("Write")
        with states("Write"):
            m.d.comb += self.write.valid.eq(1)
            with m.If(more):
                arrive()
            with m.Else():
                next_word()
        return m
