"""Twin of the neuron update: fetching and issuing micro-operations, row by row, and what is on its way through the stages."""

from __future__ import annotations

from lifline.arch.kernel import kernel
from lifline.arch.timing import UPDATE_SPACING, UPDATE_STAGES

from .words import Target

RECORDED = UPDATE_STAGES - 1
"""Bit that shows a row to the recorder."""
COUNTED = (1 << (UPDATE_STAGES - 1)) - 1
"""Issued operations that the counters wait for."""
SETTLED = (1 << (UPDATE_STAGES + 3)) - 1
"""Issued operations whose results, spike words included, may still be on their way."""


class Update:
    """A microprogram has three sections: the prologue once, the update of every row, and the rows for the recorder."""

    fetch_left: int
    """operations of the section that have not been fetched"""
    arriving: bool
    """an operation comes out of the memory"""
    arriving_last: bool
    """it is the last one of its section"""
    op_valid: bool
    """an operation is in hand"""
    op_last: bool
    """it is the last one of its section"""
    restarts: bool
    """another section has begun: what was fetched is dropped"""
    busy: bool
    """a step is updated"""
    recording: bool
    """its rows are recorded"""
    in_rows: bool
    """the prologue is over"""
    row: int
    """row of the operation in hand"""
    first_row: bool
    """it is the step's first one"""
    operation: int
    """number of the operation in hand within its section"""
    cool: int
    """cycles until the neuron word may be read that was issued last"""
    recorded: bool
    """the last operation for the recorder was issued in the cycle before"""
    issued: int
    """bit ``k``: an operation was issued ``k + 1`` cycles ago"""
    sent: int
    """bit ``k``: an operation whose row is sent was"""
    compared: int
    """bit ``k``: an operation whose row of counts is compared was"""
    ended: int
    """bit ``k``: the last operation of a step was"""

    issue: bool
    """wire: the operation in hand is issued"""
    cleared: int
    """wire: one more than the block whose slot is read for the last time; zero if none is"""
    row_end: bool
    """wire: it is the last one of its row"""
    restart: bool
    """wire: after it another section begins"""
    finished: bool
    """wire: it is the last one of its step"""
    ending: bool
    """wire: the step's last operation is issued, or if rows were recorded was issued in the cycle before"""
    ready: bool
    """wire: an update may begin"""
    again: bool
    """wire: the next one may begin in the cycle after ``ending``"""
    complete: bool
    """wire: the last spike word of a step is shown"""
    settled: bool
    """wire: no result is on its way"""
    counted: bool
    """wire: the counters are final before the sequencer has read what they are added to"""
    row_sent: bool
    """wire: a row is shown to the recorder, to be sent"""
    row_compared: bool
    """wire: a row of counts is shown to the recorder, to be compared"""


@kernel(forceinline=True)
def show(update: Update, recorder_busy: bool, target: Target) -> None:
    """What the update shows in this cycle."""
    records = target.recorded != 0
    update.issue = update.busy and update.op_valid and (not update.recording or (update.cool == 0 and not recorder_busy))
    update.row_end = update.issue and update.op_last and update.in_rows
    reads = update.issue and update.in_rows and not update.recording and update.operation == target.synaptic
    last_of_block = (update.row + 1) % target.block_rows == 0 or update.row == target.rows - 1
    update.cleared = update.row // target.block_rows + 1 if reads and last_of_block else 0
    section_ends = update.row_end and update.row == target.rows - 1
    update.restart = section_ends and (update.recording or records)
    update.finished = section_ends and (update.recording or not records)
    update.ending = update.recorded or (update.finished and not update.recording)
    update.ready = update.cool == 0 and not update.busy
    update.again = update.cool == 0 and not update.first_row and not records
    update.complete = (update.ended >> UPDATE_STAGES & 1) != 0
    update.settled = update.issued == 0
    update.counted = (update.issued & COUNTED) == 0
    update.row_sent = (update.sent >> RECORDED & 1) != 0
    update.row_compared = (update.compared >> RECORDED & 1) != 0


@kernel(forceinline=True)
def fetch(update: Update, load: bool, target: Target) -> None:
    """The end of a cycle, two stages ahead of the issue: operations are fetched round and round their section."""
    advance = update.issue or not update.op_valid
    fetch_end = update.fetch_left == 1
    if advance:
        update.op_valid, update.op_last = update.arriving, update.arriving_last
        update.arriving, update.arriving_last = True, fetch_end
        update.fetch_left -= 1
    if load:
        update.fetch_left = target.prologue if target.prologue else target.update
    elif update.restarts or (advance and fetch_end):
        update.fetch_left = target.recorded if update.recording else target.update
    if update.restarts or load:
        update.arriving = update.op_valid = False
    update.restarts = update.restart


@kernel(forceinline=True)
def step(update: Update, load: bool, go: bool, target: Target) -> None:
    """The end of a cycle. ``load``: a population comes; ``go``: update one step."""
    compares = update.issue and update.recording and update.op_last and target.exit_check
    sends = update.issue and update.recording and not compares
    update.sent = (update.sent << 1 | sends) & SETTLED
    update.compared = (update.compared << 1 | compares) & SETTLED
    update.issued = (update.issued << 1 | update.issue) & SETTLED
    update.ended = (update.ended << 1 | update.finished) & SETTLED
    update.recorded = update.finished and update.recording
    update.cool = max(update.cool - 1, 0)
    if update.row_end:
        update.row = 0 if update.row == target.rows - 1 else update.row + 1
        if update.first_row:
            update.cool = UPDATE_SPACING - 2
        update.first_row = False
    if update.issue and (update.recording or update.restart):
        update.cool = UPDATE_SPACING - 1
    if update.issue:
        update.operation = 0 if update.op_last else update.operation + 1
        if update.op_last:
            update.in_rows = True
    fetch(update, load, target)
    if update.restart:
        update.recording = not update.recording
    if update.finished:
        update.busy = False
    if go:
        update.busy = update.first_row = True
    if load:
        update.row, update.in_rows = 0, target.prologue == 0
