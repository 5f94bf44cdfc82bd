"""Order of execution: strongly connected components in topological order, and the order inside each of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lifline.arch.errors import NetworkError

Edge = tuple[str, str]


def reachable(start: str, edges: Iterable[Edge]) -> set[str]:
    """Names that can be reached from ``start`` over at least one edge ``(source, target)``."""
    pairs, found, todo = list(edges), set(), [start]
    while todo:
        name = todo.pop()
        for source, target in pairs:
            if source == name and target not in found:
                found.add(target)
                todo.append(target)
    return found


def _topological(names: Sequence[str], edges: set[Edge]) -> list[str]:
    left, result = list(names), []
    while left:
        for name in left:
            if not any(target == name and source in left for source, target in edges):
                break
        else:
            raise NetworkError(f"populations {left} form a cycle without delay; give one of its projections a delay of at least 1")
        result.append(name)
        left.remove(name)
    return result


def components(names: Sequence[str], edges: set[Edge], immediate: set[Edge]) -> list[list[str]]:
    """Strongly connected components in topological order; inside a component every ``immediate`` (zero-delay) edge goes forward.

    Raises
    ------
    NetworkError   if a cycle consists of immediate edges only.
    """
    after = {name: reachable(name, edges) for name in names}
    groups: list[list[str]] = []
    for name in names:
        if not any(name in group for group in groups):
            groups.append([n for n in names if n == name or (n in after[name] and name in after[n])])
    leader = {name: group[0] for group in groups for name in group}
    between = {(leader[s], leader[t]) for s, t in edges if leader[s] != leader[t]}
    members = {group[0]: group for group in groups}
    return [_topological(members[first], immediate) for first in _topological(list(members), between)]
