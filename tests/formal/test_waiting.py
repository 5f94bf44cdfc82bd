"""Who waits for whom in an event pass: scanner, list, event issue, update, router, recorder and host, in every order that there is.

The model keeps what engines wait for and nothing of what they compute, nor how long they take: an engine that may move does so sooner or
later. Every reachable state is visited, for all numbers of active neurons and of spike words. No state comes twice, so the pass ends, whatever the
order, if no other state is without a way on. The rules are those of ``rtl/control/steps.py``, ``routes.py``, ``machine.py``
and ``rtl/synapses/entries.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from graphlib import TopologicalSorter

import pytest

from lifline.arch.config import preset
from lifline.arch.limits import LIST_PART, RING_BITS

STEPS = 3
WORDS_PER_WORD = 2
"""Output words for a word of spikes: its header, and itself."""


@dataclass(frozen=True)
class Rules:
    """Sizes, and what the sequencer allows."""

    source: int
    """presynaptic neurons"""
    room: int
    """entries that fit the list"""
    words: int
    """words of spikes per step"""
    output: int
    """output words that fit the memory"""
    ahead: bool
    """the next step is scanned before this one is updated"""
    overlap: bool
    """the next step may be updated before the spikes of this one are known"""
    reserved: int
    """steps whose spikes are reserved for"""
    recurrent: bool = False
    """the source is the population itself: a step needs the spikes of all before it"""
    scan_waits: bool = False
    """a scan waits for spikes that wait for the router"""
    router_waits: bool = True
    """the router waits for scans that are due"""

    @property
    def needed(self) -> int:
        return self.reserved * self.words * WORDS_PER_WORD


def sequencer(source: int, room: int, words: int, output: int) -> Rules:
    """What the sequencer of the gateware chooses for these sizes."""
    overlap = 2 * words * WORDS_PER_WORD <= output
    return Rules(source, room, words, output, ahead=source <= room, overlap=overlap, reserved=2 if overlap else 1)


def recurrent(source: int, room: int, words: int, output: int) -> Rules:
    """Likewise, for a population that projects to itself."""
    return replace(sequencer(source, room, words, output), ahead=False, recurrent=True, scan_waits=True, router_waits=False)


@dataclass(frozen=True)
class State:
    step: int = 0
    """that is accumulated or updated"""
    updating: bool = False
    scanned: int = 0
    """scans that have ended"""
    scanning: int | None = None
    """active neurons that the scanner has not given to the list; None: it is idle"""
    listed: tuple[int, ...] = (0,) * STEPS
    """entries in the list, by step"""
    coming: bool = False
    """an update has issued all, its spikes are on their way"""
    due: int = 0
    """words of spikes that wait for the router"""
    routing: int = 0
    """words that the router has in hand"""
    used: int = 0
    """words in the output memory"""
    missed: bool = False
    """a row has been scanned before the spikes of all steps before it were in it"""

    @property
    def ended(self) -> bool:
        return self.step == STEPS and not (self.coming or self.due or self.routing)


def listed(state: State, step: int, change: int) -> tuple[int, ...]:
    return tuple(n + change * (k == step) for k, n in enumerate(state.listed))


def moves(rules: Rules, state: State) -> Iterator[State]:
    """Every state that one move of one engine leads to."""
    needed = min(state.step + (2 if rules.ahead else 1), STEPS)
    scans_done = state.scanned == needed and state.scanning is None
    if state.scanning is None and state.scanned < needed and not (
        state.updating or state.coming or state.routing or (state.due and rules.scan_waits)
    ):  # the rings are free
        missed = rules.recurrent and (state.step < state.scanned or state.due > 0)
        for active in range(rules.source + 1):
            yield replace(state, scanning=active, missed=state.missed or missed)
    if state.scanning == 0:
        yield replace(state, scanning=None, scanned=state.scanned + 1)
    elif state.scanning is not None and sum(state.listed) < rules.room:
        yield replace(state, scanning=state.scanning - 1, listed=listed(state, state.scanned, 1))
    if state.step < STEPS and not state.updating:
        if state.listed[state.step]:
            yield replace(state, listed=listed(state, state.step, -1))
        elif (
            scans_done
            and not (state.due or state.routing)
            and (rules.overlap or not state.coming)
            and state.used + rules.needed <= rules.output
        ):
            yield replace(state, updating=True)
    if state.updating and not state.coming:
        yield replace(state, updating=False, coming=True, step=state.step + 1)
    if state.coming and not state.due:
        for words in range(rules.words + 1):
            yield replace(state, coming=False, due=words)
    if state.due and not state.routing and state.scanning is None and (scans_done or not rules.router_waits) and (rules.overlap or not state.updating):
        yield replace(state, due=0, routing=state.due)
    if state.routing:
        yield replace(state, routing=state.routing - 1, used=state.used + WORDS_PER_WORD)
    if state.used:
        yield replace(state, used=state.used - 1)


def explore(rules: Rules) -> str:
    """What goes wrong in some order, or nothing."""
    graph: dict[State, set[State]] = {}
    waiting = [State()]
    while waiting:
        state = waiting.pop()
        if state.used > rules.output:
            return "a record is lost"
        if state.missed:
            return "a spike is missed"
        if state in graph:
            continue
        graph[state] = set(moves(rules, state))
        if not graph[state] and not state.ended:
            return "nobody can move"
        waiting += graph[state]
    TopologicalSorter(graph).prepare()  # refuses a circle
    return ""


SIZES = [(source, room, words, output) for source in (0, 2, 3, 4, 6) for room in (1, 3) for words, output in ((1, 4), (2, 8), (2, 7), (2, 4), (3, 6))]


@pytest.mark.parametrize(("source", "room", "words", "output"), SIZES)
def test_every_pass_ends_in_every_order(source: int, room: int, words: int, output: int) -> None:
    """Sources that fit the list and such that do not; room for two steps, for more than one, for exactly one."""
    assert explore(sequencer(source, room, words, output)) == ""


@pytest.mark.parametrize(("source", "room", "words", "output"), SIZES)
def test_every_recurrent_pass_ends_in_every_order_and_misses_no_spike(source: int, room: int, words: int, output: int) -> None:
    assert explore(recurrent(source, room, words, output)) == ""


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"router_waits": True}, "nobody can move"),
        ({"scan_waits": False}, "a spike is missed"),
        ({"ahead": True}, "a spike is missed"),
    ],
    ids=["router and scanner wait for each other", "scans before the router", "scans ahead"],
)
def test_each_rule_of_recurrence_is_needed(change: dict[str, bool], wrong: str) -> None:
    assert explore(replace(recurrent(2, 3, 2, 8), **change)) == wrong  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("source", "change", "wrong"),
    [
        (4, {"ahead": True}, "nobody can move"),
        (4, {"reserved": 2}, "nobody can move"),
        (2, {"overlap": True}, "a record is lost"),
    ],
    ids=["scans ahead although the source does not fit", "reserves more than there is", "overlaps with room for one step"],
)
def test_each_rule_is_needed(source: int, change: dict[str, bool | int], wrong: str) -> None:
    rules = sequencer(source, 3, 2, 4)
    assert explore(rules) == "" and explore(replace(rules, **change)) == wrong  # type: ignore[arg-type]


@pytest.mark.parametrize("entries", [64, 128, 256])
def test_the_list_takes_all_that_is_scanned_ahead(entries: int) -> None:
    """From any place of the reader: the scanner waits for no fewer entries than it may scan ahead, and then two more entries fit."""
    parts, ahead = entries // LIST_PART, preset("tiny").replace(list_entries=entries).words_ahead * RING_BITS
    for pointer in range(entries):
        full = [((pointer + listed) % entries // LIST_PART + 1) % parts == pointer // LIST_PART for listed in range(entries)]
        assert not any(full[:ahead]) and full.index(True) + LIST_PART <= entries
