"""Device end of the link: frames on a byte stream become requests on the host bus."""

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Module, Mux, Signal, Value, ValueLike
from amaranth.lib import stream, wiring
from amaranth.lib.crc.catalog import CRC16_IBM_3740
from amaranth.lib.wiring import In, Out

from lifline.arch.frame import MAX_WORDS, REPLY_SYNC, REQUEST_SYNC, Kind, Status
from lifline.arch.layout import WORD_BITS

from ..cells.memory import Ram
from ..cells.states import States
from .bus import HostRequest, HostResponse


class Link(wiring.Component):
    """Checks a request's CRC before anything is executed, executes it word by word, replies.

    Takes no byte while it executes and replies; the driver waits for a reply before it sends the next request.

    Members
    -------
    i, o : byte streams from and to the driver.   request, response : the host bus.
    """

    i: In(stream.Signature(8))
    o: Out(stream.Signature(8))
    request: Out(stream.Signature(HostRequest))
    response: In(stream.Signature(HostResponse))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.buffer = buffer = Ram(width=WORD_BITS, depth=MAX_WORDS)
        m.submodules.crc = check = CRC16_IBM_3740().create()
        header = Signal(48)
        sequence, kind, count, first_address = header[:8], header[8:16], header[16:24], header[24:]
        status, good = Signal(Status), Signal()
        # The word at `index` is the last one; the word before it was. `index` stays for at least four cycles but for the one after Answer.
        last_word, done = Signal(), Signal()
        word, byte, index, next_index, address = Signal(WORD_BITS), Signal(3), Signal(8), Signal(8), Signal.like(first_address)
        received = Signal(8)
        take, give = Signal(), Signal()  # `give` only where there is a byte to give: a state is late enough without it
        # The reply leaves through a register.
        outgoing = stream.Signature(8).create()
        m.d.comb += outgoing.ready.eq(~self.o.valid | self.o.ready)
        with m.If(outgoing.ready):
            m.d.sync += [self.o.valid.eq(outgoing.valid), self.o.payload.eq(outgoing.payload)]

        m.d.comb += [
            take.eq(self.i.valid & self.i.ready),
            give.eq(outgoing.ready),
            buffer.read_address.eq(index),
            buffer.write_address.eq(index),
            self.request.payload.write.eq(kind == Kind.WRITE),
            self.request.payload.address.eq(address),
            self.request.payload.data.eq(buffer.read_data),
        ]

        m.d.comb += next_index.eq(index + 1)
        m.d.sync += [last_word.eq(next_index == count), address.eq(first_address + index)]
        # A byte reaches the CRC one cycle late.
        m.d.sync += [check.data.eq(Mux(outgoing.valid, outgoing.payload, self.i.payload)), check.valid.eq(0)]

        def receive(into_crc: bool) -> None:
            m.d.comb += self.i.ready.eq(1)
            if into_crc:
                m.d.sync += check.valid.eq(take)

        # What several states do is done once, when any of them says so.
        word_moves, word_loads = Signal(), Signal()
        byte_counts, byte_clears, index_counts, index_clears, count_clears = (Signal() for _ in range(5))
        with m.If(byte_counts):
            m.d.sync += byte.eq(byte + 1)
        with m.If(byte_clears):
            m.d.sync += byte.eq(0)
        with m.If(index_counts):
            m.d.sync += [index.eq(next_index), done.eq(last_word)]
        with m.If(index_clears):
            m.d.sync += index.eq(0)
        moved = Cat(word[8:], self.i.payload)  # a byte comes in, or one has gone out
        with m.If(word_loads):
            m.d.sync += word.eq(buffer.read_data)
        with m.Elif(word_moves):
            m.d.sync += word.eq(moved)
        sent: list[Value] = []  # by the states; zero while another one is on, so that an OR joins them

        def send(payload: ValueLike, following: str, into_crc: bool = True) -> None:
            byte_sent = Signal(8, name=f"sent{len(sent)}")
            sent.append(byte_sent)
            m.d.comb += [outgoing.valid.eq(1), byte_sent.eq(payload)]
            if into_crc:
                m.d.sync += check.valid.eq(give)
            with m.If(give):
                states.next(following)

        states = States(
            m, "Hunt", "Header", "Payload", "Check-Low", "Check-High", "Judge", "Execute", "Answer", "Next",
            "Start-Reply", "Sequence", "Status", "Count", "Data", "Crc", "Crc-Low", "Crc-High",
        )  # fmt: skip
        executing = states.ongoing("Execute") & self.request.payload.write
        m.d.comb += buffer.used.eq(executing | states.ongoing("Count") | states.ongoing("Data"))
        with states("Hunt"):
            receive(False)
            m.d.comb += check.start.eq(1)
            m.d.comb += [byte_clears.eq(1), index_clears.eq(1)]
            m.d.sync += status.eq(Status.OK)
            with m.If(take & (self.i.payload == REQUEST_SYNC)):
                states.next("Header")
        with states("Header"):
            receive(True)
            with m.If(take):
                m.d.comb += byte_counts.eq(1)
                m.d.sync += header.eq(Cat(header[8:], self.i.payload))
                with m.If(byte == 5):
                    m.d.comb += byte_clears.eq(1)
                    states.next("Check-Low")
                    # `kind` and `count` are still one byte higher in the shift register.
                    with m.If((header[16:24] == Kind.WRITE) & (header[24:32] != 0)):
                        states.next("Payload")
        with states("Payload"):
            receive(True)
            m.d.comb += [buffer.write_data.eq(moved), word_moves.eq(take)]
            with m.If(take):
                m.d.comb += byte_counts.eq(1)
                with m.If(byte == 3):
                    m.d.comb += buffer.write_enable.eq(1)
                    m.d.comb += [byte_clears.eq(1), index_counts.eq(1)]
                    with m.If(last_word):
                        states.next("Check-Low")
        with states("Check-Low"):
            receive(False)
            m.d.comb += index_clears.eq(1)
            with m.If(take):
                m.d.sync += received.eq(self.i.payload)
                states.next("Check-High")
        with states("Check-High"):
            receive(False)
            m.d.sync += good.eq(check.crc == Cat(received, self.i.payload))
            with m.If(take):
                states.next("Judge")
        with states("Judge"):
            states.next("Start-Reply")
            with m.If(~good):
                m.d.comb += count_clears.eq(1)
                m.d.sync += status.eq(Status.BAD_CRC)
            with m.Elif(((kind != Kind.READ) & (kind != Kind.WRITE)) | (count == 0) | (count > MAX_WORDS)):
                m.d.comb += count_clears.eq(1)
                m.d.sync += status.eq(Status.BAD_REQUEST)
            with m.Else():
                states.next("Execute")
        with states("Execute"):
            m.d.comb += self.request.valid.eq(1)
            with m.If(self.request.ready):
                states.next("Answer")
        with states("Answer"):
            m.d.comb += [
                self.response.ready.eq(1),
                buffer.write_data.eq(self.response.payload.data),
                buffer.write_enable.eq(self.response.valid & (kind == Kind.READ)),
            ]
            with m.If(self.response.valid):
                m.d.comb += index_counts.eq(1)
                states.next("Next")
                with m.If(self.response.payload.error != Status.OK):
                    m.d.comb += count_clears.eq(1)
                    m.d.sync += status.eq(self.response.payload.error)
                    states.next("Start-Reply")
        with states("Next"):
            states.next("Execute")
            with m.If(done):
                states.next("Start-Reply")
                with m.If(kind == Kind.WRITE):
                    m.d.comb += count_clears.eq(1)
        with states("Start-Reply"):
            m.d.comb += check.start.eq(1)
            m.d.comb += [byte_clears.eq(1), index_clears.eq(1)]
            send(REPLY_SYNC, "Sequence", into_crc=False)
        with states("Sequence"):
            send(sequence, "Status")
        with states("Status"):
            send(status, "Count")
        with states("Count"):
            m.d.comb += word_loads.eq(1)
            send(count, "Data")
            with m.If(give & (count == 0)):
                states.next("Crc")
        with states("Data"):
            send(word[:8], "Data")
            m.d.comb += word_moves.eq(give)
            with m.If(give):
                m.d.comb += byte_counts.eq(1)
                with m.If(byte == 0):
                    m.d.comb += index_counts.eq(1)
                with m.If(byte == 3):
                    m.d.comb += byte_clears.eq(1)
                    m.d.comb += word_loads.eq(1)
                    with m.If(done):
                        states.next("Crc")
        with states("Crc"):
            states.next("Crc-Low")
        with states("Crc-Low"):
            send(check.crc[:8], "Crc-High", into_crc=False)
        with states("Crc-High"):
            send(check.crc[8:], "Hunt", into_crc=False)
        with m.If(count_clears):  # behind all else that sets it, so that it takes no logic
            m.d.sync += count.eq(0)
        m.d.comb += outgoing.payload.eq(reduce(or_, sent))
        return m
