"""Sequencer: runs the program once per window and leads every pass through its steps."""

from __future__ import annotations

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import RESERVE_BITS, RING_BITS, Config
from lifline.arch.layout import WORD_BITS
from lifline.arch.program import (
    FIRST_COUNTER,
    INSTRUCTION,
    MAX_RINGS,
    PASS_0,
    PASS_1,
    PASS_2,
    POPULATION_5,
    POPULATION_WORDS,
    RING_0,
    RING_1,
    RING_WORDS,
    Mode,
    Opcode,
)
from lifline.arch.records import AHEAD_BITS
from lifline.arch.registers import EXIT_BITS, PERIOD_BITS, POSITION_BITS
from lifline.arch.states import SEQUENCER

from ..cells.decode import POPULATION_SHAPE, word_layout
from ..cells.states import States

CREDIT_BITS = 8
"""Time steps that may be due in real time; a run that is later than that starts counting afresh from there."""

PROGRAM_SLICES = 4
"""Parts of a program word that are written alone."""

HEAD_SLICE = 1 << RING_0.offsets["head"] // (WORD_BITS // PROGRAM_SLICES)
"""The part that holds a ring's head, and nothing else."""


def at_most(value: Signal, power: int) -> Value:
    """``min(value, power)`` for a power of two."""
    bits = power.bit_length() - 1
    return Mux(value[bits:].any(), power, value[:bits])


class Sequencer(wiring.Component):
    """Control of the whole core; every engine is started here and nowhere else.

    A run is a number of windows. A window waits for its input, executes the program, and advances time. A pass scans
    its source ring and accumulates (phase A); an updating pass then alternates, step by step, between phase A and the
    neuron update (phase B). Ring memory belongs to the scanner first, then to the router, within phase A.

    Members are grouped by the engine they lead; pulses last one cycle.

    Program memory is written at the address of two cycles before. Everybody reads it through ``program_address``: it is ``host_offset``
    between runs, and ``update_address`` while ``program_to_update``. Between runs ``host_data`` is ``program_write_data`` one cycle later.
    Both of the host's are zero during a run.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        step, count = range(max(config.window, 2)), range(config.window + 1)
        program, rows = range(config.program_words), range(config.max_ring_rows + 1)
        super().__init__(
            {
                # run control
                "start": In(1),
                "fresh_start": In(1),
                "stop": In(1),
                "steps": In(14),
                "period": In(PERIOD_BITS),
                "ring_clear_words": In(range(config.ring_words + 1)),
                "exit_every": In(EXIT_BITS),
                "exit_margin": In(config.state_bits),
                "running": Out(1),
                "exited": Out(1),
                "time": Out(POSITION_BITS),
                "clearing": Out(1),
                "clear_address": Out(range(config.ring_words)),
                "cleared": Out(1),
                "counter_overflow": Out(1),
                "stall_input": Out(1),
                "stall_output": Out(1),
                "stall_period": Out(1),
                "overrun": Out(1),
                # input
                "input_steps": In(AHEAD_BITS),
                "input_limit": Out(AHEAD_BITS),
                # program memory
                "program_address": Out(program),
                "program_data": In(WORD_BITS),
                "program_write": Out(PROGRAM_SLICES),
                "program_write_address": Out(program),
                "program_write_data": Out(WORD_BITS),
                "host_offset": In(program),
                "host_data": In(WORD_BITS),
                "update_address": In(program),
                "program_to_update": Out(1),
                # pass
                "pass_start": Out(1),
                "mode": Out(Mode),
                "blocks": Out(range(config.max_blocks + 1)),
                "weight_base": Out(range(config.weight_words)),
                "fan_in": Out(range(config.list_entries + 1)),
                "count": Out(count),
                "step": Out(step),
                "accumulate": Out(1),
                "accumulated": In(1),
                "rows_done": In(range(config.window + 2)),
                "scan_start": Out(1),
                "scan_words": Out(range(config.max_groups + 1)),
                "scan_count": Out(count, init=1),
                "scan_base": Out(range(config.ring_words)),
                "scan_ring_rows": Out(rows),
                "scan_row": Out(rows),
                "scan_clear": Out(1),
                "scan_busy": In(1),
                # update
                "population": Out(POPULATION_SHAPE),
                "micro_base": Out(program),
                "load": Out(1),
                "go": Out(1),
                "fresh": Out(1),
                "update_ending": In(1),
                "update_complete": In(1),
                "update_ready": In(1),
                "update_again": In(1),
                "update_settled": In(1),
                "update_counted": In(1),
                "update_blocked": In(1),
                "recorder_busy": In(1),
                "counters": In(WORD_BITS).array(3),
                # routing and recording
                "ring_0": Out(word_layout(RING_0)).array(MAX_RINGS),
                "ring_1": Out(word_layout(RING_1)).array(MAX_RINGS),
                "route": Out(1),
                "route_busy": In(1),
                "route_needed": In(1),
                "record_step": Out(14),
                "record_needed": Out(RESERVE_BITS),
                "room": In(1),
                "check": Out(1),
                "leading": In(config.state_bits),
                "second": In(config.state_bits),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.config
        window = config.window
        pop = self.population

        # Run control.
        remaining, to_check = Signal(14), Signal(EXIT_BITS)  # both without the window that is being computed
        checks, check_due, first_window, timed = Signal(), Signal(), Signal(), Signal()
        ahead = Signal(range(2 * window + 1))
        fresh_run, choosing, window_starts = Signal(), Signal(), Signal()  # a fresh run starts, the next window's length is chosen, it starts
        between = Signal()  # no window is being computed
        m.d.comb += [
            checks.eq(self.exit_every != 0),
            ahead.eq(Mux(checks, at_most(to_check, 2 * window), 2 * window)),
        ]
        with m.If(between):
            m.d.sync += self.input_limit.eq(Mux(self.running & ~self.clearing & (remaining != 0), self.time + ahead, self.input_steps))
        with m.If(window_starts):
            m.d.sync += [remaining.eq(remaining - self.count), to_check.eq(to_check - self.count)]
        with m.If(fresh_run | (window_starts & check_due)):
            m.d.sync += to_check.eq(self.exit_every)

        # Time of the step that is updated; at the end of a window, that of the next one, else now.
        going, ending, later = Signal(), Signal(), Signal.like(self.time)
        input_steps, arrived = Signal(AHEAD_BITS), Signal(AHEAD_BITS)  # `arrived`: steps of input that are there and not used yet
        m.d.comb += later.eq(self.time + Mux(going, self.step, Mux(ending, self.count, 0)))
        m.d.sync += [
            input_steps.eq(self.input_steps),
            arrived.eq(Mux(ending, input_steps, self.input_steps) - later),
        ]

        # Real time: `credit` counts the steps that are due.
        credit, spare, due = Signal(CREDIT_BITS), Signal(signed(CREDIT_BITS + 1)), Signal()
        elapsed, tick_over, tick = Signal(PERIOD_BITS), Signal(), Signal()
        m.d.comb += [
            tick_over.eq(elapsed >= self.period),
            tick.eq(tick_over & (window_starts | ~credit.all())),
            spare.eq(credit - self.count),
            due.eq(~timed | ~spare[-1]),
        ]
        with m.If(~self.running):
            m.d.sync += timed.eq(~tick_over)  # `elapsed` is zero before a run: is the period longer?
        m.d.sync += [elapsed.eq(elapsed + 1), credit.eq(Mux(window_starts, spare[:CREDIT_BITS], credit) + tick)]
        with m.If(tick_over):
            m.d.sync += elapsed.eq(1)
        with m.If(~self.running):
            m.d.sync += elapsed.eq(self.start)
        with m.If(~self.running | ~timed):
            m.d.sync += credit.eq(0)

        # Fetch.
        # `pc` advances by `stride` or goes to `resume`: 0 between windows, else behind the pass, where either the next instruction or
        # the population stands, and from the middle of the population on its counters.
        pc, resume, next_pc = (Signal.like(self.program_address) for _ in range(3))
        stride = Signal(6, init=1)
        instruction = Signal(word_layout(INSTRUCTION))
        pass_0, pass_1, pass_2 = (Signal(word_layout(w), name=w.name) for w in (PASS_0, PASS_1, PASS_2))
        ring_now, advances, advancing = Signal(word_layout(RING_0)), Signal(), Signal()
        rings_done = Signal(range(config.program_words // len(RING_WORDS)))
        next_row = Signal.like(self.scan_row)
        words = [Signal(WORD_BITS, name=w.name) for w in POPULATION_WORDS[:FIRST_COUNTER]]
        population_comes, later_words = Signal(), Signal(FIRST_COUNTER + 2 * MAX_RINGS - 1)
        arriving = Cat(population_comes, later_words)  # one bit for each word of a population, on when that word is there
        turn, counters_come, counted, increment = Signal(5), Signal(), Signal(WORD_BITS), Signal(WORD_BITS)
        is_dense = Signal()
        if config.dense_lanes:
            m.d.comb += is_dense.eq(pass_0.mode == Mode.DENSE)
        m.d.comb += [
            self.program_address.eq(self.host_offset | Mux(self.program_to_update, self.update_address, pc)),  # `pc` is 0 between runs
            instruction.eq(self.program_data),
            ring_now.eq(self.program_data),
            self.mode.eq(pass_0.mode),
            self.blocks.eq(pass_0.blocks),
            self.weight_base.eq(pass_2.weight_base),
            self.fan_in.eq(pass_2.fan_in),
            self.scan_words.eq(pass_0.source_words),
            self.scan_base.eq(pass_1.ring_base),
            self.scan_clear.eq(pass_0.clear),
            self.fresh.eq(first_window & (self.step == 0)),
        ]
        m.d.sync += [self.micro_base.eq(resume + (len(POPULATION_WORDS) - FIRST_COUNTER)), self.scan_count.eq(Mux(is_dense, self.count, 1))]
        for k, word in enumerate(POPULATION_WORDS[:FIRST_COUNTER]):
            m.d.comb += getattr(pop, word.name).eq(words[k])

        # Steps of a pass.
        started, rows_needed, scans_done = Signal(range(window + 2)), Signal(range(window + 2)), Signal()
        route_due, last_step = Signal(), Signal()
        overlap, recorded, route_coming = Signal(), Signal(), Signal()
        last_index = Signal.like(self.step)
        m.d.sync += [last_index.eq(self.count - 1), going.eq(self.go)]
        exit_check = pop.population_5.exit_check if config.early_exit else Const(0)
        record_rows = Cat(pop.population_1.record, exit_check)
        chunks = RING_BITS // config.multipliers
        m.d.comb += [
            scans_done.eq(self.rows_done == rows_needed),
            self.record_needed.eq(Mux(pop.population_1.record_spikes, (pop.population_0.rows + (chunks - 1)) // chunks << 1 << overlap, 0)),
        ]

        m.d.sync += self.scan_start.eq(0)

        def at_step(step: Value) -> None:
            m.d.sync += [self.step.eq(step), last_step.eq(step == last_index)]

        def next_step() -> None:
            """A dense pass scans once; an event pass is one row ahead of the step that it accumulates."""
            at_step(self.step + 1)
            with m.If(~is_dense & (rows_needed != self.count)):
                m.d.sync += rows_needed.eq(rows_needed + 1)

        def begin_scan() -> None:
            m.d.sync += [self.scan_start.eq(1), started.eq(started + 1), self.scan_row.eq(next_row)]

        scanning_allowed = Signal()
        m.d.comb += next_row.eq(Mux(self.scan_row + 1 == self.scan_ring_rows, 0, self.scan_row + 1))
        # Spike words of the last update may still be on their way into a ring: the scanner waits for the write port.
        with m.If(scanning_allowed & self.update_settled & ~self.route_busy & (started == self.rows_done) & (started != rows_needed) & ~self.scan_busy):
            begin_scan()

        route_now, follow, complete = Signal(), Signal(), Signal()
        m.d.comb += [
            route_now.eq(route_due & recorded & scans_done & ~self.scan_busy & ~self.route_busy),
            # The next step may be updated while the spikes of this one are routed, but rows of state and of counts
            # for the recorder go alone.
            recorded.eq(overlap | (self.update_settled & ~self.recorder_busy)),
        ]
        m.d.sync += overlap.eq(record_rows == 0)
        with m.If(self.route):
            m.d.sync += route_due.eq(0)
        with m.If(self.update_complete):
            m.d.sync += [route_due.eq(self.route_needed), route_coming.eq(0)]
        with m.If(self.update_ending):
            m.d.sync += route_coming.eq(1)

        # Counters of a population: word k is read in turn k, taken in turn k + 1, written in turn k + 2. Between runs the sum shows the
        # host's data.
        total, counter_writes, read_address = Signal(WORD_BITS + 1), Signal(), Signal.like(pc)
        head = Signal(WORD_BITS - RING_0.offsets["head"])
        # One of these at a time, in registers of their own where flip-flops are plenty: cleared while another one is meant, without a multiplexer.
        summands = [self.host_data, Mux(advances, self.count << RING_0.offsets["head"], 0)]
        summands += [Mux(turn[k + 1], counter, 0) for k, counter in enumerate(self.counters)]
        if config.memory_registers:
            registered = [Signal(WORD_BITS, name=f"summand{k}") for k in range(len(summands))]
            m.d.sync += [register.eq(summand) for register, summand in zip(registered, summands, strict=True)]
            m.d.comb += increment.eq(reduce(or_, registered))
        else:
            m.d.sync += increment.eq(reduce(or_, summands))
        m.d.sync += [
            turn.eq(Cat(counters_come, turn)),
            counted.eq(self.program_data),
            read_address.eq(self.program_address),
            self.program_write_address.eq(read_address),
        ]
        with m.If(first_window | ~self.running):
            m.d.sync += counted.eq(0)
        m.d.comb += [
            total.eq(counted + increment),
            counter_writes.eq(turn[2:].any()),
            self.program_write_data.eq(Cat(total[: RING_0.offsets["head"]], head)),
            head.eq(total[RING_0.offsets["head"] :]),
            self.program_write.eq(counter_writes.replicate(PROGRAM_SLICES)),
        ]
        with m.If(counter_writes & total[-1]):
            m.d.sync += self.counter_overflow.eq(1)

        # The head of an advanced ring, which is the highest part of its word, is written back while the next ring is read: the counters'
        # adder moves it.
        beyond_ring, advance = Signal(signed(len(head) + 1)), Signal(signed(len(head) + 1))
        m.d.comb += beyond_ring.eq(counted[RING_0.offsets["head"] :] + advance)
        m.d.sync += [advancing.eq(0), advance.eq(self.count - ring_now.rows)]
        with m.If(advancing):
            m.d.comb += self.program_write.eq(HEAD_SLICE)
            with m.If(~beyond_ring[-1]):
                m.d.comb += head.eq(beyond_ring)

        # The next window is as long as steps are left, but ends with a comparison.
        part, checked, check_first, leads = Signal.like(self.count), Signal.like(self.count), Signal(), Signal()
        missing = Signal(signed(config.state_bits + 1))
        bits = window.bit_length() - 1
        beyond = to_check[bits + 1 :].any() | (to_check[bits] & to_check[:bits].any())  # more than a window
        m.d.comb += [
            part.eq(at_most(remaining, window)),
            checked.eq(at_most(to_check, window)),
            check_first.eq(checks & (checked <= part)),
        ]
        m.d.comb += missing.eq(self.exit_margin - (self.leading - self.second)[: config.state_bits])
        m.d.sync += leads.eq(missing[-1])
        with m.If(choosing):
            m.d.sync += [self.count.eq(Mux(check_first, checked, part)), check_due.eq(check_first & ~beyond)]

        def halt() -> None:
            m.d.sync += self.running.eq(0)
            states.next("Idle")

        def next_window() -> None:
            m.d.comb += choosing.eq(1)
            states.next("Wait")
            with m.If((remaining == 0) | self.stop):
                halt()

        m.d.sync += self.cleared.eq(0)
        # Both words that lead to a ring hold its address at the same place: what comes late from memory passes one multiplexer.
        to_ring, read_on, pointer = Signal(), Signal(), Signal(word_layout(PASS_1))
        m.d.comb += [pointer.eq(self.program_data), next_pc.eq(pc + stride), to_ring.eq(arriving[FIRST_COUNTER - 2])]
        m.d.sync += [pc.eq(Mux(to_ring, pointer.ring, Mux(read_on, next_pc, resume))), stride.eq(1)]
        with m.If(to_ring):
            m.d.sync += resume.eq(next_pc)

        # Words of a population, in the order of their arrival.
        m.d.sync += later_words.eq(arriving)
        for k in range(FIRST_COUNTER):
            with m.If(arriving[k]):
                m.d.sync += words[k].eq(self.program_data)
        for ring in range(MAX_RINGS):
            with m.If(arriving[FIRST_COUNTER + 2 * ring]):
                m.d.sync += self.ring_0[ring].eq(self.program_data)
                with m.If(first_window):
                    m.d.sync += self.ring_0[ring].head.eq(0)
            with m.If(arriving[FIRST_COUNTER + 2 * ring + 1]):
                m.d.sync += self.ring_1[ring].eq(self.program_data)
        states = States(m, *SEQUENCER)
        with states("Idle"):
            m.d.comb += between.eq(1)
            m.d.sync += remaining.eq(self.steps)
            with m.If(self.start):
                m.d.sync += [self.running.eq(1), self.exited.eq(0)]
                states.next("Window")
                with m.If(self.fresh_start):
                    m.d.sync += self.cleared.eq(1)
                    m.d.sync += [self.time.eq(0), first_window.eq(1), self.clear_address.eq(0)]
                    m.d.comb += fresh_run.eq(1)
                    m.d.sync += [self.clearing.eq(self.ring_clear_words != 0), self.counter_overflow.eq(0)]
                    states.next("Clear")
        with states("Clear"):
            m.d.comb += between.eq(1)
            m.d.sync += self.clear_address.eq(self.clear_address + 1)
            with m.If(~self.clearing | (self.clear_address + 1 == self.ring_clear_words)):
                m.d.sync += self.clearing.eq(0)
                states.next("Window")
        with states("Window"):
            m.d.comb += between.eq(1)
            next_window()
        with states("Wait"):
            ready = Signal()
            m.d.comb += [
                between.eq(1),
                ready.eq(arrived >= self.count),
                self.stall_input.eq(~ready),
                self.stall_period.eq(ready & ~due),
            ]
            with m.If(ready & due):
                m.d.comb += [window_starts.eq(1), self.overrun.eq(timed & (spare != 0)), read_on.eq(1)]
                states.next("Decode")
            with m.Elif(self.stop):  # what it waits for may never come
                halt()
        with states("Decode"):
            # Only the next state depends on the opcode, which comes late in the cycle.
            m.d.comb += read_on.eq(1)
            m.d.sync += [pass_0.eq(self.program_data), rings_done.eq(1)]
            states.next("Advance")
            with m.If(instruction.opcode == Opcode.PASS):
                states.next("Pass-Ring")
        with states("Advance"):
            m.d.comb += [read_on.eq(1), advances.eq(1)]
            m.d.sync += advancing.eq(1)
            m.d.sync += [rings_done.eq(rings_done + 1), resume.eq(0)]
            states.next("Skip")
            with m.If(rings_done == pass_0.as_value()[: len(rings_done)]):
                states.next("End")
        with states("Skip"):
            m.d.comb += read_on.eq(1)
            states.next("Advance")
        with states("End"):
            m.d.comb += ending.eq(1)
            m.d.sync += [self.time.eq(later), first_window.eq(0)]
            next_window()
            with m.If(check_due & leads):
                m.d.sync += self.exited.eq(1)
                halt()
        with states("Pass-Ring"):
            m.d.comb += to_ring.eq(1)
            m.d.sync += pass_1.eq(self.program_data)
            states.next("Pass-Weights")
        with states("Pass-Weights"):
            m.d.sync += pass_2.eq(self.program_data)
            states.next("Pass-Head")
        with states("Pass-Head"):
            m.d.comb += read_on.eq(1)
            m.d.sync += [
                self.scan_ring_rows.eq(ring_now.rows),
                self.scan_row.eq(Mux(first_window, 0, ring_now.head)),
                self.scan_start.eq(1),
                started.eq(1),
                route_due.eq(0),
            ]
            at_step(Const(0, self.step.shape()))
            m.d.sync += rows_needed.eq(Mux(is_dense | (last_index == 0), 1, 2))
            m.d.comb += self.pass_start.eq(1)
            states.next("Pass-Start")
        with states("Pass-Start"):
            m.d.sync += self.accumulate.eq(1)
            states.next("Accumulate")
            with m.If(pass_0.update):
                m.d.comb += [read_on.eq(1), population_comes.eq(1)]
                states.next("Population")
        with states("Population"):
            m.d.comb += [scanning_allowed.eq(1), read_on.eq(1)]
            with m.If(arriving[-1]):
                states.next("Load")
        with states("Load"):
            m.d.comb += [scanning_allowed.eq(1), self.load.eq(1)]
            m.d.sync += self.program_to_update.eq(1)
            states.next("Accumulate")
        with states("Accumulate"):
            m.d.comb += [
                scanning_allowed.eq(1),
                self.route.eq(route_now),
            ]
            # Nothing but the step that follows makes this untrue again, and that waits for it.
            m.d.sync += complete.eq(self.accumulated & scans_done & ~self.scan_busy)
            with m.If(complete & ~route_due & ~self.route_busy):
                with m.If(pass_0.update):
                    with m.If(self.update_ready & recorded):
                        m.d.comb += [self.stall_output.eq(~self.room), self.go.eq(self.room)]
                        with m.If(self.room):
                            m.d.sync += [self.accumulate.eq(0), complete.eq(0)]
                            states.next("Update")
                with m.Elif(last_step | is_dense):
                    m.d.sync += [self.accumulate.eq(0), complete.eq(0)]
                    states.next("Resume")
                with m.Else():
                    m.d.sync += complete.eq(0)
                    next_step()
        with states("Resume"):
            m.d.comb += read_on.eq(1)
            states.next("Decode")
        with states("Update"):
            m.d.comb += [self.stall_output.eq(self.update_blocked), self.route.eq(route_now)]
            with m.If(self.update_ending):
                with m.If(last_step):
                    states.next("Settle")
                with m.Else():
                    next_step()
                    with m.If(~follow):
                        m.d.sync += self.accumulate.eq(1)
                        states.next("Accumulate")
            m.d.comb += follow.eq(is_dense & overlap & self.update_again & ~route_coming & ~route_due & ~self.route_busy & self.room)
            m.d.comb += self.go.eq(self.update_ending & ~last_step & follow)
        with states("Settle"):
            m.d.comb += self.route.eq(route_now)
            routed = self.update_settled & ~route_due & ~self.route_busy
            with m.If(Mux(self.route_needed, routed, self.update_counted) & ~self.recorder_busy):
                m.d.comb += counters_come.eq(1)
                m.d.sync += self.program_to_update.eq(0)
                states.next("Counters")
        with states("Counters"):
            # The microprogram follows the counters, and the next instruction follows it.
            m.d.comb += read_on.eq(1)
            with m.If(turn[2]):
                m.d.sync += stride.eq(pop.population_2.micro_words)
            with m.If(turn[-1]):
                states.next("Decode")
        m.d.sync += self.check.eq(self.go & exit_check)
        with m.If(going):
            m.d.sync += self.record_step.eq(later)
        return m


assert PASS_1.offsets["ring"] == POPULATION_5.offsets["ring"]
