"""What a trainable network consists of: populations and projections by name, and the integers that their weights become."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import nn

from lifline.arch.errors import TrainingError
from lifline.network.graph import components, reachable

from .delays import Delays, FixedDelays
from .population import TrainablePopulation
from .quantisation import Quantisation, initial_step, integer_weights, largest_step


class TrainableProjection(nn.Module):
    """Fully connected synapses in training; ``weight`` is (target, source), in thresholds."""

    def __init__(self, source: str, target: str, sources: int, targets: int, delays: Delays, gain: float) -> None:
        super().__init__()
        self.source, self.target, self.delays = source, target, delays
        self.weight = nn.Parameter(torch.randn(targets, sources) * (gain / sources**0.5))
        delays.build(sources, targets)


class Topology(nn.Module):
    """Populations and projections of a :class:`~lifline.train.network.SpikingNetwork`, which runs them."""

    def __init__(self, name: str, input_shape: int | tuple[int, ...], *, quantisation: Quantisation | None = None, input_name: str = "input") -> None:
        super().__init__()
        self.name, self.input_name, self.quantisation = name, input_name, quantisation
        self.input_shape = (input_shape,) if isinstance(input_shape, int) else tuple(input_shape)
        self.output: str | None = None
        self.population_list, self.projection_list = nn.ModuleList(), nn.ModuleList()
        self.log_steps = nn.ParameterDict()

    def add(self, population: TrainablePopulation) -> TrainablePopulation:
        """Add a population; returns it.

        Raises
        ------
        TrainingError   if the name is taken.
        """
        if population.name in self.names:
            raise TrainingError(f"two populations are called `{population.name}`; names must be unique")
        self.population_list.append(population)
        self.output = population.name
        return population

    def connect(self, source: str, target: str, delays: Delays | int | np.ndarray | None = None, *, gain: float = 2.0) -> TrainableProjection:
        """Add a projection; weights start normal with deviation ``gain / sqrt(sources)``. Returns it.

        Raises
        ------
        TrainingError   for unknown names, a second projection between the same two, or a cycle without delay.
        """
        if any((p.source, p.target) == (source, target) for p in self.projections):
            raise TrainingError(f"projection {source} -> {target} exists twice; one holds all weights")
        if target == self.input_name:
            raise TrainingError(f"projection {source} -> {target} ends at the input")
        module = delays if isinstance(delays, Delays) else FixedDelays(0 if delays is None else delays)
        projection = TrainableProjection(source, target, self.size(source), self.size(target), module, gain)
        if source == target and module.minimum < 1:
            raise TrainingError(f"projection {source} -> {target} needs a delay of at least 1; give delays=1 or minimum=1")
        self.projection_list.append(projection)
        if self.quantisation is not None and self.quantisation.learns_step:
            self._reset_step(target)
        return projection

    @property
    def names(self) -> list[str]:
        return [self.input_name, *(p.name for p in self.populations)]

    @property
    def populations(self) -> Iterator[TrainablePopulation]:
        return iter(self.population_list)  # type: ignore[arg-type]

    @property
    def projections(self) -> Iterator[TrainableProjection]:
        return iter(self.projection_list)  # type: ignore[arg-type]

    def population(self, name: str) -> TrainablePopulation:
        for p in self.populations:
            if p.name == name:
                return p
        raise TrainingError(f"no population `{name}`; there are {', '.join(self.names)}")

    def projections_into(self, name: str) -> list[TrainableProjection]:
        return [p for p in self.projections if p.target == name]

    def size(self, name: str) -> int:
        return int(np.prod(self.input_shape)) if name == self.input_name else self.population(name).size

    def order(self) -> list[list[str]]:
        """Components in topological order, as :attr:`lifline.network.model.Network.components`.

        Raises
        ------
        TrainingError   if a population cannot be reached from the input.
        NetworkError   if a cycle may have no delay.
        """
        edges = {(p.source, p.target) for p in self.projections}
        lost = set(self.names[1:]) - reachable(self.input_name, edges)
        if lost or len(self.names) == 1:
            raise TrainingError(f"no path of projections leads from the input to {sorted(lost) or 'any population'}; connect or remove it")
        immediate = {(p.source, p.target) for p in self.projections if p.delays.minimum == 0}
        return components(self.names, edges, immediate)

    # Integers

    def _one_step(self, name: str) -> bool:
        return self.quantisation is None or not self.quantisation.per_neuron or self.population(name).single_scale

    def _reset_step(self, name: str) -> None:
        assert self.quantisation is not None
        weights = [p.weight for p in self.projections_into(name)]
        # A parameter's name may not contain a dot, a population's may.
        self.log_steps[str(self.names.index(name))] = nn.Parameter(torch.log(initial_step(weights, self.quantisation, not self._one_step(name))))

    def reset_steps(self) -> None:
        """Learned step sizes start again from the present weights: call after loading weights of another width or none.

        Raises
        ------
        TrainingError   if the steps are not learned.
        """
        if self.quantisation is None or not self.quantisation.learns_step:
            raise TrainingError("step sizes are not learned with this quantisation; there is nothing to reset")
        for p in self.populations:
            self._reset_step(p.name)

    def scaled_weights(self, name: str) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Unit (target or 1,) of a population and the weights into it, both as the forward pass uses them."""
        projections = self.projections_into(name)
        weights: list[torch.Tensor] = [p.weight for p in projections]
        q = self.quantisation
        if q is None:
            return torch.ones(1), weights
        levels = [1 if p.source == self.input_name else max(self.population(p.source).cap, 1) for p in projections]
        step, floor = largest_step(weights, levels, q, not self._one_step(name))
        if q.learns_step:
            step = torch.maximum(torch.exp(self.log_steps[str(self.names.index(name))])[:, None], floor.clamp(min=1e-8))
        return step[:, 0] / (1 << q.weight_shift), [integer_weights(w, step, q) for w in weights]
