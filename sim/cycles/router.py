"""Twin of the router: the spike words of one step, destination by destination."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lifline.arch.kernel import kernel
from lifline.arch.states import Router as State
from lifline.arch.timing import ARRIVAL_STAGES, UPDATE_STAGES

from .words import Target

BEGUN = (1 << (UPDATE_STAGES + 1)) - 1
"""Cycles between the beginning of an update and the first moment at which its words may arrive, one bit each."""
ON_THEIR_WAY = (1 << (ARRIVAL_STAGES - 1)) - 1
"""Cycles in which a spike was picked that is not in the ring after this one, one bit each."""


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
    """words that have been read"""
    held: bool
    """the last of them has not gone yet"""
    ring: int
    """destination, unless ``to_host``"""
    to_host: bool
    """the destination is the host"""
    pending: int
    """spikes of the word in hand that have not been picked"""
    picked: int
    """bit ``k``: a spike was picked ``k + 1`` cycles ago"""

    busy: bool
    """wire: a step is routed"""


@kernel(forceinline=True)
def show(router: Router) -> None:
    """What the router shows in this cycle."""
    router.busy = router.state != State.IDLE


@kernel(forceinline=True)
def step(router: Router, begin: bool, complete: bool, go: bool, target: Target, fired: NDArray[np.int64]) -> None:
    """The end of a cycle. ``begin``: an update starts; ``complete``: its words have arrived; ``go``: route them. ``fired`` (step, word): spikes."""
    state, words_go, gone = router.state, False, False
    free, picks = router.pending <= 1, router.pending != 0
    router.pending -= picks
    if state == State.IDLE:
        if go:
            router.routed, router.word, router.ring, router.to_host = router.complete, 0, 0, target.record_spikes
            router.state = State.ROUTE
    elif state == State.NEXT:
        router.word = 0
        router.ring = 0 if router.to_host else router.ring + 1
        router.to_host = False
        router.state = State.ROUTE if router.ring < target.rings else State.IDLE
    elif state == State.ROUTE:
        words_go = True
        spikes = fired[router.routed, router.word - 1] if router.held else 0
        if router.to_host:
            gone = router.held and spikes == 0
            if spikes != 0:
                router.state = State.RECORD
        elif (target.uniform >> router.ring & 1) != 0:
            gone = router.held
        else:
            gone = router.held and free
            if gone:
                router.pending = spikes
    elif state == State.RECORD:
        words_go = gone = True
        router.state = State.ROUTE
    elif state == State.DRAIN:
        if not picks and router.picked == 0:
            router.state = State.NEXT
    if gone and router.word == target.words:
        looked_up = not router.to_host and (target.uniform >> router.ring & 1) == 0
        router.state = State.DRAIN if looked_up else State.NEXT
    if words_go:
        reads = (not router.held or gone) and router.word != target.words
        router.held = reads or (router.held and not gone)
        router.word += reads
    router.picked = (router.picked << 1 | picks) & ON_THEIR_WAY
    if complete:
        router.complete = router.arriving
    if router.begun >> UPDATE_STAGES & 1:
        router.arriving = router.upcoming
        router.upcoming += 1
    router.begun = (router.begun << 1 | begin) & BEGUN
