"""Twin of the recorder: a row of state goes out value by value, behind its header; counts are compared in the same time."""

from __future__ import annotations

from lifline.arch.kernel import kernel


class Recorder:
    """Whether there is room is not modelled: waiting for it is not counted as busy."""

    left: int
    """values that have not been sent or compared"""
    header_due: bool
    """the header comes first"""
    finishing: bool
    """the last value was sent in the cycle before"""

    busy: bool
    """wire: no row is accepted"""


@kernel(forceinline=True)
def show(recorder: Recorder) -> None:
    """What the recorder shows in this cycle."""
    recorder.busy = recorder.left != 0 or recorder.finishing


@kernel(forceinline=True)
def step(recorder: Recorder, row_sent: bool, row_compared: bool, lanes: int) -> None:
    """The end of a cycle. A row arrives to be sent, or its counts to be compared."""
    recorder.finishing = recorder.left != 0
    if recorder.header_due:
        recorder.header_due = False
    elif recorder.left != 0:
        recorder.left -= 1
    if row_sent or row_compared:
        recorder.left, recorder.header_due = lanes, row_sent
