"""The spike words of a step until they are routed."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config, ceil_div
from lifline.arch.limits import RING_BITS
from lifline.arch.records import RECORD
from lifline.arch.timing import UPDATE_STAGES

from ..cells.count import BYTE
from ..cells.memory import Ram
from ..cells.select import parts_of
from ..streams import SpikeWords, window_step


def step_layout(config: Config) -> data.StructLayout:
    """A step whose words have arrived: its number in the window, its time for records, the number of its last word."""
    return data.StructLayout({"number": window_step(config), "step": RECORD["step"].width, "last_word": range(config.max_groups)})


class Bitmap(wiring.Component):
    """Spike words of two steps: the one whose words arrive and the one that is routed, a half of the memory for each.

    Members
    -------
    load : In, one cycle: a pass starts.   first : In, with ``load``, number in the window of its first step.   begin : In, one cycle: an update of the next step starts.   step : In, with ``begin``, its time for records.
    began : Out, one cycle: ``begin``, as late as the update's words.
    words : In(:class:`~lifline.rtl.streams.SpikeWords`), of the step that began last.
    upcoming : Out, number in the window of the step that begins next.   complete : Out, the last step whose words were complete.
    go : In, one cycle: ``routed`` becomes ``complete``.   routed : Out, the step that is routed.
    read : In, read the next word of ``routed``, with ``go`` already; behind the last word comes the first one.   last : Out, level: the next word is the last.
    show : In, in the cycle after ``read`` or later, before the next one: show the word.   index, spikes, occupied : Out, from registers, from the next cycle on: its number,
    the word, and which of its bytes have a spike.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        super().__init__(
            {
                "load": In(1),
                "first": In(window_step(config)),
                "begin": In(1),
                "step": In(RECORD["step"].width),
                "began": Out(1),
                "words": In(SpikeWords(config)),
                "upcoming": Out(window_step(config)),
                "complete": Out(step_layout(config)),
                "go": In(1),
                "routed": Out(step_layout(config)),
                "read": In(1),
                "last": Out(1),
                "show": In(1),
                "index": Out(range(config.max_groups)),
                "spikes": Out(RING_BITS),
                "occupied": Out(RING_BITS // BYTE),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        words = self.words
        word_bits = max(ceil_div(self.config.max_neurons, RING_BITS) - 1, 1).bit_length()
        m.submodules.memory = memory = Ram(width=RING_BITS, depth=2 << word_bits)
        arriving, arriving_step, begun = Signal.like(self.upcoming), Signal.like(self.step), Signal(UPDATE_STAGES + 1)
        m.d.sync += begun.eq(Cat(self.begin, begun))
        m.d.comb += self.began.eq(begun[-1])
        with m.If(self.began):
            m.d.sync += [self.upcoming.eq(self.upcoming + 1), arriving.eq(self.upcoming), arriving_step.eq(self.step)]
        with m.If(self.load):
            m.d.sync += self.upcoming.eq(self.first)
        with m.If(words.complete):
            m.d.sync += [self.complete.number.eq(arriving), self.complete.step.eq(arriving_step), self.complete.last_word.eq(words.index)]
        with m.If(self.go):
            m.d.sync += self.routed.eq(self.complete)
        # With `go` it is not `routed` yet.
        number, last_word, word, fetched = Signal(), Signal.like(self.routed.last_word), Signal(word_bits), Signal(word_bits)
        m.d.comb += [
            number.eq(Mux(self.go, self.complete.number[0], self.routed.number[0])),
            last_word.eq(Mux(self.go, self.complete.last_word, self.routed.last_word)),
            self.last.eq(word == last_word),
            memory.write_address.eq(Cat(words.index[:word_bits], arriving[0])),
            memory.write_data.eq(words.word),
            memory.write_enable.eq(words.valid),
            memory.read_address.eq(Cat(word, number)),
            memory.read_enable.eq(self.read),
            memory.used.eq(self.show),
        ]
        with m.If(self.read):
            m.d.sync += [word.eq(word + 1), fetched.eq(word)]
            with m.If(self.last):
                m.d.sync += word.eq(0)
        with m.If(self.show):
            shown = memory.read_data
            m.d.sync += [self.index.eq(fetched), self.spikes.eq(shown), self.occupied.eq(Cat(byte.any() for byte in parts_of(shown, len(self.occupied))))]
        return m
