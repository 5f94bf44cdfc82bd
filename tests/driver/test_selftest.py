"""The self-test passes on a sound board, and says in plain words what is wrong with a broken one."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from typer.testing import CliRunner

from lifline.arch.config import INTERFACE_VERSION, preset
from lifline.arch.errors import DeviceError, LinkError
from lifline.arch.frame import CRC_BYTES, MAX_WORDS, REPLY_HEADER, REPLY_SYNC, REQUEST_HEADER, REQUEST_SYNC, RESYNC_BYTES, crc16
from lifline.arch.registers import REGISTERS, Space, address
from lifline.cli.main import app
from lifline.driver import selftest as tested
from lifline.driver.link import Link, Transport
from lifline.driver.linked import LinkedDevice
from lifline.driver.march import host_memories, march
from lifline.driver.selftest import Check, selftest, unreachable
from lifline.sim.board.serve import PseudoTerminal
from lifline.sim.board.simulated import CompiledBoard, InterpretedBoard

CONFIG = preset("tiny")
BOARD = CompiledBoard if shutil.which("g++") else InterpretedBoard
Change = Callable[[int, int], int]
"""Address and word that a reply carries -> the word that arrives."""
ALL = ["handshake", "echo", "recovery", "throughput", "program memory", "weights memory", "neurons memory", "delays memory", "rings memory", "input memory", "network"]


class Damaged:
    """A board whose words read back as ``change`` says; frames stay valid."""

    def __init__(self, inner: Transport, change: Change) -> None:
        self.inner, self.change = inner, change
        self.where, self.waiting = 0, b""

    def write(self, data: bytes) -> None:
        if data[:1] == bytes([REQUEST_SYNC]):
            self.where = int.from_bytes(data[4:REQUEST_HEADER], "little")
        self.inner.write(data)

    def read(self, count: int) -> bytes:
        if not self.waiting:
            self.waiting = self.inner.read(1)
            if self.waiting == bytes([REPLY_SYNC]):
                header = self.inner.read(REPLY_HEADER - 1)
                body = self.inner.read(4 * header[2] + CRC_BYTES)[:-CRC_BYTES] if len(header) == REPLY_HEADER - 1 else b""
                words = [int.from_bytes(body[k : k + 4], "little") for k in range(0, len(body), 4)]
                body = b"".join(self.change(self.where + k, word).to_bytes(4, "little") for k, word in enumerate(words))
                self.waiting += header + body + crc16(header + body).to_bytes(CRC_BYTES, "little")
        part, self.waiting = self.waiting[:count], self.waiting[count:]
        return part

    def close(self) -> None:
        self.inner.close()


@pytest.fixture(scope="module")
def board() -> Iterator[Transport]:
    made = BOARD(CONFIG)
    yield made
    made.close()


def answers(transport: Transport, **options: object) -> list[Check]:
    return list(selftest(LinkedDevice(Link(transport), url="the board"), **options))  # type: ignore[arg-type]


def stuck(space: Space, word: int, bit: int, value: int) -> Change:
    """One bit of one word never changes."""
    mask = 1 << bit
    return lambda where, found: (found | mask if value else found & ~mask) if where == address(space, word) else found


def test_a_sound_board_passes(board: Transport) -> None:
    found = answers(board, expected=CONFIG)
    assert [check.name for check in found] == ALL and all(check.passed for check in found), found


@pytest.mark.parametrize("space, word, bit, value, said", [
    (Space.WEIGHTS, 77, 5, 1, "1 of 512 words of the weights memory are wrong, the first one at 77: "),
    (Space.NEURONS, 0, 3, 0, "1 of 512 words of the neurons memory"),
    (Space.NEURONS, 3, 30, 1, "1 of 512 words of the neurons memory"),
    (Space.DELAYS, 63, 0, 1, "1 of 64 words of the delays memory"),
    (Space.INPUT, 255, 15, 0, "1 of 256 words of the input memory"),
    (Space.RINGS, 100, 31, 0, "1 of 128 words of the rings memory"),
    (Space.PROGRAM, 1, 31, 1, "1 of 256 words of the program memory"),
])  # fmt: skip
def test_a_stuck_bit_is_found_and_named(space: Space, word: int, bit: int, value: int, said: str, board: Transport) -> None:
    [memory] = [memory for memory in host_memories(CONFIG) if memory.space is space]
    wrong = march(Link(Damaged(board, stuck(space, word, bit, value))), memory)
    assert wrong is not None and wrong.startswith(said), wrong
    if bit < memory.bits:
        assert f"bit {bit} is always {value}" in wrong


class Remembered:
    """A link to a memory in which one bit is stuck, if any."""

    def __init__(self, stuck_at: int | None = None) -> None:
        self.words: dict[int, int] = {}
        self.stuck_at = stuck_at

    def write(self, where: int, words: np.ndarray) -> None:
        self.words |= {where + k: int(word) for k, word in enumerate(words)}

    def read(self, where: int, count: int) -> np.ndarray:
        return np.array([self.words[where + k] | (where + k == self.stuck_at) for k in range(count)], np.uint32)


def test_maps_are_tested_where_there_are_any() -> None:
    assert all(memory.space is not Space.MAPS for memory in host_memories(CONFIG))
    conv = preset("conv")
    [maps] = [memory for memory in host_memories(conv) if memory.space is Space.MAPS]
    assert (maps.words, maps.bits) == (3 * conv.map_words, 32)
    assert march(Remembered(), maps) is None  # type: ignore[arg-type]
    wrong = march(Remembered(address(Space.MAPS, 1535)), maps)  # type: ignore[arg-type]
    assert wrong is not None and wrong.startswith("1 of 1536 words of the maps memory are wrong, the first one at 1535: ")


def test_words_that_share_a_place_are_found(board: Transport) -> None:
    """An address line that does not reach the memory: word k is word k without that bit; and a memory that forgets what is written."""

    class Aliased(Damaged):
        def write(self, data: bytes) -> None:
            if data[:1] == bytes([REQUEST_SYNC]) and data[REQUEST_HEADER - 1] >> 4 == Space.NEURONS:
                data = data[:4] + bytes([data[4] & ~128]) + data[5:-CRC_BYTES]
                data += crc16(data[1:]).to_bytes(CRC_BYTES, "little")
            super().write(data)

    [neurons] = [memory for memory in host_memories(CONFIG) if memory.space is Space.NEURONS]
    assert neurons.words > MAX_WORDS, "several frames"
    assert march(Link(board), neurons) is None
    wrong = march(Link(Aliased(board, lambda where, word: word)), neurons)
    assert wrong is not None and f"of {neurons.words} words of the neurons memory are wrong" in wrong


def test_a_broken_memory_does_not_hide_the_others(board: Transport) -> None:
    found = answers(Damaged(board, stuck(Space.RINGS, 9, 1, 1)))
    assert [check.name for check in found if not check.passed] == ["rings memory"] and found[-1].name == "input memory"
    assert "load the bitstream again" in next(check.text for check in found if not check.passed)


def test_the_wrong_configuration_is_named_on_both_sides(board: Transport) -> None:
    [check] = answers(board, expected=preset("small"))
    assert not check.passed and "carries `tiny`" in check.text and "not `small`" in check.text and "load the other bitstream" in check.text
    hashed = address(Space.REGISTERS, REGISTERS["config_hash"].offset)
    [check] = answers(Damaged(board, lambda where, word: word ^ 1 if where == hashed else word))
    assert not check.passed and "none that this lifline knows" in check.text and "--config" in check.text


@pytest.mark.parametrize("register, said", [("interface_version", f"this lifline speaks {INTERFACE_VERSION}"), ("magic", "does not run lifline's gateware")])
def test_the_wrong_interface_is_named(register: str, said: str, board: Transport) -> None:
    wrong = address(Space.REGISTERS, REGISTERS[register].offset)
    with pytest.raises(DeviceError) as error:
        LinkedDevice(Link(Damaged(board, lambda where, word: word - 1 if where == wrong else word)), url="the board")
    check = unreachable(error.value)
    assert not check.passed and said in check.text


def test_a_link_that_loses_bytes_fails_readably(board: Transport) -> None:
    class Lossy(Damaged):
        reads = 0

        def read(self, count: int) -> bytes:
            part = super().read(count)
            self.reads += 1
            return part if self.reads % 100 else bytes(len(part))

    found = answers(Lossy(board, lambda where, word: word))
    assert [check.name for check in found] == ["handshake", "echo"] and "had to be sent again: look at cable, port and baud rate" in found[-1].text


@pytest.mark.parametrize("noise", [b"", b"\x00\xff\x80"])
def test_silence_and_the_wrong_rate_say_what_to_try(noise: bytes) -> None:
    class Silent:
        def __init__(self) -> None:
            self.left = b""

        def write(self, data: bytes) -> None:
            self.left = noise * 5 if len(data) < RESYNC_BYTES else b""

        def read(self, count: int) -> bytes:
            part, self.left = self.left[:count], self.left[count:]
            return part

        def close(self) -> None: ...

    with pytest.raises(LinkError) as error:
        LinkedDevice(Link(Silent()), url="the board")
    text = unreachable(error.value).text
    assert "nothing answers" in text and "baud rate" in text and "bitstream loaded" in text and "docs/bench.md" in text


def test_a_damaged_request_that_is_obeyed_is_found(board: Transport) -> None:
    mark = address(Space.REGISTERS, REGISTERS[tested.ECHO].offset)
    found = answers(Damaged(board, lambda where, word: 0xBAD if where == mark and word == 0x5EED else word))
    assert [check.name for check in found] == ["handshake", "echo", "recovery"] and "a damaged request was obeyed" in found[-1].text


def test_results_that_differ_from_the_golden_model_are_found(board: Transport, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tested, "differences", lambda expected, found: 3)
    found = answers(board)
    assert [check.name for check in found if not check.passed] == ["network"] and "was timing met?" in found[-1].text


def test_the_command_passes_on_a_served_board() -> None:
    board = BOARD(CONFIG)
    terminal = PseudoTerminal(board)
    server = threading.Thread(target=terminal.serve)
    server.start()
    try:
        url = f"serial:{terminal.path}?timeout=2"
        done = CliRunner().invoke(app, ["selftest", "--device", url, "--json"])
        assert done.exit_code == 0, done.output
        report = json.loads(done.stdout.splitlines()[-1])
        assert report["passed"] and [check["name"] for check in report["checks"]] == ALL and "is all right" in done.stderr
        wrong = CliRunner().invoke(app, ["selftest", "--device", url, "--config", "small"])
        assert wrong.exit_code == 1 and "FAILED handshake" in wrong.stderr and "not all right: handshake" in wrong.stderr
    finally:
        terminal.close()
        server.join()
        board.close()


def test_the_command_fails_readably_without_a_board() -> None:
    done = CliRunner().invoke(app, ["selftest", "--device", "serial:/dev/no-such-port", "--json"])
    assert done.exit_code == 1 and "is it the right port" in done.stderr
    assert not json.loads(done.stdout.splitlines()[-1])["passed"]
    assert "is no board" in CliRunner().invoke(app, ["selftest", "--device", "golden:tiny"]).stderr
