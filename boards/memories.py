"""The memories of a configuration: read from the elaborated design, or from a file where they were written down."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

from amaranth.hdl import Fragment

from lifline.arch.config import Config
from lifline.rtl.cells.memory import Ram
from lifline.rtl.cells.target import Target
from lifline.rtl.top import Top

from .families import FAMILIES
from .mapping import MemoryShape

FILE = "known.json"
"""In this package; written by ``python -m lifline.driver.overview``."""


def memories(config: Config, family: str) -> tuple[MemoryShape, ...]:
    """Every memory of the design, in the order in which the elaborated design names them."""
    target = FAMILIES[family].target
    return _elaborated(config, Target(weight_style=target.weight_style, slices_apart=target.slices_apart))


@cache
def _elaborated(config: Config, target: Target) -> tuple[MemoryShape, ...]:
    """For a target with nothing in it that does not matter for memories: families share it."""
    return tuple(_memories(Fragment.get(Top(config, target=target), None)))


def _memories(fragment: Any) -> Iterator[MemoryShape]:
    for origin in fragment.origins or ():
        if isinstance(origin, Ram):
            number = origin.memories
            yield from [MemoryShape(origin.width // number, origin.depth, origin.slices // number, origin.style)] * number
    for part, *_ in fragment.subfragments:
        yield from _memories(part)


def name_of(config: Config, family: str) -> str:
    """What decides on the memories: the configuration, and what a family changes in them."""
    target = FAMILIES[family].target
    return f"{config.name} {config.hash:08x}" + (f" {target.weight_style}" if target.weight_style else "") + (" slices" if target.slices_apart else "")


@cache
def written() -> dict[str, Any]:
    """The file."""
    return json.loads(files("lifline.boards").joinpath(FILE).read_text())


def written_memories(config: Config, family: str) -> tuple[MemoryShape, ...]:
    """:func:`memories`, at once for a configuration that was written down: elaborating takes a second or two. A test says that the file is true."""
    shapes = written()["memories"].get(name_of(config, family))
    return memories(config, family) if shapes is None else tuple(MemoryShape(*shape) for shape in shapes)
