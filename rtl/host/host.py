"""The host's side of the core: one request at a time, answered from registers and memories."""

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.data import View
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config
from lifline.arch.frame import Status
from lifline.arch.limits import RING_BITS
from lifline.arch.records import INPUT_BITS
from lifline.arch.registers import STORED_OFFSET, Space

from ..cells.states import States
from ..streams import (
    HostAccess,
    InputControl,
    OutputRead,
    ProgramLoad,
    RunControl,
    delay_bits,
    host_maps,
    host_neurons,
    host_weights,
    spike_write,
)
from .bus import HostRequest, HostResponse
from .decode import REGISTER_BITS, AddressDecoder
from .readback import ReadBack
from .registers import RegisterMemory
from .written import WrittenRegisters

HOST = ("Accept", "Check", "Access", "Select", "Read", "Respond")

class Host(wiring.Component):
    """Answers one host request at a time, six cycles after it.

    Memories other than input and output answer ``BUSY`` during a run.

    Members
    -------
    request : In(stream of HostRequest), stays offered until its last use, and is taken then.   response : Out(stream of HostResponse), one per request,
    from a register.
    run, input : Out, of :mod:`lifline.rtl.streams`.
    output : Out, the same; shows the host's address also while it does not read the output.
    weights, neurons, delays, input_words : Out, of :mod:`lifline.rtl.streams`; address and data are the same for all and stay during an access, a write
    comes at least one cycle after them.   maps : Out, the same, in configurations that have them.   program : Out, the same, from the request before it is registered.
    rings : Out(:func:`~lifline.rtl.streams.spike_write`), whole words, between runs only.   ring_word : In, the word at its address, one cycle later.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        members = {
            "request": In(stream.Signature(HostRequest)),
            "response": Out(stream.Signature(HostResponse)),
            "run": Out(RunControl(config)),
            "input": Out(InputControl(config)),
            "output": Out(OutputRead(config)),
            "program": Out(ProgramLoad(config)),
            "weights": Out(host_weights(config)),
            "neurons": Out(host_neurons(config)),
            "delays": Out(HostAccess(config.delay_entries, delay_bits(config))),
            "rings": Out(spike_write(config)),
            "ring_word": In(RING_BITS),
            "input_words": Out(HostAccess(config.input_words, INPUT_BITS)),
        }
        super().__init__(members | ({"maps": Out(host_maps(config))} if config.map_words else {}))

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
            self.program.address.eq(Mux(running, 0, self.request.payload.address)),
            self.program.data.eq(Mux(running, 0, self.request.payload.data)),
        ]
        m.d.comb += [
            decoder.address.eq(request.address),
            decoder.write.eq(request.write),
            decoder.running.eq(running),
            self.output.address.eq(request.address),
            self.output.taken.eq(written.output_taken),
        ]
        idle, access, strobe = Signal(), Signal(), Signal()
        self.join_memories(m, request, decoder.chosen, strobe, access & ~request.write)
        self.join_registers(m, registers, written, request, strobe & decoder.chosen[Space.REGISTERS], idle)
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

    def join_memories(self, m: Module, request: View, chosen: Value, write: Value, read: Value) -> None:
        """Address and data go to all memories; the one that is ``chosen``, a bit for each space, is read or written."""
        ports = {Space.WEIGHTS: self.weights, Space.NEURONS: self.neurons, Space.DELAYS: self.delays, Space.INPUT: self.input_words}
        if self.config.map_words:
            ports[Space.MAPS] = self.maps
        for space, port in ports.items():
            m.d.comb += [port.address.eq(request.address), port.data.eq(request.data), port.write.eq(write & chosen[space])]
            m.d.comb += port.read.eq(read & chosen[space])
        m.d.comb += [
            self.program.write.eq(write & chosen[Space.PROGRAM]),
            self.rings.valid.eq(write & chosen[Space.RINGS]),
            self.rings.payload.address.eq(request.address),
            self.rings.payload.word.eq(request.data),
        ]

    def join_registers(
        self, m: Module, registers: RegisterMemory, written: WrittenRegisters, request: View, write: Value, idle: Signal
    ) -> None:
        """Registers that the host writes go to both; the core's events go to the counters."""
        run, index = self.run, request.address[:REGISTER_BITS]
        m.d.comb += [
            written.index.eq(index),
            written.data.eq(request.data),
            written.write.eq(write),
            registers.index.eq(index),
            registers.write.eq(write & (index >= STORED_OFFSET)),
            registers.write_data.eq(request.data),
            registers.free.eq(idle),
            registers.clear.eq(run.cleared & ~run.clock),  # real time that goes on is still counted from where it began
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
            read_back.program.eq(self.program.read_data),
            read_back.weights.eq(self.weights.read_data),
            read_back.neurons.eq(self.neurons.read_data),
            read_back.delays.eq(self.delays.read_data),
            read_back.rings.eq(self.ring_word),
            read_back.input.eq(self.input_words.read_data),
            read_back.output.eq(self.output.data),
        ]
        if self.config.map_words:
            m.d.comb += read_back.maps.eq(self.maps.read_data)
