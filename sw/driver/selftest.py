"""Is a board all right? Handshake, link, memories, and a network whose result is known; every answer in plain words."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from lifline.arch.config import Config
from lifline.arch.errors import DeviceError, LiflineError
from lifline.arch.frame import MAX_WORDS, RESYNC_BYTES, Kind, Request
from lifline.arch.registers import CONTROL_STOP, REGISTERS, STATUS_RUNNING, Space, address
from lifline.compiler.compile import compile_network
from lifline.network.result import differences
from lifline.sim.golden.model import GoldenModel
from lifline.sim.random.network import random_network, random_spikes

from .link import Link
from .linked import LinkedDevice
from .march import PASSES, HostMemory, host_memories, march

ECHOES = 64
ECHO = "load_mark"
"""A register that the gateware keeps and does not look at; writing it makes other drivers notice that their program is gone."""
MEASURED_S = 0.5
NETWORKS = 2
STEPS = 24
STOP_S = 5.0
NOTHING_ANSWERS = (
    "nothing answers: is the board on, and is its bitstream loaded (`lifline program`)? Is it the right port, and, if it is an unusual one, the baud rate "
    "that the bitstream was built for (serial:PORT?baud=1000000)? Is there a second port of the same board? docs/bench.md goes through all of them"
)


@dataclass(frozen=True)
class Check:
    """One answer: what was looked at, whether it is as it should be, and a sentence about it."""

    name: str
    passed: bool
    text: str


def selftest(device: LinkedDevice, *, expected: Config | None = None) -> Iterator[Check]:
    """Test a device, check by check; ends after the first part that makes the next ones pointless. Whatever program was loaded is gone.

    Parameters
    ----------
    expected : the configuration that the board should have; any if not given.
    """
    link, config = device.link, device.config
    yield from _guarded("handshake", lambda: _handshake(device, expected))
    if config is None or (expected is not None and config.hash != expected.hash):
        return
    for name, look in (("echo", _echo), ("recovery", _recovery), ("throughput", _throughput)):
        answer = next(_guarded(name, partial(look, link)))
        yield answer
        if not answer.passed:
            return
    sound = True
    for memory in host_memories(config):
        answer = next(_guarded(memory.name, partial(_memory, link, memory)))
        sound &= answer.passed
        yield answer
    if sound:
        yield from _guarded("network", lambda: _network(device, config))


def _guarded(name: str, look: Callable[[], str]) -> Iterator[Check]:
    """The answer of one check; a typed error is its failure."""
    try:
        yield Check(name, True, look())
    except LiflineError as error:
        yield Check(name, False, str(error))


def unreachable(error: LiflineError) -> Check:
    """The only answer where a device could not be opened."""
    silent = "no reply" in str(error)
    return Check("handshake", False, f"{error}. {NOTHING_ANSWERS}" if silent else str(error))


def _handshake(device: LinkedDevice, expected: Config | None) -> str:
    config = device.config
    if config is None:
        raise DeviceError(
            f"the board's configuration (hash {device.config_hash:08x}) is none that this lifline knows: give its file with --config, or build its bitstream again"
        )
    if expected is not None and config.hash != expected.hash:
        raise DeviceError(
            f"the board carries `{config.name}` (hash {config.hash:08x}), not `{expected.name}` (hash {expected.hash:08x}): load the other bitstream"
        )
    link, start = device.link, time.monotonic()
    while int(link.read(_register("status"))[0]) & STATUS_RUNNING:  # whatever a driver that went away has left behind
        link.write(_register("control"), [CONTROL_STOP])
        link.write(_register("output_taken"), link.read(_register("output_count")))
        if time.monotonic() - start > STOP_S:
            raise DeviceError("a run is under way on the board and does not stop; load the bitstream again")
    return f"`{config.name}`, {config.lanes} lanes, hash {config.hash:08x}"


def _register(name: str) -> int:
    return address(Space.REGISTERS, REGISTERS[name].offset)


def _echo(link: Link) -> str:
    """Numbers written to a register and read back, with all bits in both states."""
    values = [1 << bit for bit in range(32)] + [0xFFFFFFFF ^ 1 << bit for bit in range(32)]
    repeated = link.repeated
    for value in values[:ECHOES]:
        link.write(_register(ECHO), [value])
        back = int(link.read(_register(ECHO))[0])
        if back != value:
            raise DeviceError(f"{value:#010x} was written to a register and {back:#010x} is read: the gateware is damaged; load the bitstream again")
    again = link.repeated - repeated
    if again:
        raise DeviceError(f"the link works, but {again} of {2 * ECHOES} requests had to be sent again: look at cable, port and baud rate")
    link.write(_register(ECHO), [0])
    return f"{2 * ECHOES} requests, none sent again"


def _recovery(link: Link) -> str:
    """Damaged, broken and made-up requests change nothing, and the next good one is answered."""
    link.write(_register(ECHO), [0x5EED])
    good = Request(1, Kind.WRITE, _register(ECHO), 1, (0xBAD,)).encode()
    damaged = [good[:-1] + bytes([good[-1] ^ 1]), good[:5], bytes(range(255, 0, -1)), b"\xa5" * 9]
    for data in damaged:
        link.transport.write(data + bytes(RESYNC_BYTES))
        while link.transport.read(MAX_WORDS):
            pass
        back = int(link.read(_register(ECHO))[0])
        if back != 0x5EED:
            raise DeviceError(f"a damaged request was obeyed: a register holds {back:#x}; load the bitstream again")
    return f"{len(damaged)} kinds of damaged requests were refused, and the next one was answered"


def _throughput(link: Link) -> str:
    """Words of the registers' space and memory, read for a while."""
    start, words = time.monotonic(), 0
    while (passed := time.monotonic() - start) < MEASURED_S:
        link.read(address(Space.RINGS, 0), 16)
        words += 16
    rate = 4 * words / passed
    begin = time.monotonic()
    link.read(_register("status"))
    latency = time.monotonic() - begin
    return f"{rate / 1000:.1f} kB/s of words read, {1000 * latency:.1f} ms for one request"


def _memory(link: Link, memory: HostMemory) -> str:
    """The march test of one memory."""
    wrong = march(link, memory)
    if wrong is not None:
        raise DeviceError(f"{wrong}: the chip or its configuration is damaged; load the bitstream again, then try another board")
    return f"{memory.words} words of {memory.bits} bits, every bit as 0 and as 1, {PASSES} times over the link"


def _network(device: LinkedDevice, config: Config) -> str:
    """Small networks that are drawn alike everywhere, against the golden model."""
    spikes = 0
    for seed in range(NETWORKS):
        rng = np.random.default_rng(seed)
        network = random_network(rng, config=config, max_inputs=32)
        program = compile_network(network, config)
        data = random_spikes(rng, network, STEPS)
        device.load(program)
        expected, found = GoldenModel(network).run(data), device.run(data)
        wrong = differences(expected, found)
        if wrong:
            raise DeviceError(
                f"{wrong} values of network {seed} differ from the golden model although all memories are sound: the core's clock may be too fast for "
                "its bitstream (was timing met?), or the bitstream is not of this version; build it again"
            )
        spikes += int(expected.output_spikes.sum())
    return f"{NETWORKS} networks, {STEPS} steps each, {spikes} output spikes: equal to the golden model in every value"
