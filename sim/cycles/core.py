"""Twin of the core: joins the engines, cycle by cycle, for as long as a pass takes.

In every cycle each engine first shows what it does, from its registers and from what was shown before; then each takes its step.
Nobody sees a register of this cycle after its change: an engine takes its step before those whose registers it reads.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lifline.arch.kernel import kernel
from lifline.arch.states import Sequencer as State

from . import dense, drain, entries, events, gather, pointers, recorder, router, scanner, sequencer, slots, update, walk
from .gather import Kernels
from .structure import structure
from .words import Pass, Target


class Core:
    """The engines."""

    sequencer: sequencer.Sequencer
    scanner: scanner.Scanner
    entries: entries.Entries
    events: events.Events
    walk: walk.Walk
    dense: dense.Dense
    pointers: pointers.Pointers
    gather: gather.Gather
    drain: drain.Drain
    slots: slots.Slots
    update: update.Update
    router: router.Router
    recorder: recorder.Recorder


CORE = structure(Core)


Walks = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]
"""Of a pass with maps: its active neurons as the list holds them; and counts, starts and steps of :class:`~lifline.sim.cycles.maps.Visits`."""


@kernel(forceinline=True)
def cycle(
    core: Core, own: Pass, target: Target, count: int, active: NDArray[np.int64], fired: NDArray[np.int64], walks: Walks, kernels: Kernels
) -> None:
    """One clock cycle; arguments as in :func:`pass_cycles`."""
    scanner.show(core.scanner, not core.entries.full and not core.pointers.waiting)
    recorder.show(core.recorder)
    router.show(core.router)
    update.show(core.update, core.recorder.busy, target)
    now = core.sequencer.step
    base = now * own.stride
    enable = sequencer.accumulates(core.sequencer)
    if own.dense:
        if own.gathers:
            none = core.entries.rows_done != 0 and core.entries.end_even == 0
            dense.show(
                core.dense, core.gather.ended or none, not core.gather.some, core.gather.held and not core.gather.ended, enable, own.window, own.drain
            )
            next_pointer = 0  # it jumps
        else:
            dense.show_listed(core.dense, core.entries, enable, own.window, own.drain)
            next_pointer = 0 if core.dense.swap else core.entries.pointer + core.dense.issue
        drain.show(core.drain, core.dense.issued, core.dense.empty, count)
        accumulated = core.drain.done
    elif own.mapped:
        walk.show(core.walk, core.slots, core.entries, now, base, enable)
        accumulated = core.walk.done
        next_pointer = core.entries.pointer + core.walk.take
    else:
        events.show(core.events, core.slots, core.entries, now, base, enable, own.blocks)
        accumulated = core.events.done
        next_pointer = core.entries.pointer + core.events.take
    sequencer.show(
        core.sequencer, own, target, count, core.scanner.busy, core.entries.rows_done, accumulated, core.router.busy, core.recorder.busy,
        core.update.ending, core.update.ready, core.update.again, core.update.settled, core.update.counted,
    )  # fmt: skip

    recorder.step(core.recorder, core.update.row_sent, core.update.row_compared, target.lanes)
    router.step(core.router, core.sequencer.go, core.update.complete, core.sequencer.route, target, fired)
    update.step(core.update, core.sequencer.load, core.sequencer.go, target)
    if own.dense:
        drain.step(core.drain, core.dense, count, core.update.cleared)
        dense.step(core.dense, enable, core.gather.final if own.gathers else core.dense.block + 1 == own.blocks, own.window, own.chunk)
        if own.gathers:
            gather.step(core.gather, core.pointers, core.dense, enable, kernels, own.row_positions, own.blocks)
            pointers.step(core.pointers, core.entries, core.scanner.entry_valid, kernels[0], own.channels, own.depth)
    elif own.mapped:
        slots.step(core.slots, base, core.walk.added, core.update.cleared)
        walk.step(core.walk, base, walks[0], walks[1], walks[2], walks[3], own.slots)
    else:
        slots.step(core.slots, base, core.events.added, core.update.cleared)
        events.step(core.events)
    entries.step(core.entries, next_pointer, core.scanner.entry_valid, core.scanner.done, own.parts)
    scanner.step(core.scanner, core.sequencer.scan_start, count if own.dense else 1, active)
    sequencer.step(core.sequencer, own, target, core.update.ending, core.update.complete)


@kernel()
def pass_cycles(
    own: NDArray[Any], target: NDArray[Any], count: int, active: NDArray[np.int64], fired: NDArray[np.int64], walks: Walks, kernels: Kernels
) -> tuple[int, int]:
    """Clock cycles of a pass, from reading its ring's head to the next instruction's decoding; and those of them in which input is added up, or awaited.

    Parameters
    ----------
    own : a :class:`~lifline.sim.cycles.words.Pass`.   target : a :class:`~lifline.sim.cycles.words.Target`, for a pass that updates.
    count : steps in this window.
    active : (scan, word) presynaptic neurons to emit; one scan per step, or a single one in dense mode.
    fired : (step, word) spikes of the target per word of 32 neurons.
    walks, kernels : for a pass with maps, and for one that gathers.
    """
    core = np.zeros(1, CORE)
    core[0].sequencer.state = State.PASS_HEAD
    cycles = accumulate = 0
    while core[0].sequencer.state != State.DECODE:
        accumulates = sequencer.accumulates(core[0].sequencer)
        cycle(core[0], own[0], target[0], count, active, fired, walks, kernels)
        accumulate += accumulates and not core[0].sequencer.accumulated
        cycles += 1
    return cycles, accumulate
