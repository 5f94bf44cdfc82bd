"""Rate codes: counts, places of spikes, and refused values."""

from __future__ import annotations

from fractions import Fraction
from math import floor

import numpy as np
import pytest

from lifline.arch.errors import InputError
from lifline.network.encode import poisson_spikes, regular_spikes


@pytest.mark.parametrize("phase", [0.0, 0.25, 0.5])
@pytest.mark.parametrize("steps", [1, 7, 16])
def test_regular_is_an_integrate_and_fire_neuron(steps: int, phase: float) -> None:
    """Against the neuron itself, in exact fractions."""
    spikes = regular_spikes(np.arange(17)[None] / 16, steps, phase=phase)
    assert spikes.shape == (1, steps, 17) and spikes.dtype == np.uint8
    for k in range(17):
        v = Fraction(phase)
        for t in range(steps):
            v += Fraction(k, 16)
            assert spikes[0, t, k] == (v >= 1)
            v -= v >= 1
        assert spikes[0, :, k].sum() == floor(Fraction(k, 16) * steps + Fraction(phase))


def test_shapes_are_flattened_in_framework_order() -> None:
    values = np.zeros((2, 3, 4))
    values[1, 2, 1] = 1
    assert np.argwhere(regular_spikes(values, 2)).tolist() == [[1, 0, 9], [1, 1, 9]]


def test_poisson_rates() -> None:
    values = np.array([[0.0, 0.1, 0.5, 1.0]])
    spikes = poisson_spikes(values, 4000, np.random.default_rng(0))
    # Five standard deviations of 4000 draws are below 0.04; 0 and 1 leave no chance.
    assert np.abs(spikes.mean((0, 1)) - values[0]).max() < 0.04
    assert not spikes[..., 0].any() and spikes[..., 3].all()
    assert np.array_equal(spikes, poisson_spikes(values, 4000, np.random.default_rng(0)))


@pytest.mark.parametrize(
    ("values", "steps", "options", "message"),
    [
        ([[1.5]], 4, {}, "0..1"),
        ([[-0.1]], 4, {}, "0..1"),
        ([[np.nan]], 4, {}, "0..1"),
        ([0.5], 4, {}, "shape"),
        (np.zeros((0, 3)), 4, {}, "shape"),
        ([[0.5]], 0, {}, "at least 1"),
        ([[0.5]], 4, {"phase": 1.0}, "phase"),
    ],
)
def test_refused(values: object, steps: int, options: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        regular_spikes(np.asarray(values), steps, **options)
