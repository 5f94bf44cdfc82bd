"""The tables of walks and gathers: where each of the three memories of maps holds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lifline.arch.config import Config
from lifline.arch.errors import CompileError
from lifline.arch.maps import MAP, TABLES
from lifline.network.model import Network

from .memories import MAPS, MemoryUse
from .projections.gather import Gather
from .projections.walk import Start, Walk


@dataclass(frozen=True, eq=False)
class Maps:
    """The memories of maps.

    Attributes
    ----------
    starts : by pass, the first word of each of its tables; None for passes without tables.   words : as the host sees them, table by table; empty
    if no pass has tables.
    """

    starts: tuple[tuple[int, ...] | None, ...]
    words: NDArray[np.uint32]
    memory: MemoryUse


def balanced(walks: Sequence[Walk | None], others: Sequence[Gather | None] = ()) -> list[Walk | None]:
    """The same walks, those that need one table each in the one that has most room left beside ``others``; the largest choose first."""
    result = list(walks)
    fixed = [walk for walk in (*walks, *others) if isinstance(walk, Gather) or (walk is not None and walk.only is None)]
    used = [sum(len(walk.tables[k]) for walk in fixed) for k in range(TABLES)]
    movable = [(k, digit) for k, walk in enumerate(walks) if walk is not None and (digit := walk.only) is not None]
    for k, digit in sorted(movable, key=lambda one: -len(one[1].table)):
        table = min(reversed(range(TABLES)), key=lambda table: used[table])
        used[table] += len(digit.table)
        result[k] = Walk.of(digit, table)
    return result


def place_maps(network: Network, config: Config, walks: Sequence[tuple[str, Walk | Gather | None]]) -> Maps:
    """Tables of all passes, each with what messages call it; equal tables are stored once.

    Raises
    ------
    CompileError   for numbers that a word of a table cannot hold, and more words than there is room for.
    """
    stored: list[list[int]] = [[] for _ in range(TABLES)]
    found: list[dict[tuple[int, ...], int]] = [{} for _ in range(TABLES)]
    starts: list[tuple[int, ...] | None] = []
    needs: dict[str, int] = {}
    for where, walk in walks:
        if walk is None:
            starts.append(None)
            continue
        own = []
        for table, starts_of_digit in enumerate(walk.tables):
            words = tuple(_word(start, where, walk.names) for start in starts_of_digit)
            if words not in found[table]:
                found[table][words] = len(stored[table])
                stored[table] += words
            own.append(found[table][words])
            needs[where] = max(needs.get(where, 0), len(words))
        starts.append(tuple(own))
    if not any(starts):
        return Maps(tuple(starts), np.zeros(0, np.uint32), {})
    largest = max(needs, key=lambda where: needs[where])
    memory = MAPS.claim(network, config, max(len(words) for words in stored), f" ({largest} {needs[largest]:,} of them)")
    image = np.zeros((TABLES, config.map_words), np.uint32)
    for table, words in enumerate(stored):
        image[table, : len(words)] = words
    return Maps(tuple(starts), image.reshape(-1)[: (TABLES - 1) * config.map_words + len(stored[-1])], memory)


def _word(start: Start | None, where: str, names: Sequence[str]) -> int:
    """``names`` : what messages call slots and counts."""
    if start is None:
        return MAP.pack(weight=0, slot=0, count=0, exists=0)
    values = {"weight": start.weight, "slot": start.slot, "count": start.count - 1}
    for name, what in zip(("weight", "slot", "count"), ("weight words", *names), strict=True):
        most = 1 << MAP[name].width
        if values[name] >= most:
            raise CompileError(f"{where}: more than {most:,} {what}, which is what a table of this gateware can name; split the target population")
    return MAP.pack(**values, exists=1)
