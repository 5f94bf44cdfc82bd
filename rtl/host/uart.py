"""UART, 8 data bits, no parity, 1 stop bit, as byte streams."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

MIN_DIVISOR = 4
"""Fewest clock cycles per bit."""


class Uart(wiring.Component):
    """Serial pins to byte streams and back.

    A received byte whose stop bit is low, or that arrives before the one ahead of it is taken, is dropped; the link's CRC
    finds out and the driver repeats the request.

    Parameters
    ----------
    divisor : clock cycles per bit, at least 4.

    Members
    -------
    rx, tx : serial lines, idle high.   i : bytes to send.   o : bytes received.

    Raises
    ------
    ValueError   if ``divisor`` is below 4.
    """

    rx: In(1)
    tx: Out(1, init=1)
    i: In(stream.Signature(8))
    o: Out(stream.Signature(8))

    def __init__(self, divisor: int) -> None:
        if divisor < MIN_DIVISOR:
            raise ValueError(f"divisor={divisor} must be at least {MIN_DIVISOR} clock cycles per bit")
        self.divisor = divisor
        super().__init__()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        line, line_before = Signal(init=1), Signal(init=1)
        m.submodules.sync = FFSynchronizer(self.rx, line, init=1)

        # The timers count every bit down from `longest`; a received one is taken in its middle.
        longest = self.divisor - 1
        rx_timer, rx_bits, rx_shift = Signal(range(self.divisor), init=longest), Signal(4), Signal(8)
        m.d.sync += rx_timer.eq(rx_timer - 1)
        with m.If((rx_bits == 0) | (rx_timer == 0)):
            m.d.sync += rx_timer.eq(longest)
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += self.o.valid.eq(0)
        m.d.sync += line_before.eq(line)
        with m.If(rx_bits == 0):
            with m.If(~line & line_before):
                m.d.sync += rx_bits.eq(10)
        with m.Elif(rx_timer == self.divisor - self.divisor // 2):
            m.d.sync += [rx_bits.eq(rx_bits - 1), rx_shift.eq(Cat(rx_shift[1:], line))]
            with m.If((rx_bits == 10) & line):
                m.d.sync += rx_bits.eq(0)
            with m.If((rx_bits == 1) & line & (~self.o.valid | self.o.ready)):
                m.d.sync += [self.o.valid.eq(1), self.o.payload.eq(rx_shift)]

        tx_timer, tx_bits, tx_shift = Signal(range(self.divisor), init=longest), Signal(4), Signal(9, init=0x1FF)
        m.d.comb += [self.tx.eq(tx_shift[0]), self.i.ready.eq(tx_bits == 0)]
        m.d.sync += tx_timer.eq(tx_timer - 1)
        with m.If((tx_bits == 0) | (tx_timer == 0)):
            m.d.sync += tx_timer.eq(longest)
        with m.If(tx_bits == 0):
            with m.If(self.i.valid):
                m.d.sync += [tx_shift.eq(Cat(0, self.i.payload)), tx_bits.eq(10)]
        with m.Elif(tx_timer == 0):
            m.d.sync += [tx_bits.eq(tx_bits - 1), tx_shift.eq(Cat(tx_shift[1:], 1))]
        return m
