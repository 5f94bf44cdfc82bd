"""Fronts and hypervolumes, by hand and against counting."""

from __future__ import annotations

import numpy as np
import pytest

from lifline.explore.front import compared, hypervolume, undominated


def test_the_first_of_equal_points_stays_and_what_is_beaten_goes() -> None:
    costs = np.array([[1.0, 3], [2, 2], [1, 3], [2, 3], [3, 1], [3, 1.5]])
    assert undominated(costs).tolist() == [True, True, False, False, True, False]


def test_areas_by_hand() -> None:
    assert hypervolume(np.array([[1.0, 1]]), [3, 2]) == 2
    assert hypervolume(np.array([[1.0, 3], [2, 2], [3, 1]]), [4, 4]) == 6
    assert hypervolume(np.array([[5.0, 1], [1, 4]]), [4, 4]) == 0
    assert hypervolume(np.zeros((0, 3)), [1, 1, 1]) == 0


@pytest.mark.parametrize("objectives", [2, 3, 4])
def test_volumes_equal_a_count_of_cells(objectives: int) -> None:
    rng = np.random.default_rng(objectives)
    costs = rng.integers(0, 6, (12, objectives)).astype(np.float64)
    cells = np.stack(np.meshgrid(*[np.arange(6)] * objectives, indexing="ij"), -1).reshape(-1, 1, objectives)
    covered = (cells >= costs).all(axis=2).any(axis=1).sum()
    assert hypervolume(costs, [6] * objectives) == pytest.approx(covered)


def test_two_searches_are_compared_in_one_frame() -> None:
    good, bad = np.array([[0.0, 10], [4, 5]]), np.array([[5.0, 20], [2, 20]])
    assert compared(good, bad) == (pytest.approx(1 * 1 - 0.8 * 1 / 3), 0.0)  # the worst that was found is 5 and 20: nothing of the second lies below both
    assert compared(good, bad, [10, 30]) == (pytest.approx(1 - 0.4 * 0.2), pytest.approx(0.8 * 0.4))
