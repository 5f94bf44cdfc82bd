"""The host's side of the core: address decoding, registers, and access to every memory."""

from __future__ import annotations

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, ValueLike
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import INTERFACE_VERSION, Config
from lifline.arch.frame import Status
from lifline.arch.layout import WORD_BITS
from lifline.arch.records import INPUT_BITS
from lifline.arch.registers import (
    CONTROL_TAG_SHIFT,
    COUNTERS,
    EXIT_BITS,
    INPUT_RING_ROWS_SHIFT,
    INPUT_RING_UNIFORM_BIT,
    KEPT,
    MAGIC,
    PERIOD_BITS,
    POSITION_BITS,
    REGISTERS,
    SPACE_SHIFT,
    STORED_OFFSET,
    Access,
    Space,
)

from ..cells.select import selected
from ..cells.states import States
from .bus import HostRequest, HostResponse
from .registers import RegisterMemory


def choices(m: Module, words: list[ValueLike], index: Value, meant: Value, *, registered: bool) -> list[Signal]:
    """Signals whose OR is ``words[index]`` if ``meant``, else zero, for a power of two of words.

    ``registered``: one signal a word, whose flip-flops are cleared while another one is meant. Else: one for every two words,
    whose multiplexer also does that.
    """
    domain, each = (m.d.sync, 1) if registered else (m.d.comb, min(2, len(words)))
    chosen = []
    for k in range(0, len(words), each):
        word = Mux(index[0], words[k + 1], words[k]) if each == 2 else Value.cast(words[k])
        signal = Signal(word.shape())
        domain += signal.eq(Mux(meant & (index[each - 1 :] == k // each), word, 0))
        chosen.append(signal)
    return chosen


class Host(wiring.Component):
    """Answers one host request at a time, six cycles after it.

    Memories other than input and output answer ``BUSY`` during a run. Writes are strobed for one cycle with ``offset``
    and ``write_data``, one cycle after ``offset``; memories show the word that was read in the next cycle and then.
    ``idle_offset`` and ``idle_data`` are the same, but zero during a run.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        super().__init__(
            {
                "request": In(stream.Signature(HostRequest)),
                "response": Out(stream.Signature(HostResponse)),
                # memories
                "offset": Out(SPACE_SHIFT),
                "write_data": Out(WORD_BITS),
                "idle_offset": Out(SPACE_SHIFT),
                "idle_data": Out(WORD_BITS),
                "write_program": Out(1),
                "write_weights": Out(1),
                "write_neurons": Out(1),
                "write_delays": Out(1),
                "write_rings": Out(1),
                "write_input": Out(1),
                "read_input": Out(1),
                "read_program": In(WORD_BITS),
                "read_weights": In(config.weight_word_bits),
                "read_neurons": In(config.multipliers * config.state_bits),
                "read_delays": In(range(config.max_delay + 1)),
                "read_rings": In(WORD_BITS),
                "read_input_data": In(INPUT_BITS),
                "read_output": In(WORD_BITS),
                # run control
                "start": Out(1),
                "fresh": Out(1),
                "stop": Out(1),
                "discard": Out(1),
                "steps": Out(14),
                "period": Out(PERIOD_BITS),
                "ring_clear_words": Out(range(config.ring_words + 1)),
                "exit_every": Out(EXIT_BITS),
                "exit_margin": Out(config.state_bits),
                "input_count": Out(POSITION_BITS),
                "input_neurons": Out(range(config.max_input_neurons + 1)),
                "input_ring_base": Out(range(config.ring_words)),
                "input_ring_rows": Out(range(config.max_ring_rows + 1)),
                "input_ring_delay": Out(range(config.delay_entries)),
                "input_ring_uniform": Out(1),
                "output_taken": Out(POSITION_BITS),
                # status
                "running": In(1),
                "exited": In(1),
                "counter_overflow": In(1),
                "input_out_of_range": In(1),
                "time": In(POSITION_BITS),
                "cleared": In(1),
                "stall_input": In(1),
                "stall_output": In(1),
                "stall_period": In(1),
                "overrun": In(1),
                "input_taken": In(POSITION_BITS),
                "output_count": In(POSITION_BITS),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.config
        # The request stays on the stream until its last use; it comes late in a cycle.
        request = Signal.like(self.request.payload)
        domain = m.d.sync if config.memory_registers else m.d.comb
        domain += request.eq(self.request.payload)
        domain += [
            self.idle_offset.eq(Mux(self.running, 0, self.request.payload.address)),
            self.idle_data.eq(Mux(self.running, 0, self.request.payload.data)),
        ]
        write, run_tag = request.write, Signal(8)
        space = request.address[SPACE_SHIFT:]
        m.d.comb += [self.offset.eq(request.address[:SPACE_SHIFT]), self.write_data.eq(request.data)]
        error, idle, access, strobe = Signal(Status), Signal(), Signal(), Signal()

        # Registers: what the host writes is kept twice, where it is used and, for reading it back, in the register memory.
        m.submodules.registers = registers = RegisterMemory()
        stalled = self.stall_input | self.stall_output | self.stall_period
        index = self.offset[: (len(REGISTERS) - 1).bit_length()]
        write_register = Signal()
        m.d.comb += [
            registers.index.eq(index),
            registers.write.eq(write_register & (index >= STORED_OFFSET)),
            registers.write_data.eq(self.write_data),
            registers.free.eq(idle),
            registers.clear.eq(self.cleared),
        ]
        # A cycle late: whether the core stalls is known at the end of a cycle, and nothing is cleared in the first one of a run.
        m.d.sync += registers.increments.eq(Cat(self.running & ~stalled, self.stall_input, self.stall_output, self.stall_period, self.overrun))
        live = {
            "magic": MAGIC,
            "interface_version": INTERFACE_VERSION,
            "config_hash": config.hash,
            "status": Cat(self.running, self.exited, self.counter_overflow | registers.overflow, self.input_out_of_range),
            "step": self.time,
            "input_taken": self.input_taken,
            "output_count": self.output_count,
            "control": Cat(Const(0, CONTROL_TAG_SHIFT), run_tag),
        }
        for name, register in REGISTERS.items():
            if register.access is Access.READ or name in ("control", *COUNTERS, *KEPT):
                continue
            with m.If(write_register & (index == register.offset)):
                if name == "input_ring":
                    m.d.sync += [
                        self.input_ring_delay.eq(self.write_data),
                        self.input_ring_uniform.eq(self.write_data[INPUT_RING_UNIFORM_BIT]),
                        self.input_ring_rows.eq(self.write_data[INPUT_RING_ROWS_SHIFT:]),
                    ]
                else:
                    m.d.sync += getattr(self, name).eq(self.write_data)
        with m.If(self.cleared):
            m.d.sync += self.output_taken.eq(0)
        m.d.sync += [self.start.eq(0), self.discard.eq(0)]
        tag = self.write_data[CONTROL_TAG_SHIFT : CONTROL_TAG_SHIFT + len(run_tag)]
        with m.If(write_register & (index == REGISTERS["control"].offset)):
            # A repeated request to start, whose first reply was lost, must not start another run.
            m.d.sync += [
                self.start.eq(self.write_data[0] & ~self.running & (tag != run_tag)),
                self.fresh.eq(self.write_data[1]),
                self.discard.eq(self.write_data[3]),
            ]
            with m.If(self.write_data[0]):
                m.d.sync += run_tag.eq(tag)
            with m.If(self.write_data[2]):
                m.d.sync += self.stop.eq(1)
        with m.If(self.discard):
            m.d.sync += self.input_count.eq(0)
        with m.If(~self.running):
            m.d.sync += self.stop.eq(0)

        # Memories: depth in words as the host sees them, and write strobe.
        weight_slices = max(config.weight_word_bits // WORD_BITS, 1)
        weight_bits = min(WORD_BITS, config.weight_word_bits)
        spaces = {
            Space.REGISTERS: (1 << len(index), write_register),
            Space.PROGRAM: (config.program_words, self.write_program),
            Space.WEIGHTS: (config.weight_words * weight_slices, self.write_weights),
            Space.NEURONS: (config.neuron_words * config.multipliers, self.write_neurons),
            Space.DELAYS: (config.delay_entries, self.write_delays),
            Space.RINGS: (config.ring_words, self.write_rings),
            Space.INPUT: (config.input_words, self.write_input),
            Space.OUTPUT: (config.output_words, Signal(name="write_output")),
        }
        which = space[: (len(spaces) - 1).bit_length()]
        exists = Cat(~self.offset[(depth - 1).bit_length() :].any() for depth, _ in spaces.values())
        known = index.matches(*(register.offset for register in REGISTERS.values()))
        known_writable = index.matches(*(register.offset for register in REGISTERS.values() if register.access is Access.WRITE))
        allowed = Mux(space == Space.REGISTERS, Mux(write, known_writable, known), ~write | (space != Space.OUTPUT))
        locked = Cat(key not in (Space.REGISTERS, Space.INPUT, Space.OUTPUT) for key in spaces)
        with m.If((space[len(which) :].any()) | ~selected(list(exists), which) | ~allowed):
            m.d.comb += error.eq(Status.BAD_ADDRESS)
        with m.Elif(self.running & selected(list(locked), which)):
            m.d.comb += error.eq(Status.BUSY)
        for key, (_, write_strobe) in spaces.items():
            m.d.comb += write_strobe.eq(strobe & (space == key))
        m.d.comb += self.read_input.eq(access & ~write & (space == Space.INPUT))

        # Read data: all words are zero but the one that is meant, so that the choice between them is an OR.
        weights = [self.read_weights.word_select(k, weight_bits) for k in range(weight_slices)]
        neurons = [self.read_neurons.word_select(k, config.state_bits).as_signed() for k in range(config.multipliers)]
        constants, signals = list(live.values())[:4], list(live.values())[4:]

        def chosen(words: list[ValueLike], index: Value, meant: Value) -> list[Signal]:
            return choices(m, words, index, meant, registered=config.memory_registers)

        words = [
            *chosen([selected(constants, index[:2])], Const(0, 0), (space == Space.REGISTERS) & (index[2:] == 0)),
            *chosen(signals, index[:2], (space == Space.REGISTERS) & (index[2:] == 1)),
            *chosen([registers.data], Const(0, 0), (space == Space.REGISTERS) & (index >= STORED_OFFSET)),
            *chosen([self.read_program], Const(0, 0), space == Space.PROGRAM),
            *chosen(weights, self.offset[: (len(weights) - 1).bit_length()], space == Space.WEIGHTS),
            *chosen(neurons, self.offset[: (len(neurons) - 1).bit_length()], space == Space.NEURONS),
            *chosen([self.read_delays, self.read_rings, self.read_input_data, self.read_output], space[:2], space[2]),
        ]
        data = Signal(WORD_BITS)
        m.d.comb += data.eq(reduce(or_, words))

        states = States(m, "Accept", "Check", "Access", "Select", "Read", "Respond")
        with states("Accept"):
            # A read that follows a start sees the counters of the new run.
            m.d.comb += idle.eq(1)
            with m.If(self.request.valid & ~registers.clearing):
                states.next("Check")
        with states("Check"):
            m.d.comb += access.eq(1)
            m.d.sync += self.response.payload.error.eq(error)
            states.next("Access")
        with states("Access"):
            m.d.comb += [access.eq(1), strobe.eq(write & (self.response.payload.error == Status.OK))]
            states.next("Select")
        with states("Select"):
            m.d.comb += access.eq(1)
            states.next("Read")
        with states("Read"):
            m.d.comb += [access.eq(1), self.request.ready.eq(1)]
            m.d.sync += self.response.payload.data.eq(data)
            with m.If(write | (self.response.payload.error != Status.OK)):
                m.d.sync += self.response.payload.data.eq(0)
            states.next("Respond")
        with states("Respond"):
            m.d.comb += [idle.eq(1), self.response.valid.eq(1)]
            with m.If(self.response.ready):
                states.next("Accept")
        return m
