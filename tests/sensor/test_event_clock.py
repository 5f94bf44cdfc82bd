"""A sensor's time becomes steps by one rule, however the events come in parts; what is late, early or merged is counted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifline.arch.errors import InputError
from lifline.sensor.event_clock import BLOCK_STEPS, EventClock


def reference(events: list[tuple[int, int]], step: int, origin: int, slack: int) -> tuple[set[tuple[int, int]], int]:
    """Spikes and late events, event by event."""
    spikes, late, newest = set(), 0, origin
    for time, neuron in events:
        newest = max(newest, time)
        complete = (newest - slack - origin) // step
        own = (time - origin) // step
        if own < max(complete, 0):
            late += 1
        else:
            spikes.add((own, neuron))
    return spikes, late


@settings(max_examples=200, deadline=None)
@given(
    times=st.lists(st.integers(-30, 400), min_size=1, max_size=40), step=st.integers(1, 50), slack=st.integers(0, 60), cuts=st.lists(st.integers(0, 40), max_size=5),
    seed=st.integers(0, 99),
)  # fmt: skip
def test_every_event_is_in_its_step_or_counted(times: list[int], step: int, slack: int, cuts: list[int], seed: int) -> None:
    neurons = np.random.default_rng(seed).integers(0, 3, len(times)).tolist()
    events = list(zip(times, neurons, strict=True))
    clock = EventClock(step, 3, origin_us=0, slack_us=slack)
    spikes, late = reference(events, step, 0, slack)
    rows = list(clock.steps(np.split(np.array(events), sorted(cuts))))
    found = np.concatenate(rows) if rows else np.zeros((0, 3), np.uint8)
    assert {(int(t), int(n)) for t, n in np.argwhere(found)} == spikes
    assert (clock.events, clock.late, clock.early) == (len(events), late, 0) and clock.merged == len(events) - late - len(spikes)
    assert clock.given == len(found)


def test_a_step_is_given_out_once_time_is_beyond_it_and_its_slack() -> None:
    clock = EventClock(10, 2, origin_us=100, slack_us=5)
    given_so_far = []
    for time in (100, 112, 114, 115, 116, 125, 126, 147):
        given_so_far.append(sum(len(rows) for rows in clock.push((time, 0))))
    assert given_so_far == [0, 0, 0, 1, 0, 1, 0, 2]
    assert sum(len(rows) for rows in clock.finish()) == 1 and clock.given == 5


def test_time_begins_with_the_first_event_unless_it_is_given() -> None:
    clock = EventClock(10, 1)
    assert [rows.tolist() for rows in clock.steps(np.array([[1005, 0], [1026, 0]]))] == [[[1], [0]], [[1]]]
    assert EventClock(10, 1, origin_us=1000).steps(np.array([[1005, 0]])).__next__().tolist() == [[1]]


def test_time_can_come_without_an_event() -> None:
    clock = EventClock(10, 1)
    assert list(clock.push(500)) == [] and [r.tolist() for r in clock.push(525)] == [[[0], [0]]]
    assert list(clock.push((505, 0))) == [] and clock.late == 1
    clock.advance_to(540)
    assert sum(len(r) for r in clock.push(np.zeros((0, 2), np.int64))) == 2


def test_a_stamp_that_is_too_far_ahead_is_early_and_two_that_agree_are_right() -> None:
    clock = EventClock(10, 1, ahead_us=1000)
    rows = list(clock.steps([(0, 0), (5_000_000, 0), (12, 0), (7_000_000, 0), (9_000_000, 0), (25, 0)]))
    assert np.concatenate(rows).tolist() == [[1], [1], [1]] and (clock.early, clock.late) == (3, 0)
    jumped = EventClock(10, 1, ahead_us=1000)
    steps = sum(len(r) for r in jumped.steps(np.array([[0, 0], [50_000, 0], [50_100, 0], [50_090, 0]])))
    assert (steps, jumped.early, jumped.late) == (5011, 1, 1)


def test_a_long_silence_comes_in_blocks() -> None:
    clock = EventClock(1, 4)
    sizes = [len(rows) for rows in clock.steps([np.array([[0, 1]]), 10 * BLOCK_STEPS + 3])]
    assert sizes == [BLOCK_STEPS] * 10 + [3]


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (np.zeros((3, 3), np.int64), r"shape \(3, 3\)"), ((1.5, 0), "must be integers"), ((0, 5), "neuron 5 must be in 0..3"), ((0, -1), "neuron -1"),
        ((1 << 61, 0), "time 2305843009213693952 must be in"), (1 << 61, "time_us 2305843009213693952 must be"), ("abc", "events"),
    ],
)  # fmt: skip
def test_what_is_no_event_is_refused(item: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        list(EventClock(10, 4).push(item))


@pytest.mark.parametrize("options", [{"step_us": 0}, {"neurons": 0}, {"slack_us": -1}, {"ahead_us": 0}, {"origin_us": 1 << 61}, {"step_us": 1.5}])
def test_clocks_that_cannot_go_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=next(iter(options))):
        EventClock(**{"step_us": 10, "neurons": 4, **options})


def test_what_is_no_source_is_refused() -> None:
    with pytest.raises(InputError, match="3 is no source of events"):
        list(EventClock(10, 4).steps(3))
