"""AXI4-Stream: input words come in and records go out, without a processor that copies them."""

from collections.abc import Iterator
from contextlib import contextmanager

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.config import Config
from lifline.arch.frame import Status
from lifline.arch.layout import WORD_BITS
from lifline.arch.records import INPUT_BITS, RECORD, RecordKind
from lifline.arch.registers import CONTROL_DISCARD, POSITION_BITS, REGISTERS, Space, address

from ..cells.decode import word_layout
from ..cells.states import States
from ..host.bus import HostRequest, HostResponse

AXI_STREAM = ("Idle", "Room", "Put", "Announce", "Ask", "Get", "Send", "Free")


def register(name: str) -> int:
    """Host address of a register."""
    return address(Space.REGISTERS, REGISTERS[name].offset)


class AxiStream(wiring.Component):
    """Does what a driver does with the two circular memories: writes input words where there is room and announces them, reads output words and
    gives their room back. Positions begin anew with the host's own ``control`` writes that discard input, which it watches, and with fresh runs. Of an older
    run's output at most the word that is offered already comes behind the start of a fresh one, as a record of its own or a part of one.

    It looks for output only while ``m_axis_tready``, and touches the input only with ``s_axis_tvalid``: a host that copies words itself ties both low.

    Members
    -------
    ``s_axis_`` : input words of :mod:`lifline.arch.records`, 16 bits each.
    ``m_axis_`` : words of records, 32 bits each; ``tlast`` with the last word of a record.
    watched : In, one cycle: the host's other master has written ``watched_data`` to ``control``.   cleared : In, one cycle, a fresh run begins.
    request, response : the host bus; one response for each request.
    error : Out, sticky: the core refused a word, which a host that resets the core during a run may cause.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        super().__init__(
            {
                "s_axis_tdata": In(INPUT_BITS),
                "s_axis_tvalid": In(1),
                "s_axis_tready": Out(1),
                "m_axis_tdata": Out(WORD_BITS),
                "m_axis_tlast": Out(1),
                "m_axis_tvalid": Out(1),
                "m_axis_tready": In(1),
                "watched": In(1),
                "watched_data": In(WORD_BITS),
                "cleared": In(1),
                "request": Out(stream.Signature(HostRequest)),
                "response": In(stream.Signature(HostResponse)),
                "error": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        written, taken, produced = Signal(POSITION_BITS), Signal(POSITION_BITS), Signal(POSITION_BITS)  # as the registers count
        known = Signal(POSITION_BITS)  # input words that the core has taken, when it was last asked
        answered, answer = Signal(), self.response.payload.data
        stale = Signal()  # the run whose output is under way has been followed by a fresh one
        depth_in, depth_out = self.config.input_words, self.config.output_words
        m.d.comb += answered.eq(self.response.valid & self.response.ready)
        states = States(m, *AXI_STREAM)
        self.take_turns(m, states, (written - known)[:POSITION_BITS] == depth_in, stale)
        with self.access(m, states, "Room", register("input_taken")), m.If(answered):
            m.d.sync += known.eq(answer)
            states.next("Idle")
        with self.access(m, states, "Put", address(Space.INPUT, 0) + written % depth_in, self.s_axis_tdata), m.If(answered):
            m.d.comb += self.s_axis_tready.eq(1)
            m.d.sync += written.eq(written + 1)
            states.next("Announce")
        with self.access(m, states, "Announce", register("input_count"), written), m.If(answered):
            states.next("Idle")
        with self.access(m, states, "Ask", register("output_count")), m.If(answered):
            states.next("Idle")
            with m.If(~self.cleared & ~stale):
                m.d.sync += produced.eq(answer)
                with m.If(answer[:POSITION_BITS] != taken):
                    states.next("Get")
        with self.access(m, states, "Get", address(Space.OUTPUT, 0) + taken % depth_out), m.If(answered):
            states.next("Idle")
            with m.If(~self.cleared & ~stale):
                m.d.sync += [self.m_axis_tdata.eq(answer), taken.eq(taken + 1)]
                states.next("Send")
        with states("Send"):
            m.d.comb += self.m_axis_tvalid.eq(1)
            with m.If(self.m_axis_tready):
                states.next("Free")
                with m.If(stale | self.cleared):
                    states.next("Idle")
        with self.access(m, states, "Free", register("output_taken"), taken), m.If(answered):
            states.next("Idle")
            with m.If((taken != produced) & ~self.s_axis_tvalid):  # else it is the input's turn
                states.next("Get")
        self.find_ends(m, stale | self.cleared)
        with m.If(self.cleared):
            m.d.sync += [taken.eq(0), produced.eq(0), stale.eq(~states.ongoing("Idle"))]
        with m.If(self.watched & (self.watched_data & CONTROL_DISCARD).any()):
            m.d.sync += [written.eq(0), known.eq(0)]
        with m.If(answered & (self.response.payload.error != Status.OK)):
            m.d.sync += self.error.eq(1)
        return m

    @contextmanager
    def access(self, m: Module, states: States, name: str, where: Value | int, data: Value | None = None) -> Iterator[None]:
        """A state that reads a word of the host bus, or writes it: asks until the request is taken, then waits for the response."""
        asked = Signal(name=f"asked_{name}")
        with states(name):
            m.d.comb += [
                self.request.valid.eq(~asked),
                self.request.payload.write.eq(data is not None),
                self.request.payload.address.eq(where),
                self.request.payload.data.eq(0 if data is None else data),
                self.response.ready.eq(asked),
            ]
            with m.If(self.request.valid & self.request.ready):
                m.d.sync += asked.eq(1)
            with m.If(self.response.valid & self.response.ready):
                m.d.sync += asked.eq(0)
            yield

    def take_turns(self, m: Module, states: States, full: Value, stale: Signal) -> None:
        """Input and output in turn, where both want something."""
        input_next = Signal()
        with states("Idle"):
            m.d.sync += stale.eq(0)
            with m.If(self.s_axis_tvalid & (input_next | ~self.m_axis_tready)):
                m.d.sync += input_next.eq(0)
                states.next("Put")
                with m.If(full):
                    states.next("Room")
            with m.Elif(self.m_axis_tready):
                m.d.sync += input_next.eq(1)
                states.next("Ask")

    def find_ends(self, m: Module, stale: Value) -> None:
        """The header of a record says how long it is; behind the last word of an older run comes a header."""
        left, lanes = Signal(range(self.config.multipliers + 1)), self.config.multipliers  # words of this record, behind the one in hand
        kind = word_layout(RECORD)(self.m_axis_tdata).kind
        length, in_record = Mux(kind == RecordKind.SPIKES, 1, lanes), Signal()
        m.d.comb += self.m_axis_tlast.eq(in_record & (left == 1))
        with m.If(self.m_axis_tvalid & self.m_axis_tready):
            m.d.sync += [in_record.eq(~self.m_axis_tlast & ~stale), left.eq(Mux(in_record, left - 1, length))]
        with m.Elif(self.cleared & ~self.m_axis_tvalid):
            m.d.sync += in_record.eq(0)
