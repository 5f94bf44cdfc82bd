"""Accumulation of synaptic input: the list of active presynaptic neurons, both execution modes, and the accumulator memory."""

from __future__ import annotations

import functools
import operator

from amaranth.hdl import Array, Cat, Module, Mux, Signal, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config
from lifline.arch.program import Mode
from lifline.arch.timing import ACCUMULATE_SPACING

from ..cells.carry import ChoosingAdder
from ..cells.memory import Ram
from ..cells.select import selected
from ..streams import entry_layout as list_entry
from .dense import DenseLanes


class Accumulate(wiring.Component):
    """One pass's accumulation. Event: per step, one weight word per cycle. Dense: all steps of the window at once.

    Event mode adds entry by entry, ``max(blocks, ACCUMULATE_SPACING)`` cycles each. Dense mode takes for every block and every
    ``dense_entries`` of its active presynaptic neurons ``max(active + drain_cycles, W)`` cycles, but nothing at all when none is active.

    Parameters
    ----------
    carry_cells : see :class:`~lifline.rtl.cells.carry.ChoosingAdder`.

    Members
    -------
    start : In, a pass begins.   mode, blocks, fan_in, count (steps in this window) : In, stable during the pass; weight_base : In, with ``start``.
    step : In, the time step being accumulated (event).   enable : In, accumulate now.
    entry, entry_valid, scan_done : In, from the scanner.
    rows_done : Out, finished scans of this pass.   done : Out, level: this step (event) or the window (dense) is complete.
    weight_address, weight_data : weight memory.
    read_step, read_block, read_row : In, the slot that the update reads while not accumulating, and the row of the block.
    read_used : In, one cycle later: it is used; for checks only.
    read_sums : Out, two cycles later: the row's sums; zero if the slot was not written in this window.
    release : In, the slot of ``release_step`` has been used up.
    """

    def __init__(self, config: Config, *, carry_cells: bool = False) -> None:
        self.config, self.carry_cells = config, carry_cells
        step, block = range(max(config.window, 2)), range(config.max_blocks)
        super().__init__(
            {
                "start": In(1),
                "mode": In(Mode),
                "blocks": In(range(config.max_blocks + 1)),
                "weight_base": In(range(config.weight_words)),
                "fan_in": In(range(config.list_entries + 1)),
                "count": In(range(config.window + 1)),
                "step": In(step),
                "enable": In(1),
                "entry": In(list_entry(config)),
                "entry_valid": In(1),
                "scan_done": In(1),
                "rows_done": Out(range(config.window + 2)),
                "done": Out(1),
                "weight_address": Out(range(config.weight_words)),
                "weight_data": In(config.weight_word_bits),
                "read_step": In(step),
                "read_block": In(block),
                "read_row": In(range(max(config.rows_per_block, 2))),
                "read_sums": Out(signed(config.accumulator_bits)).array(config.multipliers),
                "read_used": In(1),
                "release": In(1),
                "release_step": In(step),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.config
        lanes, bits, window = config.lanes, config.accumulator_bits, config.window
        dense_built = config.dense_lanes > 0

        blocks, fan_in, count = self.blocks, self.fan_in, self.count
        touched = Array(Signal(name=f"touched{w}") for w in range(window))

        last_block, last_drain_step = Signal.like(blocks), Signal(range(max(window, 2)))
        m.d.sync += [last_block.eq(blocks - 1), last_drain_step.eq(count - 1)]

        # List of active presynaptic neurons. Pointers carry one bit more than the address.
        entry_layout = list_entry(config)
        m.submodules.list = entries = Ram(width=entry_layout.size, depth=config.list_entries)
        pointer_shape = unsigned((config.list_entries - 1).bit_length() + 1)
        written, pointer, next_pointer = Signal(pointer_shape), Signal(pointer_shape), Signal(pointer_shape)
        available = Signal()
        take, issue_column = Signal(), Signal()  # an entry is used by event or dense mode
        ends = Array(Signal(pointer_shape, name=f"end{k}") for k in range(2))
        scan_done = Signal(2)
        entry = Signal(entry_layout)
        m.d.comb += [
            entries.write_address.eq(written),
            entries.write_data.eq(self.entry.as_value()),
            entries.write_enable.eq(self.entry_valid),
            entries.read_address.eq(next_pointer),
            entry.eq(entries.read_data),
            next_pointer.eq(pointer),
            entries.used.eq(take | issue_column),
        ]
        m.d.sync += [pointer.eq(next_pointer), scan_done.eq(Cat(self.scan_done, scan_done[0]))]
        with m.If(self.entry_valid):
            m.d.sync += written.eq(written + 1)
        with m.If(scan_done[1]):
            m.d.sync += [ends[self.rows_done[0]].eq(written), self.rows_done.eq(self.rows_done + 1)]

        # Issue, event mode: the entry in hand goes through all blocks; spacing protects the read-modify-write.
        active, block, last = Signal(), Signal.like(blocks), Signal()
        before_final = Signal.like(blocks)  # the last cycle but one of an entry
        scanned, at_end = Signal(), Signal()
        exhausted, exhausted_odd = Signal(), Signal()  # the list of a step with this parity had come to its end a cycle ago
        issue_event, weight_base, weight_address = Signal(), Signal.like(self.weight_base), Signal.like(self.weight_base)
        m.d.comb += [
            scanned.eq(self.rows_done > self.step),
            at_end.eq(pointer == ends[self.step[0]]),
            issue_event.eq(active & (block < blocks)),
        ]

        # Issue, dense mode: all entries for block 0, then again for each further block, a swap after each; and a swap in
        # between wherever the sums may be full and there is more to add.
        dense_done, since_swap, dense_block = Signal(), Signal(range(max(window, 2))), Signal.like(blocks)
        column = Signal(2)
        arrivals = [Signal(window, name=f"arrivals{k}") for k in range(2)]
        issue_swap, issue_partial, full = Signal(), Signal(), Signal()
        dense_end, dense_empty = Signal(), Signal()

        is_dense = Signal()
        if dense_built:
            m.d.comb += is_dense.eq(self.mode == Mode.DENSE)
        with m.If(is_dense):
            with m.If(~dense_done & self.enable):
                with m.If(dense_end & dense_empty):
                    m.d.sync += dense_done.eq(1)
                with m.Elif(dense_end):
                    with m.If(since_swap == 0):
                        m.d.comb += [issue_swap.eq(1), next_pointer.eq(0)]
                        m.d.sync += [since_swap.eq(window - 1), dense_block.eq(dense_block + 1), weight_base.eq(weight_base + fan_in)]
                        with m.If(dense_block == last_block):
                            m.d.sync += dense_done.eq(1)
                with m.Elif(full):
                    m.d.comb += issue_partial.eq(available & (since_swap == 0))
                    with m.If(issue_partial):
                        m.d.sync += [since_swap.eq(window - 1), full.eq(0)]
                with m.Elif(available & (since_swap <= window - config.drain_cycles)):
                    m.d.comb += [issue_column.eq(1), next_pointer.eq(pointer + 1)]
                    if config.dense_entries:
                        m.d.sync += full.eq((pointer + 1) % config.dense_entries == 0)
            with m.If(~issue_swap & ~issue_partial & (since_swap != 0)):
                m.d.sync += since_swap.eq(since_swap - 1)
        with m.Else():
            # Entries of the next step arrive only when this one's end has been known for some cycles.
            m.d.comb += take.eq(self.enable & (~active | last) & available & ~(exhausted & (exhausted_odd == self.step[0])))
            with m.If(take):
                m.d.comb += next_pointer.eq(pointer + 1)
                m.d.sync += [active.eq(1), block.eq(0), last.eq(0)]
            with m.Elif(last):
                m.d.sync += active.eq(0)
            with m.If(active & ~last):
                m.d.sync += [block.eq(block + 1), last.eq(block == before_final)]
        # Whether an entry is used comes late: both answers are ready. After a swap the list is there from its start.
        advances, following = Signal(), Signal.like(pointer)
        m.d.comb += [advances.eq(take | issue_column), following.eq(pointer + 1)]
        # The end of a dense pass is `written` when its scan ends: no entry arrives any more.
        dense_length, dense_scanned = Signal.like(pointer), Signal()
        m.d.comb += [dense_length.eq(Mux(scan_done[1], written, ends[0])), dense_scanned.eq(scan_done[1] | (self.rows_done != 0))]
        m.d.sync += [
            available.eq(Mux(advances, written != following, written != pointer)),
            exhausted.eq(scanned & Mux(advances, following == ends[self.step[0]], at_end)),
            exhausted_odd.eq(self.step[0]),
            dense_end.eq(Mux(advances, dense_scanned & (following == dense_length), dense_scanned & (pointer == dense_length))),
        ]
        with m.If(scan_done[1]):
            m.d.sync += dense_empty.eq(written == 0)
        with m.If(issue_swap):
            m.d.sync += [available.eq(1), dense_end.eq(0), full.eq(0)]
        with m.If(take | issue_column):
            m.d.sync += weight_address.eq(weight_base + entry.index)
        with m.Elif(issue_event):
            m.d.sync += weight_address.eq(weight_address + fan_in)

        # Drain of the dense sums into the accumulator memory, while the next ones accumulate.
        draining, drain_step, drain_block = Signal(), Signal(range(max(window, 2))), Signal.like(blocks)
        partial, continued = Signal(), Signal()  # more of this block's sums come; some of them came before
        with m.If(draining):
            m.d.sync += drain_step.eq(drain_step + 1)
            with m.If(drain_step == last_drain_step):
                m.d.sync += [draining.eq(0), drain_block.eq(drain_block + ~partial)]
            with m.If(drain_block == last_block):
                m.d.sync += touched[drain_step].eq(1)
        with m.If(issue_swap | issue_partial):
            m.d.sync += [draining.eq(1), drain_step.eq(0), partial.eq(issue_partial), continued.eq(partial)]
        drained = Signal()
        written_back = Signal()
        m.d.comb += drained.eq(dense_done & (dense_empty | ((drain_block == blocks) & written_back)))
        m.d.comb += self.done.eq(drained if dense_built else 0)
        with m.If(~is_dense):
            m.d.comb += self.done.eq(scanned & at_end & (~active | last))

        # Accumulator memory: read, register (if memories have registers), add, write.
        stages = ACCUMULATE_SPACING - 1 if config.memory_registers else ACCUMULATE_SPACING - 2
        m.submodules.slots = slots = Ram(width=lanes * bits, depth=window * config.max_blocks)
        address = Signal.like(slots.read_address)
        write = Signal(stages)
        # The first step is read first: with at least ACCUMULATE_SPACING steps its sum has arrived when the last drain starts.
        m.d.comb += written_back.eq((count >= ACCUMULATE_SPACING) | ~write.any())
        addresses = [Signal.like(address, name=f"address{k}") for k in range(stages)]

        def slot(step: Signal, index: Signal) -> object:
            if config.max_blocks & (config.max_blocks - 1) == 0:
                width = (config.max_blocks - 1).bit_length()
                return Cat(index[:width], step)[: len(address)]
            return step * config.max_blocks + index

        with m.If(draining):
            m.d.comb += address.eq(slot(drain_step, drain_block))
        with m.Elif(issue_event):
            m.d.comb += address.eq(slot(self.step, block))
        with m.Else():
            m.d.comb += address.eq(slot(self.read_step, self.read_block))
        with m.If(issue_event & (block == last_block)):
            m.d.sync += touched[self.step].eq(1)
        with m.If(self.release):
            m.d.sync += touched[self.release_step].eq(0)
        empty = Signal()
        m.d.comb += empty.eq(~(touched[Mux(draining, drain_step, Mux(issue_event, self.step, self.read_step))] | (draining & continued)))
        m.d.sync += [write.eq(Cat(draining | issue_event, write)), Cat(addresses).eq(Cat(address, *addresses))]
        m.d.comb += [
            slots.read_address.eq(address),
            self.weight_address.eq(weight_address),
            slots.write_address.eq(addresses[-1]),
            slots.write_enable.eq(write[-1]),
            slots.used.eq(write[0] | self.read_used),
        ]
        weights = [self.weight_data.word_select(lane, config.weight_bits).as_signed() for lane in range(lanes)]
        olds = [slots.read_data[lane * bits : (lane + 1) * bits].as_signed() for lane in range(lanes)]
        totals = [Signal(signed(bits), name=f"sum{lane}") for lane in range(lanes)]
        m.d.comb += slots.write_data.eq(Cat(totals))
        if dense_built:
            m.submodules.dense = dense = DenseLanes(config, carry_cells=self.carry_cells)
            m.d.sync += [column.eq(Cat(issue_column, column)), Cat(arrivals).eq(Cat(entry.arrivals, *arrivals))]
            # The dense sums leave when the slots have been read.
            m.d.sync += [dense.drain.eq(draining), dense.step.eq(drain_step)]
            m.d.comb += dense.arrivals.eq(Mux(column[1], arrivals[1], 0))
            m.d.comb += [dense.weight[lane].eq(weights[lane]) for lane in range(lanes)]
        rows_per_block = config.rows_per_block
        if config.memory_registers:
            # A slot that was not written counts as zero, and so does a row that the update does not ask for: an OR joins the rows.
            reads, dropped = Signal(), Signal(rows_per_block)
            m.d.comb += reads.eq(~draining & ~issue_event)
            m.d.sync += dropped.eq(Cat(empty | (reads & (self.read_row != row)) for row in range(rows_per_block)))
            registered = [Signal(signed(bits), name=f"old{lane}") for lane in range(lanes)]
            for lane, old in enumerate(registered):
                new = Signal(signed(bits), name=f"new{lane}")
                m.d.sync += [old.eq(olds[lane]), new.eq(weights[lane])]
                with m.If(dropped.bit_select(lane // config.multipliers, 1)):
                    m.d.sync += old.eq(0)
                m.submodules[f"adder{lane}"] = adder = ChoosingAdder(bits, carry_cells=self.carry_cells and dense_built)
                m.d.comb += [adder.addend.eq(old), adder.first.eq(new), adder.choose.eq(1)]
                if dense_built:
                    m.d.comb += [adder.second.eq(dense.sums[lane]), adder.choose.eq(~dense.draining)]
                m.d.sync += totals[lane].eq(adder.total)
            for k, read_sum in enumerate(self.read_sums):
                m.d.comb += read_sum.eq(functools.reduce(operator.or_, registered[k :: config.multipliers]))
        else:
            first, read_row = Signal(), Signal.like(self.read_row)
            m.d.sync += [first.eq(empty), read_row.eq(self.read_row)]
            # The choice behind the adder shares its lookup tables; registers before it would be cells of their own in an iCE40.
            for lane in range(lanes):
                m.d.sync += totals[lane].eq(Mux(first, weights[lane], olds[lane] + weights[lane]))
            for k, read_sum in enumerate(self.read_sums):
                m.d.sync += read_sum.eq(Mux(first, 0, selected(olds[k :: config.multipliers], read_row)))

        with m.If(self.start):
            m.d.sync += [
                before_final.eq(self.blocks - 2),
                weight_base.eq(self.weight_base),
                written.eq(0),
                pointer.eq(0),
                available.eq(0),
                exhausted.eq(0),
                dense_end.eq(0),
                self.rows_done.eq(0),
                since_swap.eq(0),
                dense_done.eq(0),
                dense_block.eq(0),
                drain_block.eq(0),
                full.eq(0),
                partial.eq(0),
            ]
            with m.If(self.blocks < ACCUMULATE_SPACING):
                m.d.sync += before_final.eq(ACCUMULATE_SPACING - 2)
        return m
