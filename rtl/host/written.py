"""Registers that the host writes, kept where they are used; for reading them back they are kept in the register memory too."""

from amaranth.hdl import Module, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config
from lifline.arch.layout import WORD_BITS
from lifline.arch.registers import (
    CONTROL_CLOCK,
    CONTROL_DISCARD,
    CONTROL_FRESH,
    CONTROL_START,
    CONTROL_STOP,
    CONTROL_TAG_SHIFT,
    INPUT_RING_PERIOD_BITS,
    INPUT_RING_PERIOD_SHIFT,
    INPUT_RING_ROWS_SHIFT,
    INPUT_RING_UNIFORM_BIT,
    POSITION_BITS,
    REGISTERS,
)

from ..streams import InputControl, RunControl
from .decode import REGISTER_BITS

TAG_BITS = 8
"""Of the tag of a run."""


class WrittenRegisters(wiring.Component):
    """Run control, the input's ring, and how much of the output the host has read.

    Members
    -------
    write : In, one cycle: ``data`` goes to the register at ``index``, and counts from the next cycle on.
    run, input : Out, of :mod:`lifline.rtl.streams`.
    output_taken : Out, output words that the host has freed; zero after a fresh start.
    tag : Out, of the last start.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        super().__init__(
            {
                "index": In(REGISTER_BITS),
                "data": In(WORD_BITS),
                "write": In(1),
                "run": Out(RunControl(config)),
                "input": Out(InputControl(config)),
                "output_taken": Out(POSITION_BITS),
                "tag": Out(TAG_BITS),
            }
        )

    def writes(self, name: str) -> Value:
        """The register of this name is written."""
        return self.write & (self.index == REGISTERS[name].offset)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        run, source = self.run, self.input
        kept = {
            "steps": run.steps, "period": run.period, "ring_clear_words": run.ring_clear_words, "exit_every": run.exit_every,
            "exit_margin": run.exit_margin, "input_count": source.available, "input_neurons": source.neurons, "input_ring_base": source.base,
            "output_taken": self.output_taken,
        }  # fmt: skip
        for name, register in kept.items():
            with m.If(self.writes(name)):
                m.d.sync += register.eq(self.data)
        with m.If(self.writes("input_ring")):
            m.d.sync += [
                source.delay.eq(self.data),
                source.uniform.eq(self.data[INPUT_RING_UNIFORM_BIT]),
                source.rows.eq(self.data[INPUT_RING_ROWS_SHIFT:]),
            ]
            if self.config.map_words:
                m.d.sync += source.period.eq(self.data[INPUT_RING_PERIOD_SHIFT : INPUT_RING_PERIOD_SHIFT + INPUT_RING_PERIOD_BITS])
        with m.If(run.cleared):
            m.d.sync += self.output_taken.eq(0)
        self.obey(m)
        with m.If(source.discard):
            m.d.sync += source.available.eq(0)
        with m.If(~run.running):
            m.d.sync += run.stop.eq(0)
        return m

    def obey(self, m: Module) -> None:
        """Commands of the control register."""
        run = self.run
        tag = self.data[CONTROL_TAG_SHIFT : CONTROL_TAG_SHIFT + TAG_BITS]
        start, fresh, stop, discard = ((self.data & bit).any() for bit in (CONTROL_START, CONTROL_FRESH, CONTROL_STOP, CONTROL_DISCARD))
        m.d.sync += [run.start.eq(0), self.input.discard.eq(0)]
        with m.If(self.writes("control")):
            # A repeated request to start, whose first reply was lost, must not start another run.
            m.d.sync += [run.start.eq(start & ~run.running & (tag != self.tag)), run.fresh.eq(fresh), self.input.discard.eq(discard)]
            m.d.sync += run.clock.eq((self.data & CONTROL_CLOCK).any())
            with m.If(start):
                m.d.sync += self.tag.eq(tag)
            with m.If(stop):
                m.d.sync += run.stop.eq(1)
