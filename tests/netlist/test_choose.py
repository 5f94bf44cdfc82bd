"""Talks are chosen by what they add, and have an effect on a circuit."""

from __future__ import annotations

import numpy as np

from lifline.arch.config import preset
from lifline.sim.netlist.conversation import faults_of

from .choose import chosen, rows_of
from .talks import EVERY, TALKS, talk
from .test_score import echo


def test_the_talk_that_adds_most_comes_first() -> None:
    rows = np.array([[1, 1, 0, 0, 0, 1], [0, 1, 1, 1, 1, 0], [0, 0, 0, 0, 1, 1]], bool)
    assert chosen(rows, 1) == [(1, 4), (0, 2)]
    assert chosen(rows, 3) == [(1, 4)]


def test_every_lane_has_its_own_bytes() -> None:
    circuit = echo()
    rows = rows_of(circuit, [b"", b"\x00", b"\xff"])
    bits = [(circuit.tables[fault.table].cell, fault.bit) for fault in faults_of(circuit)]
    nothing, zeros, ones = ({bit for bit, seen in zip(bits, row, strict=True) if seen} for row in rows)
    assert ("takes", 0b11) not in nothing and ("takes", 0b11) in zeros & ones
    assert ("payload", 1) in ones - zeros and ("payload", 1) not in nothing


def test_talks_are_the_same_every_time_and_differ() -> None:
    config = preset("tiny")
    said = [talk(seed, config) for seed in range(EVERY * len(TALKS))]
    assert talk(5, config) == said[5] and len(set(said)) == len(said)
