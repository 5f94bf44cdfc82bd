"""Sum pooling."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from lifline.arch.errors import NetworkError
from lifline.network.connections.convolution import Convolution
from lifline.network.connections.pooling import Pooling

from .geometries import convolved, poolings


@settings(max_examples=100, deadline=None)
@given(poolings())
def test_it_is_a_depthwise_convolution_with_equal_weights(drawn) -> None:
    pooling, source = drawn
    axes = len(source) - 1
    size = pooling.normalised(source).size
    depthwise = Convolution(stride=pooling.stride, padding=pooling.padding, groups=source[0])
    weights, spikes = np.array([-3]), np.random.default_rng(axes).integers(0, 3, source)
    expected = convolved(depthwise, np.full((source[0], 1, *size), -3), spikes)
    assert pooling.output_shape(source, weights) == expected.shape
    assert (pooling.matrix(weights, source, expected.shape) @ spikes.reshape(-1) == expected.reshape(-1)).all()
    synapses = pooling.matrix(np.array([1]), source, expected.shape)
    assert (pooling.fan_out(weights, source, expected.shape) == synapses.sum(axis=0)).all()


def test_windows_follow_each_other_without_a_stride() -> None:
    assert Pooling(2) == Pooling(2, 2) and Pooling((2, 3)).normalised((1, 4, 6)) == Pooling((2, 3), (2, 3), ((0, 0), (0, 0)))
    assert Pooling(2).output_shape((4, 5, 7), np.array([1])) == (4, 2, 3)


@pytest.mark.parametrize(
    ("pooling", "weights", "source", "message"),
    [
        (Pooling(2), (2,), (1, 4), r"weights have shape \(2,\); a pooling has one weight"),
        (Pooling(2), (1,), (4,), r"a pooling needs a source \(channels, length\)"),
        (Pooling(2), (1,), (1, 1, 1, 1), "a pooling needs a source"),
        (Pooling(5), (1,), (1, 4), "a window over 5 positions is larger than its source of 4"),
        (Pooling((2, 2)), (1,), (1, 4), r"size \(2, 2\) has 2 values"),
    ],
)
def test_what_does_not_fit_is_refused(pooling: Pooling, weights: tuple, source: tuple, message: str) -> None:
    with pytest.raises(NetworkError, match=message):
        pooling.output_shape(source, np.ones(weights, int))


@pytest.mark.parametrize("options", [dict(size=0), dict(size=2, stride=0), dict(size=2, padding=-1), dict(size=None)])
def test_values_out_of_range_are_refused(options: dict) -> None:
    with pytest.raises(NetworkError, match="of a pooling:"):
        Pooling(**options)


def test_it_describes_itself() -> None:
    one = np.array([1])
    assert Pooling(2).describe(one) == "2 pooling" and Pooling((2, 3), 1).describe(one) == "2x3 pooling, stride 1"
