"""Results that were found before, by a hash of everything that entered them."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lifline.arch.files import write_file

ENTER = ("arch", "network", "compiler", "convert", "driver", "boards", "rtl", "sim", "explore")
"""Packages whose sources decide what a candidate is."""


@lru_cache
def sources() -> str:
    """A hash of lifline's own sources: what a changed one would find is not taken from before."""
    hasher = hashlib.sha256()
    for name in ENTER:
        found = find_spec(f"lifline.{name}")
        assert found is not None
        for folder in found.submodule_search_locations or ():
            for file in sorted(Path(folder).rglob("*.py")):
                hasher.update(f"{name}/{file.relative_to(folder).as_posix()}".encode() + file.read_bytes())
    hasher.update(files("lifline.data").joinpath("energy.toml").read_bytes())
    return hasher.hexdigest()


def key_of(*parts: object) -> str:
    """A name for what enters: texts and numbers, and lifline's sources."""
    return hashlib.sha256(json.dumps([sources(), *map(str, parts)]).encode()).hexdigest()[:32]


class Cache:
    """A folder with a JSON file for every result; several processes may use it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def recall(self, key: str) -> dict[str, Any] | None:
        """What was found before; None if nothing was, or the file is damaged."""
        try:
            found = json.loads(self._file(key).read_text())
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def remember(self, key: str, found: dict[str, Any]) -> None:
        """Write it down, whole or not at all.

        Raises
        ------
        OutputError   if the folder cannot be written.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(found)
        write_file(self._file(key), lambda part: part.write_text(text))

    def _file(self, key: str) -> Path:
        return self.folder / f"{key}.json"
