"""The complete design: core and link, up to the byte stream that simulation joins, and with a UART for boards."""

from amaranth.hdl import Module
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config
from lifline.arch.errors import ConfigError

from .cells.target import GENERIC, Target
from .core import Core
from .host.link import Link
from .host.uart import MIN_DIVISOR, Uart
from .streams import Trace

MAX_BAUD_ERROR = 0.02
"""Half of what a receiver with ten bits per byte tolerates; the other half is the other end's."""


def divisor(clock_hz: float, baud_hz: int) -> int:
    """Clock cycles per bit, to the nearest.

    Raises
    ------
    ConfigError   if the clock is too slow, or the error exceeds :data:`MAX_BAUD_ERROR`.
    """
    cycles = round(clock_hz / baud_hz)
    if cycles < MIN_DIVISOR:
        raise ConfigError(f"{baud_hz} baud is too fast for a clock of {clock_hz / 1e6:g} MHz; at most {int(clock_hz / MIN_DIVISOR)}")
    error = clock_hz / cycles / baud_hz - 1
    if abs(error) > MAX_BAUD_ERROR:
        raise ConfigError(
            f"a clock of {clock_hz / 1e6:g} MHz misses {baud_hz} baud by {100 * error:+.1f} %, more than {100 * MAX_BAUD_ERROR:g} %; "
            f"use {int(clock_hz / cycles)} baud or another clock"
        )
    return cycles


class Top(wiring.Component):
    """Core and link.

    Members
    -------
    i, o : byte streams from and to the driver, in the frames of :mod:`lifline.arch.frame`.
    trace : Out(:class:`~lifline.rtl.streams.Trace`), if asked for.
    """

    def __init__(self, config: Config, *, target: Target = GENERIC, trace: bool = False) -> None:
        self.config, self.target, self.traced = config, target, trace
        members = {"i": In(stream.Signature(8)), "o": Out(stream.Signature(8))}
        super().__init__(members | ({"trace": Out(Trace(config))} if trace else {}))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.core = core = Core(self.config, target=self.target, trace=self.traced)
        m.submodules.link = link = Link()
        wiring.connect(m, wiring.flipped(self.i), link.i)
        wiring.connect(m, link.o, wiring.flipped(self.o))
        wiring.connect(m, link.request, core.request)
        wiring.connect(m, core.response, link.response)
        m.d.comb += link.resting.eq(~core.running)
        if self.traced:
            wiring.connect(m, core.trace, wiring.flipped(self.trace))
        return m


class SerialTop(wiring.Component):
    """:class:`Top` behind a UART.

    Members
    -------
    rx, tx : serial lines.

    Raises
    ------
    ConfigError   if the clock cannot give the baud rate.
    """

    rx: In(1)
    tx: Out(1)

    def __init__(self, config: Config, *, clock_hz: float, baud_hz: int, target: Target = GENERIC) -> None:
        self.top = Top(config, target=target)
        self.divisor = divisor(clock_hz, baud_hz)
        super().__init__()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.top = self.top
        m.submodules.uart = uart = Uart(self.divisor)
        wiring.connect(m, uart.o, self.top.i)
        wiring.connect(m, self.top.o, uart.i)
        m.d.comb += [uart.rx.eq(self.rx), self.tx.eq(uart.tx)]
        return m
