"""Input spikes: from the host's circular memory into the input's delay ring, one window ahead of the computation."""

from __future__ import annotations

from amaranth.hdl import Assert, Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config
from lifline.arch.limits import RING_BITS
from lifline.arch.records import INPUT_BITS, INPUT_PACKED_STEPS
from lifline.arch.registers import POSITION_BITS

from ..cells.memory import Check, Ram
from ..streams import DelayRead, HostAccess, InputControl, InputProgress, spike_write
from .input_places import InputPlaces
from .packed import PackedWord

NEURON_BITS = (RING_BITS - 1).bit_length()
"""Of an index of a neuron, those that are its place in a ring's word."""


class InputWords(wiring.Component):
    """The host's circular memory of input words, and one word in hand; another one follows in the next cycle.

    Members
    -------
    discard : In, one cycle: forget words that were not taken.   available : In, words that the host has written.   taken : Out, words taken in hand;
    both modulo ``2^POSITION_BITS``.
    valid, word : Out, the word in hand, until it is consumed.   consume : In, one cycle, only while ``valid``.
    host : In(:class:`~lifline.rtl.streams.HostAccess`), at any time; no word is fetched while the host reads.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        super().__init__(
            {
                "discard": In(1),
                "available": In(POSITION_BITS),
                "taken": Out(POSITION_BITS),
                "valid": Out(1),
                "word": Out(INPUT_BITS),
                "consume": In(1),
                "host": In(HostAccess(config.input_words, INPUT_BITS)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        host = self.host
        m.submodules.memory = memory = Ram(width=INPUT_BITS, depth=self.config.input_words)
        fetched, moves, reads = Signal(), Signal(), Signal()  # the memory shows the word behind the one in hand; it comes into hand; another one is read
        # Of positions so many bits tell whether any words are left: there are never more than the memory holds.
        following = Signal(min(self.config.input_words.bit_length(), POSITION_BITS))
        m.d.comb += [
            following.eq(self.taken + fetched),
            moves.eq(fetched & (~self.valid | self.consume)),
            reads.eq(~fetched | moves),
            memory.read_address.eq(Mux(host.read, host.address, following)),
            memory.read_enable.eq(reads | host.read),
            memory.used.eq(fetched | host.read),
            memory.write_address.eq(host.address),
            memory.write_data.eq(host.data),
            memory.write_enable.eq(host.write),
            host.read_data.eq(memory.read_data),
        ]
        if platform is Check.ASSERT:
            m.d.comb += Assert(~fetched | (self.taken != self.available))
        m.d.sync += fetched.eq(~host.read & (~reads | (following != self.available[: len(following)])))
        with m.If(self.consume):
            m.d.sync += self.valid.eq(0)
        with m.If(moves):
            m.d.sync += [self.word.eq(memory.read_data), self.valid.eq(1), self.taken.eq(self.taken + 1)]
        with m.If(self.discard):
            m.d.sync += [self.taken.eq(0), self.valid.eq(0), fetched.eq(0)]
        return m


class InputWriter(wiring.Component):
    """Writes each input spike at the row of its arrival, one per cycle, or 32 neurons in three, with rings and delays left free by others.

    Reset (by a fresh run) forgets spikes that were not taken.

    Members
    -------
    control : In(:class:`~lifline.rtl.streams.InputControl`)
    progress : In(:class:`~lifline.rtl.streams.InputProgress`), a step counts once its last spike is in the ring.
    delays : Out(:class:`~lifline.rtl.streams.DelayRead`)
    write : Out(:func:`~lifline.rtl.streams.spike_write`), a bit at a time, from a register; of packed steps a word.
    host : In(:class:`~lifline.rtl.streams.HostAccess`)
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        super().__init__(
            {
                "control": In(InputControl(config)),
                "progress": In(InputProgress()),
                "delays": Out(DelayRead(config)),
                "write": Out(spike_write(config)),
                "host": In(HostAccess(config.input_words, INPUT_BITS)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        control, steps, delays = self.control, self.progress.steps, self.delays
        m.submodules.words = words = InputWords(self.config)
        wiring.connect(m, wiring.flipped(self.host), words.host)
        m.d.comb += [words.discard.eq(control.discard), words.available.eq(control.available), control.taken.eq(words.taken)]

        # Spikes of packed steps are words: where they go is found as for spikes, ahead of their bits, which stay in the input memory until then.
        m.submodules.places = places = InputPlaces(self.config)
        empty = Signal()
        m.d.comb += [getattr(places, name).eq(getattr(control, name)) for name in ("base", "rows", "delay", "uniform")]
        m.d.comb += [places.looked_up.eq(delays.data), empty.eq(~places.behind & ~places.o.valid)]

        # Decode: count steps, look up the delay, find the ring's column of 32 neurons.
        word, consume = words.word, Signal()
        packs = self.config.packed_input  # if not, what tells of packed steps has no bits
        packed_steps, packed, column_number = Signal(range(packs * INPUT_PACKED_STEPS + 1)), Signal(), Signal(packs * (len(control.neurons) - NEURON_BITS))
        row, next_row, index = Signal.like(control.rows), Signal.like(control.rows), Signal(INPUT_BITS)
        due, exists, stepping = Signal(), Signal(), Signal()
        most = Mux(control.uniform, INPUT_PACKED_STEPS, 0) if packs else 0
        m.d.comb += [
            next_row.eq(row + 1),
            due.eq(steps != self.progress.limit),
            index.eq(Mux(packed, column_number << NEURON_BITS, word)),
            exists.eq(index < control.neurons),
            places.row.eq(row),
            places.group.eq(index[NEURON_BITS:]),
            places.neuron.eq(word),
            delays.address.eq(control.delay + Cat(word[:NEURON_BITS], self._repeated(places.group))),
            delays.enable.eq(words.valid & due & places.free & ~control.uniform),
        ]
        # A step counts as complete only when its last spike is in the ring.
        with m.If(packed & due):
            m.d.comb += [places.comes.eq(exists & places.free), stepping.eq(~exists & empty)]
        with m.Elif(words.valid & due):
            with m.If(word[-1] & (word[:-1] <= most)):
                m.d.comb += [consume.eq(empty), stepping.eq(empty & ~word[:-1].any())]
                with m.If(empty):
                    m.d.sync += [packed_steps.eq(word), packed.eq(word[: len(packed_steps)].any())]
            with m.Elif(~exists):
                m.d.comb += consume.eq(1)
                m.d.sync += control.out_of_range.eq(1)
            with m.Elif(places.free & (control.uniform | delays.free)):
                m.d.comb += [consume.eq(1), places.comes.eq(1)]
        with m.If(packed & places.comes):
            m.d.sync += column_number.eq(column_number + 1)
        with m.If(stepping):
            m.d.sync += [steps.eq(steps + 1), row.eq(next_row), column_number.eq(0), packed_steps.eq(packed_steps - packed), packed.eq(packed & (packed_steps != 1))]
        with m.If(stepping & (next_row == control.rows)):
            m.d.sync += row.eq(0)
        with m.If(control.discard):
            m.d.sync += [packed_steps.eq(0), packed.eq(0), column_number.eq(0)]

        self._write(m, words, places, consume=consume, packed=packed, last=~exists & ~places.behind)
        return m

    def _write(self, m: Module, words: InputWords, places: InputPlaces, *, consume: Value, packed: Value, last: Value) -> None:
        """Offered until it is taken; nobody else writes this word before its time comes."""
        spike = self.write.payload
        m.d.comb += [
            words.consume.eq(consume),
            places.o.ready.eq(self.write.ready),
            self.write.valid.eq(places.o.valid),
            spike.merge.eq(~packed),
            spike.address.eq(places.o.payload.address),
            spike.neuron.eq(places.o.payload.neuron),
        ]
        if not self.config.packed_input:
            return
        m.submodules.bits = bits = PackedWord()
        m.d.comb += [
            bits.discard.eq(self.control.discard),
            bits.active.eq(packed & places.o.valid),
            bits.last.eq(last),
            bits.beyond.eq(self.control.neurons),
            bits.valid.eq(words.valid),
            bits.word.eq(words.word),
            bits.ready.eq(self.write.ready),
            spike.word.eq(bits.neurons),
        ]
        with m.If(packed):
            m.d.comb += [
                words.consume.eq(bits.consume),
                self.write.valid.eq(bits.offered),
                places.o.ready.eq((bits.offered & self.write.ready) | bits.refused),
            ]
        with m.If(bits.refused):
            m.d.sync += self.control.out_of_range.eq(1)

    def _repeated(self, group: Value) -> Value:
        """Of a neuron's word that of its delay: within the period, if there is one."""
        if not self.config.map_words:
            return group
        period = self.control.period
        every = period == 0
        low = group[: len(period)]
        return Cat(low & ((period - 1)[: len(low)] | every.replicate(len(low))), group[len(period) :] & every.replicate(max(len(group) - len(period), 0)))
