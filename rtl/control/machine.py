"""The state machine of the sequencer: what is asked of which component in which state, and what comes next.

The functions describe the states of :data:`~lifline.arch.states.SEQUENCER` in groups; a state's meaning is written there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from amaranth.hdl import Module, Mux, Signal

from ..cells.states import States

if TYPE_CHECKING:
    from .sequencer import Sequencer


def between_windows(seq: Sequencer, m: Module, states: States) -> None:
    """A run starts, its rings are cleared, a window waits for its input and for real time, a window ends."""
    run, windows, progress, clear = seq.run, seq.windows, seq.progress, seq.clear

    def halt() -> None:
        m.d.sync += run.running.eq(0)
        states.next("Idle")

    def next_window() -> None:
        m.d.comb += windows.choose.eq(1)
        states.next("Wait")
        with m.If(windows.over | run.stop):
            halt()

    with states("Idle"):
        m.d.comb += [progress.between.eq(1), windows.idle.eq(1)]
        with m.If(run.start):
            m.d.sync += [run.running.eq(1), run.exited.eq(0)]
            states.next("Window")
            with m.If(run.fresh):
                m.d.comb += progress.fresh.eq(1)
                m.d.sync += [clear.address.eq(0), clear.clearing.eq(run.ring_clear_words != 0)]
                states.next("Clear")
    with states("Clear"):
        m.d.comb += progress.between.eq(1)
        m.d.sync += clear.address.eq(clear.address + 1)
        with m.If(~clear.clearing | (clear.address + 1 == run.ring_clear_words)):
            m.d.sync += clear.clearing.eq(0)
            states.next("Window")
    with states("Window"):
        m.d.comb += progress.between.eq(1)
        next_window()
    with states("Wait"):
        ready, due = progress.input_ready, seq.real_time.due
        m.d.comb += [progress.between.eq(1), run.stall_input.eq(~ready), run.stall_period.eq(ready & ~due)]
        with m.If(ready & due):
            m.d.comb += [windows.starts.eq(1), seq.fetch.read_on.eq(1)]
            states.next("Decode")
        with m.Elif(run.stop):  # what it waits for may never come
            halt()
    with states("End"):
        m.d.comb += progress.ends.eq(1)
        next_window()
        with m.If(windows.decided):
            m.d.sync += run.exited.eq(1)
            halt()


def instructions(seq: Sequencer, m: Module, states: States) -> None:
    """The words of instructions, one in each state."""
    fetch = seq.fetch
    with states("Decode"):
        # Only the next state depends on the opcode, which comes late in the cycle.
        m.d.comb += [fetch.read_on.eq(1), fetch.at_instruction.eq(1)]
        states.next("Advance")
        with m.If(fetch.is_pass):
            states.next("Pass-Ring")
        with m.If(fetch.is_loop):
            m.d.comb += seq.loop.begin.eq(1)
            states.next("Decode")
        with m.If(fetch.is_repeat):
            states.next("Repeat")
    with states("Advance"):
        m.d.comb += [fetch.read_on.eq(1), fetch.at_advanced.eq(1)]
        states.next("Skip")
        with m.If(fetch.is_last_ring):
            states.next("End")
    with states("Skip"):
        m.d.comb += fetch.read_on.eq(1)
        states.next("Advance")
    with states("Pass-Ring"):
        m.d.comb += fetch.at_pointer.eq(1)
        states.next("Pass-Weights")
    with states("Pass-Weights"):
        m.d.comb += fetch.at_weights.eq(1)
        states.next("Pass-Head")
    with states("Pass-Head"):
        m.d.comb += [fetch.read_on.eq(1), seq.steps.begin.eq(1)]
        states.next("Pass-Start")
        if seq.config.map_words:
            with m.If(fetch.is_mapped | (fetch.is_gathered if seq.config.gathers else 0)):
                states.next("Pass-Walk")
    if seq.config.map_words:
        walk_begins = Signal(init=1)  # its first cycle: the words come one by one
        with states("Pass-Walk"):
            m.d.comb += [fetch.read_on.eq(1), fetch.at_walk.eq(walk_begins)]
            m.d.sync += walk_begins.eq(fetch.walk_complete)
            with m.If(fetch.walk_complete):
                states.next("Pass-Start")
    with states("Pass-Start"):
        m.d.sync += seq.accumulation.enable.eq(1)
        states.next("Accumulate")
        with m.If(fetch.pass_0.update):
            m.d.comb += [fetch.read_on.eq(1), fetch.at_population.eq(1)]
            states.next("Population")
    with states("Repeat"):
        m.d.comb += seq.loop.ends.eq(1)
        states.next("Resume")
        with m.If(seq.loop.again):
            m.d.comb += fetch.at_pointer.eq(1)
        with m.Else():
            m.d.comb += fetch.read_on.eq(1)
            states.next("Decode")
    with states("Resume"):
        m.d.comb += fetch.read_on.eq(1)
        states.next("Decode")


def populations(seq: Sequencer, m: Module, states: States) -> None:
    """The words of a population come before its steps, its counters behind them."""
    fetch, update = seq.fetch, seq.update
    with states("Population"):
        m.d.comb += [seq.steps.allowed.eq(1), fetch.read_on.eq(1)]
        with m.If(fetch.population_complete):
            states.next("Load")
    with states("Load"):
        m.d.comb += [seq.steps.allowed.eq(1), update.load.eq(1)]
        m.d.sync += seq.to_update.eq(1)
        states.next("Accumulate")
    with states("Settle"):
        m.d.comb += seq.routes.allowed.eq(1)
        leaves = seq.route.needed | (seq.routes.record_rows != 0)  # a row may be on its way to the recorder, which is not busy yet
        with m.If(Mux(leaves, update.settled & seq.routes.free, update.counted) & ~seq.record.busy):
            m.d.comb += seq.counters.begin.eq(1)
            m.d.sync += seq.to_update.eq(0)
            states.next("Counters")
    with states("Counters"):
        # The microprogram follows the counters, and the next instruction follows it.
        m.d.comb += fetch.read_on.eq(1)
        with m.If(seq.counters.done):
            states.next("Decode")


def steps(seq: Sequencer, m: Module, states: States) -> None:
    """Step by step: accumulate, update, and route what fired in the step before."""
    count, routes, update, accumulation = seq.steps, seq.routes, seq.update, seq.accumulation
    dense, updates = count.dense, seq.fetch.pass_0.update
    complete, follow = Signal(), Signal()  # the step is accumulated; the next one is updated without going back to "Accumulate"
    with states("Accumulate"):
        m.d.comb += [count.allowed.eq(1), routes.allowed.eq(1)]
        # Nothing but the step that follows makes this untrue again, and that waits for it.
        m.d.sync += complete.eq(accumulation.done & count.scanned & ~seq.scan.busy)
        with m.If(complete & routes.free):
            with m.If(updates):
                with m.If(update.ready & routes.recorded):
                    m.d.comb += [seq.run.stall_output.eq(~seq.record.room), update.go.eq(seq.record.room)]
                    with m.If(seq.record.room):
                        m.d.sync += [accumulation.enable.eq(0), complete.eq(0)]
                        states.next("Update")
            with m.Elif(count.last | dense):
                m.d.sync += [accumulation.enable.eq(0), complete.eq(0)]
                states.next("Resume")
            with m.Else():
                m.d.sync += complete.eq(0)
                m.d.comb += count.advance.eq(1)
    with states("Update"):
        m.d.comb += [
            seq.run.stall_output.eq(update.blocked),
            routes.allowed.eq(1),
            follow.eq(dense & routes.overlap & update.again & ~routes.coming & routes.free & seq.record.room),
            update.go.eq(update.ending & ~count.last & follow),
        ]
        with m.If(update.ending):
            with m.If(count.last):
                states.next("Settle")
            with m.Else():
                m.d.comb += count.advance.eq(1)
                with m.If(~follow):
                    m.d.sync += accumulation.enable.eq(1)
                    states.next("Accumulate")
