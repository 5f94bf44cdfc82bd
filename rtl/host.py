"""The host's side of the core: address decoding, registers, and access to every memory."""

from __future__ import annotations

from amaranth.hdl import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import INTERFACE_VERSION, Config
from lifline.arch.frame import Status
from lifline.arch.layout import WORD_BITS
from lifline.arch.registers import CONTROL_TAG_SHIFT, EXIT_BITS, MAGIC, POSITION_BITS, REGISTERS, SPACE_SHIFT, Access, Space

from .bus import HostRequest, HostResponse
from .memory import Ram

COUNTED = ("busy_cycles", "stall_input_cycles", "stall_output_cycles", "stall_period_cycles", "overruns")


class Host(wiring.Component):
    """Answers one host request at a time, within five cycles.

    Memories other than input and output answer ``BUSY`` during a run. Writes are strobed for one cycle with ``offset``
    and ``write_data``; read data is taken three cycles after ``offset``.
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
                "write_program": Out(1),
                "write_weights": Out(1),
                "write_neurons": Out(1),
                "write_delays": Out(1),
                "write_rings": Out(1),
                "write_input": Out(1),
                "read_input": Out(1),
                "read_program": In(WORD_BITS),
                "read_weights": In(min(WORD_BITS, config.weight_word_bits)),
                "read_neurons": In(signed(WORD_BITS)),
                "read_delays": In(WORD_BITS),
                "read_rings": In(WORD_BITS),
                "read_input_data": In(WORD_BITS),
                "read_output": In(WORD_BITS),
                # run control
                "start": Out(1),
                "fresh": Out(1),
                "stop": Out(1),
                "discard": Out(1),
                "steps": Out(14),
                "period": Out(WORD_BITS),
                "ring_clear_words": Out(range(config.ring_words + 1)),
                "exit_every": Out(EXIT_BITS),
                "exit_margin": Out(config.state_bits),
                "input_count": Out(POSITION_BITS),
                "input_neurons": Out(16),
                "input_ring_base": Out(range(config.ring_words)),
                "input_ring_rows": Out(8),
                "input_ring_delay": Out(16),
                "input_ring_uniform": Out(1),
                "output_taken": Out(POSITION_BITS),
                # status
                "running": In(1),
                "exited": In(1),
                "counter_overflow": In(1),
                "input_out_of_range": In(1),
                "time": In(WORD_BITS),
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
        counters = {name: Signal(WORD_BITS, name=name) for name in COUNTED}
        carries = {name: Signal(name=f"{name}_carry") for name in COUNTED}
        overflow = Signal()
        stalled = self.stall_input | self.stall_output | self.stall_period
        increments = dict(
            zip(
                COUNTED,
                (self.running & ~stalled, self.stall_input, self.stall_output, self.stall_period, self.overrun),
                strict=True,
            )
        )
        for name, counter in counters.items():
            with m.If(increments[name]):
                m.d.sync += Cat(counter, carries[name]).eq(counter + 1)
            with m.If(carries[name]):
                m.d.sync += overflow.eq(1)
        with m.If(self.cleared):
            m.d.sync += [Cat(counters[name], carries[name]).eq(0) for name in COUNTED]
            m.d.sync += [overflow.eq(0), self.output_taken.eq(0)]

        request, write, run_tag = Signal(HostRequest), Signal(), Signal(8)
        space = request.address[SPACE_SHIFT:]
        m.d.comb += [self.offset.eq(request.address[:SPACE_SHIFT]), self.write_data.eq(request.data)]

        # Registers: what the host writes is kept twice, where it is used and, for reading it back, in a small memory.
        live = {
            "magic": MAGIC,
            "interface_version": INTERFACE_VERSION,
            "config_hash": config.hash,
            "status": self.running | self.exited << 1 | (self.counter_overflow | overflow) << 2 | self.input_out_of_range << 3,
            "control": Cat(Const(0, CONTROL_TAG_SHIFT), run_tag),
            "step": self.time,
            "input_taken": self.input_taken,
            "output_count": self.output_count,
            **counters,
        }
        index_bits = (len(REGISTERS) - 1).bit_length()
        index, known = self.offset[:index_bits], Signal()
        m.submodules.written = written = Ram(width=WORD_BITS, depth=1 << index_bits, style="distributed")
        live_data, is_live, writable, write_register = Signal(WORD_BITS), Signal(), Signal(), Signal()
        m.d.comb += [
            known.eq(self.offset < len(REGISTERS)),
            written.read_address.eq(index),
            written.write_address.eq(index),
            written.write_data.eq(self.write_data),
            written.write_enable.eq(write_register),
        ]
        with m.Switch(index):
            for name, register in REGISTERS.items():
                with m.Case(register.offset):
                    if name in live:
                        m.d.comb += [live_data.eq(live[name]), is_live.eq(1)]
                    if register.access is Access.WRITE:
                        m.d.comb += writable.eq(1)
                    if register.access is Access.WRITE and name != "control":
                        target = Cat(self.input_ring_delay, self.input_ring_uniform) if name == "input_ring_delay" else getattr(self, name)
                        with m.If(write_register):
                            m.d.sync += target.eq(self.write_data)
        tag = self.write_data[CONTROL_TAG_SHIFT : CONTROL_TAG_SHIFT + len(run_tag)]
        with m.If(write_register & (index == REGISTERS["control"].offset)):
            # A repeated request to start, whose first reply was lost, must not start another run.
            m.d.comb += [
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

        # Memories: depth in words as the host sees them, write strobe, read data, and whether a run locks them out.
        weight_slices = max(config.weight_word_bits // WORD_BITS, 1)
        spaces = {
            Space.PROGRAM: (config.program_words, self.write_program, self.read_program, True),
            Space.WEIGHTS: (config.weight_words * weight_slices, self.write_weights, self.read_weights, True),
            Space.NEURONS: (config.neuron_words * config.multipliers, self.write_neurons, self.read_neurons, True),
            Space.DELAYS: (config.delay_entries, self.write_delays, self.read_delays, True),
            Space.RINGS: (config.ring_words, self.write_rings, self.read_rings, True),
            Space.INPUT: (config.input_words, self.write_input, self.read_input_data, False),
            Space.OUTPUT: (config.output_words, None, self.read_output, False),
        }
        error = Signal(Status)
        access = Signal()
        data, register_data = Signal(WORD_BITS), Signal(WORD_BITS)
        m.d.sync += register_data.eq(Mux(is_live, live_data, written.read_data))
        with m.Switch(space):
            with m.Case(Space.REGISTERS):
                m.d.comb += [data.eq(register_data), write_register.eq(access & write & known & writable)]
                with m.If(~known | (write & ~writable)):
                    m.d.comb += error.eq(Status.BAD_ADDRESS)
            for key, (depth, strobe, source, locked) in spaces.items():
                with m.Case(key):
                    m.d.comb += data.eq(source)
                    inside = self.offset < depth
                    allowed = ~self.running if locked else 1
                    if strobe is not None:
                        m.d.comb += strobe.eq(access & write & inside & allowed)
                    with m.If(~inside | (write if strobe is None else 0)):
                        m.d.comb += error.eq(Status.BAD_ADDRESS)
                    if locked:
                        with m.Elif(self.running):
                            m.d.comb += error.eq(Status.BUSY)
                    if key == Space.INPUT:
                        m.d.comb += self.read_input.eq(access & ~write)
            with m.Default():
                m.d.comb += error.eq(Status.BAD_ADDRESS)

        with m.FSM():
            with m.State("Accept"):
                m.d.comb += self.request.ready.eq(1)
                m.d.sync += [request.eq(self.request.payload), write.eq(self.request.payload.write)]
                with m.If(self.request.valid):
                    m.next = "Access"
            with m.State("Access"):
                m.d.comb += access.eq(1)
                m.d.sync += self.response.payload.error.eq(error)
                m.next = "Fetch"
            with m.State("Fetch"):
                m.next = "Read"
            with m.State("Read"):
                m.d.sync += self.response.payload.data.eq(Mux(write, 0, data))
                m.next = "Respond"
            with m.State("Respond"):
                m.d.comb += self.response.valid.eq(1)
                with m.If(self.response.ready):
                    m.next = "Accept"
        return m
