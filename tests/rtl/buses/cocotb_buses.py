"""cocotb testbenches: the driver's own words through independent models of the buses, in Icarus, against the golden model.

Run by ``test_verilog.py``, which names the seeds in the environment variable ``LIFLINE_SEEDS``.
"""

from __future__ import annotations

import itertools
import os
import random
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from typing import cast

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.task import bridge, resume
from cocotb.triggers import ClockCycles, FallingEdge, Timer
from cocotbext.axi import AxiLiteBus, AxiLiteMaster, AxiResp, AxiStreamBus, AxiStreamFrame, AxiStreamSink, AxiStreamSource
from cocotbext.wishbone.driver import WBOp, WishboneMaster

from lifline.arch.config import preset
from lifline.arch.errors import DeviceError
from lifline.arch.frame import Kind, Request, Status
from lifline.arch.records import INPUT_END_OF_STEP, RECORD, RecordKind
from lifline.arch.registers import (
    CONTROL_DISCARD,
    CONTROL_FRESH,
    CONTROL_START,
    CONTROL_TAG_SHIFT,
    MAGIC,
    REGISTERS,
    STATUS_RUNNING,
    Space,
    address,
)
from lifline.compiler.compile import compile_network
from lifline.data import digits
from lifline.driver.device import LinkedDevice
from lifline.driver.link import Link, Transport
from lifline.network.model import Network
from lifline.sim.golden.model import GoldenModel

from ..test_programs import CONFIG, all_records, case, mismatches

SEEDS = [int(s) for s in os.environ.get("LIFLINE_SEEDS", "").split()]
WORD_BYTES = 4
ERR = 2
"""How the model of Wishbone says that a transaction ended with ``err``."""


class BusLink(Link):
    """A driver's link whose requests are executed, when they are sent, as transactions of a bus; no byte stream is below it."""

    def __init__(self, read: Callable[[int, int], Coroutine], write: Callable[[int, Sequence[int]], Coroutine]) -> None:
        super().__init__(cast(Transport, None))
        self._read, self._write = resume(read), resume(write)
        self._replies: deque[tuple[Request, tuple[int, ...]]] = deque()

    def send(self, requests: Sequence[Request]) -> list[Request]:
        for request in requests:
            self._replies.append((request, self._executed(request)))
        return list(requests)

    def _executed(self, request: Request) -> tuple[int, ...]:
        if not request.kind.reads:
            self._write(request.address, list(request.payload))
            return ()
        while request.kind is Kind.READ_AT_REST and self._read(address(Space.REGISTERS, REGISTERS["status"].offset), 1)[0] & STATUS_RUNNING:
            pass
        return tuple(self._read(request.address, request.count))

    def reply(self, request: Request) -> tuple[Status, tuple[int, ...]]:
        oldest, words = self._replies.popleft()
        assert oldest is request, "a reply is asked for that is not the oldest one's"
        return Status.OK, words

    def resynchronise(self) -> None:
        raise AssertionError("nothing is lost on a bus")

    def empty(self) -> None:
        self._replies.clear()

    def close(self) -> None:
        self.end()


async def started(dut: object) -> None:
    """Clock and reset."""
    dut.rst.value = 1
    cocotb.start_soon(Clock(dut.clk, 10, unit="ns").start())
    await ClockCycles(dut.clk, 4)
    await FallingEdge(dut.clk)
    dut.rst.value = 0


def run_cases(link: BusLink) -> None:
    """Random programs, each loaded and run by the driver."""
    for seed in SEEDS:
        network, modes, spikes = case(seed, max_steps=12)
        record = all_records(network) if seed % 2 else ["all"]
        device = LinkedDevice(link, url="bus:tiny")
        device.load(compile_network(network, CONFIG, modes))
        wrong = mismatches(GoldenModel(network).run(spikes, record=record), device.run(spikes, record=record))
        assert not wrong, f"seed {seed}: {wrong} differ from the golden model"


def pauses(rng: random.Random, share: float) -> itertools.cycle:
    return itertools.cycle([rng.random() < share for _ in range(997)])


class Axi:
    """Models of all the AXI buses, that pause at random."""

    def __init__(self, dut: object, seed: int) -> None:
        rng = random.Random(seed)
        self.lite = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi"), dut.clk, dut.rst)
        self.source = AxiStreamSource(AxiStreamBus.from_prefix(dut, "s_axis"), dut.clk, dut.rst)
        self.sink = AxiStreamSink(AxiStreamBus.from_prefix(dut, "m_axis"), dut.clk, dut.rst)
        for channel in (
            self.lite.write_if.aw_channel, self.lite.write_if.w_channel, self.lite.write_if.b_channel, self.lite.read_if.ar_channel, self.lite.read_if.r_channel,
            self.source, self.sink,
        ):  # fmt: skip
            channel.set_pause_generator(pauses(rng, 0.2))
        self.link = BusLink(self.read, self.write)

    async def read(self, where: int, count: int) -> list[int]:
        got = await self.lite.read(where * WORD_BYTES, count * WORD_BYTES)
        if got.resp != AxiResp.OKAY:
            raise DeviceError(f"read at {where:#x}: {got.resp}")
        return np.frombuffer(got.data, "<u4").tolist()

    async def write(self, where: int, words: Sequence[int]) -> None:
        done = await self.lite.write(where * WORD_BYTES, np.array(words, "<u4").tobytes())
        if done.resp != AxiResp.OKAY:
            raise DeviceError(f"write at {where:#x}: {done.resp}")


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def programs_through_axi_lite(dut: object) -> None:
    axi = Axi(dut, 1)
    axi.sink.pause = True  # the driver copies words itself
    axi.sink.clear_pause_generator()
    await started(dut)
    await bridge(run_cases)(axi.link)


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def refusals_are_answers_of_the_bus(dut: object) -> None:
    axi = Axi(dut, 2)
    await started(dut)
    assert await axi.read(0, 1) == [MAGIC]
    for where in (0xFFFFFF, address(Space.REGISTERS, 30), address(Space.OUTPUT, 1 << 19)):
        assert (await axi.lite.read(where * WORD_BYTES, WORD_BYTES)).resp == AxiResp.DECERR
    assert (await axi.lite.write(0, bytes(WORD_BYTES))).resp == AxiResp.DECERR, "the magic number cannot be written"
    steps = address(Space.REGISTERS, REGISTERS["steps"].offset)
    await axi.write(steps, [7])
    assert (await axi.lite.write(steps * WORD_BYTES + 1, b"\x01")).resp == AxiResp.SLVERR, "a part of a word"
    assert await axi.read(steps, 1) == [7]
    await axi.write(address(Space.REGISTERS, REGISTERS["control"].offset), [CONTROL_START | 1 << CONTROL_TAG_SHIFT])  # waits for input, for ever
    assert (await axi.lite.read(address(Space.WEIGHTS, 0) * WORD_BYTES, WORD_BYTES)).resp == AxiResp.SLVERR, "locked during a run"


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def input_and_records_are_streams(dut: object) -> None:
    axi = Axi(dut, 3)
    await started(dut)
    for seed in SEEDS:
        network, modes, spikes = case(seed, max_steps=30)
        expected = GoldenModel(network).run(spikes, record=["all"])
        program = compile_network(network, CONFIG, modes)
        device = await bridge(LinkedDevice)(axi.link, url="bus:tiny")
        await bridge(device.load)(program)
        for where, value in program.recording({name: {"spikes"} for name in expected.records}):
            await axi.write(address(Space.PROGRAM, where), [value])
        frames = await stream_run(axi, spikes, seed)
        assert not dut.stream_error.value
        check_records(frames, network, expected, {p.number: p.name for p in program.populations})


async def stream_run(axi: Axi, spikes: np.ndarray, tag: int) -> list[int]:
    """A fresh run whose input comes as a stream; its records, from a stream, a frame each."""

    def register(name: str) -> int:
        return address(Space.REGISTERS, REGISTERS[name].offset)

    await axi.write(register("steps"), [len(spikes)])
    await axi.write(register("period"), [0])
    await axi.write(register("control"), [CONTROL_DISCARD])
    await axi.write(register("control"), [CONTROL_START | CONTROL_FRESH | (tag & 0xFF) << CONTROL_TAG_SHIFT])
    words = [word for step in spikes for word in (*np.flatnonzero(step).tolist(), INPUT_END_OF_STEP)]
    await axi.source.send(AxiStreamFrame(np.array(words, "<u2").tobytes()))
    while (await axi.read(register("status"), 1))[0] & STATUS_RUNNING:
        pass
    (produced,) = await axi.read(register("output_count"), 1)
    frames: list[int] = []
    while sum(len(frame) for frame in frames) < produced:
        frames.append(np.frombuffer((await axi.sink.recv()).tdata, "<u4").tolist())
    assert axi.sink.empty()
    return frames


def check_records(frames: list, network: Network, expected: object, names: dict[int, str]) -> None:
    """Every frame is one record, and all together are the golden model's spikes."""
    got = {name: np.zeros((expected.records[name]["spikes"].shape[1], -(-network.population(name).size // 32) * 32), np.uint8) for name in names.values()}
    for header, payload in frames:
        fields = RECORD.unpack(header)
        assert fields["kind"] == RecordKind.SPIKES
        got[names[fields["population"]]][fields["step"], 32 * fields["index"] :][:32] = [payload >> k & 1 for k in range(32)]
    for name, found in got.items():
        wanted = expected.records[name]["spikes"][0]
        assert (found[:, : wanted.shape[1]] == wanted).all(), name


@cocotb.test(timeout_time=20, timeout_unit="ms")
async def programs_through_wishbone(dut: object) -> None:
    names = {"cyc": "cyc", "stb": "stb", "we": "we", "adr": "adr", "sel": "sel", "datwr": "dat_w", "datrd": "dat_r", "ack": "ack", "err": "err"}
    await Timer(1, unit="ns")  # Icarus loses what the model writes at once at time zero
    bus = WishboneMaster(dut, "wb", dut.clk, width=32, signals_dict=names)
    await started(dut)

    async def read(where: int, count: int) -> list[int]:
        got = await bus.send_cycle([WBOp(where + k) for k in range(count)])
        return [int(word.datrd) for word in got]

    async def write(where: int, words: Sequence[int]) -> None:
        await bus.send_cycle([WBOp(where + k, word) for k, word in enumerate(words)])

    assert await read(0, 1) == [MAGIC]
    (partly,) = await bus.send_cycle([WBOp(address(Space.REGISTERS, REGISTERS["steps"].offset), 7, sel=0b0011)])
    (nowhere,) = await bus.send_cycle([WBOp(0xFFFFFF)])
    assert (partly.ack, nowhere.ack) == (ERR, ERR)
    await bridge(run_cases)(BusLink(read, write))


def run_digits(link: BusLink, count: int) -> None:
    """Handwritten digits on the demo's network."""
    network, spikes = digits.network(), digits.encode(digits.load("test")[0][:count])
    device = LinkedDevice(link, url="bus:medium")
    device.load(compile_network(network, preset("medium")))
    record = [f"{network.output}.v", "all"]
    wrong = mismatches(GoldenModel(network).run(spikes, record=record), device.run(spikes, record=record))
    assert not wrong, f"{wrong} differ from the golden model"


@cocotb.test()
async def digits_through_axi_lite(dut: object) -> None:
    axi = Axi(dut, 4)
    axi.sink.pause = True
    axi.sink.clear_pause_generator()
    await started(dut)
    await bridge(run_digits)(axi.link, int(os.environ["LIFLINE_SAMPLES"]))
