"""Trainable projections: weights, the synapses that they belong to, and delays."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from lifline.arch.errors import NetworkError, TrainingError
from lifline.network.connections.convolution import Convolution
from lifline.network.connections.fully_connected import FullyConnected
from lifline.network.connections.kind import Connection, Shape
from lifline.network.connections.sparse import Sparse

from .delays import Delays
from .synapses import KINDS
from .synaptic import SynapticDelays

Sizes = int | Sequence[int]


class TrainableProjection(nn.Module):
    """A projection in training; ``weight`` has the shape that the connection gives it (a sparse one: that of its matrix), in thresholds.

    See ``SpikingNetwork.connect``.
    """

    def __init__(
        self,
        source: str,
        target: str,
        source_shape: Shape,
        target_shape: Shape,
        delays: Delays,
        connection: Connection,
        kernel: tuple[int, ...],
        learned: bool | None,
        *,
        gain: float,
        weight: float,
        weights_of: TrainableProjection | None,
    ) -> None:
        super().__init__()
        self.source, self.target, self.delays, self.connection = source, target, delays, connection
        where = f"projection {source} -> {target}"
        if type(connection) not in KINDS:
            raise TrainingError(f"{where}: {connection!r} cannot be trained; there are {', '.join(kind.__name__ for kind in KINDS)}")
        if isinstance(connection, Convolution) != bool(kernel):
            raise TrainingError(f"{where}: a convolution needs the size of its kernel, and nothing else has one (kernel={kernel or None})")
        if isinstance(delays, SynapticDelays) and not isinstance(connection, FullyConnected):
            raise TrainingError(f"{where}: only a fully connected projection has synaptic delays; use AxonalDelays or ChannelDelays")
        normal = isinstance(connection, Convolution | FullyConnected | Sparse)
        learned = normal if learned is None else learned
        try:
            self.synapses = KINDS[type(connection)](connection, source_shape, target_shape, kernel, learned)
        except NetworkError as error:
            raise TrainingError(f"{where}: {error}") from error
        shape = self.synapses.weight_shape
        if weights_of is not None:
            if weights_of.weight.shape != shape:
                raise TrainingError(f"{where} has weights of shape {shape}, those of {weights_of.source} -> {weights_of.target} have {tuple(weights_of.weight.shape)}")
            self.weight = weights_of.weight
        else:
            start = torch.randn(shape) * (gain / self.synapses.per_neuron**0.5) if normal else torch.full(shape, float(weight))
            self.weight = nn.Parameter(self.synapses.initial(start), requires_grad=learned)
        delays.build(source_shape, target_shape)

    @property
    def rows(self) -> torch.Tensor:
        """Weights as a matrix: one row per neuron, per channel, or for all."""
        return self.weight.reshape(len(self.weight), -1)

    def synaptic_input(self, spikes: torch.Tensor, weights: torch.Tensor, *, first: int = 0, lead: int = 0) -> torch.Tensor:
        """Of ``spikes`` (batch, time, source) through ``weights``, see :meth:`lifline.train.delays.Delays.synaptic_input`."""
        return self.delays.synaptic_input(spikes, weights, self.synapses, first=first, lead=lead)
