"""The complete design behind a USB port; apart from the one behind a UART, since it needs luna-usb."""

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config

from .cells.target import GENERIC, Target
from .host.usb import UsbSerial
from .top import Top


class UsbTop(wiring.Component):
    """:class:`~lifline.rtl.top.Top` behind a :class:`~lifline.rtl.host.usb.UsbSerial`.

    Members
    -------
    dp_i, dn_i, dp_o, dn_o, oe, pullup : of the USB port.
    """

    dp_i: In(1)
    dn_i: In(1)
    dp_o: Out(1)
    dn_o: Out(1)
    oe: Out(1)
    pullup: Out(1)

    def __init__(self, config: Config, *, target: Target = GENERIC) -> None:
        self.top = Top(config, target=target)
        super().__init__()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.top = self.top
        m.submodules.usb = usb = UsbSerial()
        wiring.connect(m, usb.o, self.top.i)
        wiring.connect(m, self.top.o, usb.i)
        m.d.comb += [usb.dp_i.eq(self.dp_i), usb.dn_i.eq(self.dn_i)]
        m.d.comb += [self.dp_o.eq(usb.dp_o), self.dn_o.eq(usb.dn_o), self.oe.eq(usb.oe), self.pullup.eq(usb.pullup)]
        return m
