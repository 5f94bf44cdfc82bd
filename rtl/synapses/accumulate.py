"""Accumulation of synaptic input in both execution modes: from the scanner's entries to the sums that the update reads."""

from __future__ import annotations

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config
from lifline.arch.program import Mode
from lifline.arch.timing import ACCUMULATE_SPACING

from ..streams import Entries, MapRead, PassCommand, SlotRead, weight_request, weight_word
from .dense import DenseLanes
from .dense_issue import DenseIssue
from .drain import Drain
from .entries import EntryList
from .event_issue import EventIssue
from .gather import Gather
from .slot_base import SlotBase
from .slots import Slots
from .walk import Walk
from .weights import WeightFetch


class Accumulate(wiring.Component):
    """One pass's accumulation. Event: per step, one weight word per cycle. Dense: all steps of the window at once.

    With a memory that answers in the next cycle, event mode adds a word per cycle, entry by entry, unless a slot comes again within
    ``ACCUMULATE_SPACING`` cycles, which it waits for. Dense mode takes for every block and every ``dense_entries`` of its active presynaptic neurons ``max(active + drain_cycles, W)`` cycles, but nothing
    at all when none is active. With any other memory both wait, and neither loses or repeats anything; see :class:`~lifline.rtl.synapses.weights.WeightFetch`.

    Parameters
    ----------
    carry_cells : see :class:`~lifline.rtl.cells.carry.ChoosingAdder`.

    Members
    -------
    command : In(PassCommand).
    entries : In(Entries), from the scanner; they go into a list.
    weight_request, weight_word : Out(weight_request) and In(weight_word), the weight memory.
    slots : In(SlotRead), the update, while nothing is accumulated; of the step of ``command``.
    maps : Out(MapRead), the map tables; only in configurations with maps.
    """

    def __init__(self, config: Config, *, carry_cells: bool = False) -> None:
        self.config, self.carry_cells = config, carry_cells
        members = {
            "command": In(PassCommand(config)),
            "entries": In(Entries(config)),
            "weight_request": Out(weight_request(config)),
            "weight_word": In(weight_word(config)),
            "slots": In(SlotRead(config)),
        }
        super().__init__(members | ({"maps": Out(MapRead(config))} if config.map_words else {}))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config, command = self.config, self.command
        m.submodules.list = entries = EntryList(config)
        m.submodules.event = event = EventIssue(config)
        m.submodules.weights = weights = WeightFetch(config, carry_cells=self.carry_cells)
        m.submodules.slots = slots = Slots(config, carry_cells=self.carry_cells)
        m.d.comb += [
            entries.source.valid.eq(self.entries.valid),
            entries.source.entry.eq(self.entries.entry),
            entries.source.done.eq(self.entries.done),
            self.entries.ready.eq(entries.source.ready),
        ]
        wiring.connect(m, wiring.flipped(self.weight_request), weights.request)
        wiring.connect(m, wiring.flipped(self.weight_word), weights.word)
        wiring.connect(m, wiring.flipped(self.slots), slots.read)
        m.submodules.base = base = SlotBase(config)

        is_dense, last_block = Signal(), Signal.like(command.blocks)
        listed, done = Signal(), Signal()  # an entry may be taken from the list in event mode; nothing is on its way from there to a slot
        m.d.sync += last_block.eq(command.blocks - 1)
        m.d.comb += [
            listed.eq(command.enable & ~is_dense & entries.available & ~entries.exhausted),
            done.eq(entries.complete & event.ending & weights.settled & ~slots.unsettled),
            entries.start.eq(command.start),
            entries.whole.eq(is_dense),
            entries.step.eq(command.step),
            entries.take.eq(event.take),
            command.rows_done.eq(entries.rows_done),
            command.done.eq(done),
            base.start.eq(command.start),
            base.blocks.eq(command.blocks),
            base.one_slot.eq(command.one_slot),
            base.advance.eq(command.advance),
            event.last_block.eq(last_block),
            event.base.eq(base.base),
            event.ready.eq(listed),
            event.hold.eq(weights.hold),
            event.conflict.eq(slots.conflict),
            weights.start.eq(command.start),
            weights.base.eq(command.weight_base),
            weights.fan_in.eq(command.fan_in),
            weights.load.eq(event.take),
            weights.neuron.eq(Cat(entries.entry.index, Mux(is_dense, 0, entries.entry.upper))),
            weights.advance.eq(event.issue & weights.accepted),
            weights.asking.eq(event.issue),
            slots.event.wanted.eq(event.active),
            slots.event.accepted.eq(event.issue & weights.accepted),
            slots.event.slot.eq(event.slot),
            slots.next_slot.eq(event.next_slot),
            slots.base.eq(base.base),
            slots.late.eq(weights.late & ~is_dense),
        ]
        words = [Signal.like(weight, name=f"word{lane}") for lane, weight in enumerate(weights.weights)]  # what counts of them
        m.d.comb += [word.eq(weight) for word, weight in zip(words, weights.weights, strict=True)]
        added = words
        if config.memory_registers:  # one behind the memory, for both modes
            added = [Signal.like(word, name=f"weight{lane}") for lane, word in enumerate(words)]
            m.d.sync += [weight.eq(word) for weight, word in zip(added, words, strict=True)]
        m.d.comb += [inner.eq(outer) for inner, outer in zip(slots.weight, added, strict=True)]
        if config.map_words:
            self.add_walk(m, base.base, listed, done, entries, event, weights, words)
        if config.dense_lanes:
            m.d.comb += is_dense.eq(command.mode == Mode.DENSE)
            issue, drain = self.add_dense_mode(m, is_dense, base.stride, entries, weights, slots, added)
            m.d.comb += issue.last_block.eq(last_block)
            if config.gathers:
                self.add_gather(m, last_block, entries, issue, drain, weights)
        return m

    def add_walk(
        self, m: Module, base: Signal, listed: Signal, done: Signal, entries: EntryList, event: EventIssue, weights: WeightFetch, words: list[Signal]
    ) -> None:
        """In a mapped pass the walk stands between the list and what is issued: every pair is an entry that visits one block."""
        command = self.command
        m.submodules.walk = walk = Walk(self.config)
        m.d.comb += [
            self.maps.enable.eq(walk.maps.enable),
            walk.words.eq(command.walk),
            walk.base.eq(base),
            walk.indices.payload.index.eq(Cat(entries.entry.index, entries.entry.upper)),
            walk.indices.payload.mask.eq(entries.entry.mask),
            walk.indices.valid.eq(listed & command.mapped),
            walk.pairs.ready.eq(event.ending & ~weights.hold),  # what `take` waits for beside a pair
            weights.walking.eq(command.mapped),
            weights.walked.eq(walk.pairs.payload.weight),
        ]
        for k, (inner, outer) in enumerate(zip(walk.maps.addresses, self.maps.addresses, strict=True)):
            m.d.comb += [outer.eq(inner), walk.maps.words[k].eq(self.maps.words[k])]
        with m.If(command.mapped):
            m.d.comb += [
                entries.take.eq(walk.indices.valid & walk.indices.ready),
                event.last_block.eq(0),
                event.ready.eq(walk.pairs.valid),
                event.base.eq(walk.pairs.payload.slot),
                command.done.eq(done & ~walk.busy),
            ]
        if self.config.vectors:
            self.mask_weights(m, walk, event, weights, words)

    def mask_weights(self, m: Module, walk: Walk, event: EventIssue, weights: WeightFetch, words: list[Signal]) -> None:
        """Where entries are blocks, a weight counts only in lanes of their masks; a mask waits for its word like the slot that it is added to."""
        lanes = self.config.lanes
        hand, mask = Signal(lanes), Signal(lanes)  # of the pair in hand, and of the word that comes, or is awaited
        with m.If(event.take):
            m.d.sync += hand.eq(walk.pairs.payload.mask)
        with m.If(weights.accepted):
            m.d.sync += mask.eq(hand | (~self.command.vector).replicate(lanes))
        for lane, (word, weight) in enumerate(zip(words, weights.weights, strict=True)):
            m.d.comb += word.eq(Mux(mask[lane], weight, 0))

    def add_dense_mode(
        self, m: Module, is_dense: Signal, stride: Signal, entries: EntryList, weights: WeightFetch, slots: Slots, added: list[Signal]
    ) -> tuple[DenseIssue, Drain]:
        """Columns of weights into the dense lanes, and their sums into the slots. A drain that opens puts zeros into the registers of weights: then no
        column is added, and no event of another pass is on its way yet."""
        command = self.command
        m.submodules.issue = issue = DenseIssue(self.config)
        m.submodules.drain = drain = Drain(self.config)
        m.submodules.lanes = lanes = DenseLanes(self.config, carry_cells=self.carry_cells)
        block_ends, drained = Signal(), Signal()
        m.d.comb += [
            issue.start.eq(command.start),
            issue.enable.eq(command.enable & is_dense),
            issue.available.eq(entries.available),
            issue.ended.eq(entries.ended),
            issue.silent.eq(entries.silent),
            issue.arrivals.eq(entries.entry.arrivals),
            issue.hold.eq(weights.hold),
            issue.accepted.eq(weights.accepted),
            issue.late.eq(weights.late),
            issue.settled.eq(weights.settled),
            block_ends.eq(issue.drain & ~issue.partial),
            entries.rewind.eq(block_ends),
            weights.next_block.eq(block_ends),
            drain.count.eq(command.count),
            drain.stride.eq(stride),
            drain.begin.eq(issue.drain),
            drain.block.eq(issue.block),
            slots.drain.wanted.eq(drain.draining),
            slots.drain.accepted.eq(drain.draining),
            slots.drain.slot.eq(drain.slot),
            slots.dense_chosen.eq(lanes.draining),
            lanes.arrivals.eq(issue.columns),
        ]
        with m.If(issue.take):
            m.d.comb += [entries.take.eq(1), weights.load.eq(1)]
        with m.If(issue.asking):
            m.d.comb += weights.asking.eq(1)
        # The dense sums leave when the slots have been read.
        m.d.sync += [lanes.drain.eq(drain.draining), lanes.step.eq(drain.step)]
        m.d.comb += [inner.eq(outer) for inner, outer in zip(lanes.weight, added, strict=True)]
        with m.If(lanes.opening):
            m.d.sync += [weight.eq(0) for weight in added]
        m.d.comb += [inner.eq(outer) for inner, outer in zip(slots.dense, lanes.sums, strict=True)]
        # The first step is read first: with at least ACCUMULATE_SPACING steps its sum has arrived when the last drain starts.
        written = (command.count >= ACCUMULATE_SPACING) | ~slots.writing
        m.d.comb += drained.eq(issue.issued & (issue.silent | (~drain.draining & written)))
        with m.If(is_dense):
            m.d.comb += command.done.eq(drained)
        return issue, drain

    def add_gather(self, m: Module, last_block: Signal, entries: EntryList, issue: DenseIssue, drain: Drain, weights: WeightFetch) -> None:
        """In a gather pass the list jumps from segment to segment; blocks are those of the gather."""
        command = self.command
        m.submodules.gather = gather = Gather(self.config)
        silent = Signal()  # nothing is active: there is no need to look for segments
        m.d.comb += [
            gather.start.eq(command.start),
            gather.active.eq(command.gathered),
            gather.enable.eq(command.enable),
            gather.words.eq(command.gather),
            gather.weight_base.eq(command.weight_base),
            gather.last_block.eq(last_block),
            gather.valid.eq(self.entries.valid),
            gather.index.eq(self.entries.entry.index),
            gather.scanned.eq(entries.rows_done != 0),
            gather.take.eq(issue.take),
            silent.eq(entries.ended & entries.silent),
            issue.gathered.eq(command.gathered),
            issue.final.eq(gather.final),
            entries.jump.eq(gather.jump),
            entries.target.eq(gather.entry),
            weights.jump.eq(gather.jump),
            weights.target.eq(gather.weight),
            self.entries.ready.eq(entries.source.ready & gather.ready),
        ]
        m.d.comb += [inner.eq(outer) for inner, outer in zip(gather.maps.words, self.maps.words, strict=True)]
        with m.If(command.gathered):
            m.d.comb += [
                issue.available.eq(gather.available),
                issue.ended.eq(gather.ended | silent),
                issue.silent.eq(gather.silent),
                entries.rewind.eq(0),
                weights.next_block.eq(0),
                gather.drain.eq(issue.drain & ~issue.partial),
                drain.block.eq(gather.block),
                self.maps.addresses[1].eq(gather.maps.addresses[1]),
                self.maps.addresses[2].eq(gather.maps.addresses[2]),
                self.maps.enable.eq(gather.maps.enable),
            ]
