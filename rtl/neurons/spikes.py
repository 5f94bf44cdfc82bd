"""Collects the spikes of rows into words of 32 neurons."""

from __future__ import annotations

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config
from lifline.arch.limits import RING_BITS

from ..streams import SpikeWords
from .stages import Finished


class SpikeCollector(wiring.Component):
    """Puts rows side by side, the first one lowest; a word leaves with its last row, or with the population's last row.

    Members
    -------
    finished : In(:class:`~lifline.rtl.neurons.stages.Finished`); rows come in rising order.
    spikes : In, with ``finished.fire``: a bit per lane.
    words : Out(:class:`~lifline.rtl.streams.SpikeWords`), from registers, a cycle later; bits above those of the rows that came are zero.
    """

    def __init__(self, config: Config) -> None:
        super().__init__({"finished": In(Finished(config)), "spikes": In(config.multipliers), "words": Out(SpikeWords(config))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        finished, words, lanes = self.finished, self.words, len(self.spikes)
        parts = RING_BITS // lanes
        part = finished.row % parts
        m.d.sync += [words.valid.eq(0), words.complete.eq(finished.ends_step)]
        with m.If(finished.fire):
            with m.If(part == 0):
                m.d.sync += words.word.eq(self.spikes)
            for index in range(1, parts):
                with m.If(part == index):
                    m.d.sync += words.word.word_select(index, lanes).eq(self.spikes)
            m.d.sync += words.index.eq(finished.row // parts)
            m.d.sync += words.valid.eq(finished.last_row | (part == parts - 1))
        return m
