"""Convolutions: which synapses there are, and which are refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lifline.arch.errors import NetworkError
from lifline.network.connections.convolution import Convolution

from .geometries import convolutions, convolved


@settings(max_examples=150, deadline=None)
@given(convolutions(), st.integers(0, 2**32 - 1))
def test_the_matrix_is_the_definition(drawn, seed: int) -> None:
    connection, shape, source = drawn
    rng = np.random.default_rng(seed)
    weights, spikes = rng.integers(-127, 128, shape), rng.integers(0, 3, source)
    expected = convolved(connection, weights, spikes)
    assert connection.output_shape(source, weights) == expected.shape
    connection.validate(weights, source, expected.shape)
    matrix = connection.matrix(weights, source, expected.shape)
    assert (matrix @ spikes.reshape(-1) == expected.reshape(-1)).all()
    ones = np.ones_like(weights)
    assert (connection.fan_out(weights, source, expected.shape) == connection.matrix(ones, source, expected.shape).sum(axis=0)).all()
    assert connection.synapses(weights, source, expected.shape) == connection.matrix(ones, source, expected.shape).sum()


@pytest.mark.parametrize("axes", [1, 2])
def test_it_is_what_pytorch_computes(axes: int) -> None:
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(axes)
    source, weights = rng.integers(0, 2, (6, *(9, 7)[:axes])), rng.integers(-8, 8, (4, 3, *(3, 2)[:axes]))
    options = dict(stride=(2, 3)[:axes], padding=(1, 2)[:axes], dilation=(2, 1)[:axes], groups=2)
    function = torch.nn.functional.conv1d if axes == 1 else torch.nn.functional.conv2d
    expected = function(torch.tensor(source[None]).double(), torch.tensor(weights).double(), **options)[0].numpy()
    connection = Convolution(**options)
    assert (connection.matrix(weights, source.shape, expected.shape) @ source.reshape(-1) == expected.reshape(-1)).all()


def test_one_value_stands_for_all_axes() -> None:
    both = Convolution(stride=2, padding=1, dilation=3, pool=2).normalised((4, 9, 9))
    assert both == Convolution(stride=(2, 2), padding=((1, 1), (1, 1)), dilation=(3, 3), pool=(2, 2))
    assert both.normalised((4, 9, 9)) == both
    assert Convolution(padding=(1, 0)).normalised((1, 3, 3)).padding == ((1, 1), (0, 0))
    assert Convolution(padding=[[1, 0]]).normalised((1, 3)).padding == ((1, 0),)


@pytest.mark.parametrize(
    ("connection", "weights", "source", "message"),
    [
        (Convolution(), (4, 1, 5, 5), (1, 3, 3), "window over 5 positions is larger than its source of 3"),
        (Convolution(padding=1), (4, 1, 6), (1, 3), r"larger than its source of 5 \(3 and 1 \+ 1 of padding\)"),
        (Convolution(dilation=3), (4, 1, 2), (1, 3), "window over 4 positions"),
        (Convolution(pool=4), (4, 1, 1), (1, 3), "a pool of 4 positions is larger than its source of 3"),
        (Convolution(groups=3), (3, 1, 1), (20, 3), "3 groups do not divide the source's 20 channels"),
        (Convolution(groups=5), (4, 4, 1), (20, 3), "5 groups do not divide the target's 4 channels"),
        (Convolution(groups=2), (4, 20, 1), (20, 3), "20 channels per group, the source's 20 in 2 groups are 10"),
        (Convolution(), (4, 3, 1), (20, 3), "3 channels per group, the source's 20 in 1 groups are 20"),
        (Convolution(), (4, 3), (3, 3), r"weights have shape \(4, 3\); a convolution needs"),
        (Convolution(), (4, 3, 0), (3, 3), "a convolution needs"),
        (Convolution(), (4, 3, 1, 1, 1), (3, 3, 1, 1), "a convolution needs"),
        (Convolution(), (4, 3, 1), (3, 3, 1), r"need a source \(channels, length\), not \(3, 3, 1\)"),
        (Convolution(), (4, 3, 1, 1), (9,), r"need a source \(channels, height, width\), not \(9,\)"),
        (Convolution(stride=(1, 1, 1)), (4, 3, 1, 1), (3, 3, 1), r"stride \(1, 1, 1\) has 3 values, the source has 2 axes"),
        (Convolution(padding=((1, 1),)), (4, 3, 1, 1), (3, 3, 1), "padding .* has 1 values"),
    ],
)
def test_what_does_not_fit_is_refused(connection: Convolution, weights: tuple, source: tuple, message: str) -> None:
    with pytest.raises(NetworkError, match=message):
        connection.output_shape(source, np.ones(weights, int))


def test_another_target_shape_is_refused() -> None:
    with pytest.raises(NetworkError, match=r"convolution of a source \(3, 4\) gives \(4, 2\), the target has shape \(8,\)"):
        Convolution(stride=2).validate(np.ones((4, 3, 1), int), (3, 4), (8,))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(stride=0), "stride of a convolution: 0 must be in 1..65535"),
        (dict(stride=1.5), "stride of a convolution: must be integers"),
        (dict(stride=[]), "stride of a convolution:"),
        (dict(stride=[[1]]), "must be one value"),
        (dict(dilation=(1, 0)), "dilation of a convolution: 0"),
        (dict(pool=70_000), "pool of a convolution: 70000"),
        (dict(padding=-1), "padding of a convolution: -1 must be in 0..65535"),
        (dict(padding=[[1, 2, 3]]), r"pair \(before, after\)"),
        (dict(padding="same"), "padding of a convolution: must be integers"),
        (dict(groups=0), "groups of a convolution: 0"),
        (dict(groups=(1, 1)), "groups of a convolution:"),
    ],
)
def test_values_out_of_range_are_refused(options: dict, message: str) -> None:
    with pytest.raises(NetworkError, match=message):
        Convolution(**options)


@pytest.mark.parametrize(
    ("connection", "text"),
    [
        (Convolution(), "3x5 convolution"),
        (Convolution(stride=2, padding=1), "3x5 convolution, stride 2"),
        (Convolution(stride=(2, 2), groups=4), "3x5 convolution, stride 2, groups 4"),
        (Convolution(stride=(1, 2), dilation=3, pool=(2, 2)), "3x5 convolution, stride 1x2, dilation 3, pool 2"),
    ],
)
def test_it_describes_itself(connection: Convolution, text: str) -> None:
    assert connection.describe(np.ones((8, 4, 3, 5), int)) == text
