"""Which rate a serial line has, where nobody says it."""

from __future__ import annotations

import logging

from lifline.arch.errors import LinkError
from lifline.arch.registers import MAGIC, Space, address

from .link import Link
from .serial_port import SerialTransport

LOG = logging.getLogger(__name__)
USUAL_HZ = 1_000_000
"""What boards are built for unless told otherwise."""
OTHERS_HZ = (3_000_000, 2_000_000, 6_000_000, 8_000_000, 12_000_000, 500_000, 115_200)
"""What else is asked for, the likeliest first."""
SHORT_S = 0.1
"""What a reply may take where a rate is only tried."""


def find_rate(transport: SerialTransport) -> int:
    """Try rates until a device answers; the transport has that rate then, in baud. Where none answers it has the usual one.

    Raises
    ------
    LinkError   if the port goes away.
    """
    patient_s = transport.timeout_s
    for rate in (USUAL_HZ, *OTHERS_HZ):
        try:
            transport.set_rate(rate, timeout_s=patient_s if rate == USUAL_HZ else min(SHORT_S, patient_s))
        except ValueError:
            continue  # not a rate of this port
        if _answers(transport, noise=rate != USUAL_HZ):
            transport.set_rate(rate, timeout_s=patient_s)
            if rate != USUAL_HZ:
                LOG.info("%s answers at %d baud", transport.port, rate)
            return rate
    transport.set_rate(USUAL_HZ, timeout_s=patient_s)
    return USUAL_HZ


def _answers(transport: SerialTransport, *, noise: bool) -> bool:
    """``noise``: the device has heard bytes of another rate, and may wait for the rest of what it took for a frame."""
    link = Link(transport, retries=0)
    if noise:
        link.resynchronise()
    try:
        return int(link.read(address(Space.REGISTERS, 0))[0]) == MAGIC
    except LinkError:
        return False
