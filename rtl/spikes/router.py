"""Spike routing: a population's spikes of one step go into its delay rings, at the row of their arrival, and to the host."""

from __future__ import annotations

from amaranth.hdl import Array, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config
from lifline.arch.program import MAX_RINGS, POPULATION_1, RING_0, RING_1
from lifline.arch.records import RECORD, RecordKind
from lifline.arch.states import ROUTER

from ..cells.decode import word_layout
from ..cells.select import one_of
from ..cells.states import States
from ..streams import DelayRead, RouteCommand, SpikeWords, record_words, spike_write
from .arrivals import Arrivals
from .bitmap import Bitmap
from .place import Place


class Destination(wiring.Component):
    """Where the words of a step go now: to the host, if it gets them, then into every ring.

    Members
    -------
    ring_0, ring_1, population : In, as in :class:`~lifline.rtl.streams.RouteCommand`.
    idle : In, level: no step is routed.   go : In, one cycle, counts while ``idle``: the first destination.
    advance : In, one cycle: go to the next destination.
    to_host : Out, it is the host.   delays : Out, the delays of the ring.   rows : Out, its rows.   ring : Out, in this cycle: the ring that is entered.
    last : Out, level, while ``advance``: there is no other destination.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        super().__init__(
            {
                "ring_0": In(word_layout(RING_0)).array(MAX_RINGS),
                "ring_1": In(word_layout(RING_1)).array(MAX_RINGS),
                "population": In(word_layout(POPULATION_1)),
                "idle": In(1),
                "go": In(1),
                "advance": In(1),
                "to_host": Out(1),
                "delays": Out(word_layout(RING_1)),
                "rows": Out(range(config.max_ring_rows + 1)),
                "ring": Out(word_layout(RING_0)),
                "last": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        number, rings = Signal(range(MAX_RINGS)), self.population.rings
        m.d.comb += [
            self.delays.eq(Array(self.ring_1)[number]),
            self.rows.eq(Array(ring.rows for ring in self.ring_0)[number]),
            self.ring.eq(self.ring_0[0]),
            self.last.eq(Mux(self.to_host, rings == 0, number + 1 >= rings)),
        ]
        with m.If(self.idle & self.go):
            m.d.sync += self.to_host.eq(self.population.record_spikes)
        with m.If(self.advance):
            m.d.sync += self.to_host.eq(0)
            with m.If(~self.to_host):
                m.d.comb += self.ring.eq(self.ring_0[MAX_RINGS - 1])
                m.d.sync += number.eq(MAX_RINGS - 1)
            with m.If(self.last):
                m.d.sync += number.eq(0)
        return m


class Router(wiring.Component):
    """Takes the spike words of one step and writes them where they arrive.

    A population with one ring of uniform delay that is not recorded writes its words straight into the ring. Otherwise
    the words wait in a bitmap memory and ``go`` routes them, destination by destination: 2 cycles, 1 for each word, 1 more for a
    recorded word that is not empty; with axonal delays 1 for each spike, and for a word without, and at most 4 more.

    Members
    -------
    command : In(:class:`~lifline.rtl.streams.RouteCommand`)
    words : In(:class:`~lifline.rtl.streams.SpikeWords`), from the update; those of the next step may arrive while a step is routed.
    write : Out(:func:`~lifline.rtl.streams.spike_write`), never kept waiting; neither ``word`` nor ``merge`` while nothing is offered.
    delays : Out(:class:`~lifline.rtl.streams.DelayRead`), always free for the router.
    records : Out(:func:`~lifline.rtl.streams.record_words`), no register.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        super().__init__(
            {
                "command": In(RouteCommand(config)),
                "words": In(SpikeWords(config)),
                "write": Out(spike_write(config)),
                "delays": Out(DelayRead(config)),
                "records": Out(record_words()),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, command, population = self.config, self.command, self.command.population
        m.submodules.bitmap = bitmap = Bitmap(config)
        m.submodules.arrivals = arrivals = Arrivals(config)
        m.submodules.place = place = Place(config)
        m.submodules.destination = destination = Destination(config)
        wiring.connect(m, wiring.flipped(self.words), bitmap.words)
        wiring.connect(m, arrivals.delays, wiring.flipped(self.delays))

        direct, alone = Signal(), Signal()
        m.d.comb += alone.eq((population.rings == 1) & command.ring_1[0].uniform & ~population.record_spikes)
        m.d.sync += [direct.eq(alone), command.needed.eq(population.record_spikes | ((population.rings != 0) & ~alone))]

        whole = [direct & self.words.valid, ~direct & self.write.valid & ~arrivals.valid]
        delays, header = destination.delays, Signal(word_layout(RECORD))
        for number in range(MAX_RINGS):
            m.d.comb += [destination.ring_0[number].eq(command.ring_0[number]), destination.ring_1[number].eq(command.ring_1[number])]
        m.d.comb += [
            destination.population.eq(population),
            destination.go.eq(command.go),
            bitmap.load.eq(command.load),
            bitmap.first.eq(command.first),
            bitmap.begin.eq(command.begin),
            bitmap.step.eq(command.step),
            bitmap.go.eq(command.go),
            arrivals.ring.eq(delays),
            arrivals.spikes.eq(bitmap.spikes),
            arrivals.occupied.eq(bitmap.occupied),
            place.ring.eq(destination.ring),
            place.rows.eq(destination.rows),
            place.delay.eq(Mux(delays.uniform, delays.delay[: len(arrivals.delay)], arrivals.delay)),
            place.follow.eq(~direct | bitmap.began),
            header.kind.eq(RecordKind.SPIKES),
            header.population.eq(population.population),
            header.index.eq(bitmap.index),
            header.step.eq(bitmap.routed.step),
            self.write.payload.address.eq(place.address),
            self.write.payload.merge.eq(arrivals.valid),
            self.write.payload.neuron.eq(arrivals.neuron),
            self.write.payload.word.eq(one_of([self.words.word, bitmap.spikes], whole)),
        ]
        self._machine(m, bitmap, arrivals, place, destination, direct, header)
        return m

    def _machine(
        self, m: Module, bitmap: Bitmap, arrivals: Arrivals, place: Place, destination: Destination, direct: Signal, header: data.View
    ) -> None:
        """From word to word, one destination after the other."""
        command, uniform = self.command, destination.delays.uniform
        states = States(m, *ROUTER)
        # A word has been read; one is shown and not gone yet; the last one has been read. The first one is read a cycle before its destination begins.
        fetched, held, ended = Signal(), Signal(), Signal(init=1)
        begins, reads, shows = Signal(), Signal(), Signal()
        gone, through, starting, started = Signal(), Signal(), Signal(), Signal()
        m.d.comb += [shows.eq(fetched & (~held | gone)), reads.eq(begins | ((~fetched | shows) & ~ended))]
        m.d.sync += [fetched.eq(reads | (fetched & ~shows)), held.eq(shows | (held & ~gone)), started.eq(starting)]
        with m.If(reads):
            m.d.sync += ended.eq(bitmap.last)
        m.d.comb += [
            through.eq(gone & ended & ~fetched),
            bitmap.read.eq(reads),
            bitmap.show.eq(shows),
            arrivals.start.eq(starting | started),
            self.records.payload.eq(Mux(states.ongoing("Record"), bitmap.spikes, header)),
        ]
        with states("Idle"):
            m.d.comb += [
                starting.eq(1),
                destination.idle.eq(1),
                place.start.eq(1),
                place.number.eq(Mux(direct, bitmap.upcoming, bitmap.complete.number)),
                place.move.eq(self.words.valid),
                place.enter.eq(bitmap.began | command.go),
                self.write.valid.eq(direct & self.words.valid),
                begins.eq(command.go),
            ]
            with m.If(command.go):
                m.d.sync += command.busy.eq(1)
                states.next("Route")
        with states("Next"):
            m.d.comb += [starting.eq(1), destination.advance.eq(1), place.start.eq(1), place.number.eq(bitmap.routed.number), place.enter.eq(1)]
            m.d.comb += begins.eq(~destination.last)
            states.next("Route")
            with m.If(destination.last):
                m.d.sync += command.busy.eq(0)
                states.next("Idle")
        with states("Route"):
            with m.If(destination.to_host):
                some = bitmap.occupied.any()
                m.d.comb += [gone.eq(held & ~some), self.records.valid.eq(held & some)]
                with m.If(held & some):
                    states.next("Record")
            with m.Elif(uniform):
                m.d.comb += [gone.eq(held), place.move.eq(held), self.write.valid.eq(held)]
            with m.Else():
                m.d.comb += [gone.eq(arrivals.taken), arrivals.offered.eq(held), place.move.eq(arrivals.last), self.write.valid.eq(arrivals.valid)]
            with m.If(through):
                states.next("Next")
                with m.If(~destination.to_host & ~uniform):
                    states.next("Drain")
        with states("Record"):
            m.d.comb += [gone.eq(1), self.records.valid.eq(1)]
            states.next("Route")
            with m.If(through):
                states.next("Next")
        with states("Drain"):
            m.d.comb += [place.move.eq(arrivals.last), self.write.valid.eq(arrivals.valid)]
            with m.If(arrivals.idle):
                states.next("Next")
