"""Arguments that every device checks alike."""

from __future__ import annotations

from lifline.arch.errors import InputError
from lifline.arch.registers import PERIOD_BITS
from lifline.arch.values import flag, integer
from lifline.network.model import Network, Population

LONGEST_PERIOD = (1 << PERIOD_BITS) - 1


def period(value: object) -> int:
    """Clock cycles per time step; 0: no waiting.

    Raises
    ------
    InputError   if it is no integer, or out of range.
    """
    what = "period_cycles, the clock cycles per time step,"
    if isinstance(value, bool):
        raise InputError(f"{what} {value} must be an integer in 0..{LONGEST_PERIOD}")
    return integer(value, what, InputError, low=0, high=LONGEST_PERIOD)


def fresh(value: object) -> bool:
    """Whether a run starts from zero state.

    Raises
    ------
    InputError   if it is neither true nor false.
    """
    return flag(value, "reset", InputError)


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
