"""Neuron update: runs a population's microprogram over its rows, collects spikes, counts events, hands state to the recorder."""

from __future__ import annotations

from amaranth.hdl import C, Cat, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.arithmetic import DECAY_ONE
from lifline.arch.config import RING_BITS, Config
from lifline.arch.layout import WORD_BITS
from lifline.arch.program import MICRO, Addend, Carry, Factor, Latch, Record
from lifline.arch.timing import UPDATE_SPACING, UPDATE_STAGES

from ..cells.count import population_counter
from ..cells.decode import POPULATION_SHAPE, word_layout
from .lanes import UpdateLane


class Update(wiring.Component):
    """Issues the micro-operations of one step's rows, one per cycle, after ``go``.

    Parameters
    ----------
    carry_cells : see :class:`~lifline.rtl.cells.carry.ChoosingAdder`.

    Members
    -------
    population : In, the population words, stable while in use.   micro_base : In, program address of the microprogram.
    load : In, one cycle: a new population; starts to fetch its microprogram.
    go : In, one cycle, only while ``ready``, or while ``ending`` and ``again``: update one step.
    busy : Out, issuing.   ending : Out, the last cycle of ``busy``, or if rows were recorded the next.   ready, again : Out.
    complete : Out, with the last spike word of a step.   settled : Out, no result of an earlier issue is still on its way.
    counted : Out, the counters are final two cycles from now.
    step : In, step within the window.   fresh : In, this is the first step since the state was cleared.
    room : In, the output memory can take one state record.   recorder_busy : In.   blocked : Out, waiting for ``room`` only.
    program_* : program memory.   neuron_* : neuron memory.   slot_* : accumulators (sums two cycles after the address).
    spike_word, spike_index, spike_valid : Out, 32 neurons' spikes, words in rising order, from stage 7.
    quiet : In, in the next cycle all neurons of ``neuron_write_data`` are ``written``.   written : In, the host's value.
    fired : Out, spikes of the row whose membranes are written (stage 6).
    slot_used : Out, one cycle after the address: an operation adds it; for checks only.
    sums : Out, accumulators as the operation in stage 2 adds them, for the trace.
    row_values, row_valid, row_record, row_index, row_last : Out, a row for the recorder (stage 6).
    spikes, budget_hits, saturations : Out, counts since ``load``.
    """

    def __init__(self, config: Config, *, carry_cells: bool = False) -> None:
        self.config, self.carry_cells = config, carry_cells
        lanes, state = config.multipliers, signed(config.state_bits)
        super().__init__(
            {
                "population": In(POPULATION_SHAPE),
                "micro_base": In(range(config.program_words)),
                "load": In(1),
                "go": In(1),
                "busy": Out(1),
                "ending": Out(1),
                "ready": Out(1),
                "again": Out(1),
                "complete": Out(1),
                "counted": Out(1),
                "settled": Out(1),
                "step": In(range(max(config.window, 2))),
                "fresh": In(1),
                "room": In(1),
                "recorder_busy": In(1),
                "blocked": Out(1),
                "program_address": Out(range(config.program_words)),
                "program_enable": Out(1),
                "program_data": In(WORD_BITS),
                "neuron_read_address": Out(range(config.neuron_words)),
                "neuron_read_data": In(lanes * config.state_bits),
                "neuron_write_address": Out(range(config.neuron_words)),
                "neuron_write_enable": Out(1),
                "neuron_write_data": Out(lanes * config.state_bits),
                "quiet": In(1),
                "written": In(state),
                "slot_step": Out(range(max(config.window, 2))),
                "slot_block": Out(range(config.max_blocks)),
                "slot_row": Out(range(max(config.rows_per_block, 2))),
                "slot_sums": In(signed(config.accumulator_bits)).array(lanes),
                "slot_used": Out(1),
                "fired": Out(lanes),
                "sums": Out(lanes * config.accumulator_bits),
                "spike_word": Out(RING_BITS),
                "spike_index": Out(range(config.max_groups)),
                "spike_valid": Out(1),
                "row_values": Out(state).array(lanes),
                "row_valid": Out(1),
                "row_record": Out(Record),
                "row_index": Out(10),
                "row_last": Out(1),
                "spikes": Out(WORD_BITS),
                "budget_hits": Out(WORD_BITS),
                "saturations": Out(WORD_BITS),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, pop = self.config, self.population
        lanes = config.multipliers
        pop0, pop1 = pop.population_0, pop.population_1
        micro = word_layout(MICRO)

        # Fetch: two stages ahead of the issue; runs through the prologue, then round and round the update
        # operations; a restart jumps to the recording operations and back. The sections lie one behind the other,
        # so the end of one is the start of the next; the last operation of a section is marked.
        fetch, fetch_left, fetch_prologue = Signal.like(self.micro_base), Signal(5), Signal()
        update_start, record_start = Signal.like(self.micro_base), Signal.like(self.micro_base)
        arriving, arriving_last, op_valid, op_last, op = Signal(), Signal(), Signal(), Signal(), Signal(micro)
        arriving_op, needs_room = Signal(micro), Signal()
        advance, restart, fetch_end = Signal(), Signal(), Signal()
        recording, record_length, records = Signal(), Signal(5), Signal()
        fetched, has_prologue = Signal.like(fetch), Signal()
        m.d.comb += [
            self.program_address.eq(fetch),
            self.program_enable.eq(advance),
            arriving_op.eq(self.program_data),
            fetch_end.eq(fetch_left == 1),
            fetched.eq(fetch + 1),
            has_prologue.eq(pop1.prologue != 0),
        ]
        m.d.sync += [records.eq(record_length != 0), record_length.eq(pop1.record + (pop.population_5.exit_check if config.early_exit else 0))]
        with m.If(advance):
            m.d.sync += [
                arriving.eq(1),
                arriving_last.eq(fetch_end),
                op_valid.eq(arriving),
                op_last.eq(arriving_last),
                op.eq(self.program_data),
                needs_room.eq(arriving_op.record != Record.COUNT),
            ]
            m.d.sync += [fetch.eq(fetched), fetch_left.eq(fetch_left - 1)]
            with m.If(fetch_end):
                m.d.sync += fetch_prologue.eq(0)
                with m.If(fetch_prologue):
                    m.d.sync += update_start.eq(fetched)
                with m.Elif(~recording):
                    m.d.sync += record_start.eq(fetched)
        # A restart is known late in a cycle; in the next, no operation is issued.
        restarts = Signal()
        m.d.sync += restarts.eq(restart)
        with m.If(restarts | self.load | (advance & fetch_end)):
            m.d.sync += fetch_left.eq(Mux(self.load & has_prologue, pop1.prologue, Mux(recording, record_length, pop1.update)))
        with m.If(restarts | (advance & fetch_end & ~fetch_prologue)):
            m.d.sync += fetch.eq(Mux(recording, record_start, update_start))
        with m.If(restarts | self.load):
            m.d.sync += [arriving.eq(0), op_valid.eq(0)]
        with m.If(self.load):
            m.d.sync += [fetch.eq(self.micro_base), update_start.eq(self.micro_base), fetch_prologue.eq(has_prologue)]

        # Issue. Row, address and section are where the next step starts as soon as one has ended.
        row, following_row = Signal(range(config.max_rows)), Signal(range(config.max_rows + 1), init=1)
        rows, after = pop0.rows[: len(following_row)], Signal.like(following_row)
        in_rows, first_row = Signal(), Signal()
        address = Signal.like(self.neuron_read_address)
        row_base = Signal.like(address)
        cool = Signal(UPDATE_SPACING - 1)  # as many ones as cycles to wait
        issue, last_row, finished, recorded = Signal(), Signal(), Signal(), Signal()
        section_ends, changes = Signal(), Signal()  # with the operation in hand, and whether another section follows
        m.d.comb += [
            after.eq(following_row + 1),
            advance.eq(issue | ~op_valid),
            self.ready.eq(~cool[0] & ~self.busy),
            self.again.eq(~cool[0] & ~first_row & ~records),
            section_ends.eq(op_last & in_rows & last_row),
            changes.eq(section_ends & (recording | records)),
            restart.eq(issue & changes),
            finished.eq(issue & section_ends & (recording | ~records)),
        ]
        m.d.sync += cool.eq(cool >> 1)
        with m.If(self.busy & op_valid):
            with m.If(~recording):
                m.d.comb += issue.eq(1)
            with m.Else():
                can_record = ~cool[0] & ~self.recorder_busy
                m.d.comb += [issue.eq(can_record & (self.room | ~needs_room)), self.blocked.eq(can_record & ~self.room & needs_room)]
        with m.If(issue & op_last):
            with m.If(~in_rows):
                m.d.sync += [in_rows.eq(1), address.eq(row_base)]
            with m.Else():
                m.d.sync += [first_row.eq(0), row.eq(following_row), following_row.eq(after), last_row.eq(after == rows)]
                m.d.sync += address.eq(address + pop0.row_words)
                with m.If(first_row):
                    # The next step reads this row again.
                    m.d.sync += cool.eq((1 << (UPDATE_SPACING - 2)) - 1)
                with m.If(last_row):
                    m.d.sync += [last_row.eq(rows == 1), address.eq(row_base)]
        with m.If(restart):
            m.d.sync += recording.eq(~recording)
        with m.If(issue & (recording | changes)):
            m.d.sync += cool.eq((1 << (UPDATE_SPACING - 1)) - 1)
        with m.If(finished):
            m.d.sync += self.busy.eq(0)
        # Whether a recording operation is issued is known late in a cycle: its end is told in the next.
        m.d.sync += recorded.eq(finished & recording)
        m.d.comb += self.ending.eq(recorded | (self.busy & op_valid & section_ends & ~records))
        with m.If(self.go):
            m.d.sync += [self.busy.eq(1), first_row.eq(1)]
        with m.If(self.load):
            m.d.sync += [
                last_row.eq(rows == 1),
                in_rows.eq(~has_prologue),
                address.eq(pop0.neuron_base),
                row_base.eq(pop0.neuron_base + pop1.prologue),
            ]

        with m.If(self.load | (issue & section_ends)):
            m.d.sync += [row.eq(0), following_row.eq(1)]

        # Stage 0: addresses.
        rows_per_block = config.rows_per_block
        m.d.comb += [
            # One adder: the carry comes out of an extra bit below.
            self.neuron_read_address.eq((Cat(C(1, 1), address) + Cat(op.fresh_next & self.fresh, op.offset)) >> 1),
            self.slot_step.eq(self.step),
            self.slot_block.eq(row // rows_per_block),
            self.slot_row.eq(row % rows_per_block),
        ]

        # Control of later stages.
        ops = [op] + [Signal(micro, name=f"op{k}") for k in range(1, UPDATE_STAGES + 1)]
        targets = [Signal.like(address, name=f"target{k}") for k in range(1, UPDATE_STAGES + 1)]
        final_row = Signal.like(row)
        row_ends = [issue & op_last & in_rows] + [Signal(name=f"row_end{k}") for k in range(1, UPDATE_STAGES + 1)]
        lasts = [last_row & in_rows] + [Signal(name=f"last{k}") for k in range(1, UPDATE_STAGES + 1)]
        valid = Signal(UPDATE_STAGES + 2)
        m.d.sync += targets[0].eq(address + op.offset)
        m.d.sync += [targets[k].eq(targets[k - 1]) for k in range(1, UPDATE_STAGES)]
        m.d.sync += [ops[k].eq(ops[k - 1]) for k in range(1, UPDATE_STAGES + 1)]
        m.d.comb += self.slot_used.eq(ops[1].addend == Addend.SYNAPTIC)
        m.d.sync += [row_ends[k].eq(row_ends[k - 1]) for k in range(1, UPDATE_STAGES + 1)]
        # Rows leave in the order in which they came: the last stage counts them anew.
        with m.If(row_ends[UPDATE_STAGES]):
            m.d.sync += final_row.eq(Mux(lasts[UPDATE_STAGES], 0, final_row + 1))
        m.d.sync += [lasts[k].eq(lasts[k - 1]) for k in range(1, UPDATE_STAGES + 1)]
        m.d.sync += valid.eq(Cat(issue, valid))
        m.d.sync += [self.settled.eq(~(issue | valid.any())), self.counted.eq(~(issue | valid[: UPDATE_STAGES - 2].any()))]
        ended = Signal(UPDATE_STAGES + 1)
        m.d.sync += ended.eq(Cat(finished, ended))
        m.d.comb += self.complete.eq(ended[-1])
        latch_names = {key: key.name.lower() for key in Latch if key != Latch.NONE}
        latches = {key: Signal(name=f"latch_{name}") for key, name in latch_names.items()}
        synaptic, word_zero, carry_crossing, carry_spike, reset_now = Signal(), Signal(), Signal(), Signal(), Signal()
        forward, shift = Signal(), Signal.like(pop1.shift)
        m.d.sync += [latches[key].eq(op.latch == key) for key in latch_names]
        with m.If(~issue):
            m.d.sync += [ops[1].eq(0), Cat(latches.values()).eq(0)]
        m.d.sync += [
            forward.eq(op.addend == Addend.RESULT),
            synaptic.eq(ops[1].addend == Addend.SYNAPTIC),
            shift.eq(Mux(ops[1].addend == Addend.RESULT, 0, pop1.shift)),
            word_zero.eq(op.fresh_zero & self.fresh),
            carry_crossing.eq(ops[2].carry == Carry.CROSSING),
            carry_spike.eq(ops[2].carry == Carry.SPIKE),
            reset_now.eq(ops[4].fire & pop1.reset_now),
        ]
        factor, floor = Signal(range(DECAY_ONE + 1)), Signal(signed(config.state_bits))
        factors = {Factor.ZERO: 0, Factor.ONE: DECAY_ONE, Factor.V: pop.population_2.factor_v, Factor.CURRENT: pop.population_2.factor_i}
        with m.Switch(ops[1].factor):
            for key, value in factors.items():
                with m.Case(key):
                    m.d.sync += factor.eq(value)
        m.d.sync += floor.eq(Mux(ops[3].clamp, pop.population_4.v_min, -config.state_max))

        replacement = Signal(signed(config.state_bits))  # the value after a reset that does not subtract, or the host's
        m.d.comb += replacement.eq(Mux(self.quiet, self.written, Mux(pop1.reset_subtract, 0, pop.population_3.v_reset)))

        # The lanes, with the control of each stage; what a whole stage needs is decoded one stage earlier.
        width = config.accumulator_bits
        last_mask = Mux(lasts[4], pop.population_6.last_row, (1 << lanes) - 1)
        exists = Signal(lanes)
        m.d.sync += exists.eq(last_mask)
        results: list[UpdateLane] = []
        for k in range(lanes):
            lane = UpdateLane(config, carry_cells=self.carry_cells)
            m.submodules[f"lane{k}"] = lane
            results.append(lane)
            m.d.comb += [
                lane.word.eq(self.neuron_read_data[k * config.state_bits : (k + 1) * config.state_bits]),
                *(getattr(lane, f"latch_{name}").eq(latches[key]) for key, name in latch_names.items()),
                lane.forward.eq(forward),
                lane.slot.eq(self.slot_sums[k]),
                lane.add_slot.eq(synaptic),
                lane.shift.eq(shift),
                lane.word_zero.eq(word_zero),
                lane.late_zero.eq(ops[1].late_zero),
                lane.factor.eq(factor),
                lane.use_bias.eq(ops[2].bias),
                lane.late_bias.eq(ops[2].late_bias),
                lane.carry_crossing.eq(carry_crossing),
                lane.carry_spike.eq(carry_spike),
                lane.floor.eq(floor),
                lane.fire.eq(ops[5].fire),
                lane.exists.eq(exists[k]),
                lane.budget.eq(ops[5].budget),
                lane.non_strict.eq(pop1.non_strict),
                lane.reset_now.eq(reset_now),
                lane.reset_subtract.eq(pop1.reset_subtract),
                lane.v_reset.eq(replacement),
                lane.quiet.eq(self.quiet),
                self.neuron_write_data[k * config.state_bits : (k + 1) * config.state_bits].eq(lane.result),
                self.row_values[k].eq(lane.result),
                self.sums[k * width : (k + 1) * width].eq(lane.sum),
            ]

        # Stage 6: write back, record, count.
        final = ops[UPDATE_STAGES]
        m.d.comb += [
            self.neuron_write_address.eq(targets[-1]),
            self.neuron_write_enable.eq(final.write),
            self.row_valid.eq(final.record != Record.NONE),
            self.row_record.eq(final.record),
            self.row_index.eq(final_row),
            self.row_last.eq(lasts[UPDATE_STAGES]),
        ]
        fired = [lane.spike for lane in results]
        m.d.comb += self.fired.eq(Cat(fired) & final.fire.replicate(lanes))
        suppressed = [lane.crossing & ~lane.spike for lane in results]
        clipped = [lane.saturated & exists[k] for k, lane in enumerate(results)]
        most = config.window * config.max_rows * lanes  # a membrane per neuron and step; both it and a current can saturate
        m.d.comb += [
            self.spikes.eq(population_counter(m, fired, final.fire, self.load, most, "spike_total")),
            self.budget_hits.eq(population_counter(m, suppressed, final.fire, self.load, most, "hit_total")),
            self.saturations.eq(population_counter(m, clipped, ops[5].count_saturation, self.load, 2 * most, "saturation_total")),
        ]

        # Stage 7: words of 32 neurons.
        chunks = RING_BITS // lanes
        chunk = final_row % chunks
        m.d.sync += self.spike_valid.eq(0)
        with m.If(final.fire):
            with m.If(chunk == 0):
                m.d.sync += self.spike_word.eq(Cat(fired))
            for index in range(1, chunks):
                with m.If(chunk == index):
                    m.d.sync += self.spike_word[index * lanes : (index + 1) * lanes].eq(Cat(fired))
            m.d.sync += self.spike_index.eq(final_row // chunks)
            m.d.sync += self.spike_valid.eq(lasts[UPDATE_STAGES] | (chunk == chunks - 1))
        return m
