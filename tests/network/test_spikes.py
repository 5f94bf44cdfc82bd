"""Spike trains in every accepted form, and refusals that name what is wrong."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from lifline.arch.errors import InputError
from lifline.network.spikes import as_batch, to_events

TRAINS = arrays(np.uint8, st.tuples(st.integers(1, 9), st.just(5)), elements=st.integers(0, 1))


@given(TRAINS)
def test_dense_and_events_are_the_same(spikes) -> None:
    events = to_events(spikes)
    assert np.array_equal(as_batch(events, 5, steps=len(spikes))[0][0], spikes)
    assert events.tolist() == sorted(events.tolist())


@pytest.mark.parametrize("kind", [bool, np.uint8, np.int64, list])
def test_every_integer_type_is_taken(kind) -> None:
    spikes = np.eye(3, dtype=np.int32)
    values = spikes.tolist() if kind is list else spikes.astype(kind)
    batch, batched = as_batch(values, 3)
    assert batch.shape == (1, 3, 3) and batch.dtype == np.uint8 and not batched and batch.flags.c_contiguous
    assert as_batch(spikes[None].repeat(4, 0), 3)[1]


@pytest.mark.parametrize(
    ("spikes", "message"),
    [
        (np.zeros((3, 4), np.uint8), "have 4 neurons .* has 5"),
        (np.zeros(5, np.uint8), "shape"),
        (np.zeros((1, 1, 3, 5), np.uint8), "shape"),
        (np.zeros((0, 5), np.uint8), "no time steps"),
        (np.zeros((0, 3, 5), np.uint8), "no time steps or no samples"),
        (np.full((3, 5), np.nan), "NaN"),
        (np.zeros((3, 5)), "type float64; give bool or integers"),
        (np.full((3, 5), 2), "spike value 2 must be 0 or 1"),
        (np.full((3, 5), -1), "spike value -1 must be 0 or 1"),
        ([[0, 1], [1]], "rectangular"),
        ("spikes", "type"),
    ],
)
def test_bad_dense_spikes_are_refused(spikes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        as_batch(spikes, 5)


@pytest.mark.parametrize(
    ("events", "message"),
    [
        ([[0, 5]], "neuron 5 must be in 0..4"),
        ([[3, 0]], "time step 3 must be in 0..2"),
        ([[-1, 0]], "time step -1"),
        ([[1, 0], [0, 0]], "not sorted"),
        ([[0, 2], [0, 1]], "not sorted"),
        ([[0, 1], [0, 1]], "duplicate"),
        ([[0, 1, 1]], "rows"),
        ([[0.0, 1.0]], "type float64"),
        ([[np.nan, 1.0]], "NaN"),
    ],
)
def test_bad_events_are_refused(events, message: str) -> None:
    with pytest.raises(InputError, match=message):
        as_batch(events, 5, steps=3)


def test_no_events_are_silence() -> None:
    assert not as_batch([], 5, steps=3)[0].any()
    for steps in (0, -3, 2.5):
        with pytest.raises(InputError, match=f"steps {steps} must be an integer of at least 1"):
            as_batch([], 5, steps=steps)  # type: ignore[arg-type]
