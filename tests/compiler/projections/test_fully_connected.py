"""Fully connected projections: every synapse in exactly one place of the weight words, in the order that the lanes take."""

from __future__ import annotations

import numpy as np
import pytest

from lifline.arch.config import Config, preset
from lifline.arch.limits import RING_BITS
from lifline.arch.program import Mode
from lifline.compiler.layouts import identity
from lifline.compiler.projections.fully_connected import FullyConnected
from lifline.compiler.projections.kind import Part
from lifline.network.model import Projection

TINY = preset("tiny")
KIND = FullyConnected()


def projection(weights: np.ndarray) -> Projection:
    return Projection(source="a", target="b", weights=weights)


def parts_of(weights: np.ndarray, mode: Mode, config: Config = TINY) -> list[Part]:
    targets, sources = weights.shape
    return KIND.parts(projection(weights), weights, identity(sources), identity(targets), mode, config)


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("targets", [1, 4, 5, 12])
@pytest.mark.parametrize("sources", [1, 64, 65, 128, 129, 300])
def test_every_weight_stands_where_its_lane_and_its_source_meet(mode: Mode, targets: int, sources: int) -> None:
    weights = np.arange(1, targets * sources + 1).reshape(targets, sources)
    parts = parts_of(weights, mode)
    seen = 0
    for part in parts:
        for block in range(part.blocks):
            for source in range(part.fan_in):
                for lane in range(TINY.lanes):
                    target = block * TINY.lanes + lane
                    expected = weights[target, part.first + source] if target < targets else 0
                    assert part.words[block * part.fan_in + source, lane] == expected
                    seen += target < targets
    assert seen == weights.size and all(len(part.words) == part.blocks * part.fan_in for part in parts)


def test_an_event_pass_takes_sources_larger_than_the_list() -> None:
    parts = parts_of(np.ones((3, 4 * TINY.list_entries), int), Mode.EVENT)
    assert [(part.first, part.fan_in) for part in parts] == [(0, 4 * TINY.list_entries)]


@pytest.mark.parametrize(("mode", "limit"), [(Mode.EVENT, TINY.event_fan_in), (Mode.DENSE, TINY.dense_fan_in)])
def test_a_pass_takes_whole_ring_words(mode: Mode, limit: int) -> None:
    """In dense mode as many as the list."""
    weights = np.ones((3, 2 * limit + 1), int)
    assert [(part.first, part.fan_in) for part in parts_of(weights, mode)] == [(0, limit), (limit, limit), (2 * limit, 1)]
    odd = TINY.replace(list_entries=64, weight_words=16)
    assert all(part.first % RING_BITS == 0 for part in parts_of(weights, mode, odd))


def test_sums_are_taken_apart_by_sign() -> None:
    weights = np.array([[3, -2, 5], [-1, 0, -7]])
    sums = KIND.sums(projection(weights), weights)
    assert sums.positive.tolist() == [8, 0] and sums.negative.tolist() == [2, 8]
    both = sums + sums
    assert both.positive.tolist() == [16, 0] and both.negative.tolist() == [4, 16]
