"""Reading of TOML files that people write: configurations, coefficients of energy, measurements."""

from __future__ import annotations

import os
import tomllib
from typing import Any

LARGEST_FILE = 1 << 16
UNREADABLE = (OSError, ValueError, RecursionError)
"""What :func:`read_toml` raises; the caller says what the file should have been. tomllib's own error is a ValueError."""


def read_toml(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The values of a file.

    Raises
    ------
    OSError           if it cannot be read.
    ValueError        if it is no TOML, or has more than :data:`LARGEST_FILE` bytes.
    RecursionError    if it is nested too deeply.
    """
    with open(path, "rb") as file:
        data = file.read(LARGEST_FILE + 1)
    if len(data) > LARGEST_FILE:
        raise ValueError(f"more than {LARGEST_FILE:,} bytes")
    return tomllib.loads(data.decode())
