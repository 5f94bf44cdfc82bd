"""What the program says to the engines: a pass's own words, and those of the population that it updates."""

from __future__ import annotations

from .structure import filled


class Target:
    """What the update, the router and the recorder do for one population."""

    rows: int
    """rows to update"""
    words: int
    """words of 32 neurons"""
    prologue: int
    """micro-operations once per pass"""
    update: int
    """micro-operations per row"""
    recorded: int
    """micro-operations per row for the recorder"""
    rings: int
    """delay rings written"""
    uniform: int
    """bit ``r`` if ring ``r`` has one delay for all neurons"""
    record_spikes: bool
    """spike words go to the host"""
    exit_check: bool
    """the last of ``recorded`` compares spike counts"""
    lanes: int
    """neurons per row"""
    block_rows: int
    """rows per block, the last block may have fewer"""
    synaptic: int
    """which of the micro-operations of a row adds the accumulator, from 0"""
    overlap: bool
    """the next step may be updated while the spikes of this one are routed: nothing but spikes is recorded, and those of two steps fit"""
    routed: bool
    """spikes wait for the router: they go to the host, or not straight into a single ring"""


class Pass:
    """What all engines know during a pass."""

    blocks: int
    """blocks of postsynaptic neurons"""
    stride: int
    """slots from a step's to the next step's; 0: the same ones"""
    dense: bool
    """dense mode, else event mode"""
    mapped: bool
    """the pass has maps, and its entries walk"""
    slots: int
    """slots that there are"""
    gathers: bool
    """its blocks gather entries"""
    channels: int
    """presynaptic neurons of a position, if it gathers"""
    row_positions: int
    """positions from a source row to the next, likewise"""
    depth: int
    """pointers that there can be"""
    words: int
    """words that it has more than every pass"""
    updates: bool
    """the pass updates a population"""
    ahead: bool
    """the next step's row is scanned, too, in event mode"""
    recurrent: bool
    """a row is scanned when the spikes of the step before have been routed: they are in it"""
    looping: bool
    """one of a loop, for a single step"""
    parts: int
    """parts of the list that entries go round; 0: all of them fit, in dense mode"""
    window: int
    """steps of a full window"""
    drain: int
    """cycles that a drain takes from dense issue"""
    chunk: int
    """active presynaptic neurons between two drains at most; 0: as many as there are"""


NO_TARGET = filled(Target, rows=1, words=1, update=1, lanes=1, block_rows=1, overlap=True)
"""For passes that do not update."""
