"""The host bus: what the link asks of the core, one word at a time."""

from amaranth.lib import data


class HostRequest(data.Struct):
    """Read or write one 32-bit word; ``address`` as in :mod:`lifline.arch.registers`."""

    write: 1
    address: 24
    data: 32


class HostResponse(data.Struct):
    """The word read (zero for a write) and a :class:`lifline.arch.frame.Status`."""

    data: 32
    error: 3
