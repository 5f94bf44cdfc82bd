"""Random geometries of connections, and random trainable networks made of them, for the property tests."""

from __future__ import annotations

import numpy as np
import torch

from lifline import train
from lifline.arch.errors import NetworkError
from lifline.network.connections.kind import Connection, Shape
from lifline.network.model import ResetRule


def random_convolution(rng: np.random.Generator, axes: int, channels: int) -> tuple[train.Convolution, Shape, int]:
    """A convolution of a source with so many channels, its kernel, and its target channels; it need not fit the source's positions."""
    groups = int(rng.choice([g for g in range(1, channels + 1) if channels % g == 0]))

    def each(low: int, high: int) -> int | tuple[int, ...]:
        values = tuple(rng.integers(low, high + 1, axes).tolist())
        return values if rng.random() < 0.5 else values[0]

    padding = tuple(tuple(pair) for pair in rng.integers(0, 3, (axes, 2)).tolist()) if rng.random() < 0.5 else each(0, 3)
    connection = train.Convolution(each(1, 3), padding, each(1, 2), groups, each(1, 2) if rng.random() < 0.4 else 1)
    return connection, tuple(rng.integers(1, 5, axes).tolist()), groups * int(rng.integers(1, 4))


def fitting(rng: np.random.Generator, source: Shape) -> tuple[Connection, Shape, Shape]:
    """A random connection that fits a source (channel, *position), its kernel, and the target's shape."""
    axes = len(source) - 1
    while True:
        kind = rng.integers(5)
        connection: Connection = train.Identity()
        kernel: Shape = ()
        shape = (1,)
        if kind < 3:
            connection, kernel, channels = random_convolution(rng, axes, source[0])
            shape = (channels, source[0] // connection.groups, *kernel)  # type: ignore[attr-defined]
        elif kind == 3:
            connection = train.Pooling(int(rng.integers(1, 4)), [None, 1, 2][rng.integers(3)], int(rng.integers(0, 2)))
        try:
            return connection, kernel, connection.output_shape(source, np.zeros(shape, np.int64))
        except NetworkError:  # the window is larger than its source
            continue


def random_sparse(rng: np.random.Generator, sources: int, targets: int) -> train.Sparse:
    """Some of all pairs, in any order."""
    pairs = rng.permutation(sources * targets)[: rng.integers(1, sources * targets + 1)]
    return train.Sparse(pairs % sources, pairs // sources)


def random_shape(rng: np.random.Generator) -> Shape:
    return (int(rng.integers(1, 5)), *rng.integers(1, 8, rng.integers(1, 3)).tolist())


def random_delays(rng: np.random.Generator, net: train.SpikingNetwork, source: str, least: int = 0) -> train.Delays | int | np.ndarray:
    """Of every kind that is not synaptic."""
    channels, size = net.shape(source)[0], net.size(source)
    kind = rng.integers(6)
    if kind < 2:
        return (train.ChannelDelays, train.AxonalDelays)[kind](6, minimum=least)
    if kind < 4:
        return rng.integers(least, 7, (channels, size)[kind - 2])
    return int(rng.integers(least, 4))


def taps(rng: np.random.Generator, net: train.SpikingNetwork, source: str, target: str, connection: Connection, kernel: Shape) -> None:
    """A kernel over time of the source, and of what has its shape, behind learned delays or none."""
    first, gap = rng.integers(0, 3, 2).tolist()
    sources = [source, *(name for name in net.names if name not in (source, target) and net.shape(name) == net.shape(source) and rng.random() < 0.5)]
    learned = {name: train.ChannelDelays(3) if rng.random() < 0.5 else None for name in sources}
    for k in range(int(rng.integers(1, 4))):
        shared = None
        for name in sources:
            steps, delays = first + k * gap, learned[name]
            shared = net.connect(
                name, target, steps if delays is None else train.Later(delays, steps), connection=connection, kernel=kernel, weights_of=shared, gain=1.0
            )


def random_layers(seed: int, *, recurrent: bool = False) -> tuple[train.SpikingNetwork, torch.Tensor]:
    """Two to four populations with positions after the input: convolutions, pooling, shortcuts, taps; and spikes (batch, time, neuron)."""
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)

    def chance(p: float = 0.5) -> bool:
        return bool(rng.random() < p)

    quantisation = train.Quantisation(
        weight_bits=int(rng.choice([2, 4, 8])), state_bits=int(rng.choice([12, 18, 24])), weight_shift=int(rng.integers(0, 6)), per_neuron=chance(),
        learned_step=chance(),
    )  # fmt: skip
    net = train.SpikingNetwork("layers", random_shape(rng), quantisation=quantisation)
    names = ["input"]
    for k in range(int(rng.integers(2, 5))):
        connection, kernel, shape = fitting(rng, net.shape(names[-1]))
        normalised = chance(0.3) and not recurrent
        p = train.TrainablePopulation(
            f"n{k}", shape, threshold=float(rng.uniform(0.3, 2)), decay_v=float(rng.choice([0.0, 0.1, 1.0])), reset=ResetRule(rng.choice([r.value for r in ResetRule])),
            decay_i=float(rng.choice([0.2, 1.0])), cap=int(rng.choice([1, 1, 3])), bias=chance(0.3), batch_norm=normalised, per_channel=chance(),
            learn_threshold=chance(0.3), weight_shift=int(rng.integers(0, 6)) if chance(0.3) else None, strict=chance(),
        )  # fmt: skip
        net.add(p)
        with torch.no_grad():
            if p.batch_norm:
                p.running_mean.normal_(0, 0.5)
                p.running_variance.uniform_(0.3, 2)
                p.shift.normal_(0, 0.3)
        first = net.connect(names[-1], p.name, random_delays(rng, net, names[-1]), connection=connection, kernel=kernel, gain=float(rng.uniform(1, 4)))
        if kernel and chance():
            taps(rng, net, names[-1], p.name, connection, kernel)
        for _ in range(int(rng.integers(0, 3)) if kernel else 0):  # more taps in time, some with the same weights
            shared = first if chance(0.3) else None
            net.connect(names[-1], p.name, random_delays(rng, net, names[-1]), connection=connection, kernel=kernel, weights_of=shared)
        for other in names:
            if net.shape(other) == shape and chance():
                net.connect(other, p.name, connection=train.Identity(), learned=chance(), weight=float(rng.uniform(-1, 1)))
            elif chance(0.2):
                some = random_sparse(rng, net.size(other), p.size) if chance() else train.FullyConnected()
                net.connect(other, p.name, random_delays(rng, net, other), connection=some)
        names.append(p.name)
    if recurrent:
        for name in names[1:]:
            same = train.Convolution(padding=((0, 0),) * (len(net.shape(name)) - 1))
            net.connect(name, name, random_delays(rng, net, name, 1), connection=same, kernel=1, gain=1.0)
        net.connect(names[-1], names[1], train.AxonalDelays(5, minimum=1), gain=1.0)
    net.add(train.LeakyIntegrator("class", 3))
    net.connect(names[-1], "class")
    spikes = (rng.random((2, int(rng.integers(1, 12)), net.size("input"))) < rng.uniform(0.1, 0.8)).astype(np.float32)
    return net, torch.from_numpy(spikes)
