"""The memory of all delay rings, and who may use it when."""

from __future__ import annotations

from amaranth.hdl import Array, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config
from lifline.arch.limits import RING_BITS

from ..cells.memory import Ram
from ..streams import RingClear, RingScan, spike_write


class Turns(wiring.Component):
    """Several writers share one stream, the earlier in the list first. Whoever has the stream keeps it until its write is taken. No register.

    Members
    -------
    i : In(:func:`~lifline.rtl.streams.spike_write`), one for each writer.
    o : Out, the write of the writer that has its turn.
    """

    def __init__(self, config: Config, writers: int) -> None:
        super().__init__({"i": In(spike_write(config)).array(writers), "o": Out(spike_write(config))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        writers = range(len(self.i))
        turn, before, first, kept = Signal(writers), Signal(writers), Signal(writers), Signal()
        for k in reversed(writers):
            with m.If(self.i[k].valid):
                m.d.comb += first.eq(k)
        m.d.comb += [
            turn.eq(Mux(kept, before, first)),
            self.o.valid.eq(Array(i.valid for i in self.i)[turn]),
            self.o.payload.eq(Array(i.payload.as_value() for i in self.i)[turn]),
            *(self.i[k].ready.eq(self.o.ready & (turn == k)) for k in writers),
        ]
        m.d.sync += [kept.eq(self.o.valid & ~self.o.ready), before.eq(turn)]
        return m


class Rings(wiring.Component):
    """Owns the rings: clears, scans, writes spikes, one read and one write per cycle.

    While a run is in progress, in this order: clearing, the scan, ``writers[0]``, the other writers, of which the earlier goes first. Between runs the
    host. The words of the first three are written one cycle after they were taken, and before those of the others.

    Engines guarantee that while a write is offered, nobody else writes or scans that word, and that nobody reads it in the cycle after: the rows that
    spikes arrive in, that are scanned and that the input writes differ, and a router takes three cycles for a bit.

    Members
    -------
    running : In, level: a run is in progress.
    clear : In(:class:`~lifline.rtl.streams.RingClear`), before anything else of the run.
    scan : In(:class:`~lifline.rtl.streams.RingScan`), ``clear`` only while ``busy``.
    writers : In(:func:`~lifline.rtl.streams.spike_write`), the engines. The first never waits for another: its word is taken in the cycle in which it
        is offered, its bit in the next; it offers nothing during a scan. The others have the cycles that are left: three for a bit at least, one for
        a word. A write that is no longer offered (its engine was reset) is forgotten.
    host : In(:func:`~lifline.rtl.streams.spike_write`), whole words only, taken at once between runs. Its address is read all that time.
    read_data : Out, the word at the host's address, one cycle later.
    """

    def __init__(self, config: Config, writers: int) -> None:
        self.config = config
        super().__init__(
            {
                "running": In(1),
                "clear": In(RingClear(config)),
                "scan": In(RingScan(config)),
                "writers": In(spike_write(config)).array(writers),
                "host": In(spike_write(config)),
                "read_data": Out(RING_BITS),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.memory = memory = Ram(width=RING_BITS, depth=self.config.ring_words)
        m.submodules.turns = turns = Turns(self.config, len(self.writers) - 1)
        for writer, i in zip(list(self.writers)[1:], turns.i, strict=True):
            wiring.connect(m, wiring.flipped(writer), i)
        urgent, patient = self.writers[0], turns.o
        m.d.comb += [self.scan.data.eq(memory.read_data), self.read_data.eq(memory.read_data)]

        # Both kinds of writers set a bit in the word that they have read in the cycle before.
        urgent_reads, urgent_has_read, patient_reads, patient_has_read = Signal(), Signal(), Signal(), Signal()
        neuron, marked = Signal(range(RING_BITS)), Signal(RING_BITS)
        m.d.sync += [urgent_has_read.eq(urgent_reads), neuron.eq(Mux(urgent_reads, urgent.payload.neuron, patient.payload.neuron))]
        m.d.comb += marked.eq(memory.read_data | (1 << neuron))

        # What is written late. What is not written is zero, so that an OR joins the words.
        late, late_address = Signal(), Signal.like(memory.write_address)
        late_word, late_marked = Signal(RING_BITS), Signal(RING_BITS)
        m.d.comb += [
            urgent_reads.eq(urgent.valid & urgent.payload.merge & ~urgent_has_read),
            urgent.ready.eq(~urgent.payload.merge | urgent_has_read),
        ]
        taken = urgent.valid & urgent.ready
        m.d.sync += [
            late.eq(self.clear.clearing | self.scan.clear | taken),
            late_address.eq(
                Mux(self.clear.clearing, self.clear.address, Mux(self.scan.busy, self.scan.clear_address, urgent.payload.address))
            ),
            late_word.eq(Mux(taken & ~urgent.payload.merge, urgent.payload.word, 0)),
            late_marked.eq(Mux(urgent_has_read, marked, 0)),
        ]

        # A patient writer's word waits with its bit set until the port is free.
        waits, waiting = Signal(), Signal(RING_BITS)
        m.d.comb += patient_reads.eq(
            self.running & patient.valid & patient.payload.merge & ~patient_has_read & ~waits & ~self.scan.busy & ~urgent_reads
        )
        m.d.sync += patient_has_read.eq(patient_reads)
        with m.If(patient_has_read):
            m.d.sync += [waits.eq(1), waiting.eq(marked)]
        with m.If((patient.ready & waits) | ~patient.valid):
            m.d.sync += waits.eq(0)
        m.d.comb += [patient.ready.eq(self.running & ~late & (waits | ~patient.payload.merge)), self.host.ready.eq(~self.running & ~late)]

        unhurried = Signal.like(memory.write_address)
        m.d.comb += [
            unhurried.eq(Mux(self.running, patient.payload.address, self.host.payload.address)),
            memory.read_address.eq(Mux(self.scan.busy, self.scan.address, Mux(urgent_reads, urgent.payload.address, unhurried))),
            memory.read_enable.eq(~self.scan.busy | self.scan.enable),
            memory.write_address.eq(Mux(late, late_address, unhurried)),
            memory.write_enable.eq(late | (patient.valid & patient.ready) | (self.host.valid & self.host.ready)),
        ]
        word = Mux(self.running, Mux(patient.payload.merge, waiting, patient.payload.word), self.host.payload.word)
        m.d.comb += memory.write_data.eq(late_word | late_marked | Mux(late, 0, word))
        return m
