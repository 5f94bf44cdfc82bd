"""A network as a PyTorch module that plays the golden model's spikes, for packages that measure such modules. Needs PyTorch and NeuroBench."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from neurobench.models import TorchModel
from numpy.typing import NDArray

from lifline.arch.arithmetic import DECAY_ONE
from lifline.driver.predict import activity_of
from lifline.network.model import Network, Neurons, Projection
from lifline.sim.golden.model import GoldenModel


class Synapses(torch.nn.Linear):
    """The weights of a projection in integers; sums of them are exact in double precision."""

    def __init__(self, projection: Projection) -> None:
        super().__init__(1, 1, bias=False)
        self.weight = _stored(projection.weights, np.int8, np.int16, np.int32)
        self.out_features, self.in_features = projection.weights.shape
        if projection.delays is not None:
            self.delays = _stored(np.asarray(projection.delays), np.uint8)

    def forward(self, input: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.linear(input.double(), self.weight.double())


class Stored(torch.nn.Module):
    """What a population has by neuron: membranes, currents, counts of a budget, and parameters."""

    def __init__(self, neurons: Neurons, size: int) -> None:
        super().__init__()
        states = 1 + (neurons.decay_i < DECAY_ONE) + (neurons.budget is not None)
        self.states = _stored(np.zeros((states, size)), np.int32)
        for name in ("threshold", "bias", "budget"):
            values = getattr(neurons, name)
            if isinstance(values, np.ndarray):
                self.register_parameter(name, _stored(values, np.int32))

    def forward(self, spikes: torch.Tensor) -> torch.Tensor:
        return spikes


class Firing(Stored):
    """A population that can fire: its spikes are activations."""


class Played(torch.nn.Module):
    """Samples (batch, time, neuron) in, predictions (batch,) out; on the way every projection and every population gets all spikes that the golden model found for it."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network
        self.synapses = torch.nn.ModuleList([Synapses(q) for q in network.projections])
        there = {p.name: (p.neurons, p.size) for p in network.populations if p.neurons is not None}
        self.populations = torch.nn.ModuleDict({name: (Firing if neurons.cap else Stored)(neurons, size) for name, (neurons, size) in there.items()})

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        samples = batch.numpy()
        result = GoldenModel(self.network).run(samples, record=["all"])
        activity = activity_of(self.network, samples, result)
        executed = np.arange(samples.shape[1])[None, :] < activity.steps[:, None]
        fired = {name: torch.from_numpy(spikes * executed[:, :, None]) for name, spikes in activity.spikes.items()}
        for projection, synapses in zip(self.network.projections, self.synapses, strict=True):
            synapses(fired[projection.source].double().flatten(0, 1))
        for name, population in self.populations.items():
            population(fired[name])
        return torch.from_numpy(np.asarray(result.prediction, np.int64))


def model_of(network: Network) -> TorchModel:
    """The network as NeuroBench takes it."""
    model = TorchModel(Played(network))
    model.add_activation_module(Firing)
    return model


def _stored(values: NDArray[Any], *types: type) -> torch.nn.Parameter:
    """Whole numbers in the first of ``types`` that holds them, which nothing trains."""
    low, high = int(values.min()), int(values.max())
    kind = next(kind for kind in types if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max)
    return torch.nn.Parameter(torch.from_numpy(np.array(values, kind)), requires_grad=False)
