"""Twin of the router: the spike words of one step, destination by destination."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lifline.arch.kernel import kernel
from lifline.arch.states import Router as State
from lifline.arch.timing import UPDATE_STAGES

from .words import Target

BEGUN = (1 << (UPDATE_STAGES + 1)) - 1
"""Cycles between the beginning of an update and the first moment at which its words may arrive, one bit each."""


class Router:
    """Words of the next step may arrive while those of this one are routed."""

    state: int
    begun: int
    """bit ``k``: an update began ``k + 1`` cycles ago"""
    upcoming: int
    """step of the window whose words come after those that arrive"""
    arriving: int
    """step whose words arrive"""
    complete: int
    """step whose words have all arrived last"""
    routed: int
    """step that is routed"""
    word: int
    """which of its words"""
    ring: int
    """destination, unless ``to_host``"""
    to_host: bool
    """the destination is the host"""
    spikes_left: int
    """spikes of the word that have not been looked up"""
    more: bool
    """a spike follows the one that is written"""

    busy: bool
    """wire: a step is routed"""


@kernel(forceinline=True)
def show(router: Router) -> None:
    """What the router shows in this cycle."""
    router.busy = router.state != State.IDLE


@kernel(forceinline=True)
def step(router: Router, begin: bool, complete: bool, go: bool, target: Target, fired: NDArray[np.int64]) -> None:
    """The end of a cycle. ``begin``: an update starts; ``complete``: its words have arrived; ``go``: route them. ``fired`` (step, word): spikes."""
    next_word = False
    if router.state == State.IDLE:
        if go:
            router.routed, router.word, router.ring, router.to_host = router.complete, 0, 0, target.record_spikes
            router.state = State.FETCH
    elif router.state == State.NEXT:
        router.word = 0
        router.ring = 0 if router.to_host else router.ring + 1
        router.to_host = False
        router.state = State.FETCH if router.ring < target.rings else State.IDLE
    elif router.state == State.FETCH:
        router.state = State.EXAMINE
    elif router.state == State.EXAMINE:
        router.spikes_left = fired[router.routed, router.word]
        if router.to_host and router.spikes_left != 0:
            router.state = State.RECORD
        elif router.to_host or (target.uniform >> router.ring & 1) != 0 or router.spikes_left == 0:
            next_word = True
        else:
            router.state = State.LOOK_UP
    elif router.state == State.RECORD:
        next_word = True
    elif router.state == State.LOOK_UP:
        router.spikes_left -= 1
        router.state = State.ARRIVE
    elif router.state == State.ARRIVE:
        router.state = State.TARGET
    elif router.state == State.TARGET:
        router.state = State.READ
    elif router.state == State.READ:
        router.more = router.spikes_left != 0
        router.spikes_left -= 1
        router.state = State.WRITE
    elif router.state == State.WRITE:
        if router.more:
            router.state = State.TARGET
        else:
            next_word = True
    if next_word:
        router.word += 1
        router.state = State.FETCH if router.word < target.words else State.NEXT
    if complete:
        router.complete = router.arriving
    if router.begun >> UPDATE_STAGES & 1:
        router.arriving = router.upcoming
        router.upcoming += 1
    router.begun = (router.begun << 1 | begin) & BEGUN
