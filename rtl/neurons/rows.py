"""Where in a population's neuron words the update is."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config

from ..cells.decode import POPULATION_SHAPE


class Rows(wiring.Component):
    """Goes through the prologue's words once, then through the rows again and again.

    What it shows is for the operation in hand; after a row's last operation it shows the next row, after the last row the first, and holds it until the
    next step.

    Members
    -------
    population : In, the population's words, stable from ``load`` on.
    load : In, one cycle: a new population.
    advance : In, one cycle: the last operation of the prologue, or of a section in this row, is issued.
    inside : Out, a row; else the prologue.
    row : Out, its number, from 0.
    last : Out, it is the last one (also in the prologue of a population of one row).
    address : Out, neuron word of the row's, or prologue's, offset 0.
    phase : Out, neuron word of offset 0 of the words that the row shares with those a number of periods before and after it; only inside.
    """

    def __init__(self, config: Config) -> None:
        super().__init__(
            {
                "population": In(POPULATION_SHAPE),
                "load": In(1),
                "advance": In(1),
                "inside": Out(1),
                "row": Out(range(config.max_rows)),
                "last": Out(1),
                "address": Out(range(config.neuron_words)),
                "phase": Out(range(config.neuron_words)),
            }
        )
        self.config = config

    def elaborate(self, platform: object) -> Module:
        m = Module()
        layout, prologue = self.population.population_0, self.population.population_1.prologue
        following, after = Signal(range(self.config.max_rows + 1), init=1), Signal(range(self.config.max_rows + 1))
        rows = layout.rows[: len(following)]
        row_base = Signal.like(self.address)
        m.d.comb += after.eq(following + 1)
        with m.If(self.advance):
            with m.If(~self.inside):
                m.d.sync += [self.inside.eq(1), self.address.eq(row_base)]
            with m.Else():
                m.d.sync += [self.row.eq(following), following.eq(after), self.last.eq(after == rows)]
                m.d.sync += self.address.eq(self.address + self.population.population_5.row_words)
                with m.If(self.last):
                    m.d.sync += [self.last.eq(rows == 1), self.address.eq(row_base)]
        with m.If(self.load):
            m.d.sync += [
                self.last.eq(rows == 1),
                self.inside.eq(prologue == 0),
                self.address.eq(layout.neuron_base),
                row_base.eq(layout.neuron_base + prologue),
            ]
        with m.If(self.load | (self.advance & self.inside & self.last)):
            m.d.sync += [self.row.eq(0), following.eq(1)]
        self.repeat(m)
        return m

    def repeat(self, m: Module) -> None:
        """Phases lie below the prologue, the first one highest: an address that goes down with every row, and starts again after a period."""
        five, left = self.population.population_5, Signal.like(self.population.population_5.period_rows)  # rows of the period behind this one
        restarts, base = Signal(), self.population.population_0.neuron_base[: len(self.phase)]
        m.d.comb += restarts.eq(self.load | self.last | (left == 0))
        with m.If(self.load | (self.advance & self.inside)):
            m.d.sync += [
                left.eq(Mux(restarts, five.period_rows, left) - 1),
                self.phase.eq(Mux(restarts, base, self.phase) - self.population.population_3.period_words),
            ]
