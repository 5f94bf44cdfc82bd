"""The memory of all delay rings, and who may use it when."""

from __future__ import annotations

from amaranth.hdl import Array, Const, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config
from lifline.arch.limits import RING_BITS

from ..cells.memory import Ram
from ..streams import RingClear, RingScan, spike_layout, spike_write


class Turns(wiring.Component):
    """Several writers share one stream, the earlier in the list first. No register.

    Members
    -------
    i : In(:func:`~lifline.rtl.streams.spike_write`), one for each writer.
    o : Out, the write of the first writer that offers one.
    """

    def __init__(self, config: Config, writers: int) -> None:
        super().__init__({"i": In(spike_write(config)).array(writers), "o": Out(spike_write(config))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        writers = range(len(self.i))
        first = Signal(writers)
        for k in reversed(writers):
            with m.If(self.i[k].valid):
                m.d.comb += first.eq(k)
        m.d.comb += [
            self.o.valid.eq(Array(i.valid for i in self.i)[first]),
            self.o.payload.eq(Array(i.payload.as_value() for i in self.i)[first]),
            *(self.i[k].ready.eq(self.o.ready & (first == k)) for k in writers),
        ]
        return m


class Rings(wiring.Component):
    """Owns the rings: clears, scans, writes spikes, one read and one write per cycle.

    While a run is in progress, in this order: clearing, the scan, ``writers[0]``, the other writers, of which the earlier goes first. Between runs the
    host. What is taken in a cycle, a word, a bit or a zero, is written in the next one. A bit may come in every cycle, also for the word that is just
    being written: that one is not read, but goes round.

    Engines guarantee that nobody scans a word in the cycle in which it is taken, or in the next one: the rows that spikes arrive in, that are scanned
    and that the input writes differ.

    Members
    -------
    running : In, level: a run is in progress.
    clear : In(:class:`~lifline.rtl.streams.RingClear`), before anything else of the run.
    scan : In(:class:`~lifline.rtl.streams.RingScan`), ``clear`` only while ``busy``.
    writers : In(:func:`~lifline.rtl.streams.spike_write`), the engines. The first never waits: it offers nothing during a scan, nor while words are cleared.
        The others have the cycles that are left, and one is enough.
    host : In(:func:`~lifline.rtl.streams.spike_write`), whole words only, taken and written at once between runs. Its address is read all that time.
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
        urgent, patient, clear, scan, host = self.writers[0], turns.o, self.clear, self.scan, self.host
        m.d.comb += [
            urgent.ready.eq(1),
            patient.ready.eq(self.running & ~urgent.valid & ~scan.busy & ~clear.clearing),
            host.ready.eq(~self.running),
            scan.data.eq(memory.read_data),
            self.read_data.eq(memory.read_data),
        ]

        # What is taken; the word that a bit belongs to is read.
        spike = data.View(spike_layout(self.config), Mux(urgent.valid, urgent.payload.as_value(), patient.payload.as_value()))
        taken, merge, whole, address = Signal(), Signal(), Signal(), Signal.like(memory.write_address)
        m.d.comb += [
            taken.eq(urgent.valid | (patient.valid & patient.ready)),
            merge.eq(taken & spike.merge),
            whole.eq(Mux(self.running, taken & ~spike.merge, host.valid)),
            address.eq(Mux(self.running, spike.address, host.payload.address)),
            memory.read_address.eq(Mux(scan.busy, scan.address, address)),
            memory.read_enable.eq(~scan.busy | scan.enable),
        ]

        # It is written in the next cycle: the word or bit that was taken, and of what was there before that which has been read. A word that is being
        # written meanwhile goes round. The memory answers late, so that a single gate is between what it says and what it is given.
        again, read, word, goes_round = Signal(), Signal(), Signal(RING_BITS), Signal(RING_BITS)
        bit = Const(1, RING_BITS) << spike.neuron
        m.d.comb += [
            again.eq(memory.write_enable & (memory.write_address == spike.address)),
            memory.write_data.eq(word | (memory.read_data & read.replicate(RING_BITS))),
            goes_round.eq(memory.write_data & (merge & again).replicate(RING_BITS)),
        ]
        m.d.sync += [
            memory.write_enable.eq(taken | clear.clearing | scan.clear | host.valid & host.ready),
            memory.write_address.eq(Mux(clear.clearing, clear.address, Mux(scan.busy, scan.clear_address, address))),
            read.eq(merge & ~again),
            word.eq(Mux(self.running, Mux(spike.merge, bit, spike.word), host.payload.word) & (merge | whole).replicate(RING_BITS) | goes_round),
        ]
        return m
