"""Trainable network -> network description: the integers that the forward pass computes with in evaluation mode."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np
import torch

from lifline.arch.errors import TrainingError
from lifline.network.connections.kind import Shape
from lifline.network.model import MAX_DELAY, Network, Population, Projection

from .projection import TrainableProjection
from .topology import Topology


def to_network(net: Topology, metadata: Mapping[str, Any] | None = None) -> Network:
    """Export.

    Dendritic delays move to the outgoing axons of their neurons: the neuron computes that much earlier and its spikes travel that much
    longer. This is exact from reset if the neuron rests before its first input arrives (no bias) and is no output. Its own
    recorded spikes are then earlier by its delay.

    Raises
    ------
    TrainingError   without a quantisation, or for dendritic delays that the hardware cannot express, with the reason.
    """
    quantisation = net.quantisation
    if quantisation is None:
        raise TrainingError(f"`{net.name}` has real-numbered weights; set `quantisation`, e.g. to Quantisation.for_config('medium')")
    training = net.training
    net.eval()
    try:
        with torch.no_grad():
            populations = [Population(net.input_name, net.input_shape)]
            projections = []
            earlier = {name: _dendritic(net, name) for name in net.names}
            for p in net.populations:
                unit, weights = net.scaled_weights(p.name)
                neurons = p.exported(unit, quantisation)
                _check_rest(p.name, earlier[p.name], np.asarray(neurons.bias), net.output)
                populations.append(Population(p.name, p.shape, neurons))
                for projection, matrix in zip(net.projections_into(p.name), weights, strict=True):
                    projections.append(
                        Projection(
                            source=projection.source,
                            target=p.name,
                            connection=projection.connection,
                            weights=projection.synapses.exported(matrix).numpy().astype(np.int64),
                            weight_shift=net.weight_shift(p.name),
                            delays=_delays(projection, net.shape(projection.source), earlier[projection.source]),
                        )
                    )
    finally:
        net.train(training)
    return Network(
        name=net.name,
        populations=tuple(populations),
        projections=tuple(projections),
        output=str(net.output),
        state_bits=quantisation.state_bits,
        metadata={**(metadata or {}), "trained": {"weight_bits": quantisation.weight_bits}},
    )


def _dendritic(net: Topology, name: str) -> np.ndarray | None:
    """Delay of all input of every neuron of a population, None if there is none."""
    vectors = [p.delays.dendritic() for p in net.projections_into(name)]
    zero = np.zeros(net.size(name), np.int64)
    filled = [zero if v is None else v for v in vectors]
    if any(not np.array_equal(v, filled[0]) for v in filled[1:]):
        raise TrainingError(
            f"population `{name}`: the projections into it have different dendritic delays, which no axonal delay can express; "
            "give them one shared DendriticDelays"
        )
    return filled[0] if filled and filled[0].any() else None


def _check_rest(name: str, earlier: np.ndarray | None, bias: np.ndarray, output: str | None) -> None:
    if earlier is None:
        return
    if name == output:
        raise TrainingError(f"output `{name}` has dendritic delays and no outgoing axons to move them to; delay the projection's sources instead")
    if (np.broadcast_to(bias, earlier.shape)[earlier > 0] != 0).any():
        raise TrainingError(
            f"population `{name}` has dendritic delays and a bias (or batch normalisation): it does not rest before its first input, so "
            "moving the delay to its axons would change it; use axonal delays, or no bias"
        )


def _delays(projection: TrainableProjection, source: Shape, earlier: np.ndarray | None) -> np.ndarray | int | None:
    """Whole delays of a projection, those that its source's neurons have been moved by among them."""
    delays = projection.delays.exported()
    channels = isinstance(delays, np.ndarray) and delays.shape == source[:1] and projection.connection.channel_delays
    if isinstance(delays, np.ndarray) and delays.ndim == 1 and not (channels and earlier is None):
        delays = np.repeat(delays, prod(source) // len(delays))
    if earlier is None:
        return delays
    total = np.asarray(0 if delays is None else delays) + earlier
    if total.max() > MAX_DELAY:
        raise TrainingError(
            f"projection {projection.source} -> {projection.target}: dendritic and axonal delays add up to {total.max()}, the limit is {MAX_DELAY} steps"
        )
    return total
