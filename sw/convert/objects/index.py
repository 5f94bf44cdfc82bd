"""Operations that only move values (views, permutations, slices, concatenations): found out by sending every element's own number through them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Roles = tuple[Any, ...]
"""By axis of a tensor: ``"item"`` for axes of one item in one step, else the tuple of the sample's leading axes (batch, time) that it runs over."""
ITEM = "item"


class Mixed(Exception):
    """The operation does not do the same to every item and step; the text says what it does."""


@dataclass(frozen=True)
class Source:
    """One operand: its shape, roles and the number of its first element."""

    shape: tuple[int, ...]
    roles: Roles
    first: int

    @property
    def size(self) -> int:
        return int(np.prod(self.shape))

    @property
    def item(self) -> int:
        """Values of one item in one step."""
        return int(np.prod([n for n, role in zip(self.shape, self.roles, strict=True) if role == ITEM]))


@dataclass(frozen=True)
class Moved:
    """Where a result's values come from.

    Attributes
    ----------
    roles : of the result's axes.   shape : of one item of the result.
    index : flat position in the joined items of all operands, for each value of an item; -1 is a zero that was filled in.
    chosen : leading axis -> the one position along it that was taken.
    """

    roles: Roles
    shape: tuple[int, ...]
    index: Ints
    chosen: dict[int, int]


def _split(source: Source, flat: Ints, lead_sizes: Sequence[int]) -> tuple[dict[int, Ints], Ints]:
    """Position along every leading axis, and in the item, of elements with these numbers."""
    coordinates = np.unravel_index(flat, source.shape)
    leads: dict[int, Ints] = {}
    item = np.zeros_like(flat)
    for coordinate, n, role in zip(coordinates, source.shape, source.roles, strict=True):
        if role == ITEM:
            item = item * n + coordinate
            continue
        rest = coordinate
        for axis in reversed(role):
            leads[axis] = rest % lead_sizes[axis]
            rest = rest // lead_sizes[axis]
    return leads, item


def moved(numbers: Ints, sources: Sequence[Source], lead_sizes: Sequence[int]) -> Moved:
    """What an operation does that turned the elements' numbers, counted from 1, into ``numbers`` (0: filled in).

    Raises
    ------
    Mixed   if items or steps are mixed, reordered, or not treated alike.
    """
    numbers = numbers - 1
    leads: dict[int, Ints] = {}
    item = np.full(numbers.shape, -1, np.int64)
    offset = 0
    for source in sources:
        own = (numbers >= source.first) & (numbers < source.first + source.size)
        found, place = _split(source, np.where(own, numbers - source.first, 0), lead_sizes)
        item = np.where(own, place + offset, item)
        for axis, values in found.items():
            leads[axis] = np.where(own, values, leads.get(axis, np.full(numbers.shape, -1, np.int64)))
        offset += source.item
    chosen: dict[int, int] = {}
    ranges: dict[int, list[int]] = {k: [] for k in range(numbers.ndim)}
    for axis, values in leads.items():
        known = values[values >= 0]
        if known.size and (known == known[0]).all() and lead_sizes[axis] > 1:
            chosen[axis] = int(known[0])
            continue
        if not known.size or lead_sizes[axis] == 1:
            continue
        along = [k for k in range(numbers.ndim) if _varies(values, k)]
        if len(along) != 1:
            raise Mixed("mixes items or steps with one another")
        ranges[along[0]].append(axis)
    roles = _roles(numbers.shape, ranges, item, leads, lead_sizes)
    keep = tuple(slice(None) if role == ITEM else 0 for role in roles)
    index = item[keep]
    expanded = index.reshape([n if role == ITEM else 1 for n, role in zip(numbers.shape, roles, strict=True)])
    if not np.array_equal(np.broadcast_to(expanded, numbers.shape), item):
        raise Mixed("does not do the same to every item and step")
    return Moved(roles, index.shape, index.reshape(-1), chosen)


def _varies(values: Ints, axis: int) -> bool:
    """Whether positions change along ``axis``; zeros that were filled in say nothing."""
    if values.shape[axis] < 2:
        return False
    first, second = np.take(values, range(values.shape[axis] - 1), axis), np.take(values, range(1, values.shape[axis]), axis)
    return bool(((first != second) & (first >= 0) & (second >= 0)).any())


def _roles(shape: tuple[int, ...], ranges: dict[int, list[int]], item: Ints, leads: dict[int, Ints], lead_sizes: Sequence[int]) -> Roles:
    last_lead = max((k for k, axes in ranges.items() if axes), default=-1)
    roles: list[Any] = []
    for k, n in enumerate(shape):
        axes = sorted(ranges[k])
        if not axes:
            # A new axis of one before the leading ones is one of them; behind them it belongs to the item.
            roles.append(() if n == 1 and k < last_lead else ITEM)
            continue
        expected = np.unravel_index(np.arange(n), tuple(lead_sizes[a] for a in axes)) if n == int(np.prod([lead_sizes[a] for a in axes])) else None
        view = [1] * len(shape)
        view[k] = n
        for place, axis in enumerate(axes):
            wanted = None if expected is None else np.broadcast_to(expected[place].reshape(view), shape)
            if wanted is None or ((leads[axis] != wanted) & (leads[axis] >= 0)).any():
                raise Mixed("leaves out or reorders items or steps")
        roles.append(tuple(axes))
    return tuple(roles)
