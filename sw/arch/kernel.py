"""Compiled loops, kept between runs where there is a place for them."""

from __future__ import annotations

import enum
import logging
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np
from numba import njit
from numba.core.dispatcher import Dispatcher

log = logging.getLogger(__name__)


def _named(function: Callable[..., Any]) -> Iterator[Any]:
    """Global objects that a function names, and those that it may take from modules."""
    names, found = function.__code__.co_names, function.__globals__
    for name in names:
        value = found.get(name)
        yield value
        if isinstance(value, ModuleType):
            yield from (getattr(value, inner, None) for inner in names)


def _stamp(compiled: Any) -> Any:
    """What must not have changed if a cached result is to count; None if nothing is cached."""
    index = getattr(compiled._cache, "_cache_file", None)
    return index and index._source_stamp


def built_in(function: Callable[..., Any]) -> list[Any]:
    """What a compiled function keeps of other files: kernels that it calls, with all that they keep, states, structures and numbers."""
    kept: list[Any] = []
    for value in _named(function):
        if isinstance(value, Dispatcher):
            kept.append(_stamp(value))
        elif isinstance(value, type) and issubclass(value, enum.Enum):
            kept.append([(member.name, member.value) for member in value])
        elif isinstance(value, np.dtype):
            kept.append(value.descr)
        elif isinstance(value, bool | int | float | str | tuple | np.generic):
            kept.append(repr(value))
    return kept


def kernel(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """``numba.njit`` without the interpreter lock, cached; where nothing can be cached (no folder that can be written, no home) compiled anew in every process.

    What is cached counts while its own file is what it was, as always, and while :func:`built_in` of other files is.
    """

    def compiled(function: Callable[..., Any]) -> Any:
        try:
            made: Any = njit(cache=True, nogil=True, **options)(function)
        except RuntimeError as error:  # numba's, when it finds no place
            log.info("%s is compiled in every process: %s; set NUMBA_CACHE_DIR to a folder that can be written", function.__name__, error)
            return njit(nogil=True, **options)(function)
        made._cache._cache_file._source_stamp = (_stamp(made), built_in(function))
        return made

    return compiled
