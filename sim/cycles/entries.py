"""Twin of the list of active presynaptic neurons: where it is written, where it is read, and where a scan's entries end."""

from __future__ import annotations

from lifline.arch.kernel import kernel
from lifline.arch.limits import LIST_PART


class Entries:
    """Pointers count entries; a scan's end is known two cycles after its last cycle."""

    written: int
    """entries that have been written"""
    pointer: int
    """the next one to use"""
    available: bool
    """it has been written"""
    rows_done: int
    """scans whose end is known"""
    end_even: int
    """entries up to the end of the latest scan with an even number ..."""
    end_odd: int
    """... and with an odd one"""
    full: bool
    """the scanner has to wait"""
    done_before: bool
    """a scan had its last cycle in the cycle before ..."""
    done_twice_before: bool
    """... and in the one before that"""


@kernel(forceinline=True)
def step(entries: Entries, next_pointer: int, entry_valid: bool, scan_done: bool, parts: int) -> None:
    """The end of a cycle. ``next_pointer`` is the issuing mode's, ``parts`` those of the list, 0 if all fits it; the others are the scanner's."""
    entries.full = parts != 0 and entries.written // LIST_PART + 1 == entries.pointer // LIST_PART + parts
    entries.available = entries.written != next_pointer
    entries.pointer = next_pointer
    if entries.done_twice_before:
        if entries.rows_done & 1:
            entries.end_odd = entries.written
        else:
            entries.end_even = entries.written
        entries.rows_done += 1
    entries.done_twice_before, entries.done_before = entries.done_before, scan_done
    entries.written += entry_valid
