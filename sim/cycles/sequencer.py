"""Twin of the sequencer within a pass: who may do what in which cycle; and how many states lie between passes."""

from __future__ import annotations

from lifline.arch.kernel import kernel
from lifline.arch.program import FIRST_COUNTER, MAX_RINGS, POPULATION_COUNTERS, RING_WORDS
from lifline.arch.states import Sequencer as State
from lifline.arch.timing import COUNTER_DELAY

from .words import Pass, Target

BETWEEN_RUNS = (State.IDLE, State.CLEAR, State.WINDOW)
PER_WINDOW = (State.WAIT, State.DECODE, State.END)
"""States that every window goes through: the one that waits, if it need not, and the decoding of ``END``."""
PER_RING = (State.ADVANCE, State.SKIP)
"""States for every ring whose head moves."""
PER_LOOP = (State.DECODE,)
"""States of a loop in a window ..."""
PER_LOOP_STEP = (State.DECODE, State.REPEAT)
"""... for each of its steps ..."""
BACK_IN_LOOP = (State.RESUME,)
"""... and between two of them."""
BEFORE_HEAD = (State.DECODE, State.PASS_RING, State.PASS_WEIGHTS)
"""States of a pass before its ring's head is read, where its simulation begins."""

LAST_WORD = FIRST_COUNTER + MAX_RINGS * len(RING_WORDS) - 1
"""Index of the last word of a population and of its rings that is read."""
LAST_TURN = len(POPULATION_COUNTERS) - 1 + COUNTER_DELAY
"""Turn in which the last counter is written; counter ``k`` is read in turn ``k``."""


class Sequencer:
    """Ring memory belongs to the scanner first, then to the router, within phase A."""

    state: int
    step: int
    """step that is accumulated or updated"""
    started: int
    """scans that have started"""
    index: int
    """word that arrives, of the population, or of the walk"""
    turn: int
    """cycle of the counters"""
    scan_start: bool
    """a scan starts"""
    scan_later: bool
    """one starts in the next cycle: the first of a pass of a loop"""
    route_due: bool
    """spikes wait to be routed"""
    route_coming: bool
    """spikes of the last update will have to be routed"""
    complete: bool
    """the step had been accumulated in the cycle before"""

    last_step: bool
    """wire: it is the window's last one"""
    load: bool
    """wire: the population's words are there"""
    begin_scan: bool
    """wire: a scan starts in the next cycle"""
    accumulated: bool
    """wire: nothing is left to accumulate for this step, and no scan goes on"""
    accumulation_ends: bool
    """wire: the step can be left behind"""
    go: bool
    """wire: update this step, or during an update the next one"""
    route: bool
    """wire: route the spikes that are due"""
    settled: bool
    """wire: routing and recording are over, counts are final"""


@kernel(forceinline=True)
def accumulates(sequencer: Sequencer) -> bool:
    """Scanning and accumulation go on."""
    return sequencer.state == State.POPULATION or sequencer.state == State.LOAD or sequencer.state == State.ACCUMULATE


@kernel(forceinline=True)
def show(
    sequencer: Sequencer, own: Pass, target: Target, count: int, scan_busy: bool, rows_done: int, accumulated: bool, route_busy: bool, recorder_busy: bool,
    ending: bool, ready: bool, again: bool, update_settled: bool, counted: bool,
) -> None:  # fmt: skip
    """What the sequencer shows in this cycle: its commands, from what the engines show. ``count``: steps of this window."""
    state, current = sequencer.state, sequencer.step
    sequencer.last_step = current == count - 1
    sequencer.load = state == State.LOAD
    rows_needed = 1 if own.dense else min(current + 1 + own.ahead, count)
    scanned = rows_done >= rows_needed and not scan_busy
    routed = not sequencer.route_due and not route_busy
    recorded = target.overlap or (update_settled and not recorder_busy)
    sequencer.begin_scan = (
        accumulates(sequencer)
        and update_settled
        and not route_busy
        and sequencer.started == rows_done
        and sequencer.started < rows_needed
        and not scan_busy
        and not (own.recurrent and (sequencer.route_due or sequencer.route_coming))
    )
    sequencer.accumulated = accumulated and scanned
    sequencer.accumulation_ends = state == State.ACCUMULATE and sequencer.complete and routed
    follows = own.dense and target.overlap and again and not sequencer.route_coming and routed
    if state == State.UPDATE:
        sequencer.go = ending and not sequencer.last_step and follows
    else:
        sequencer.go = sequencer.accumulation_ends and own.updates and ready and recorded
    sequencer.route = (
        sequencer.route_due and recorded and (scanned or (own.recurrent and not scan_busy)) and not route_busy
        and (state == State.ACCUMULATE or state == State.UPDATE or state == State.SETTLE)
    )  # fmt: skip
    sequencer.settled = not recorder_busy and ((update_settled and routed) if target.routed or target.recorded != 0 else counted)


@kernel(forceinline=True)
def step(sequencer: Sequencer, own: Pass, target: Target, ending: bool, complete: bool) -> None:
    """The end of a cycle. ``ending``, ``complete``: the last operation of a step is issued, its last spike word is shown."""
    state = sequencer.state
    sequencer.scan_start, sequencer.scan_later = sequencer.begin_scan or sequencer.scan_later, False
    sequencer.started += sequencer.begin_scan
    sequencer.complete = False
    if sequencer.route:
        sequencer.route_due = False
    if complete:
        sequencer.route_due, sequencer.route_coming = target.routed, False
    if ending:
        sequencer.route_coming = True
    if state == State.PASS_HEAD:
        sequencer.scan_start, sequencer.scan_later, sequencer.started = not own.looping, own.looping, 1
        sequencer.state = State.PASS_WALK if own.words != 0 else State.PASS_START
    elif state == State.PASS_WALK:
        if sequencer.index == own.words - 1:
            sequencer.state = State.PASS_START
        sequencer.index += 1
    elif state == State.PASS_START:
        sequencer.index = 1
        sequencer.state = State.POPULATION if own.updates else State.ACCUMULATE
    elif state == State.POPULATION:
        if sequencer.index == LAST_WORD:
            sequencer.state = State.LOAD
        sequencer.index += 1
    elif state == State.LOAD:
        sequencer.state = State.ACCUMULATE
    elif state == State.ACCUMULATE:
        if sequencer.go:
            sequencer.state = State.UPDATE
        elif sequencer.accumulation_ends and not own.updates:
            if sequencer.last_step or own.dense:
                sequencer.state = State.RESUME
            else:
                sequencer.step += 1
        else:
            sequencer.complete = sequencer.accumulated
    elif state == State.RESUME:
        sequencer.state = State.DECODE
    elif state == State.UPDATE:
        if ending and sequencer.last_step:
            sequencer.state = State.SETTLE
        elif ending:
            sequencer.step += 1
            if not sequencer.go:
                sequencer.state = State.ACCUMULATE
    elif state == State.SETTLE:
        if sequencer.settled:
            sequencer.state = State.COUNTERS
    elif state == State.COUNTERS:
        if sequencer.turn == LAST_TURN:
            sequencer.state = State.DECODE
        sequencer.turn += 1
