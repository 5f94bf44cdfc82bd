"""Arrays that live for a slice of a run: each thread uses the same memory for one slice after the other, which costs less than new memory."""

from __future__ import annotations

import threading
from math import prod
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


class Scratch(threading.local):
    """The arrays of one thread, by name. What has been taken under a name counts until the name is taken again."""

    def __init__(self) -> None:
        self._kept: dict[str, NDArray[np.uint8]] = {}

    def empty(self, name: str, shape: tuple[int, ...], kind: DTypeLike) -> NDArray[Any]:
        """An array of this shape and type with any values."""
        size = prod(shape) * np.dtype(kind).itemsize
        if name not in self._kept or len(self._kept[name]) < size:
            self._kept[name] = np.empty(size, np.uint8)
        return self._kept[name][:size].view(kind).reshape(shape)

    def zeros(self, name: str, shape: tuple[int, ...], kind: DTypeLike) -> NDArray[Any]:
        """Likewise, of zeros."""
        array = self.empty(name, shape, kind)
        array.fill(0)
        return array
