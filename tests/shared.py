"""Data that several projects share and that is no part of this one: in the folder ``LIFLINE_SHARED``, or in ``shared`` beside the project."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

FOLDER = Path(os.environ.get("LIFLINE_SHARED", Path(__file__).parents[2] / "shared"))
ABSENT = "no shared data, set LIFLINE_SHARED: "


def absent(path: str) -> str | None:
    """Why a test that reads ``path`` of the shared data cannot run, in the words that ``conftest.py`` accepts; None if it can."""
    return None if (FOLDER / path).exists() else f"{ABSENT}{path} is not in {FOLDER}"


def needs(path: str) -> pytest.MarkDecorator:
    """Skips a test where ``path`` of the shared data is absent."""
    return pytest.mark.skipif(absent(path) is not None, reason=str(absent(path)))
