"""Random geometries of convolutions, pooling and identities: what a walk through weights and slots can get wrong."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import prod

import numpy as np
from numpy.random import Generator

from lifline.arch.arithmetic import DECAY_ONE
from lifline.network.connections.axes import Axis
from lifline.network.connections.convolution import Convolution
from lifline.network.connections.identity import Identity
from lifline.network.connections.kind import Connection
from lifline.network.connections.pooling import Pooling
from lifline.network.connections.windows import Window, Windowed
from lifline.network.model import Network, Projection, ResetRule

Shape = tuple[int, ...]
CHANNELS = (1, 3, 20, 65)
"""One; few; more than most lanes, but no multiple of them; many, and one more than that."""
GEOMETRIES = (
    "convolution", "pooling", "identity", "one axis", "two axes", "1x1 image", "1xN image", "kernel larger than its input", "1x1 kernel", "stride 2", "stride 3",
    "stride larger than the kernel", "dilation 2", "groups", "depthwise", "zeros around the source", "zeros on one side", "folded pool", "pool with a rest",
    "windows that overlap", "places that reach nothing", "weight per channel", *(f"{n} channels" for n in CHANNELS), "one delay per channel",
    "several projections of one pair", "several delays of one pair", "same weights twice", "several windows into one population",
    "windows and full connection into one population", "diamond", "without memory", "recurrent window",
)  # fmt: skip
"""Classes that verification must meet, see :func:`classes`."""


def random_shape(rng: Generator, largest: int, longest: int = 8) -> Shape:
    """Channels, and one or two axes of at most ``longest`` positions: now and then a single one, or a line of up to twice as many; at most ``largest`` neurons."""
    channels = int(rng.choice([n for n in (*CHANNELS, CHANNELS[-1]) if n <= largest])) if rng.random() < 0.5 else int(rng.integers(1, 9))
    style = rng.random()
    room = max(1, largest // channels)
    if style < 0.1:
        return channels, 1, 1
    longest = min(longest, room)
    if style < 0.25:
        line = 1, int(rng.integers(1, longest + 1))
        return (channels, *(line if rng.random() < 0.5 else line[::-1]))
    if style < 0.45:
        return channels, int(rng.integers(1, min(2 * longest, room) + 1))
    height = int(rng.integers(1, longest + 1))
    return channels, height, int(rng.integers(1, min(longest, max(1, room // height)) + 1))


def _axis(rng: Generator, length: int) -> Axis:
    """Any window on an axis."""
    while True:
        pool = 1 if rng.random() < 0.7 else int(rng.integers(1, min(3, length) + 1))
        before, after = (0, 0) if rng.random() < 0.3 else (int(p) for p in rng.integers(0, 4, 2))
        axis = Axis(
            length, kernel=int(rng.choice([1, 2, 3, 3, 5])), stride=int(rng.choice([1, 1, 2, 3])), dilation=int(rng.choice([1, 1, 1, 2])),
            before=before, after=before if rng.random() < 0.5 else after, pool=pool,
        )  # fmt: skip
        if axis.dilation * (axis.kernel - 1) < axis.pooled + axis.before + axis.after:
            return axis


def _axis_onto(rng: Generator, length: int, target: int) -> Axis:
    """A window that makes ``target`` positions of ``length``."""
    stride = int(rng.choice([1, 1, 2, 3]))
    beyond = (target - 1) * stride - length  # where the first tap of the last window is, counted from the end
    rest = int(rng.integers(stride))
    kernel = max(1, -beyond - rest) + int(rng.choice([0, 0, 1, 2]))
    padding = beyond + kernel + rest
    if padding < 0:  # what is left over is at most a stride less one
        kernel, padding = kernel - padding, 0
    before = int(rng.integers(padding + 1))
    return Axis(length, kernel=kernel, stride=stride, before=before, after=padding - before)


def _convolution(axes: list[Axis], groups: int) -> Convolution:
    def each(name: str) -> tuple[int, ...]:
        return tuple(getattr(a, name) for a in axes)

    return Convolution(
        stride=each("stride"), padding=tuple((a.before, a.after) for a in axes), dilation=each("dilation"), groups=groups, pool=each("pool"),
    )  # fmt: skip


def random_window(rng: Generator, source: Shape, largest: int, *, plain: bool = False) -> tuple[Windowed, Shape, Shape] | None:
    """A connection from a source of this shape, with the shape of its weights and of its target, which has at most ``largest`` neurons; None if
    none was found. ``plain`` : a convolution without groups, pools and, along its last axis, dilation."""
    for _ in range(20):
        style = 1.0 if plain else rng.random()
        if style < 0.15:
            connection: Windowed = Identity()
            weights: Shape = (1,) if rng.random() < 0.5 else source[:1]
        elif style < 0.35:
            found = [_axis(rng, n) for n in source[1:]]
            connection = Pooling(
                tuple(a.kernel for a in found), None if rng.random() < 0.4 else tuple(a.stride for a in found), tuple((a.before, a.after) for a in found)
            )
            weights = (1,)
        else:
            axes = [_axis(rng, n) for n in source[1:]]
            if plain:
                axes = [replace(a, pool=1, dilation=1 if k == len(axes) - 1 else a.dilation) for k, a in enumerate(axes)]
            groups = 1 if plain or rng.random() < 0.6 else int(rng.choice([g for g in range(1, source[0] + 1) if source[0] % g == 0]))
            outputs = groups * int(rng.integers(1, 5)) if groups > 1 else random_shape(rng, largest)[0]
            connection = _convolution(axes, groups)
            weights = (outputs, source[0] // groups, *(a.kernel for a in axes))
        if all(n + b + a >= k for n, (b, a), k in _pooled(connection, source)):
            target = connection.output_shape(source, np.zeros(weights, np.int64))
            if prod(target) <= largest:
                return connection, weights, target
    return None


def _pooled(connection: Windowed, source: Shape) -> Iterator[tuple[int, tuple[int, int], int]]:
    """Of a pooling, per axis: positions, padding, size; drawn for a convolution's axis, it may not fit."""
    if isinstance(connection, Pooling):
        full = connection.normalised(source)
        yield from zip(source[1:], full.padding, full.size, strict=True)  # type: ignore[arg-type]


def random_window_onto(rng: Generator, source: Shape, target: Shape) -> tuple[Windowed, Shape] | None:
    """A connection between populations of these shapes, with the shape of its weights; None if their axes differ."""
    if len(source) != len(target) or len(source) not in (2, 3):
        return None
    if source == target and rng.random() < 0.5:
        return Identity(), (1,) if rng.random() < 0.5 else source[:1]
    axes = [_axis_onto(rng, n, m) for n, m in zip(source[1:], target[1:], strict=True)]
    common = [g for g in range(1, min(source[0], target[0]) + 1) if source[0] % g == 0 and target[0] % g == 0]
    groups = 1 if rng.random() < 0.6 else int(rng.choice(common))
    return _convolution(axes, groups), (target[0], source[0] // groups, *(a.kernel for a in axes))


def classes(network: Network) -> set[str]:
    """Which of :data:`GEOMETRIES` this network has."""
    found: set[str] = set()
    pairs: dict[tuple[str, str], list[Projection]] = {}
    into: dict[str, list[Connection]] = {}
    for projection in network.projections:
        pairs.setdefault((projection.source, projection.target), []).append(projection)
        into.setdefault(projection.target, []).append(projection.connection)
        if isinstance(projection.connection, Windowed):
            found |= _of_projection(projection)
    for several in pairs.values():
        found |= {"several projections of one pair"} if len(several) > 1 else set()
        found |= {"several delays of one pair"} if len({tuple(p.delay_vector()) for p in several}) > 1 else set()
    windowed = [p for p in network.projections if isinstance(p.connection, Convolution)]
    found |= {"same weights twice" for k, p in enumerate(windowed) for q in windowed[:k] if _same_weights(p, q)}
    for connections in into.values():
        windows = sum(isinstance(c, Windowed) for c in connections)
        found |= {"several windows into one population"} if windows > 1 else set()
        found |= {"windows and full connection into one population"} if 0 < windows < len(connections) else set()
    places = [p.name for p in network.populations]
    found |= {"recurrent window" for p in network.projections if isinstance(p.connection, Windowed) and places.index(p.source) >= places.index(p.target)}
    sources = {name: {p.source for p in network.projections if p.target == name} for name in into}
    found |= {"diamond" for own in sources.values() for a in own for b in own if a < b and sources.get(a, set()) & ({a, b} | sources.get(b, set()))}
    forgetful = {p.name for p in network.populations if p.neurons is not None and p.neurons.decay_v == p.neurons.decay_i == DECAY_ONE and p.neurons.reset is ResetRule.NOW_VALUE}
    found |= {"without memory" for name, own in into.items() if name in forgetful and any(isinstance(c, Windowed) for c in own)}
    return found & set(GEOMETRIES)


def _same_weights(one: Projection, other: Projection) -> bool:
    return one.weights.shape == other.weights.shape and one.weights.size > 1 and bool((one.weights == other.weights).all())


def _of_projection(projection: Projection) -> set[str]:
    """Likewise, of one projection with a window."""
    connection = projection.connection
    assert isinstance(connection, Windowed)
    source, _ = projection.shapes
    window: Window = connection.window(projection.weights, source)
    axes, positions = window.axes, source[1:]
    flags = {
        connection.name: True,
        "one axis": len(positions) == 1,
        "two axes": len(positions) == 2,
        "1x1 image": positions == (1, 1),
        "1xN image": len(positions) == 2 and min(positions) == 1 < max(positions),
        f"{source[0]} channels": True,
        f"{window.outputs} channels": True,
        "one delay per channel": source[0] > 1 and np.size(0 if projection.delays is None else projection.delays) == source[0] and np.ptp(projection.delay_vector()) > 0,
    }  # fmt: skip
    if isinstance(connection, Identity):
        return {name for name, on in (flags | {"weight per channel": projection.weights.size > 1}).items() if on}
    flags |= {
        "kernel larger than its input": any(a.kernel > a.length for a in axes),
        "1x1 kernel": isinstance(connection, Convolution) and all(a.kernel == 1 for a in axes),
        "stride 2": any(a.stride == 2 for a in axes),
        "stride 3": any(a.stride == 3 for a in axes),
        "stride larger than the kernel": any(a.stride > a.kernel and a.target > 1 for a in axes),
        "dilation 2": any(a.dilation == 2 and a.kernel > 1 for a in axes),
        "groups": 1 < window.groups < window.channels,
        "depthwise": isinstance(connection, Convolution) and window.groups == window.channels > 1,
        "zeros around the source": any(a.before + a.after for a in axes),
        "zeros on one side": any((a.before == 0) != (a.after == 0) for a in axes),
        "folded pool": any(a.pool > 1 for a in axes),
        "pool with a rest": any(a.length % a.pool for a in axes),
        "windows that overlap": isinstance(connection, Pooling) and any(a.stride < a.kernel and a.target > 1 for a in axes),
        "places that reach nothing": bool((projection.fan_out() == 0).any()),
    }
    return {name for name, on in flags.items() if on}
