"""Spike routing: a population's spikes of one step go into its delay rings, at the row of their arrival, and to the host."""

from __future__ import annotations

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import RING_BITS, Config, ceil_div
from lifline.arch.layout import WORD_BITS
from lifline.arch.program import MAX_RINGS, POPULATION_1, RING_0, RING_1
from lifline.arch.records import RECORD, RecordKind

from .count import lowest_bit
from .decode import word_layout
from .memory import Ram
from .states import States
from .update import STAGES


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
    load, rings : In, take ring descriptors and start at their heads.   population : In, word 1 of the population.
    begin : In, an update of the next step starts.   spike_* : In, from the update.
    complete : In, with the last word of a step.   go : In, route them; the next step's words may arrive meanwhile.
    busy, needed : Out.   step : In, with ``begin``, for the records.
    read_*, write_* : ring memory.   delay_* : delay memory.   output, output_valid : Out, words for the host.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        address, group = range(config.ring_words), range(config.max_groups)
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
                "read_address": Out(address),
                "read_enable": Out(1),
                "read_data": In(RING_BITS),
                "write_address": Out(address),
                "write_enable": Out(1),
                "write_data": Out(RING_BITS),
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

        # The step whose spikes arrive now, and its row in each ring; `begin` is delayed like the spikes.
        begun, advanced = Signal(STAGES + 1), Signal()
        half, arriving_odd = Signal(), Signal()
        row = range(config.max_ring_rows + 1)
        current = Array(Signal(row, name=f"current{r}") for r in range(MAX_RINGS))
        upcoming = [Signal(row, name=f"upcoming{r}") for r in range(MAX_RINGS)]
        heights = [Signal(row, name=f"rows{r}") for r in range(MAX_RINGS)]
        m.d.comb += [heights[r].eq(self.ring_0[r].rows) for r in range(MAX_RINGS)]
        direct_target, direct_upcoming = Signal(row), Signal(row)
        m.d.sync += [
            begun.eq(Cat(self.begin, begun)),
            advanced.eq(begun[-1]),
            direct_upcoming.eq(wrapped(upcoming[0] + self.ring_1[0].delay[:delay_bits], heights[0])),
        ]
        with m.If(begun[-1]):
            m.d.sync += [half.eq(~half), arriving_odd.eq(self.step[0]), direct_target.eq(direct_upcoming)]
        for r in range(MAX_RINGS):
            with m.If(begun[-1]):
                m.d.sync += current[r].eq(upcoming[r])
            with m.If(advanced):
                m.d.sync += upcoming[r].eq(wrapped(current[r] + 1, heights[r]))
            with m.If(self.load):
                m.d.sync += upcoming[r].eq(self.ring_0[r].head)

        direct = Signal()
        arrived_word, last_word, routed_half, routed_odd = Signal.like(self.spike_index), Signal.like(self.spike_index), Signal(), Signal()
        routed = Array(Signal(row, name=f"routed{r}") for r in range(MAX_RINGS))
        complete = Signal(len(Cat(last_word, routed_half, routed_odd, *routed)))
        alone = (pop.rings == 1) & self.ring_1[0].uniform & ~pop.record_spikes
        m.d.sync += [direct.eq(alone), self.needed.eq(pop.record_spikes | ((pop.rings != 0) & ~alone))]
        m.d.comb += [
            bitmap.write_address.eq(Cat(self.spike_index[:word_bits], half)),
            bitmap.write_data.eq(Cat(self.spike_word, self.spike_word.any())),
            bitmap.write_enable.eq(self.spike_valid),
        ]
        column, rows = Signal.like(self.write_address), Signal(row)
        # `word` and `column` are read, `at_word` and `at_column` are examined.
        word, ring, to_host = Signal.like(self.spike_index), Signal(range(MAX_RINGS)), Signal()
        fetching = Signal()
        at_word, at_column, at_last = Signal.like(word), Signal.like(column), Signal()
        target, delay, place = Signal(row), Signal.like(self.delay_data), Signal.like(self.write_address)
        delays = Signal(word_layout(RING_1))
        m.d.comb += [
            delays.eq(Array(self.ring_1[r] for r in range(MAX_RINGS))[ring]),
            rows.eq(Array(heights)[ring]),
            place.eq(at_column + target),
        ]
        m.d.sync += target.eq(wrapped(routed[ring] + Mux(delays.uniform, delays.delay[:delay_bits], delay), rows))
        with m.If(self.spike_valid):
            m.d.sync += arrived_word.eq(self.spike_index)
        with m.If(self.complete):
            m.d.sync += complete.eq(Cat(Mux(self.spike_valid, self.spike_index, arrived_word), half, arriving_odd, *current))
        with m.If(self.go):
            m.d.sync += Cat(last_word, routed_half, routed_odd, *routed).eq(complete)

        pending, bit, next_bit, more = Signal(RING_BITS), Signal(range(RING_BITS)), Signal(range(RING_BITS)), Signal()
        position, rest = lowest_bit(m, pending, carry_chain=config.memory_registers)
        ring_address = Signal.like(self.read_address)
        spikes, empty = bitmap.read_data[:RING_BITS], ~bitmap.read_data[RING_BITS]
        header = Signal(word_layout(RECORD))
        m.d.comb += [
            bitmap.read_address.eq(Cat(word[:word_bits], routed_half)),
            bitmap.read_enable.eq(fetching),
            self.read_address.eq(place),
            self.write_address.eq(Mux(direct, at_column + direct_target, place)),
            self.write_data.eq(self.read_data | (1 << bit)),
            self.delay_address.eq(Cat(position, (delays.delay >> len(position)) + at_word)),
            header.kind.eq(RecordKind.SPIKES),
            header.population.eq(pop.population),
            header.index.eq(at_word),
            # The update is at the step that is routed, or at the next.
            header.step.eq(self.step - (self.step[0] ^ routed_odd)),
        ]

        def next_word() -> None:
            states.next("Fetch")
            with m.If(at_last):
                states.next("Next")

        def look_up() -> None:
            m.d.comb += self.delay_enable.eq(1)
            m.d.sync += [next_bit.eq(position), pending.eq(rest)]

        def arrive() -> None:
            m.d.sync += [delay.eq(self.delay_data), bit.eq(next_bit)]
            states.next("Target")

        states = States(m, platform, "Idle", "Next", "Fetch", "Examine", "Record", "Look-Up", "Arrive", "Target", "Read", "Write")
        m.d.comb += bitmap.used.eq(states.ongoing("Examine") | states.ongoing("Record"))
        with states("Idle"):
            with m.If(direct):
                m.d.comb += [
                    self.write_enable.eq(self.spike_valid),
                    self.write_data.eq(self.spike_word),
                ]
                with m.If(self.spike_valid):
                    m.d.sync += at_column.eq(at_column + rows)
                with m.If(begun[-1]):
                    m.d.sync += at_column.eq(self.ring_0[0].base)
            with m.If(self.go):
                m.d.sync += [self.busy.eq(1), word.eq(0), to_host.eq(pop.record_spikes), column.eq(self.ring_0[0].base)]
                states.next("Fetch")
        with states("Next"):
            m.d.sync += word.eq(0)
            states.next("Fetch")
            with m.If(to_host & (pop.rings != 0)):
                m.d.sync += [to_host.eq(0), column.eq(self.ring_0[0].base)]
            with m.Elif(~to_host & (ring + 1 < pop.rings)):
                m.d.sync += [ring.eq(ring + 1), column.eq(self.ring_0[MAX_RINGS - 1].base)]
            with m.Else():
                m.d.sync += [ring.eq(0), self.busy.eq(0)]
                states.next("Idle")
        with states("Fetch"):
            m.d.comb += fetching.eq(1)
            m.d.sync += [at_word.eq(word), at_column.eq(column), at_last.eq(word == last_word)]
            m.d.sync += [word.eq(word + 1), column.eq(column + rows)]
            states.next("Examine")
        with states("Examine"):
            with m.If(to_host):
                m.d.comb += [self.output.eq(header), self.output_valid.eq(~empty)]
                with m.If(self.output_valid):
                    states.next("Record")
                with m.Else():
                    next_word()
            with m.Elif(delays.uniform):
                m.d.comb += [
                    self.write_enable.eq(1),
                    self.write_data.eq(spikes),
                ]
                next_word()
            with m.Else():
                m.d.sync += pending.eq(spikes)
                states.next("Look-Up")
                with m.If(empty):
                    next_word()
        with states("Record"):
            m.d.comb += [self.output.eq(spikes), self.output_valid.eq(1)]
            next_word()
        with states("Look-Up"):
            look_up()
            states.next("Arrive")
        with states("Arrive"):
            arrive()
        with states("Target"):
            states.next("Read")
        with states("Read"):
            m.d.comb += self.read_enable.eq(1)
            m.d.sync += [ring_address.eq(place), more.eq(pending != 0)]
            look_up()  # of the next spike, if there is one
            states.next("Write")
        with states("Write"):
            m.d.comb += [self.write_enable.eq(1), self.write_address.eq(ring_address)]
            with m.If(more):
                arrive()
            with m.Else():
                next_word()
        return m
