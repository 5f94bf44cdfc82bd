"""Random convolutions, pooling and identities: every class of geometry is drawn, and all of them are valid."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from lifline.network.connections.convolution import Convolution
from lifline.network.connections.pooling import Pooling
from lifline.network.model import Network, Neurons, Population, Projection
from lifline.sim.random.geometry import GEOMETRIES, classes, random_shape, random_window, random_window_onto
from lifline.sim.random.network import random_network
from lifline.sim.random.variants import VARIANTS


def test_every_class_is_drawn() -> None:
    found: Counter[str] = Counter()
    for seed in range(300):
        found.update(classes(random_network(np.random.default_rng(seed), config=VARIANTS["maps"], recurrent=seed % 3 == 0, corners=True)))
    assert found.keys() == set(GEOMETRIES) and min(found.values()) >= 5, found


def test_a_configuration_without_maps_gets_none() -> None:
    for seed in range(50):
        assert not classes(random_network(np.random.default_rng(seed), config=VARIANTS["tiny"])) - {"diamond"}


def test_shapes_are_as_large_as_allowed_and_no_larger() -> None:
    rng = np.random.default_rng(0)
    shapes = [random_shape(rng, 70) for _ in range(1000)]
    assert max(np.prod(s) for s in shapes) <= 70 and {s[0] for s in shapes} >= {1, 3, 20, 65} and {len(s) for s in shapes} == {2, 3}


@pytest.mark.parametrize(("source", "target"), [((3, 8, 5), (2, 8, 5)), ((4, 2, 2), (6, 7, 1)), ((1, 16), (65, 3)), ((6, 1, 1), (4, 5, 5)), ((2, 9), (2, 1))])
def test_windows_onto_a_shape_make_it(source: tuple[int, ...], target: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    for _ in range(100):
        drawn = random_window_onto(rng, source, target)
        assert drawn is not None
        connection, weights = drawn
        assert connection.output_shape(source, np.zeros(weights, int)) == target


def test_what_has_other_axes_gets_no_window() -> None:
    rng = np.random.default_rng(0)
    assert random_window_onto(rng, (3, 4), (3, 4, 4)) is random_window_onto(rng, (12,), (12,)) is None


def test_targets_of_windows_are_no_larger_than_allowed() -> None:
    rng = np.random.default_rng(0)
    drawn = [found for _ in range(300) if (found := random_window(rng, (3, 6, 6), 40)) is not None]
    assert len(drawn) > 250 and all(np.prod(target) <= 40 for _, _, target in drawn)


def network(*projections: Projection, shapes: dict[str, tuple[int, ...]]) -> Network:
    first, *others = shapes
    populations = (Population(first, shapes[first]), *(Population(name, shapes[name], Neurons(threshold=5)) for name in others))
    return Network(name="one", populations=populations, projections=projections, output=others[-1])


def test_classes_of_a_network_are_those_that_it_has() -> None:
    ones = np.ones((2, 3, 3, 3), int)
    plain = network(Projection(source="a", target="b", weights=ones, connection=Convolution()), shapes={"a": (3, 5, 5), "b": (2, 3, 3)})
    assert classes(plain) == {"convolution", "two axes", "3 channels"}
    strided = network(
        Projection(source="a", target="b", weights=np.ones((2, 3, 2), int), connection=Convolution(stride=3, padding=((1, 0),)), delays=[1, 2, 3]),
        shapes={"a": (3, 5), "b": (2, 2)},
    )
    assert classes(strided) == {
        "convolution", "one axis", "3 channels", "stride 3", "stride larger than the kernel", "zeros around the source", "zeros on one side", "one delay per channel",
        "places that reach nothing",
    }  # fmt: skip
    pooled = network(
        Projection(source="a", target="b", weights=[1], connection=Pooling(2, stride=1)),
        Projection(source="a", target="b", weights=[1], connection=Pooling(2, stride=1), delays=2),
        shapes={"a": (1, 3), "b": (1, 2)},
    )
    assert classes(pooled) == {
        "pooling", "one axis", "1 channels", "windows that overlap", "several projections of one pair", "several delays of one pair",
        "several windows into one population",
    }  # fmt: skip
