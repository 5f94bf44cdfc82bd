"""The control logic of the gateware, cycle by cycle, without its data: how long one pass of a window takes.

Each section below is the twin of one engine's control in ``rtl/`` and uses the same names; what a signal means is
written there. Waiting for the host (room in the output memory) is not modelled, because ``busy_cycles`` does not count it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lifline.arch.config import RING_BITS
from lifline.arch.kernel import kernel
from lifline.arch.program import FIRST_COUNTER, MAX_RINGS, POPULATION_WORDS
from lifline.arch.timing import ACCUMULATE_SPACING, UPDATE_SPACING, UPDATE_STAGES

LAST_WORD = FIRST_COUNTER + 2 * MAX_RINGS - 1
"""Index of the last population or ring word that the sequencer reads."""
COUNTER_CYCLES = len(POPULATION_WORDS) - FIRST_COUNTER + 2

HEAD, START, POPULATION, LOAD, ACCUMULATE, RESUME, UPDATE, SETTLE, COUNTERS = range(9)
IDLE, NEXT, FETCH, EXAMINE, RECORD, LOOK_UP, ARRIVE, TARGET, READ, WRITE = range(10)


class Target(NamedTuple):
    """What the update, the router and the recorder do for one population.

    ``rows``, ``words``: rows to update and words of 32 neurons. ``prologue``, ``update``, ``recorded``: micro-operations once
    per pass, per row, and per row for the recorder. ``rings``: delay rings written; ``uniform``: bit ``r`` if ring ``r`` has one
    delay for all neurons. ``record_spikes``: spike words go to the host. ``exit_check``: the last of ``recorded`` compares
    spike counts. ``lanes``: neurons per row.
    """

    rows: int
    words: int
    prologue: int
    update: int
    recorded: int
    rings: int
    uniform: int
    record_spikes: bool
    exit_check: bool
    lanes: int


NO_TARGET = Target(1, 1, 0, 1, 0, 0, 0, False, False, 1)
"""For passes that do not update."""


@kernel()
def active_neurons(
    spikes: NDArray[np.uint8], first: int, delays: NDArray[np.int64], time: int, count: int, active: NDArray[np.int64]
) -> None:
    """Count, per scan and word of 32 presynaptic neurons, those with an arrival.

    ``spikes`` (time, neuron) since the last reset; ``delays`` in steps of the neurons from ``first`` on. ``active`` (scan,
    word) is zero before. One scan per step ``time .. time + count - 1``, or a single one for all of them.
    """
    together = len(active) == 1
    for j in range(len(delays)):
        for t in range(max(time - delays[j], 0), time + count - delays[j]):
            if spikes[t, first + j]:
                if together:
                    active[0, j // RING_BITS] += 1
                    break
                active[t + delays[j] - time, j // RING_BITS] += 1


@kernel()
def pass_cycles(
    blocks: int, dense: bool, updates: bool, count: int, window: int, drain: int, chunk: int, active: NDArray[np.int64], target: Target, fired: NDArray[np.int64]
) -> int:
    """Clock cycles of a pass, from reading its ring's head to the next instruction's decoding.

    Parameters
    ----------
    blocks, dense, updates : the pass's own words.   count, window : steps in this window, and in a full one.
    drain : cycles that a drain takes from accumulation.   chunk : active presynaptic neurons between two drains at most; 0: as many as there are.
    active : (scan, word) presynaptic neurons to emit; one scan per step, or a single one in dense mode.
    target : the population that is updated, if ``updates``.   fired : (step, word) its spikes per word of 32 neurons.
    """
    cycles = 0
    groups = active.shape[1]
    overlap = target.recorded == 0
    direct = target.rings == 1 and (target.uniform & 1) == 1 and not target.record_spikes
    needed = updates and (target.record_spikes or (target.rings != 0 and not direct))
    # Sequencer.
    state, step, started, index, counter = HEAD, 0, 0, 0, 0
    scan_start, route_due, route_coming, step_complete = False, False, False, False
    # Scanner.
    scan, scan_busy, fetching, words_left, rows_left, scan_rows = -1, False, False, 0, 0, 1
    arriving, arriving_row, arriving_last, full, pending, group, groups_left, entry_valid = False, 0, False, False, 0, 0, 0, False
    # Accumulation.
    written, pointer, available, rows_done, scan_done = 0, 0, False, 0, 0
    ends = np.zeros(2, np.int64)
    running, block, period = False, 0, max(blocks, ACCUMULATE_SPACING)
    dense_done, since_swap, dense_block, draining, drain_step, drain_block, write = False, 0, 0, False, 0, 0, 0
    chunk_full, partial = False, False
    # Update; `steps_ended` says which step's last issue was how many cycles ago.
    fetch_left, prefetched, prefetched_last, op_valid, op_last = 0, False, False, False, False
    recording, busy, row, in_rows, first_row, cool, valid, sent, compared = False, False, 0, False, False, 0, 0, 0, 0
    steps_ended = np.full(UPDATE_STAGES + 1, -1, np.int64)
    # Router and recorder.
    route_state, completed, routed, word, ring, to_host, spikes_left, more = IDLE, 0, 0, 0, 0, False, 0, False
    left, header_due, finished, row_recorded, restarts = 0, False, False, False, False

    while True:
        cycles += 1
        # What the engines show each other in this cycle.
        last_step = step == count - 1
        rows_needed = 1 if dense else (count if last_step else step + 2)
        scans_done, settled, route_busy, recorder_busy = rows_done >= rows_needed, valid == 0, route_state != IDLE, left != 0 or finished
        recorded = overlap or (settled and not recorder_busy)
        enable = state == POPULATION or state == LOAD or state == ACCUMULATE
        if dense:
            accumulated = dense_done and (
                ends[0] == 0 or (drain_block == blocks and (count >= ACCUMULATE_SPACING or write == 0))
            )
        else:
            at_end = rows_done > step and pointer == ends[step & 1]
            accumulated = at_end and (not running or block == period - 1)
        issue = busy and op_valid and (not recording or (cool == 0 and not recorder_busy))
        row_end = issue and op_last and in_rows
        next_recording = recording
        restart = finishes = False
        if row_end and row == target.rows - 1:
            next_recording = not recording and target.recorded != 0
            restart, finishes = recording or next_recording, not next_recording
        ending = row_recorded or (finishes and not recording)
        row_recorded = finishes and recording
        ready, again = cool == 0 and not busy, cool == 0 and not first_row and overlap
        complete = steps_ended[UPDATE_STAGES] >= 0
        route_now = route_due and recorded and scans_done and not scan_busy and not route_busy
        route = route_now and (state == ACCUMULATE or state == UPDATE or state == SETTLE)
        load = state == LOAD
        go = False
        begin_scan = enable and settled and not route_busy and started == rows_done and started < rows_needed and not scan_busy
        scan_starts, was_due, row_sent, row_compared = scan_start, route_due, sent >> (UPDATE_STAGES - 1) & 1, compared >> (UPDATE_STAGES - 1) & 1
        may_go = step_complete and not route_due and not route_busy
        is_complete = state == ACCUMULATE and accumulated and scans_done and not scan_busy
        may_follow = dense and overlap and again and not route_coming and not route_due and not route_busy

        # Sequencer.
        scan_start = begin_scan or state == HEAD
        route_due, route_coming = (route_due and not route), (route_coming or ending)
        if complete:
            route_due, route_coming = needed, ending
        started += begin_scan
        step_complete = is_complete
        ended_step = step
        if state == HEAD:
            state, started = START, 1
        elif state == START:
            state, index = (POPULATION if updates else ACCUMULATE), 1
        elif state == POPULATION:
            if index == LAST_WORD:
                state = LOAD
            index += 1
        elif state == LOAD:
            state = ACCUMULATE
        elif state == ACCUMULATE:
            if may_go and updates:
                if ready and recorded:
                    go, state, step_complete = True, UPDATE, False
            elif may_go:
                step_complete = False
                if last_step or dense:
                    state = RESUME
                else:
                    step += 1
        elif state == RESUME:
            return cycles
        elif state == UPDATE:
            if ending and last_step:
                state = SETTLE
            elif ending:
                step += 1
                if may_follow:
                    go = True
                else:
                    state = ACCUMULATE
        elif state == SETTLE:
            counted = valid & ((1 << (UPDATE_STAGES - 1)) - 1) == 0
            if not recorder_busy and ((settled and not was_due and not route_busy) if needed else counted):
                state = COUNTERS
        else:
            counter += 1
            if counter == COUNTER_CYCLES:
                return cycles

        # Accumulation: the step that it works on is the one before this cycle's change.
        issue_event = running and block < blocks
        next_pointer = pointer
        swaps = False
        was_draining = draining
        if draining:
            draining, drain_block = drain_step != count - 1, drain_block + (drain_step == count - 1 and not partial)
            drain_step += 1
        if dense:
            at_end = rows_done != 0 and pointer == ends[0]
            swapped = since_swap
            if enable and not dense_done:
                if at_end and ends[0] == 0:
                    dense_done = True
                elif at_end:
                    if since_swap == 0:
                        swaps, next_pointer, swapped = True, 0, window - 1
                        draining, drain_step, chunk_full, partial = True, 0, False, False
                        dense_done = dense_block == blocks - 1
                        dense_block += 1
                elif chunk_full:
                    if available and since_swap == 0:
                        swaps, swapped = True, window - 1
                        draining, drain_step, chunk_full, partial = True, 0, False, True
                elif available and since_swap <= window - drain:
                    next_pointer = pointer + 1
                    chunk_full = chunk != 0 and next_pointer % chunk == 0
            since_swap = swapped - 1 if swapped != 0 and not swaps else swapped
        else:
            last = block == period - 1
            take = enable and (not running or last) and available and not at_end
            if running and not last:
                block += 1
            if take:
                next_pointer, running, block = pointer + 1, True, 0
            elif last:
                running = False
        write = (write << 1 | (was_draining or issue_event)) & ((1 << (ACCUMULATE_SPACING - 1)) - 1)
        available, pointer = written != next_pointer, next_pointer
        if scan_done & 2:
            ends[rows_done & 1] = written
            rows_done += 1
        written += entry_valid

        # Scanner.
        scan_last = pending <= 1
        transfer = full and scan_last
        done = scan_busy and groups_left == 0 and scan_last
        scan_done = (scan_done << 1 | done) & 3
        entry_valid = pending > 0
        pending = max(pending - 1, 0)
        full = full and not transfer
        if not (arriving and arriving_row == 0 and full):
            full = full or (arriving and arriving_last)
            arriving, arriving_row, arriving_last = fetching, scan_rows - rows_left, rows_left == 1
            if fetching:
                rows_left -= 1
                if rows_left == 0:
                    rows_left, words_left, fetching = scan_rows, words_left - 1, words_left != 1
        if transfer:
            pending = active[scan, group]
            group, groups_left = group + 1, groups_left - 1
        scan_busy = scan_busy and not done
        if scan_starts:
            scan, scan_busy, fetching, words_left, groups_left, group = scan + 1, True, True, groups, groups, 0
            scan_rows = rows_left = count if dense else 1

        # Update.
        advance = issue or not op_valid
        row_done_first = row_end and first_row
        fetch_end = fetch_left == 1
        op_was_last = op_last
        if advance:
            op_valid, op_last, prefetched, prefetched_last = prefetched, prefetched_last, True, fetch_end
            fetch_left -= 1
        if restarts or (advance and fetch_end):
            fetch_left = target.recorded if next_recording else target.update
        if restarts or load:
            prefetched = op_valid = False
        restarts = restart
        cool = max(cool - 1, 0)
        if issue and op_was_last:
            if in_rows:
                row = 0 if row == target.rows - 1 else row + 1
                first_row = False
                if row_done_first:
                    cool = UPDATE_SPACING - 2
            in_rows = True
        if issue and (recording or next_recording):
            cool = UPDATE_SPACING - 1
        compares = issue and recording and op_was_last and target.exit_check
        compared = (compared << 1 | compares) & ((1 << UPDATE_STAGES) - 1)
        sent = (sent << 1 | (issue and recording and not compares)) & ((1 << UPDATE_STAGES) - 1)
        valid = (valid << 1 | issue) & ((1 << (UPDATE_STAGES + 3)) - 1)
        recording = next_recording
        busy = busy and not finishes
        if go:
            busy = first_row = True
        if load:
            fetch_left = target.prologue if target.prologue else target.update
            row, in_rows = 0, target.prologue == 0
        if complete:
            completed = steps_ended[UPDATE_STAGES]
        steps_ended[1:] = steps_ended[:-1].copy()
        steps_ended[0] = ended_step if finishes else -1

        # Router.
        next_word = False
        if route_state == IDLE:
            if route:
                routed, word, ring, to_host, route_state = completed, 0, 0, target.record_spikes, FETCH
        elif route_state == NEXT:
            route_state, word = FETCH, 0
            ring, to_host = (0 if to_host else ring + 1), False
            if ring >= target.rings:
                route_state = IDLE
        elif route_state == FETCH:
            route_state = EXAMINE
        elif route_state == EXAMINE:
            spikes_left = fired[routed, word]
            if to_host and spikes_left != 0:
                route_state = RECORD
            elif to_host or (target.uniform >> ring & 1) != 0 or spikes_left == 0:
                next_word = True
            else:
                route_state = LOOK_UP
        elif route_state == RECORD:
            next_word = True
        elif route_state == LOOK_UP:
            route_state, spikes_left = ARRIVE, spikes_left - 1
        elif route_state == ARRIVE:
            route_state = TARGET
        elif route_state == TARGET:
            route_state = READ
        elif route_state == READ:
            more, spikes_left, route_state = spikes_left != 0, spikes_left - 1, WRITE
        elif more:
            route_state = TARGET
        else:
            next_word = True
        if next_word:
            word += 1
            route_state = NEXT if word == target.words else FETCH

        # Recorder.
        finished = left != 0
        if left != 0:
            if header_due:
                header_due = False
            else:
                left -= 1
        if row_sent or row_compared:
            left, header_due = target.lanes, row_sent != 0
