"""Whatever operators lie between populations: the connection that is found has exactly the weights of the chain, pair by pair."""

from __future__ import annotations

from collections import Counter
from math import prod
from typing import Any

import numpy as np
import pytest

from lifline.arch.errors import ConversionError
from lifline.convert.floating.operators import Convolution, Dense, Offset, Operator, Pool, Reshape, Scale, Select, Shape
from lifline.convert.structure.chains import Structure, Unstructured, per_channel, structure_of
from lifline.network.connections import convolution, identity, pooling


def matrix(operators: tuple[Operator, ...], source: Shape) -> np.ndarray:
    x = np.eye(prod(source)).reshape(-1, *source)
    for operator in operators:
        x = operator.without_bias().apply(x)
    return x.reshape(len(x), -1).T


def check(operators: tuple[Operator, ...], source: Shape) -> Structure:
    """The structure, its integer weights compared with the chain's; means are of powers of two, so that everything is exact."""
    found = structure_of(operators, source)
    unit = 2.0**12
    weights = np.rint(found.weights * unit).astype(np.int64)
    assert np.array_equal(weights / unit, found.weights), "the test's own numbers are exact"
    seen, made = found.source or source, found.target or found.source or source
    found.connection.validate(weights, seen, made)
    np.testing.assert_array_equal(found.connection.matrix(weights, seen, made) / unit, matrix(operators, source))
    return found


def conv(rng: np.random.Generator, inputs: int, outputs: int, kernel: Shape, **options: Any) -> Convolution:
    axes, groups = len(kernel), options.pop("groups", 1)
    fields: dict[str, Any] = {"stride": (1,) * axes, "padding": ((0, 0),) * axes, "dilation": (1,) * axes}
    weight = rng.integers(-8, 9, (outputs, inputs // groups, *kernel)).astype(np.float64)
    return Convolution(weight, rng.normal(size=outputs), **(fields | options), groups=groups)


def embed(at: int, channels: int, shape: Shape) -> Select:
    """Concatenation as one source sees it: its channels among others."""
    positions = prod(shape[1:])
    index = np.full((channels, positions), -1)
    index[at : at + shape[0]] = np.arange(prod(shape)).reshape(shape[0], -1)
    return Select(index, (channels, *shape[1:]))


RNG = np.random.default_rng(0)
IMAGE = (4, 6, 5)
FACTORS = Scale(np.arange(1, 5).reshape(-1, 1, 1) / 2)
CHAINS: dict[str, tuple[tuple[Operator, ...], Shape, Any]] = {
    "nothing": ((), IMAGE, identity.Identity()),
    "one factor": ((Scale(np.full((1, 1, 1), 0.5)), Offset(np.ones(IMAGE))), IMAGE, identity.Identity()),
    "a factor per channel": ((FACTORS,), IMAGE, identity.Identity()),
    "flattened and back": ((Reshape((120,)), Reshape(IMAGE)), IMAGE, identity.Identity()),
    "convolution": ((conv(RNG, 4, 3, (3, 3), padding=((1, 1), (0, 2)), stride=(2, 1)),), IMAGE, convolution.Convolution((2, 1), ((1, 1), (0, 2)), (1, 1), 1, 1)),
    "average pooling": ((Pool((2, 2), (2, 2), (0, 0), True),), IMAGE, pooling.Pooling((2, 2), (2, 2), (0, 0))),
    "overlapping sums": ((Pool((3, 2), (2, 1), (1, 0), False),), IMAGE, pooling.Pooling((3, 2), (2, 1), (1, 0))),
    "pooling twice": ((Pool((2, 2), (2, 2), (0, 0), True), Pool((3, 1), (3, 1), (0, 0), False)), IMAGE, pooling.Pooling((6, 2), (6, 2), (0, 0))),
    "pooling, a factor per channel": (
        (Pool((2, 2), (2, 2), (0, 0), True), FACTORS), IMAGE, convolution.Convolution((1, 1), ((0, 0), (0, 0)), (1, 1), 4, (2, 2)),
    ),
    "pooling, then a convolution": (
        (FACTORS, Pool((2, 2), (2, 2), (0, 0), True), conv(RNG, 4, 8, (2, 2), padding=((1, 1), (1, 1)), groups=2)),
        IMAGE, convolution.Convolution((1, 1), ((1, 1), (1, 1)), (1, 1), 2, (2, 2)),
    ),
    "pooling, then all positions that are left": (
        (Pool((3, 2), (3, 2), (0, 0), False), Reshape((16,)), Dense(RNG.integers(-5, 6, (7, 16)) * 1.0)),
        IMAGE, convolution.Convolution((1, 1), ((0, 0), (0, 0)), (1, 1), 1, (3, 2)),
    ),
    "a convolution, then pooling": (
        (conv(RNG, 4, 6, (3, 3), padding=((1, 1), (1, 1))), Pool((2, 2), (2, 2), (0, 0), True)), IMAGE, convolution.Convolution((2, 2), ((1, 1), (1, 1)), (1, 1), 1, 1),
    ),
    "depthwise, then pointwise": (
        (conv(RNG, 4, 4, (3, 3), padding=((1, 1), (1, 1)), dilation=(2, 1), groups=4), Scale(np.full((4, 1, 1), 0.25)), conv(RNG, 4, 9, (1, 1), stride=(1, 2))),
        IMAGE, convolution.Convolution((1, 2), ((1, 1), (1, 1)), (2, 1), 1, 1),
    ),
    "some channels of a concatenation": (
        (embed(2, 9, IMAGE), conv(RNG, 9, 5, (3, 2), padding=((1, 1), (1, 0)))), IMAGE, convolution.Convolution((1, 1), ((1, 1), (1, 0)), (1, 1), 1, 1),
    ),
    "a part of the rows, every second column": (
        (Select(np.arange(120).reshape(IMAGE)[:, 1:4, ::2].reshape(-1), (4, 3, 3)), conv(RNG, 4, 2, (2, 2))),
        IMAGE, convolution.Convolution((1, 2), ((0, 0), (0, 0)), (1, 2), 1, 1),
    ),
    "one axis": ((conv(RNG, 4, 6, (3,), stride=(2,), dilation=(2,)),), (4, 11), convolution.Convolution((2,), ((0, 0),), (2,), 1, 1)),
    "a flat input": ((Reshape((1, 12, 10)), conv(RNG, 1, 3, (3, 3))), (120,), convolution.Convolution((1, 1), ((0, 0), (0, 0)), (1, 1), 1, 1)),
}  # fmt: skip


@pytest.mark.parametrize("name", CHAINS)
def test_a_chain_is_the_connection_that_one_expects(name: str) -> None:
    operators, source, connection = CHAINS[name]
    found = check(operators, source)
    assert found.connection == connection


def test_channels_of_a_concatenation_take_their_slice_of_the_kernel() -> None:
    operators, source, _ = CHAINS["some channels of a concatenation"]
    kernel = operators[1]
    assert isinstance(kernel, Convolution)
    np.testing.assert_array_equal(structure_of(operators, source).weights, kernel.weight[:, 2:6])


@pytest.mark.parametrize(
    ("operators", "source", "usual", "reason"),
    [
        ((Reshape((120,)), Dense(np.ones((3, 120)))), IMAGE, True, "dense"),
        ((Select(np.arange(120).reshape(IMAGE)[:, ::-1].reshape(-1), IMAGE), conv(RNG, 4, 2, (3, 3))), IMAGE, False, "a flip"),
        ((Select(np.arange(120).reshape(IMAGE).swapaxes(1, 2).reshape(-1), (4, 5, 6)), conv(RNG, 4, 2, (3, 3))), IMAGE, False, "order"),
        ((Scale(np.arange(120).reshape(IMAGE) * 1.0), conv(RNG, 4, 2, (3, 3))), IMAGE, False, "differs between the positions"),
        ((conv(RNG, 4, 2, (3, 3), padding=((1, 1), (1, 1))), conv(RNG, 2, 2, (3, 3), padding=((1, 1), (1, 1)))), IMAGE, False, "padding lies between"),
        ((conv(RNG, 4, 2, (6, 5)),), IMAGE, True, "all pairs"),
    ],
)
def test_what_no_connection_expresses_says_why(operators: Any, source: Shape, usual: bool, reason: str) -> None:
    with pytest.raises(Unstructured, match=reason) as error:
        structure_of(operators, source)
    assert error.value.usual is usual


def _random_operator(rng: np.random.Generator, shape: Shape) -> Operator | None:
    """One that fits behind values of ``shape``, or None."""
    axes = len(shape) - 1
    match rng.integers(6 if axes == 2 else 4):
        case 0 | 1:
            groups = int(rng.choice([g for g in range(1, shape[0] + 1) if shape[0] % g == 0]))
            kernel = tuple(int(n) for n in rng.integers(1, 4, axes))
            outputs = groups * int(rng.integers(1, 3))
            padding = tuple((int(a), int(b)) for a, b in rng.integers(0, 3, (axes, 2)))
            found: Operator = conv(
                rng, shape[0], outputs, kernel, stride=tuple(rng.integers(1, 4, axes).tolist()), padding=padding, dilation=tuple(rng.integers(1, 3, axes).tolist()),
                groups=groups,
            )  # fmt: skip
        case 2:
            found = Scale(rng.integers(1, 4, (shape[0], *(1,) * axes)) / 2 * np.ones(shape))
        case 3:
            before, after = rng.integers(0, 2, 2)
            found = embed(int(before), shape[0] + int(before + after), shape)
        case 4:
            size, padding = tuple(rng.choice([1, 2, 4], 2).tolist()), tuple(rng.integers(0, 2, 2).tolist())
            stride = size if rng.random() < 0.7 else tuple(rng.integers(1, 4, 2).tolist())
            found = Pool(size, stride, padding if rng.random() < 0.3 else (0, 0), bool(rng.integers(2)))  # type: ignore[arg-type]
        case _:
            rows, columns = (slice(int(a), int(n - b), int(s)) for n, (a, b, s) in zip(shape[1:], rng.integers((0, 0, 1), (2, 2, 3), (2, 3)), strict=True))
            index = np.arange(prod(shape)).reshape(shape)[:, rows, columns]
            found = Select(index.reshape(-1), index.shape)
    return found if prod(_shape_behind(found, shape)) else None


def _shape_behind(operator: Operator, shape: Shape) -> Shape:
    try:
        return operator.output_shape(shape)
    except ConversionError:
        return (0,)


def test_random_chains_are_exact_or_refused() -> None:
    """Chains of up to four operators over one or two axes: each is the connection's matrix exactly, and most are a connection."""
    rng = np.random.default_rng(1)
    kinds: Counter[str] = Counter()
    for _ in range(600):
        shape = source = (int(rng.integers(1, 5)), *rng.integers(1, 8, rng.integers(1, 3)).tolist())
        chain: list[Operator] = []
        for _ in range(int(rng.integers(1, 5))):
            operator = _random_operator(rng, shape)
            if operator is not None and prod(operator.output_shape(shape)) <= 400:
                chain.append(operator)
                shape = operator.output_shape(shape)
        try:
            found = check(tuple(chain), source)
        except Unstructured as reason:
            kinds["usual" if reason.usual else "refused"] += 1
            continue
        kinds[found.connection.name] += 1
    assert kinds["convolution"] > 200 and kinds["pooling"] > 10 and kinds["identity"] > 10 and kinds["refused"] < 150, kinds


@pytest.mark.parametrize("name", ["one factor", "average pooling", "overlapping sums"])
def test_one_weight_becomes_one_per_channel_where_channels_have_own_scales(name: str) -> None:
    operators, source, _ = CHAINS[name]
    found = structure_of(operators, source)
    own = per_channel(found, source[0])
    factors = np.arange(1, source[0] + 1)
    scaled = (own.weights * 4096 * factors.reshape(-1, *(1,) * (own.weights.ndim - 1))).astype(np.int64)
    target = found.target or source
    plain = found.connection.matrix((found.weights * 4096).astype(np.int64), source, target)
    expected = plain.reshape(source[0], -1, plain.shape[1]) * factors.reshape(-1, 1, 1)
    np.testing.assert_array_equal(own.connection.matrix(scaled, source, target), expected.reshape(plain.shape))
