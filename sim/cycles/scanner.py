"""Twin of the scanner: rows of a ring are read group by group while the active neurons of the group before are emitted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lifline.arch.kernel import kernel


class Scanner:
    """A group is 32 presynaptic neurons; its rows are read, captured in registers, and emitted from there one neuron per cycle."""

    busy: bool
    """from the cycle after a start to ``done``"""
    fetching: bool
    """rows are read"""
    groups_to_read: int
    """groups whose last row has not been read"""
    rows_left: int
    """rows of the group in hand that have not been read"""
    rows: int
    """rows per group: 1 in event mode, the steps of the window in dense mode"""
    arriving: bool
    """a row comes out of the memory"""
    arriving_row: int
    """its number within the group"""
    arriving_last: bool
    """it is the group's last one"""
    full: bool
    """a whole group has been captured"""
    pending: int
    """active neurons of the group in hand that have not been emitted"""
    groups_to_emit: int
    """groups that have not been taken over from the captured rows"""
    group: int
    """the next one of them"""
    scan: int
    """which of the pass's scans this is"""
    scans: int
    """scans that have started"""
    entry_valid: bool
    """an entry of the list is shown"""

    last: bool
    """wire: nothing is left of the group in hand after this cycle"""
    emit: bool
    """wire: an active neuron is emitted"""
    transfer: bool
    """wire: the captured group is taken over"""
    done: bool
    """wire: the scan's last cycle"""


@kernel(forceinline=True)
def show(scanner: Scanner, ready: bool) -> None:
    """What the scanner shows in this cycle. ``ready``: the list has room."""
    scanner.last = scanner.pending <= 1 and ready
    scanner.transfer = scanner.full and scanner.last
    scanner.emit = scanner.pending > 0 and ready
    scanner.done = scanner.busy and scanner.groups_to_emit == 0 and scanner.last


@kernel(forceinline=True)
def step(scanner: Scanner, start: bool, rows: int, active: NDArray[np.int64]) -> None:
    """The end of a cycle. ``active`` (scan, group): neurons to emit."""
    scanner.entry_valid = scanner.emit
    scanner.pending -= scanner.emit
    if scanner.transfer:
        scanner.full = False
    if not (scanner.arriving and scanner.arriving_row == 0 and scanner.full):  # only a first row can find the registers full
        if scanner.arriving and scanner.arriving_last:
            scanner.full = True
        scanner.arriving = scanner.fetching
        scanner.arriving_row = scanner.rows - scanner.rows_left
        scanner.arriving_last = scanner.rows_left == 1
        if scanner.fetching:
            scanner.rows_left -= 1
            if scanner.rows_left == 0:
                scanner.rows_left = scanner.rows
                scanner.groups_to_read -= 1
                scanner.fetching = scanner.groups_to_read != 0
    if scanner.transfer:
        scanner.pending = active[scanner.scan, scanner.group]
        scanner.group += 1
        scanner.groups_to_emit -= 1
    if scanner.done:
        scanner.busy = False
    if start:
        scanner.busy = scanner.fetching = True
        scanner.scan = scanner.scans
        scanner.scans += 1
        scanner.groups_to_read = scanner.groups_to_emit = active.shape[1]
        scanner.group = 0
        scanner.rows = scanner.rows_left = rows
