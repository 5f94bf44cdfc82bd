"""Twin of the walk: active neurons go through its stages into three loops, which show pair after pair; and of event issue behind it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lifline.arch.kernel import kernel

from .entries import Entries
from .slots import Slots, on_its_way

FIRST = 1
"""Presynaptic neurons are stored one more than their index: a stage with zero is empty."""


class Walk:
    """As many stages as ``WALK_STAGES``, each with one presynaptic neuron, and one that waits before them; the pair that the loops show; and the pair in hand, which is added."""

    taken: int
    """neurons that have been taken from the list in this pass"""
    waiting: int
    """one that waits for the first stage"""
    stage_1: int
    stage_2: int
    stage_3: int
    stage_4: int
    stage_5: int
    """the tables have been read"""
    stage_6: int
    stage_7: int
    """where it starts is known"""
    shows: bool
    """the loops show a pair"""
    left_0: int
    """repetitions of the innermost loop behind the pair shown"""
    left_1: int
    """of the middle one"""
    left_2: int
    """of the outer one"""
    length_0: int
    """repetitions less one of the innermost loop"""
    length_1: int
    """of the middle one"""
    slot: int
    """of the pair shown"""
    middle: int
    """with which the middle loop goes on"""
    outer: int
    """with which the outer loop goes on"""
    active: bool
    """a pair is in hand"""
    hand: int
    """its slot"""

    added: int
    """wire: one more than the slot that is used, counted from that of block 0; zero if none is"""
    pair: bool
    """wire: the pair shown is taken in hand"""
    accepts: bool
    """wire: the loops take the neuron in the last stage, or are empty from then on"""
    moves: int
    """wire: bit ``k``: stage ``k`` takes what is in the one behind it"""
    done: bool
    """wire: this step is complete, and its slots can be read in the order of blocks, from two cycles later on"""
    take: bool
    """wire: a neuron is taken from the list"""


@kernel(forceinline=True)
def show(walk: Walk, slots: Slots, entries: Entries, current_step: int, base: int, enable: bool) -> None:
    """What the walk shows in this cycle. ``base``: slot of block 0 in this step."""
    end = entries.end_odd if current_step & 1 else entries.end_even
    issue = walk.active and not on_its_way(slots, walk.hand)
    walk.added = walk.hand - base + 1 if issue else 0
    ending = not walk.active or issue
    walk.pair = walk.shows and ending
    walk.accepts = not walk.shows or (walk.pair and walk.left_0 == 0 and walk.left_1 == 0 and walk.left_2 == 0)
    free_7 = walk.stage_7 == 0 or walk.accepts
    free_6 = walk.stage_6 == 0 or free_7
    free_5 = walk.stage_5 == 0 or free_6
    free_4 = walk.stage_4 == 0 or free_5
    free_3 = walk.stage_3 == 0 or free_4
    free_2 = walk.stage_2 == 0 or free_3
    free_1 = walk.stage_1 == 0 or free_2
    walk.moves = free_7 << 7 | free_6 << 6 | free_5 << 5 | free_4 << 4 | free_3 << 3 | free_2 << 2 | free_1 << 1
    at_end = entries.rows_done > current_step and entries.pointer == end
    walk.take = enable and entries.available and not at_end and walk.waiting == 0
    unsettled = walk.added == 1 or walk.added == 2 or slots.before == base + 1
    busy = walk.shows or (walk.waiting | walk.stage_1 | walk.stage_2 | walk.stage_3 | walk.stage_4 | walk.stage_5 | walk.stage_6 | walk.stage_7) != 0
    walk.done = at_end and ending and not unsettled and not busy


@kernel(forceinline=True)
def step(
    walk: Walk, base: int, order: NDArray[np.int64], counts: NDArray[np.int64], starts: NDArray[np.int64], steps: NDArray[np.int64], depth: int
) -> None:
    """The end of a cycle. ``order``: active neurons as the list holds them. ``counts`` (neuron, loop), ``starts`` (neuron,), ``steps`` (loop,): see
    :class:`~lifline.sim.cycles.maps.Visits`. ``depth``: slots that there are."""
    if walk.pair:
        walk.active, walk.hand = True, walk.slot
    elif walk.added != 0:
        walk.active = False
    if walk.accepts:
        walk.shows = walk.stage_7 != 0
        if walk.shows:
            neuron = walk.stage_7 - FIRST
            walk.left_0, walk.left_1, walk.left_2 = counts[neuron, 0] - 1, counts[neuron, 1] - 1, counts[neuron, 2] - 1
            walk.length_0, walk.length_1 = walk.left_0, walk.left_1
            walk.slot = (base + starts[neuron]) % depth
            walk.middle, walk.outer = (walk.slot + steps[1]) % depth, (walk.slot + steps[2]) % depth
    elif walk.pair:
        if walk.left_0 != 0:
            walk.left_0 -= 1
            walk.slot = (walk.slot + steps[0]) % depth
        elif walk.left_1 != 0:
            walk.left_0, walk.left_1 = walk.length_0, walk.left_1 - 1
            walk.slot, walk.middle = walk.middle, (walk.middle + steps[1]) % depth
        else:
            walk.left_0, walk.left_1, walk.left_2 = walk.length_0, walk.length_1, walk.left_2 - 1
            walk.slot, walk.middle, walk.outer = walk.outer, (walk.outer + steps[1]) % depth, (walk.outer + steps[2]) % depth
    if walk.moves >> 7 & 1:
        walk.stage_7 = walk.stage_6
    if walk.moves >> 6 & 1:
        walk.stage_6 = walk.stage_5
        if walk.stage_5 != 0 and counts[walk.stage_5 - FIRST, 0] == 0:
            walk.stage_6 = 0  # it reaches nothing
    if walk.moves >> 5 & 1:
        walk.stage_5 = walk.stage_4
    if walk.moves >> 4 & 1:
        walk.stage_4 = walk.stage_3
    if walk.moves >> 3 & 1:
        walk.stage_3 = walk.stage_2
    if walk.moves >> 2 & 1:
        walk.stage_2 = walk.stage_1
    if walk.take:
        walk.waiting = order[walk.taken] + FIRST
        walk.taken += 1
    if walk.moves >> 1 & 1:
        walk.stage_1, walk.waiting = walk.waiting, 0
