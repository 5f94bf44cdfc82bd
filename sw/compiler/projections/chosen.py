"""Where the kind of a projection is chosen: one line for each."""

from __future__ import annotations

from lifline.arch.errors import CompileError
from lifline.arch.values import short
from lifline.network.connections import convolution as described_convolution
from lifline.network.connections import fully_connected as described_fully_connected
from lifline.network.connections import identity as described_identity
from lifline.network.connections import pooling as described_pooling
from lifline.network.connections import sparse as described_sparse
from lifline.network.connections.kind import Connection
from lifline.network.model import Projection

from .convolution import Convolution
from .fully_connected import FullyConnected
from .identity import Identity
from .kind import Kind
from .pooling import Pooling
from .sparse import Sparse

KINDS: dict[type[Connection], Kind] = {
    described_fully_connected.FullyConnected: FullyConnected(),
    described_convolution.Convolution: Convolution(),
    described_pooling.Pooling: Pooling(),
    described_identity.Identity: Identity(),
    described_sparse.Sparse: Sparse(),
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
