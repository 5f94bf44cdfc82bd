"""Reads the words of a scan from a ring, one per cycle: the rows of a group, then those of the next group."""

from __future__ import annotations

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config

from ..streams import ScanCommand


class Fetch(wiring.Component):
    """Addresses of a scan.

    Members
    -------
    command : In(ScanCommand), which is busy until ``finished``.
    finished : In, one cycle: the scan ends.
    hold : In, level: the read of this cycle is repeated in the next one.
    address : Out, ring word that is read in this cycle.   fetching : Out, level, with ``address``: it is one of the scan's.
    first, last : Out, with ``address``: it is the first row, the last row of its group.   clear : Out, likewise: it is one of those that are cleared.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        super().__init__(
            {
                "command": In(ScanCommand(config)),
                "finished": In(1),
                "hold": In(1),
                "address": Out(range(config.ring_words)),
                "fetching": Out(1),
                "first": Out(1),
                "last": Out(1),
                "clear": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        command = self.command
        words, next_words = Signal.like(command.words), Signal.like(command.words)  # groups that have been read
        row, next_row = Signal.like(command.row), Signal.like(command.row)
        column = Signal.like(command.base)  # of the group's row 0
        number, next_number = Signal.like(command.count), Signal.like(command.count)  # rows of the group that have been read
        m.d.comb += [
            next_row.eq(row + 1),
            next_number.eq(number + 1),
            next_words.eq(words + 1),
            self.address.eq(column + row),
            self.first.eq(number == 0),
            self.last.eq(next_number == command.count),
            self.clear.eq(command.clear & ((words < command.clear_words) if self.config.gathers else 1)),
        ]
        with m.If(self.fetching & ~self.hold):
            m.d.sync += [row.eq(next_row), number.eq(next_number)]
            with m.If(next_row == command.ring_rows):
                m.d.sync += row.eq(0)
            with m.If(self.last):
                m.d.sync += [
                    number.eq(0),
                    row.eq(command.row),
                    column.eq(column + command.ring_rows),
                    words.eq(next_words),
                    self.fetching.eq(next_words != command.words),
                ]
        with m.If(self.finished):
            m.d.sync += command.busy.eq(0)
        with m.If(command.start):
            m.d.sync += [command.busy.eq(1), self.fetching.eq(1), words.eq(0), number.eq(0), column.eq(command.base), row.eq(command.row)]
        return m
