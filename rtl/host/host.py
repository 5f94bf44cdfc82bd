"""The host's side of the core: one request at a time, answered from registers and memories."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config
from lifline.arch.frame import Status
from lifline.arch.layout import WORD_BITS
from lifline.arch.records import INPUT_BITS
from lifline.arch.registers import SPACE_SHIFT, STORED_OFFSET, Space

from ..cells.states import States
from ..streams import InputControl, OutputRead, RunControl
from .bus import HostRequest, HostResponse
from .decode import REGISTER_BITS, AddressDecoder
from .readback import ReadBack
from .registers import RegisterMemory
from .written import WrittenRegisters

HOST = ("Accept", "Check", "Access", "Select", "Read", "Respond")
STROBES = {
    Space.PROGRAM: "write_program", Space.WEIGHTS: "write_weights", Space.NEURONS: "write_neurons", Space.DELAYS: "write_delays",
    Space.RINGS: "write_rings", Space.INPUT: "write_input",
}  # fmt: skip
"""Ports that write a word of each memory."""


class Host(wiring.Component):
    """Answers one host request at a time, six cycles after it.

    Memories other than input and output answer ``BUSY`` during a run.

    Members
    -------
    request : In(stream of HostRequest), stays offered until its last use, and is taken then.   response : Out(stream of HostResponse), one per request,
    from a register.
    run, input : Out, of :mod:`lifline.rtl.streams`.
    output : Out, the same; shows the host's address also while it does not read the output.
    offset, write_data : Out, where and what the host reads or writes, in every memory; they stay during an access.
    idle_offset, idle_data : Out, the same from the request before it is registered, one cycle earlier or in the same one; zero during a run.
    write_* : Out, one cycle, at least one after ``offset``: ``write_data`` goes to ``offset`` of this memory.
    read_input : Out, the host uses the input memory's read port.
    read_* : In, the word of each memory that holds the one at ``offset``, from the cycle after it and until ``offset`` changes.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        super().__init__(
            {
                "request": In(stream.Signature(HostRequest)),
                "response": Out(stream.Signature(HostResponse)),
                "run": Out(RunControl(config)),
                "input": Out(InputControl(config)),
                "output": Out(OutputRead(config)),
                "offset": Out(SPACE_SHIFT),
                "write_data": Out(WORD_BITS),
                "idle_offset": Out(SPACE_SHIFT),
                "idle_data": Out(WORD_BITS),
                **{name: Out(1) for name in STROBES.values()},
                "read_input": Out(1),
                "read_program": In(WORD_BITS),
                "read_weights": In(config.weight_word_bits),
                "read_neurons": In(config.multipliers * config.state_bits),
                "read_delays": In(range(config.max_delay + 1)),
                "read_rings": In(WORD_BITS),
                "read_input_data": In(INPUT_BITS),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.decoder = decoder = AddressDecoder(self.config)
        m.submodules.registers = registers = RegisterMemory()
        m.submodules.written = written = WrittenRegisters(self.config)
        m.submodules.read_back = read_back = ReadBack(self.config)
        wiring.connect(m, written.run, wiring.flipped(self.run))
        wiring.connect(m, written.input, wiring.flipped(self.input))

        # The request stays on the stream until its last use; it comes late in a cycle.
        request, running = Signal.like(self.request.payload), self.run.running
        domain = m.d.sync if self.config.memory_registers else m.d.comb
        domain += [
            request.eq(self.request.payload),
            self.idle_offset.eq(Mux(running, 0, self.request.payload.address)),
            self.idle_data.eq(Mux(running, 0, self.request.payload.data)),
        ]
        m.d.comb += [
            decoder.address.eq(request.address),
            decoder.write.eq(request.write),
            decoder.running.eq(running),
            self.offset.eq(request.address[:SPACE_SHIFT]),
            self.write_data.eq(request.data),
            self.output.address.eq(self.offset),
            self.output.taken.eq(written.output_taken),
        ]
        idle, access, strobe = Signal(), Signal(), Signal()
        m.d.comb += [getattr(self, name).eq(strobe & decoder.chosen[space]) for space, name in STROBES.items()]
        m.d.comb += self.read_input.eq(access & ~request.write & decoder.chosen[Space.INPUT])
        self.join_registers(m, registers, written, strobe & decoder.chosen[Space.REGISTERS], idle)
        self.join_read_back(m, read_back, request.address, registers, written)

        states, response = States(m, *HOST), self.response.payload
        with states("Accept"):
            # A read that follows a start sees the counters of the new run.
            m.d.comb += idle.eq(1)
            with m.If(self.request.valid & ~registers.clearing):
                states.next("Check")
        with states("Check"):
            m.d.comb += access.eq(1)
            m.d.sync += response.error.eq(decoder.error)
            states.next("Access")
        with states("Access"):
            m.d.comb += [access.eq(1), strobe.eq(request.write & (response.error == Status.OK))]
            states.next("Select")
        with states("Select"):
            m.d.comb += access.eq(1)
            states.next("Read")
        with states("Read"):
            m.d.comb += [access.eq(1), self.request.ready.eq(1)]
            m.d.sync += response.data.eq(read_back.data)
            with m.If(request.write | (response.error != Status.OK)):
                m.d.sync += response.data.eq(0)
            states.next("Respond")
        with states("Respond"):
            m.d.comb += [idle.eq(1), self.response.valid.eq(1)]
            with m.If(self.response.ready):
                states.next("Accept")
        return m

    def join_registers(self, m: Module, registers: RegisterMemory, written: WrittenRegisters, write: Value, idle: Signal) -> None:
        """Registers that the host writes go to both; the core's events go to the counters."""
        run, index = self.run, self.offset[:REGISTER_BITS]
        m.d.comb += [
            written.index.eq(index),
            written.data.eq(self.write_data),
            written.write.eq(write),
            registers.index.eq(index),
            registers.write.eq(write & (index >= STORED_OFFSET)),
            registers.write_data.eq(self.write_data),
            registers.free.eq(idle),
            registers.clear.eq(run.cleared),
        ]
        # A cycle late: whether the core stalls is known at the end of a cycle, and nothing is cleared in the first one of a run.
        stalled = run.stall_input | run.stall_output | run.stall_period
        m.d.sync += registers.increments.eq(Cat(run.running & ~stalled, run.stall_input, run.stall_output, run.stall_period, run.overrun))

    def join_read_back(self, m: Module, read_back: ReadBack, address: Value, registers: RegisterMemory, written: WrittenRegisters) -> None:
        """All that the host can read."""
        run = self.run
        m.d.comb += [
            read_back.address.eq(address),
            read_back.status.eq(Cat(run.running, run.exited, run.counter_overflow | registers.overflow, self.input.out_of_range)),
            read_back.step.eq(run.time),
            read_back.input_taken.eq(self.input.taken),
            read_back.output_count.eq(self.output.count),
            read_back.tag.eq(written.tag),
            read_back.stored.eq(registers.data),
            read_back.program.eq(self.read_program),
            read_back.weights.eq(self.read_weights),
            read_back.neurons.eq(self.read_neurons),
            read_back.delays.eq(self.read_delays),
            read_back.rings.eq(self.read_rings),
            read_back.input.eq(self.read_input_data),
            read_back.output.eq(self.output.data),
        ]
