"""Where the kind of a projection is chosen: one line for each."""

from __future__ import annotations

from lifline.arch.errors import CompileError
from lifline.arch.values import short
from lifline.network.model import Projection

from .fully_connected import FullyConnected
from .kind import Kind

KINDS: dict[type, Kind] = {
    Projection: FullyConnected(),
}
"""What the network calls it, and how it is compiled."""


def kind_of(projection: Projection) -> Kind:
    """How a projection is compiled.

    Raises
    ------
    CompileError   for a kind that the compiler does not know.
    """
    for described, kind in KINDS.items():
        if isinstance(projection, described):
            return kind
    known = ", ".join(f"`{described.__name__}`" for described in KINDS)
    raise CompileError(f"{short(projection)} is no projection that this gateware runs, which are {known}")
