"""Registers and wires of an engine as a structure that compiled code changes in place."""

from __future__ import annotations

from functools import cache
from typing import Any, get_type_hints

import numpy as np
from numpy.typing import NDArray


@cache
def structure(described: type) -> np.dtype[Any]:
    """The layout of a class that lists its members as ``name: bool``, ``name: int`` or ``name: another such class``.

    Compiled code sees an object of the class in every record of an array with this layout: ``engine.busy = True`` writes into the array.
    """
    kinds: dict[type, Any] = {bool: np.bool_, int: np.int64}
    return np.dtype([(name, kinds.get(hint) or structure(hint)) for name, hint in get_type_hints(described).items()], align=True)


def filled(described: type, **values: int) -> NDArray[Any]:
    """One record of :func:`structure`, zero where no value is given."""
    record = np.zeros(1, structure(described))
    for name, value in values.items():
        record[name] = value
    return record
