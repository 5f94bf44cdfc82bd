"""Finding out the rate of a serial line: a device behind a line of one rate, which hears noise at any other."""

from __future__ import annotations

import random

import pytest

from lifline.arch.config import preset
from lifline.driver.link import Link
from lifline.driver.linked import LinkedDevice
from lifline.driver.rates import OTHERS_HZ, USUAL_HZ, find_rate
from lifline.sim.board.simulated import CompiledBoard


class Port:
    """A serial port with a board behind it."""

    port = "port"

    def __init__(self, rate: int, *, refuses: tuple[int, ...] = ()) -> None:
        self.board, self.right, self.refuses = CompiledBoard(preset("tiny")), rate, refuses
        self.rate, self.timeout_s, self.rng, self.heard = USUAL_HZ, 0.5, random.Random(rate), b""
        self.tried: list[tuple[int, float]] = []

    def set_rate(self, baud_hz: int, *, timeout_s: float) -> None:
        self.tried.append((baud_hz, timeout_s))
        if baud_hz in self.refuses:
            raise ValueError("no such rate")
        self.rate, self.timeout_s, self.heard = baud_hz, timeout_s, b""

    def write(self, data: bytes) -> None:
        if self.rate == self.right:
            return self.board.write(data)
        wrong = bytes(self.rng.randrange(256) for _ in range(max(1, len(data) * self.right // self.rate)))
        self.board.write(wrong)
        self.heard += wrong[:3]
        return None

    def read(self, count: int) -> bytes:
        answer = self.board.read(count)
        if self.rate != self.right:
            answer, self.heard = self.heard[:count], self.heard[count:]
        return answer

    def close(self) -> None:
        self.board.close()


@pytest.mark.parametrize("rate", [USUAL_HZ, 3_000_000, 6_000_000, 115_200])
def test_the_rate_that_a_board_was_built_for_is_found(rate: int) -> None:
    port = Port(rate, refuses=(12_000_000,))
    assert find_rate(port) == rate == port.rate  # type: ignore[arg-type]
    assert port.timeout_s == 0.5, "as it was"
    with LinkedDevice(Link(port)) as device:
        assert device.config == preset("tiny")


def test_where_nothing_answers_the_port_is_as_before() -> None:
    port = Port(777_777, refuses=(8_000_000,))
    assert find_rate(port) == USUAL_HZ == port.rate and port.timeout_s == 0.5  # type: ignore[arg-type]
    assert [rate for rate, _ in port.tried] == [USUAL_HZ, *OTHERS_HZ, USUAL_HZ]
    assert all(timeout <= 0.1 for rate, timeout in port.tried[1:-1]), "nobody waits long for a rate that is only tried"
