"""Where in the rings a spike arrives: a ring has a row per step and a column per word of 32 neurons, which lie one behind the other."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config
from lifline.arch.program import RING_0

from ..cells.decode import word_layout
from ..cells.select import wrapped
from ..streams import window_step


class Place(wiring.Component):
    """The address of a word of a ring: word by word in the row of one step and delay.

    A ring has a row for every step of a window behind the longest delay, so that only the sum of head, step and delay passes its end.

    Members
    -------
    ring : In, the ring that is entered, at the head of the window.   number : In, the step in the window.
    start : In, level: take the ring's head and ``number``.   enter : In, one cycle: take its first word.   move : In, one cycle: go to the next word.
    rows, delay : In, of the ring that has been entered, in steps.   follow : In, level: take ``delay``, one cycle after what was started.
    address : Out, ring word; one cycle after ``follow``, ``enter`` or ``move``.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        super().__init__(
            {
                "ring": In(word_layout(RING_0)),
                "number": In(window_step(config)),
                "start": In(1),
                "enter": In(1),
                "move": In(1),
                "rows": In(range(config.max_ring_rows + 1)),
                "delay": In(range(config.max_delay + 1)),
                "follow": In(1),
                "address": Out(range(config.ring_words)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        column, row = Signal.like(self.address), Signal.like(self.rows)
        first_row = Signal(range(self.config.max_ring_rows + self.config.window))
        with m.If(self.start):
            m.d.sync += first_row.eq(self.ring.head + self.number)
        with m.If(self.follow):
            m.d.sync += row.eq(wrapped(first_row + self.delay, self.rows))
        with m.If(self.move):
            m.d.sync += column.eq(column + self.rows)
        with m.If(self.enter):
            m.d.sync += column.eq(self.ring.base)
        m.d.comb += self.address.eq(column + row)
        return m
