"""The host's side of the core: address decoding, registers, and access to every memory."""

from __future__ import annotations

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import INTERFACE_VERSION, Config
from lifline.arch.frame import Status
from lifline.arch.layout import WORD_BITS
from lifline.arch.registers import CONTROL_TAG_SHIFT, MAGIC, REGISTERS, SPACE_SHIFT, Access, Space

from .bus import HostRequest, HostResponse

COUNTED = ("busy_cycles", "stall_input_cycles", "stall_output_cycles", "stall_period_cycles", "overruns")


class Host(wiring.Component):
    """Answers one host request at a time, within four cycles.

    Memories other than input and output answer ``BUSY`` during a run. Writes are strobed for one cycle with ``offset``
    and ``write_data``; read data is taken two cycles after ``offset``.
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
                "exit_every": Out(WORD_BITS),
                "exit_margin": Out(config.state_bits),
                "input_count": Out(WORD_BITS),
                "input_neurons": Out(16),
                "input_ring_base": Out(range(config.ring_words)),
                "input_ring_rows": Out(8),
                "input_ring_delay": Out(16),
                "input_ring_uniform": Out(1),
                "output_taken": Out(WORD_BITS),
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
                "input_taken": In(WORD_BITS),
                "output_count": In(WORD_BITS),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        config = self.config
        counters = {name: Signal(WORD_BITS, name=name) for name in COUNTED}
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
                m.d.sync += counter.eq(counter + 1)
                with m.If(counter.all()):
                    m.d.sync += overflow.eq(1)
        with m.If(self.cleared):
            m.d.sync += [c.eq(0) for c in counters.values()]
            m.d.sync += [overflow.eq(0), self.output_taken.eq(0)]

        request, write = Signal(HostRequest), Signal()
        space = request.address[SPACE_SHIFT:]
        m.d.comb += [self.offset.eq(request.address[:SPACE_SHIFT]), self.write_data.eq(request.data)]

        # Registers: writable ones are stored here, the others are wired to where they live.
        read_only = {
            "magic": MAGIC,
            "interface_version": INTERFACE_VERSION,
            "config_hash": config.hash,
            "status": self.running | self.exited << 1 | (self.counter_overflow | overflow) << 2 | self.input_out_of_range << 3,
            "step": self.time,
            "input_taken": self.input_taken,
            "output_count": self.output_count,
            **counters,
        }
        uniform, run_tag = Signal(), Signal(8)
        m.d.comb += self.input_ring_uniform.eq(uniform)
        register_data, register_known, register_writable = Signal(WORD_BITS), Signal(), Signal()
        write_register = Signal()
        with m.Switch(self.offset):
            for name, register in REGISTERS.items():
                with m.Case(register.offset):
                    m.d.comb += register_known.eq(1)
                    if name in read_only:
                        m.d.comb += register_data.eq(read_only[name])
                    if register.access is Access.WRITE:
                        m.d.comb += register_writable.eq(1)
                    if name == "control":
                        # A repeated request to start, whose first reply was lost, must not start another run.
                        m.d.comb += register_data.eq(run_tag << CONTROL_TAG_SHIFT)
                        with m.If(write_register):
                            tag = self.write_data[CONTROL_TAG_SHIFT : CONTROL_TAG_SHIFT + 8]
                            with m.If(self.write_data[0]):
                                m.d.sync += run_tag.eq(tag)
                            m.d.comb += [
                                self.start.eq(self.write_data[0] & ~self.running & (tag != run_tag)),
                                self.fresh.eq(self.write_data[1]),
                                self.discard.eq(self.write_data[3]),
                            ]
                            with m.If(self.write_data[2]):
                                m.d.sync += self.stop.eq(1)
                    elif name == "input_ring_delay":
                        with m.If(write_register):
                            m.d.sync += [self.input_ring_delay.eq(self.write_data), uniform.eq(self.write_data[16])]
                    elif register.access is Access.WRITE:
                        stored = getattr(self, name)
                        m.d.comb += register_data.eq(stored)
                        with m.If(write_register):
                            m.d.sync += stored.eq(self.write_data)
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
        data = Signal(WORD_BITS)
        with m.Switch(space):
            with m.Case(Space.REGISTERS):
                m.d.comb += [data.eq(register_data), write_register.eq(access & write & register_writable)]
                with m.If(~register_known | (write & ~register_writable)):
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
                m.next = "Read"
            with m.State("Read"):
                m.d.sync += self.response.payload.data.eq(Mux(write, 0, data))
                m.next = "Respond"
            with m.State("Respond"):
                m.d.comb += self.response.valid.eq(1)
                with m.If(self.response.ready):
                    m.next = "Accept"
        return m
