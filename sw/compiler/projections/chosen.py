"""Where the kind of a projection is chosen: one line for each."""

from __future__ import annotations

from lifline.arch.errors import CompileError
from lifline.arch.values import short
from lifline.network.connections import fully_connected as described
from lifline.network.connections.kind import Connection
from lifline.network.model import Projection

from .fully_connected import FullyConnected
from .kind import Kind

KINDS: dict[type[Connection], Kind] = {
    described.FullyConnected: FullyConnected(),
}
"""How each kind of connection is compiled."""


def kind_of(projection: Projection) -> Kind:
    """How a projection is compiled.

    Raises
    ------
    CompileError   for a kind that the compiler does not know.
    """
    kind = KINDS.get(type(projection.connection))
    if kind is None:
        known = ", ".join(f"`{known.__name__}`" for known in KINDS)
        raise CompileError(f"{projection.where}: {short(projection.connection)} is no connection that this gateware runs, which are {known}")
    return kind
