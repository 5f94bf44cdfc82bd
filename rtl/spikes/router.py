"""Spike routing: a population's spikes of one step go into its delay rings, at the row of their arrival, and to the host."""

from __future__ import annotations

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config
from lifline.arch.program import MAX_RINGS, POPULATION_1, RING_0, RING_1
from lifline.arch.records import RECORD, RecordKind
from lifline.arch.states import ROUTER

from ..cells.decode import word_layout
from ..cells.states import States
from ..streams import DelayRead, RouteCommand, SpikeWords, record_words, spike_write
from .bitmap import Bitmap, Picker
from .place import Place


class Destination(wiring.Component):
    """Where the words of a step go now: to the host, if it gets them, then into every ring; and which word it is.

    Members
    -------
    ring_0, ring_1, population : In, as in :class:`~lifline.rtl.streams.RouteCommand`.
    idle : In, level: no step is routed.   go : In, one cycle, counts while ``idle``: the first destination.
    advance : In, one cycle: go to the next destination.   move : In, one cycle: go to the next word.
    to_host : Out, it is the host.   delays : Out, the delays of the ring.   rows : Out, its rows.   ring : Out, in this cycle: the ring that is entered.
    word : Out, number of the word.   last : Out, level, while ``advance``: there is no other destination.
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
                "move": In(1),
                "to_host": Out(1),
                "delays": Out(word_layout(RING_1)),
                "rows": Out(range(config.max_ring_rows + 1)),
                "ring": Out(word_layout(RING_0)),
                "word": Out(range(config.max_groups)),
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
        with m.If(self.move):
            m.d.sync += self.word.eq(self.word + 1)
        with m.If(self.idle | self.advance):
            m.d.sync += self.word.eq(0)
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
    the words wait in a bitmap memory and ``go`` routes them, destination by destination: a cycle, 2 for a word, 1 more for a
    recorded word that is not empty, and for axonal delays 2 more for a word that is not empty and 3 for each spike.

    Members
    -------
    command : In(:class:`~lifline.rtl.streams.RouteCommand`)
    words : In(:class:`~lifline.rtl.streams.SpikeWords`), from the update; those of the next step may arrive while a step is routed.
    write : Out(:func:`~lifline.rtl.streams.spike_write`), never kept waiting: a word is taken at once, a bit one cycle later.
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
        m.submodules.picker = picker = Picker(config)
        m.submodules.place = place = Place(config)
        m.submodules.destination = destination = Destination(config)
        wiring.connect(m, wiring.flipped(self.words), bitmap.words)

        direct, alone = Signal(), Signal()
        m.d.comb += alone.eq((population.rings == 1) & command.ring_1[0].uniform & ~population.record_spikes)
        m.d.sync += [direct.eq(alone), command.needed.eq(population.record_spikes | ((population.rings != 0) & ~alone))]

        # `found` is the delay of the spike whose place is looked for.
        delays, found, header = destination.delays, Signal.like(self.delays.data), Signal(word_layout(RECORD))
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
            bitmap.word.eq(destination.word),
            picker.spikes.eq(bitmap.spikes),
            place.ring.eq(destination.ring),
            place.rows.eq(destination.rows),
            place.delay.eq(Mux(delays.uniform, delays.delay[: len(found)], found)),
            place.follow.eq(~direct | bitmap.began),
            destination.move.eq(place.move),
            header.kind.eq(RecordKind.SPIKES),
            header.population.eq(population.population),
            header.index.eq(destination.word),
            header.step.eq(bitmap.routed.step),
            self.write.payload.address.eq(place.address),
            self.write.payload.word.eq(Mux(direct, self.words.word, bitmap.spikes)),
            self.delays.address.eq(Cat(picker.neuron, (delays.delay >> len(picker.neuron)) + destination.word)),
        ]
        self._machine(m, bitmap, picker, place, destination, direct, found, header)
        return m

    def _machine(
        self,
        m: Module,
        bitmap: Bitmap,
        picker: Picker,
        place: Place,
        destination: Destination,
        direct: Signal,
        found: Signal,
        header: data.View,
    ) -> None:
        """From word to word and spike to spike, one destination after the other."""
        command = self.command
        states, last = States(m, *ROUTER), Signal()

        def next_word() -> None:
            m.d.comb += place.move.eq(1)
            states.next("Fetch")
            with m.If(last):
                states.next("Next")

        def arrive() -> None:
            m.d.sync += [found.eq(self.delays.data), self.write.payload.neuron.eq(picker.taken)]
            states.next("Target")

        m.d.comb += [
            bitmap.read.eq(states.ongoing("Fetch")),
            bitmap.used.eq(states.ongoing("Examine") | states.ongoing("Record")),
            self.records.payload.eq(Mux(states.ongoing("Record"), bitmap.spikes, header)),
            self.write.payload.merge.eq(states.ongoing("Read") | states.ongoing("Write")),
            picker.take.eq(states.ongoing("Look-Up") | states.ongoing("Read")),
            self.delays.enable.eq(picker.take),
        ]
        with states("Idle"):
            m.d.comb += [
                destination.idle.eq(1),
                place.start.eq(1),
                place.number.eq(Mux(direct, bitmap.upcoming, bitmap.complete.number)),
                place.move.eq(self.words.valid),
                place.enter.eq(bitmap.began | command.go),
                self.write.valid.eq(direct & self.words.valid),
            ]
            with m.If(command.go):
                m.d.sync += command.busy.eq(1)
                states.next("Fetch")
        with states("Next"):
            m.d.comb += [destination.advance.eq(1), place.start.eq(1), place.number.eq(bitmap.routed.number), place.enter.eq(1)]
            states.next("Fetch")
            with m.If(destination.last):
                m.d.sync += command.busy.eq(0)
                states.next("Idle")
        with states("Fetch"):
            m.d.sync += last.eq(destination.word == bitmap.routed.last_word)
            states.next("Examine")
        with states("Examine"):
            with m.If(destination.to_host):
                m.d.comb += self.records.valid.eq(~bitmap.empty)
                with m.If(bitmap.empty):
                    next_word()
                with m.Else():
                    states.next("Record")
            with m.Elif(destination.delays.uniform):
                m.d.comb += self.write.valid.eq(1)
                next_word()
            with m.Else():
                m.d.comb += picker.load.eq(1)
                states.next("Look-Up")
                with m.If(bitmap.empty):
                    next_word()
        with states("Record"):
            m.d.comb += self.records.valid.eq(1)
            next_word()
        with states("Look-Up"):
            states.next("Arrive")
        with states("Arrive"):
            arrive()
        with states("Target"):
            states.next("Read")
        with states("Read"):
            m.d.comb += self.write.valid.eq(1)
            states.next("Write")
        with states("Write"):
            m.d.comb += self.write.valid.eq(1)
            with m.If(picker.more):
                arrive()
            with m.Else():
                next_word()
