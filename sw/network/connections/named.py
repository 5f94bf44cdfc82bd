"""Kinds by name, for files: one line for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from .convolution import Convolution
from .fully_connected import FullyConnected
from .identity import Identity
from .kind import Connection
from .pooling import Pooling
from .sparse import Sparse

KINDS: dict[str, type[Connection]] = {
    "fully_connected": FullyConnected,
    "convolution": Convolution,
    "pooling": Pooling,
    "identity": Identity,
    "sparse": Sparse,
}


def described(connection: Connection) -> dict[str, Any]:
    """``kind``, and the fields of its class: values that JSON has, and arrays."""
    name = next(name for name, kind in KINDS.items() if type(connection) is kind)
    return {"kind": name} | {f.name: getattr(connection, f.name) for f in fields(connection)}  # type: ignore[arg-type]


def connection_of(description: Mapping[str, Any]) -> Connection:
    """The connection that :func:`described` has written; arrays may be lists.

    Raises
    ------
    ValueError   for an unknown kind, and fields that are missing or too many.
    NetworkError   for values out of range.
    """
    values = dict(description)
    name = values.pop("kind", None)
    kind = KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise ValueError(f"connection: kind {name!r} is none of {', '.join(KINDS)}")
    wanted = {f.name for f in fields(kind)}  # type: ignore[arg-type]
    if missing := wanted - values.keys():
        raise ValueError(f"connection.{min(missing)}: Field required")
    if extra := values.keys() - wanted:
        raise ValueError(f"connection.{min(extra)}: Extra inputs are not permitted")
    return kind(**values)
