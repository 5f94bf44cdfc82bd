"""Proposals go where the front grows: known by hand, and against chance on costs whose best are known."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from lifline.explore.candidate import Candidate
from lifline.explore.front import hypervolume
from lifline.explore.proposals import by_chance, gained, guided, limits_of, nearby
from lifline.explore.space import Space

SPACE = Space(board=("ulx3s-25f", "icebreaker"), delays=(0, 3, 7))


class Tables:
    """In the place of a screen: tables of a made-up law, and no candidate with 64 lanes."""

    def tables(self, candidate: Candidate) -> int | None:
        return None if candidate.lanes == 64 else 1000 + 100 * candidate.lanes * candidate.window

    @staticmethod
    def costs(candidate: Candidate) -> list[float]:
        """Time falls with lanes, energy with bits, accuracy with fewer bits; time and tables are at odds."""
        accuracy = {2: 0.88, 4: 0.94, 8: 0.97}[candidate.weight_bits] - 0.01 * (7 - candidate.delays)
        time = 1e5 / candidate.lanes / candidate.multipliers**0.5 * (0.7 if candidate.dense else 1)
        tables = 1000 + 100 * candidate.lanes * candidate.window
        return [-accuracy, float(np.log(time)), float(np.log(tables)), float(np.log(time * candidate.weight_bits))]


def test_volume_that_is_gained_is_what_the_front_does_not_have() -> None:
    front = np.array([[0.0, 0.5]])
    futures = np.array([[[0.5, 0.0], [0.0, 0.5], [0.6, 0.6]]])
    found = gained(front, futures, np.array([1.0, 1.0]), np.random.default_rng(0))
    assert found == pytest.approx([0.25, 0, 0], abs=0.02)


def test_limits_lie_behind_the_front_and_give_no_accuracy_up_that_nobody_would() -> None:
    assert limits_of(np.array([[-0.9, 1.0], [-0.85, 0.0]])) == pytest.approx([-0.84, 1.1])
    assert limits_of(np.array([[-0.9, 1.0], [-0.3, 0.0]])) == pytest.approx([-0.8, 1.1])


def test_what_is_nearby_differs_in_at_most_two_choices() -> None:
    rng, start = np.random.default_rng(1), Candidate(board="icebreaker", delays=7)
    found = [dataclasses.asdict(nearby(SPACE, start, rng)) for _ in range(200)]
    differing = [sum(value != getattr(start, name) for name, value in c.items()) for c in found]
    assert max(differing) == 2 and min(differing) < 2


def test_proposals_are_new_and_can_be() -> None:
    rng, screen = np.random.default_rng(2), Tables()
    candidates = [c for c in (by_chance(SPACE, rng) for _ in range(30)) if screen.tables(c) is not None]
    known, waiting = [(c, Tables.costs(c)) for c in candidates[:-2]], candidates[-2:]
    looked = {c.plain() for c in candidates}
    for _ in range(3):
        found: Any = guided(SPACE, screen, known, waiting, looked, rng)  # type: ignore[arg-type]
        assert found.plain() not in looked and found.lanes < 64
        looked.add(found.plain())
    small = dataclasses.replace(SPACE, lanes=(8,), window=(2,), multipliers=(1,), state_bits=(12,))
    inside = [(c, Tables.costs(c)) for c in small.all()]
    assert guided(small, screen, inside, [], {c.plain() for c, _ in inside}, rng) is None  # type: ignore[arg-type]


def test_it_finds_more_than_chance_with_as_many_looks() -> None:
    screen, limits = Tables(), [-0.8, np.log(5e4), np.log(2e4), np.log(4e5)]
    volumes = []
    for model in (True, False):
        rng, known, looked = np.random.default_rng(5), [], set()
        while len(known) < 20:
            candidate = guided(SPACE, screen, known, [], looked, rng) if model and len(known) >= 8 else by_chance(SPACE, rng)  # type: ignore[arg-type]
            assert candidate is not None
            if candidate.plain() in looked or screen.tables(candidate) is None:
                continue
            looked.add(candidate.plain())
            known.append((candidate, Tables.costs(candidate)))
        volumes.append(hypervolume(np.array([costs for _, costs in known]), limits))
    assert volumes[0] > 1.1 * volumes[1]
