"""The device behind a USB port, bit by bit: a host finds it, loads and runs a network, and packets get lost on the way."""

from __future__ import annotations

import random
import shutil
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

import lifline
from lifline.arch.config import preset
from lifline.arch.frame import Kind, Request
from lifline.arch.registers import REGISTERS
from lifline.driver.device import LinkedDevice
from lifline.driver.link import Link

from .usb.design import Bus, build
from .usb.host import Host, UsbError
from .usb.packets import (
    ACK,
    DATA0,
    DATA1,
    IN,
    OUT,
    SETUP,
    SOF,
    BadPacket,
    data,
    header,
    heard_packet,
    levels,
    samples,
    start_of_frame,
    token,
)

pytest.importorskip("luna", reason="needs luna-usb; pip install 'lifline[boards]'")
needs_compiler = pytest.mark.skipif(shutil.which("g++") is None, reason="needs a C++ compiler")
CONFIG = preset("tiny")
CORE_HZ = 90_000_000
TOLERANCE = 0.0025
"""Of a host's clock and a device's, relative to each other's nominal value."""
LATEST_BITS = 16
"""A host must wait so long for an answer."""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole design with `tiny`."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # luna-usb 0.2.3 is written with records, coders and names that Amaranth 0.6 drops
        return build(CONFIG, tmp_path_factory.mktemp("usb"))


@pytest.fixture
def plug(library: Path) -> Iterator[Callable[..., Host]]:
    """Plugs a device into a new host."""
    hosts: list[Host] = []

    def plugged(core_hz: int = CORE_HZ, **options: float) -> Host:
        hosts.append(Host(Bus(library, core_hz), **options))
        return hosts[-1]

    yield plugged
    for host in hosts:
        host.close()


# The host's own packets, against the standard.


def test_checksums_are_those_of_the_standards_examples() -> None:
    assert "".join(map(str, token(SETUP, 0x15, 0xE)[-5:])) == "10111"
    assert "".join(map(str, token(OUT, 0x3A, 0xA)[-5:])) == "11100"
    assert "".join(map(str, token(IN, 0x70, 0x4)[-5:])) == "01110"
    assert "".join(map(str, start_of_frame(1)[-5:])) == "10111" and start_of_frame(1)[:8] == header(SOF)
    assert "".join(map(str, data(DATA0, bytes([0, 1, 2, 3]))[-16:])) == "1111011101011110"
    assert "".join(map(str, data(DATA0, bytes([0x23, 0x45, 0x67, 0x89]))[-16:])) == "0111000000111000"


def test_packets_are_heard_as_they_were_sent_and_damage_is_noticed() -> None:
    draw = random.Random(1)
    for payload in (b"", bytes(40), b"\xff" * 64, draw.randbytes(64)):
        line = list(samples(levels(data(DATA0, payload))))
        assert heard_packet(line) == (DATA0, payload)
        for _ in range(20):
            place = draw.randrange(8, len(line) // 4 - 4) * 4
            damaged = [3 - s for s in line[place : place + 4]]
            with pytest.raises(BadPacket):
                heard_packet(line[:place] + damaged + line[place + 4 :])
    assert heard_packet(list(samples(levels(header(ACK))))) == (ACK, b"")


# The device.


@needs_compiler
@pytest.mark.parametrize("rate", [1 - TOLERANCE, 1.0, 1 + TOLERANCE])
def test_a_host_finds_a_serial_port(plug: Callable[..., Host], rate: float) -> None:
    host = plug(rate=rate)
    device, configuration = host.enumerate()
    assert (device[0], device[1], int.from_bytes(device[2:4], "little"), device[7], device[17]) == (18, 1, 0x200, 64, 1)
    assert device[4:7] == bytes([0xEF, 2, 1])  # interfaces that belong together
    parts, rest = [], configuration
    while rest:
        parts.append(rest[: rest[0]])
        rest = rest[rest[0] :]
    interfaces = [(part[2], part[4], *part[5:8]) for part in parts if part[1] == 4]
    assert interfaces == [(0, 1, 2, 2, 1), (1, 2, 10, 0, 0)]  # control with one endpoint, data with two
    assert sorted((part[2], part[3], part[4]) for part in parts if part[1] == 5) == [(0x01, 2, 64), (0x81, 2, 64), (0x82, 3, 16)]
    assert [part[2] for part in parts if part[1] == 0x24] == [0, 1, 2, 6]  # header, calls, abstract control, union
    assert host.control(0x80, 6, 0x0302, 0x0409, length=255)[2:].decode("utf-16-le") == "lifline spiking neural network"
    assert 2 <= host.latest_bits <= LATEST_BITS


@needs_compiler
def test_requests_of_serial_drivers_are_taken_and_unknown_ones_refused(plug: Callable[..., Host]) -> None:
    host = plug()
    host.enumerate()
    assert host.control(0x21, 0x20, 0, 0, payload=(1_000_000).to_bytes(4, "little") + bytes([0, 0, 8])) == b""  # rate and bits
    assert host.control(0x21, 0x22, 3, 0) == b""  # modem lines
    assert host.receive(2) is None  # nothing changes
    with pytest.raises(UsbError, match="refuses for good"):
        host.control(0xC0, 0x77, 0, 0, length=4)
    host.write(Request(0, Kind.READ, 0, 1).encode())
    assert len(host.read(100)) > 4


def network() -> tuple[lifline.Network, np.ndarray]:
    rng = np.random.default_rng(0)
    made = lifline.Network(
        name="first", output="out", state_bits=16,
        populations=[lifline.Population("in", (32,)), lifline.Population("out", (10,), lifline.Neurons(threshold=100, decay_v=512))],
        projections=[lifline.Projection(source="in", target="out", weights=rng.integers(-20, 40, (10, 32)), delays=2)],
    )  # fmt: skip
    return made, rng.integers(0, 2, (20, 32)).astype(np.uint8)


@needs_compiler
@pytest.mark.parametrize(("core_hz", "rate", "damaged"), [(90_000_000, 1.0, 0.0), (30_000_000, 1 + TOLERANCE, 0.0), (90_000_000, 1 - TOLERANCE, 0.1), (11_000_000, 1.0, 0.03)])
def test_a_network_is_loaded_and_run_bit_for_bit(plug: Callable[..., Host], core_hz: int, rate: float, damaged: float) -> None:
    """Whatever is lost on the way, in either direction, the link above sees nothing of it."""
    made, spikes = network()
    program = lifline.compile_network(made, CONFIG)
    host = plug(core_hz, rate=rate, seed=5)
    host.enumerate()
    host.damaged = damaged
    found = []
    link = Link(host)
    for device in (LinkedDevice(link), lifline.open("golden:tiny")):
        device.load(program)
        found.append(device.run(spikes))
    ours, golden = found
    assert golden.spike_counts.sum() > 50 and np.array_equal(ours.spike_counts, golden.spike_counts)
    assert np.array_equal(ours.output_spikes, golden.output_spikes)
    assert (host.repeated >= 10) is bool(damaged) and (host.lost >= 10) is bool(damaged)
    assert link.repeated == 0
    assert host.latest_bits <= LATEST_BITS


@needs_compiler
def test_no_packet_is_as_long_as_it_could_be(plug: Callable[..., Host]) -> None:
    """So that a host hands on each of them at once; and what it asks too late for is not lost."""
    host = plug()
    host.enumerate()
    request = Request(0, Kind.READ, 0, len(REGISTERS)).encode()
    host.write(request)
    one = host.read(1000)
    assert len(one) > 64 and host.longest == 63
    host.write(request * 3)
    assert host.read(3 * len(one)) == one * 3


@needs_compiler
def test_a_device_that_is_plugged_in_again_begins_anew(plug: Callable[..., Host]) -> None:
    """In the middle of its two kinds of packets before the bus is reset."""
    host = plug()
    request = Request(0, Kind.READ, 0, 1).encode()
    host.enumerate()
    host.write(request)
    reply = host.read(100)
    assert len(reply) > 4 and host.pid[1, OUT] == DATA1
    host.enumerate()
    host.write(request)
    assert host.read(100) == reply


@needs_compiler
def test_a_host_that_sends_too_much_is_refused_for_now(plug: Callable[..., Host]) -> None:
    host = plug(11_000_000)
    host.enumerate()
    request = Request(0, Kind.READ, 0, len(REGISTERS)).encode()
    host.write(request)
    reply = host.read(1000)
    for _ in range(400):  # replies that nobody asks for fill the way, and at last the device
        if not host.send(1, request):
            break
    assert host.refused == 1
    assert host.read(5 * len(reply))[: 5 * len(reply)] == reply * 5
