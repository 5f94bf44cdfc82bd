"""Periods: found in rows of the hardware, whatever stands in the padding, and used where they save words."""

from __future__ import annotations

import numpy as np
import pytest

from lifline.compiler.layouts import Layout, identity, position_major
from lifline.compiler.periods import GLANCE, LONGEST, RowValues, best_period


def values(rows: list[list[int]], lanes: int = 2) -> RowValues:
    """Neurons in order; -1 is padding."""
    flat = np.array(rows).reshape(-1)
    return RowValues(flat[flat >= 0], Layout(np.flatnonzero(flat >= 0), len(flat)), lanes)


@pytest.mark.parametrize(("rows", "period"), [
    ([[1, 2], [1, 2], [1, 2]], 1), ([[1, 2], [3, 4], [1, 2]], 2), ([[1, 2], [3, 4], [5, 6]], None), ([[1, 2]], None),
    ([[1, 2], [1, -1], [1, 2]], 1),  # padding may be anything
    ([[1, -1], [-1, 2], [1, -1], [-1, 3]], 3),  # but not two things at once
    ([[1, -1], [-1, -1], [1, 5], [2, 4], [1, 5]], 2),
    ([[1, 2], [-1, -1], [3, 2]], None), ([[1, 1], [2, 2], [1, 1], [2, 2], [2, 2]], None),
])  # fmt: skip
def test_the_period_is_the_shortest_that_all_rows_keep(rows: list[list[int]], period: int | None) -> None:
    found = values(rows)
    assert found.period() == period
    if period is not None:
        phases = found.phases(period)
        assert all(v in (-1, phases[r % period, lane]) for r, row in enumerate(rows) for lane, v in enumerate(row))


def test_random_rows_agree_with_a_search() -> None:
    rng = np.random.default_rng(0)
    for _ in range(300):
        count, repeated = int(rng.integers(1, 90)), int(rng.integers(1, 12))
        rows = np.resize(rng.integers(0, 3, (repeated, 2)), (count, 2))
        rows[rng.random(rows.shape) < 0.3] = -1
        rows[0, 0] = 1
        if rng.random() < 0.3:
            rows[-1, 0] = 2
        def agree(n: int, rows: np.ndarray = rows) -> bool:
            return all(len({v for v in rows[k::n, lane] if v >= 0}) <= 1 for k in range(n) for lane in range(2))

        assert values(rows.tolist()).period() == next((n for n in range(1, count) if agree(n)), None)


def test_a_period_has_a_longest_length() -> None:
    ramp = np.arange(LONGEST + 1)
    for length, found in ((LONGEST, LONGEST), (LONGEST + 1, None)):
        assert RowValues(np.tile(ramp[:length], 2), identity(2 * length), 1).period() == found
    assert LONGEST == 2047 and GLANCE < LONGEST


def test_padding_that_holds_something_counts_but_not_in_the_last_row() -> None:
    layout = position_major((3, 5), 4)
    ones = np.ones(15, np.int64)
    assert RowValues(ones, layout, 4).period() == 1 and RowValues(ones, layout, 4).phases(1).tolist() == [[1, 1, 1, 0]]
    assert RowValues(ones, layout, 4, padding=0).phases(1).tolist() == [[1, 1, 1, 0]]
    assert RowValues(ones, Layout(np.arange(15) + 2, 20), 4, padding=0).period() is None
    last = RowValues(np.ones(6, np.int64), Layout(np.array([0, 1, 2, 3, 4, 5]), 7), 4, padding=0)
    assert last.period() == 1, "the mask of the last row says that it is not full"


def repeating(period: int, rows: int = 12) -> RowValues:
    return RowValues(np.resize(np.arange(period), rows), identity(rows), 1)


@pytest.mark.parametrize(("periods", "expected"), [
    ({}, (0, ())), ({"a": 12}, (0, ())), ({"a": 2}, (2, ("a",))), ({"a": 2, "b": 3}, (6, ("a", "b"))), ({"a": 5, "b": 4}, (4, ("b",))),
    ({"a": 2, "b": 4, "c": 5}, (4, ("a", "b"))), ({"a": 11, "b": 12}, (11, ("a",))), ({"a": 3, "b": 4}, (3, ("a",))),
])  # fmt: skip
def test_one_period_serves_all_that_save_words(periods: dict[str, int], expected: tuple[int, tuple[str, ...]]) -> None:
    """Of 12 rows: two and three together take 12 words in place of 24, four and five would take 40."""
    assert best_period({name: repeating(period) for name, period in periods.items()}) == expected
