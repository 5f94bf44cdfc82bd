"""Device end of the link: frames on a byte stream become requests on the host bus."""

from amaranth.hdl import Assert, Cat, Const, Module, Mux, Signal, unsigned
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from lifline.arch.frame import MAX_WORDS, QUEUE_BYTES, Status
from lifline.arch.layout import WORD_BITS

from ..cells.buffers import StreamRegister
from ..cells.memory import Check, Ram
from ..cells.queue import StreamQueue
from .bus import HostRequest, HostResponse
from .executor import Executor
from .frames import BYTE_BITS, FrameChecksum, FrameCounters, WordRegister
from .receiver import Receiver
from .replier import Replier


class Link(wiring.Component):
    """Checks a request's CRC before anything is executed, executes it word by word, replies.

    Receiver, executor and replier work one after the other, and share the place in the frame, the word in hand, the checksum, and a buffer
    for the words of a frame. What comes while a request is executed and replied to waits in a queue.

    Parameters
    ----------
    queue_bytes : that many; what drivers rely on unless said otherwise.

    Members
    -------
    i : In(stream of bytes), from the driver, into the queue.   o : Out(stream of bytes), to the driver, through a register.
    request, response : the host bus; one response for each request.
    resting : In, level: no run is in progress.
    """

    i: In(stream.Signature(unsigned(BYTE_BITS)))
    o: Out(stream.Signature(unsigned(BYTE_BITS)))
    request: Out(stream.Signature(HostRequest))
    response: In(stream.Signature(HostResponse))
    resting: In(1)

    def __init__(self, *, queue_bytes: int = QUEUE_BYTES) -> None:
        self.queue_bytes = queue_bytes
        super().__init__()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.receiver = receiver = Receiver()
        m.submodules.executor = executor = Executor()
        m.submodules.replier = replier = Replier()
        m.submodules.counters = counters = FrameCounters(3)
        m.submodules.checksum = checksum = FrameChecksum(2)
        m.submodules.word = word = WordRegister()
        m.submodules.buffer = buffer = Ram(width=WORD_BITS, depth=MAX_WORDS)
        m.submodules.incoming = incoming = StreamQueue(unsigned(BYTE_BITS), self.queue_bytes)
        m.submodules.outgoing = outgoing = StreamRegister(unsigned(BYTE_BITS))
        wiring.connect(m, wiring.flipped(self.i), incoming.i)
        wiring.connect(m, incoming.o, receiver.i)
        wiring.connect(m, executor.request, wiring.flipped(self.request))
        wiring.connect(m, wiring.flipped(self.response), executor.response)
        wiring.connect(m, replier.o, outgoing.i)
        wiring.connect(m, outgoing.o, wiring.flipped(self.o))
        for user, engine in enumerate((receiver, executor, replier)):
            wiring.connect(m, engine.place, counters.users[user])
        for user, engine in enumerate((receiver, replier)):
            wiring.connect(m, engine.check, checksum.users[user])

        # One after the other.
        m.d.comb += [
            executor.start.eq(receiver.accepted),
            replier.start.eq(receiver.refused | executor.done),
            receiver.start.eq(replier.done),
        ]
        if platform is Check.ASSERT:  # what induction needs to know
            m.d.comb += Assert(receiver.busy + executor.busy + replier.busy == 1)

        # The request, and what becomes of it.
        status = Signal(Status)
        with m.If(receiver.accepted | receiver.refused):
            m.d.sync += status.eq(receiver.status)
        with m.If(executor.answered):
            m.d.sync += status.eq(self.response.payload.error)
        m.d.comb += [
            executor.header.eq(receiver.header),
            executor.go.eq(self.resting | ~incoming.i.ready),  # a full queue: the driver, who never sends so much ahead, wants it to end
            receiver.no_words.eq(executor.no_words),
            counters.count.eq(receiver.header.count),
            replier.sequence.eq(receiver.header.sequence),
            replier.count.eq(receiver.header.count),
            replier.status.eq(status),
        ]

        # The words of the frame.
        received = Signal(WORD_BITS)
        m.d.comb += received.eq(word.shifted)
        with m.If(receiver.halves):
            m.d.comb += received.eq(word.shifted[WORD_BITS // 2 :])
        with m.If(receiver.bytes):
            m.d.comb += received.eq(Cat(word.shifted[-BYTE_BITS:-1], Const(0, WORD_BITS // 2 - BYTE_BITS), word.shifted[-1]))
        m.d.comb += [
            word.byte.eq(incoming.o.payload),
            word.shift.eq(receiver.shift | replier.shift),
            word.load.eq(replier.load),
            word.loaded.eq(buffer.read_data),
            replier.word.eq(word.word),
            executor.word.eq(buffer.read_data),
            buffer.read_address.eq(counters.index),
            buffer.used.eq(executor.uses_word | replier.uses_word),
            buffer.write_address.eq(counters.index),
            buffer.write_enable.eq(receiver.word_valid | executor.read_valid),
            buffer.write_data.eq(Mux(receiver.word_valid, received, self.response.payload.data)),
        ]
        return m
