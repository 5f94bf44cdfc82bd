"""The memory of all delay rings, and who may use it when."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config
from lifline.arch.limits import RING_BITS

from ..cells.memory import Ram
from ..cells.select import bit_of, one_of
from ..streams import RingClear, RingScan, spike_write


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
    writers : In(:func:`~lifline.rtl.streams.spike_write`), the engines. The first never waits: it offers nothing during a scan, nor while words are cleared,
        and shows neither a ``word`` nor ``merge`` then; its word is zero with ``merge``. The others have the cycles that are left, and one is enough.
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
        clear, scan, host = self.clear, self.scan, self.host
        first, *others = self.writers
        m.d.comb += [
            first.ready.eq(1),
            host.ready.eq(~self.running),
            scan.data.eq(memory.read_data),
            self.read_data.eq(memory.read_data),
        ]

        # Whose turn it is, which is known early and decides on the address, and what is taken.
        spikes = [writer.payload for writer in self.writers]
        turns, taken, merges, whole, neuron = [first.valid], [first.valid], [spikes[0].merge], [], spikes[-1].neuron
        for k, writer in enumerate(others):
            earlier = Cat(other.valid for other in (first, *others[:k])).any()
            m.d.comb += writer.ready.eq(self.running & ~earlier & ~scan.busy & ~clear.clearing)
            turns.append(self.running & ~earlier & writer.valid)
            taken.append(writer.valid & writer.ready)
            merges.append(taken[-1] & writer.payload.merge)
            whole.append(taken[-1] & ~writer.payload.merge)
        for spike, goes_first in reversed([*zip(spikes, (merges[0], *turns[1:]), strict=True)][:-1]):
            neuron = Mux(goes_first, spike.neuron, neuron)

        # The word that a bit belongs to is read.
        address, merge = Signal.like(memory.write_address), Signal()
        m.d.comb += [
            address.eq(one_of([host.payload.address, *(spike.address for spike in spikes)], [~self.running, *turns])),
            merge.eq(Cat(merges).any()),
            memory.read_address.eq(Mux(scan.busy, scan.address, address)),
            memory.read_enable.eq(~scan.busy | scan.enable),
        ]

        # It is written in the next cycle: the word or bit that was taken, and of what was there before that which has been read. A word that is being
        # written meanwhile goes round. The memory answers late, so that a single gate is between what it says and what it is given.
        again, read, word = Signal(), Signal(), Signal(RING_BITS)
        words, chosen = [spikes[0].word, host.payload.word, *(spike.word for spike in spikes[1:])], [Const(1), ~self.running, *whole]
        m.d.comb += [
            again.eq(memory.write_enable & one_of([memory.write_address == spike.address for spike in spikes], merges)),
            memory.write_data.eq(word | (memory.read_data & read.replicate(RING_BITS))),
        ]
        m.d.sync += [
            memory.write_enable.eq(Cat(taken).any() | (host.valid & host.ready) | clear.clearing | scan.clear),
            memory.write_address.eq(Mux(clear.clearing, clear.address, Mux(scan.busy, scan.clear_address, address))),
            read.eq(merge & ~again),
            word.eq(one_of(words, chosen) | bit_of(neuron, merge) | (memory.write_data & again.replicate(RING_BITS))),
        ]
        return m
