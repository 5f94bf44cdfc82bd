"""Twin of the gather: from blocks to the rows of their kernels, from these to segments of the list, of which one is in hand."""

from __future__ import annotations

from numpy import int64
from numpy.typing import NDArray

from lifline.arch.kernel import kernel

from .dense import Dense
from .pointers import Pointers

Kernels = tuple[NDArray[int64], NDArray[int64], NDArray[int64]]
"""Of a gather pass: its active neurons as the list holds them; pointers; and :attr:`~lifline.sim.cycles.kernels.Covers.kernels`."""
POSITION, COLUMNS, ROWS = range(3)


class Gather:
    """Three registers between the map tables and the segment in hand: a block's kernel, a row of one, a segment."""

    begun: bool
    """blocks are, or were, looked up"""
    running: bool
    """there are more of them"""
    read: bool
    """the tables have been read for a block"""
    next_block: int
    """number of that block"""
    kernel: int
    """a block whose kernel covers something, one more than its number; 0: none"""
    going: bool
    """a row of a kernel is in hand"""
    second: bool
    """the pointer of its beginning is read"""
    place: int
    """its first source position"""
    columns: int
    """positions of a row"""
    rows_left: int
    """rows behind it"""
    first: bool
    """no row of its kernel came before it"""
    arrived: bool
    """both pointers of a row are known"""
    arrived_length: int
    """its entries"""
    arrived_first: bool
    unused: bool
    """the rows of this kernel had no entries so far"""
    queued: bool
    """a segment waits behind the one in hand"""
    queued_length: int
    queued_first: bool
    held: bool
    """a segment is in hand"""
    left: int
    """its entries that are not used"""
    ended: bool
    """a block is complete"""
    final: bool
    """nothing follows"""
    some: bool
    """there was a segment"""


@kernel(forceinline=True)
def step(gather: Gather, pointers: Pointers, dense: Dense, enable: bool, kernels: Kernels, row_positions: int, blocks: int) -> None:
    """The end of a cycle. ``blocks``: of the pass."""
    table = kernels[2]
    over = gather.begun and not (gather.running or gather.read or gather.kernel or gather.going or gather.arrived or gather.queued)
    finishing = over and not gather.held and not gather.ended and not gather.final
    hand_free = not gather.held or (dense.issue and gather.left == 1)
    queue_free = not gather.queued or hand_free
    pointed = gather.place + gather.columns < pointers.known
    row_begins = gather.going and not gather.second and pointed and (not gather.arrived or queue_free)
    row_free = not gather.going or (gather.second and gather.rows_left == 0)
    kernel_free = gather.kernel == 0 or row_free

    _lead(gather, dense, hand_free)
    if finishing:
        gather.ended = gather.final = True
    if queue_free:
        found = gather.arrived and gather.arrived_length != 0
        gather.queued, gather.queued_length, gather.queued_first = found, gather.arrived_length, gather.arrived_first or gather.unused
        if gather.arrived:
            gather.unused = gather.queued_first and not found
        gather.arrived = False
    if gather.second:
        gather.arrived, gather.arrived_first, gather.first = True, gather.first, False
        gather.arrived_length = kernels[1][gather.place + gather.columns] - kernels[1][gather.place]
        gather.place += row_positions
        gather.rows_left -= 1
    gather.second = row_begins
    if row_free:
        gather.going = gather.kernel != 0
        if gather.going:
            block = gather.kernel - 1
            gather.place, gather.columns, gather.rows_left, gather.first = table[block, POSITION], table[block, COLUMNS], table[block, ROWS] - 1, True
    _look_up(gather, enable, kernel_free, table, blocks)


@kernel(forceinline=True)
def _lead(gather: Gather, dense: Dense, hand_free: bool) -> None:
    """The segment in hand."""
    if dense.issue:
        gather.left -= 1
        gather.held = gather.left != 0
    if dense.swap:
        gather.ended = False
    if gather.queued and hand_free:
        gather.held, gather.left = True, gather.queued_length
        gather.ended = gather.queued_first and gather.some
        gather.some = True


@kernel(forceinline=True)
def _look_up(gather: Gather, enable: bool, kernel_free: bool, table: NDArray[int64], blocks: int) -> None:
    """The tables, and the kernel that they give. A block whose kernel covers nothing has no columns."""
    if kernel_free:
        gather.kernel = gather.next_block + 1 if gather.read and table[gather.next_block, COLUMNS] != 0 else 0
    if not gather.read or kernel_free:
        taken, gather.read = gather.read, gather.running
        gather.next_block += taken
        if taken and gather.next_block == blocks:
            gather.running = gather.read = False
    if enable and not gather.begun:
        gather.begun = gather.running = True
