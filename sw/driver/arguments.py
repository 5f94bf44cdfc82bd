"""Arguments that every device checks alike."""

from __future__ import annotations

import operator
from typing import SupportsIndex

from lifline.arch.errors import InputError
from lifline.arch.registers import PERIOD_BITS
from lifline.network.model import Network, Population


def period(value: object) -> int:
    """Clock cycles per time step.

    Raises
    ------
    InputError   if it is no integer, or out of range.
    """
    limit = (1 << PERIOD_BITS) - 1
    try:
        cycles = operator.index(value) if isinstance(value, SupportsIndex) and not isinstance(value, bool) else -1
    except TypeError:  # an array of several
        cycles = -1
    if not 0 <= cycles <= limit:
        raise InputError(f"period_cycles={value!r} must be an integer in 0..{limit}, the clock cycles per time step; 0: no waiting")
    return cycles


def stateful(network: Network, name: object) -> Population:
    """The population of this name, which has neurons with a state.

    Raises
    ------
    InputError   if there is none.
    """
    known = {p.name: p for p in network.populations if p.neurons is not None}
    if not isinstance(name, str) or name not in known:
        raise InputError(f"no population `{name}` has a state; there are {', '.join(known)}: ask for one of them")
    return known[name]
