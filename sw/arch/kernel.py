"""Compiled loops, kept between runs where there is a place for them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from numba import njit

log = logging.getLogger(__name__)


def kernel(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """``numba.njit`` without the interpreter lock, cached; where nothing can be cached (no folder that can be written, no home) compiled anew in every process."""

    def compiled(function: Callable[..., Any]) -> Any:
        try:
            return njit(cache=True, nogil=True, **options)(function)
        except RuntimeError as error:  # numba's, when it finds no place
            log.info("%s is compiled in every process: %s; set NUMBA_CACHE_DIR to a folder that can be written", function.__name__, error)
            return njit(nogil=True, **options)(function)

    return compiled
