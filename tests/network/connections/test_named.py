"""Connections as JSON and back."""

from __future__ import annotations

import json

import numpy as np
import pytest

from lifline.arch.errors import NetworkError
from lifline.network.connections.convolution import Convolution
from lifline.network.connections.fully_connected import FullyConnected
from lifline.network.connections.identity import Identity
from lifline.network.connections.kind import Connection
from lifline.network.connections.named import KINDS, connection_of, described
from lifline.network.connections.pooling import Pooling
from lifline.network.connections.sparse import Sparse

EXAMPLES: list[Connection] = [
    FullyConnected(),
    Identity(),
    Pooling((2, 3), 1, ((0, 1), (1, 0))),
    Convolution(stride=(1, 2), padding=((0, 1), (1, 0)), groups=3, pool=(2, 2)),
    Sparse([3, 0, 3], [1, 5, 0]),
]


@pytest.mark.parametrize("connection", EXAMPLES, ids=repr)
def test_json_holds_everything(connection: Connection) -> None:
    assert connection_of(json.loads(json.dumps(described(connection), default=np.ndarray.tolist))) == connection


def test_every_kind_is_tried() -> None:
    assert {type(c) for c in EXAMPLES} == set(KINDS.values())


@pytest.mark.parametrize(
    ("description", "error", "message"),
    [
        ({}, ValueError, "kind None is none of fully_connected, convolution, pooling, identity, sparse"),
        ({"kind": "dense"}, ValueError, "kind 'dense'"),
        ({"kind": 3}, ValueError, "kind 3"),
        ({"kind": "pooling", "size": 2, "stride": 2}, ValueError, "connection.padding: Field required"),
        ({"kind": "identity", "size": 2}, ValueError, "connection.size: Extra inputs"),
        ({"kind": "sparse", "sources": [0], "targets": "all"}, NetworkError, "targets of a sparse projection must be integers"),
        ({"kind": "pooling", "size": 0, "stride": 2, "padding": 0}, NetworkError, "size of a pooling: 0"),
    ],
)
def test_other_descriptions_are_refused(description: dict, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        connection_of(description)
