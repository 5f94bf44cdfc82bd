"""The counters of a population."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config
from lifline.arch.layout import WORD_BITS
from lifline.arch.program import POPULATION_COUNTERS

from ..cells.count import population_counter


class PopulationCounts(wiring.Component):
    """Counts what happens in the lanes.

    Members
    -------
    clear : In, one cycle: count from zero; what came in the cycle before is forgotten, too.
    fired : In (stage 6), the lanes show crossings and spikes of an operation.
    crossings, spikes : In, with ``fired``: one bit per lane.
    clipped : In (stage 5), the lanes show a result whose saturations count.
    saturations : In, with ``clipped``: one bit per lane.
    counts : Out, in the order of :data:`~lifline.arch.program.POPULATION_COUNTERS`; two cycles later. They do not wrap within a window.
    """

    def __init__(self, config: Config) -> None:
        lanes = config.multipliers
        super().__init__(
            {
                "clear": In(1),
                "fired": In(1),
                "crossings": In(lanes),
                "spikes": In(lanes),
                "clipped": In(1),
                "saturations": In(lanes),
                "counts": Out(WORD_BITS).array(len(POPULATION_COUNTERS)),
            }
        )
        self.config = config

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.config
        most = config.window * config.max_rows * config.multipliers  # a membrane per neuron and step
        counted: dict[str, tuple[Signal, Signal, int]] = {
            "spikes": (self.spikes, self.fired, most),
            "budget_hits": (self.crossings & ~self.spikes, self.fired, most),
            "saturations": (self.saturations, self.clipped, 2 * most),  # both a membrane and a current can saturate
        }
        for k, name in enumerate(POPULATION_COUNTERS):
            bits, valid, limit = counted[name]
            m.d.comb += self.counts[k].eq(population_counter(m, list(bits), valid, self.clear, limit, name))
        return m
