"""The compared networks: two hidden layers of LIF neurons and an integrating read-out, with one kind of delays or with recurrence."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from lifline import train

CONFIG = "medium"
KINDS = ["none", "random", "axonal", "synaptic", "recurrent", "recurrent x3"]
DELAYED = KINDS[1:4]
FIRST: dict[str, float] = {"learning_rate": 0.02, "height": 0.4, "gain": 2.0, "delay_learning_rate": 0.2, "recurrent_gain": 0.5}
"""Where the search for settings starts.

``height``: of the surrogate derivative.   ``gain``: the deviation of first weights into hidden layers is ``gain / sqrt(sources)``, with
``recurrent_gain`` that of the recurrent ones.
"""
WIDE_GAIN = 4.0
"""``gain`` of synaptic delays to start with: wide kernels spread spikes, so that it takes more to reach the threshold."""


def first_settings(kind: str) -> dict[str, float]:
    """Settings of the first trial; those that the kind does not have are left out."""
    learned, recurrent = kind in ("axonal", "synaptic"), kind.startswith("recurrent")
    unused = {"delay_learning_rate": not learned, "recurrent_gain": not recurrent}
    found = {name: value for name, value in FIRST.items() if not unused.get(name)}
    return found | ({"gain": WIDE_GAIN} if kind == "synaptic" else {})


def parameters(inputs: int, hidden: int, outputs: int, kind: str) -> int:
    """Weights and learned delays of a network with two hidden layers."""
    weights = inputs * hidden + hidden * hidden + hidden * outputs
    if kind.startswith("recurrent"):
        return weights + 2 * hidden * hidden
    return weights + {"none": 0, "random": 0, "axonal": inputs + 2 * hidden, "synaptic": weights}[kind]


def hidden_size(inputs: int, hidden: int, outputs: int, kind: str) -> int:
    """Neurons per hidden layer; of recurrent kinds so many that their parameters come closest to one or three times those with axonal delays."""
    factor = {"recurrent": 1, "recurrent x3": 3}.get(kind)
    if factor is None:
        return hidden
    wanted = factor * parameters(inputs, hidden, outputs, "axonal")
    return min(range(1, 1000), key=lambda h: abs(parameters(inputs, h, outputs, kind) - wanted))


def build(
    inputs: int, outputs: int, kind: str, *, seed: int, hidden: int, maximum: int, height: float, gain: float, recurrent_gain: float = 0.0, **_: Any
) -> train.SpikingNetwork:
    """A network of ``kind`` with delays up to ``maximum`` steps. No batch normalisation and no dropout: recurrent layers cannot have them."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    net = train.SpikingNetwork(kind, inputs, quantisation=train.Quantisation.for_config(CONFIG, per_neuron=True))
    for name in ("hidden1", "hidden2"):
        net.add(train.LIF(name, hidden, decay_v=0.1, learn_decay=True, bias=True, surrogate=train.Surrogate(height=height)))
    net.add(train.LeakyIntegrator("class", outputs))
    for source, target in zip(net.names, net.names[1:], strict=False):
        delays = {
            "random": lambda size: train.FixedDelays(rng.integers(0, maximum + 1, size)),
            "axonal": lambda _: train.AxonalDelays(maximum),
            "synaptic": lambda _: train.SynapticDelays(maximum),
        }.get(kind, lambda _: None)(net.size(source))
        net.connect(source, target, delays, gain=1.0 if target == "class" else gain)
    if kind.startswith("recurrent"):
        for name in ("hidden1", "hidden2"):
            net.connect(name, name, 1, gain=recurrent_gain)
    return net
