"""The host bus: what the link asks of the core, one word at a time."""

from amaranth.lib import data

from lifline.arch.frame import Status
from lifline.arch.layout import WORD_BITS
from lifline.arch.registers import ADDRESS_BITS


class HostRequest(data.Struct):
    """Read or write one word; ``address`` as in :mod:`lifline.arch.registers`."""

    write: 1
    address: ADDRESS_BITS
    data: WORD_BITS


class HostResponse(data.Struct):
    """The word read (zero for a write), and what became of the request."""

    data: WORD_BITS
    error: Status
