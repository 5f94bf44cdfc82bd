"""What a trainable network consists of: populations and projections by name, and the integers that their weights become."""

from __future__ import annotations

from collections.abc import Iterator
from math import log, prod

import numpy as np
import torch
from torch import nn

from lifline.arch.errors import TrainingError
from lifline.arch.values import integer
from lifline.network.connections.fully_connected import FullyConnected
from lifline.network.connections.kind import Connection, Shape
from lifline.network.graph import components, reachable

from .delays import Delays, FixedDelays
from .population import TrainablePopulation
from .projection import Sizes, TrainableProjection
from .quantisation import Quantisation, initial_step, integer_weights, largest_step, spread

EVERYTHING = FullyConnected()


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

    def connect(
        self,
        source: str,
        target: str,
        delays: Delays | int | np.ndarray | None = None,
        *,
        connection: Connection = EVERYTHING,
        kernel: Sizes = (),
        learned: bool | None = None,
        weight: float = 1.0,
        weights_of: TrainableProjection | None = None,
        gain: float = 2.0,
    ) -> TrainableProjection:
        """Add a projection; returns it. Several between the same two, each with its own delays, make a kernel over time.

        Parameters
        ----------
        connection : how it connects: :class:`FullyConnected`, :class:`Convolution`, :class:`Pooling`, :class:`Identity`, :class:`Sparse`.
        kernel : size of a convolution's kernel, one number or one per axis of positions.
        learned : whether training changes the weights; None: those of a fully connected or sparse projection and a convolution, which start normal with
            deviation ``gain / sqrt(synapses per neuron)``. Those of a pooling and an identity start at ``weight``, in thresholds. A learned identity has one
            weight per channel, else it has one.
        weights_of : another projection whose weights this one shares, ``convolution(a + b)`` for example.

        Raises
        ------
        TrainingError   for unknown names, shapes that the connection does not fit, weights that cannot be shared, or a cycle without delay.
        """
        if target == self.input_name:
            raise TrainingError(f"projection {source} -> {target} ends at the input")
        module = delays if isinstance(delays, Delays) else FixedDelays(0 if delays is None else delays)
        given = (kernel,) if isinstance(kernel, int) else tuple(kernel)
        sizes = tuple(integer(size, f"projection {source} -> {target}: kernel", TrainingError, low=1) for size in given)
        shapes = self.shape(source), self.shape(target)
        projection = TrainableProjection(source, target, *shapes, module, connection, sizes, learned, gain=gain, weight=weight, weights_of=weights_of)
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

    def shape(self, name: str) -> Shape:
        return self.input_shape if name == self.input_name else self.population(name).shape

    def size(self, name: str) -> int:
        return prod(self.shape(name))

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

    def _scales(self, name: str) -> int:
        """Step sizes of a population: one, one per channel, or one per neuron, so that all weights that are the same stay the same."""
        population = self.population(name)
        if self.quantisation is None or not self.quantisation.per_neuron or population.single_scale:
            return 1
        rows = [len(p.weight) for p in self.projections_into(name)]
        return min(*rows, population.parameters_each)

    def _reset_step(self, name: str) -> None:
        assert self.quantisation is not None
        weights = [p.rows for p in self.projections_into(name)]
        # A parameter's name may not contain a dot, a population's may.
        self.log_steps[str(self.names.index(name))] = nn.Parameter(torch.log(initial_step(weights, self.quantisation, self._scales(name))))

    def weight_shift(self, name: str) -> int:
        """Left shift of the synaptic input of a population; 0 without a quantisation."""
        own = self.population(name).weight_shift
        return 0 if self.quantisation is None else self.quantisation.weight_shift if own is None else own

    def set_step(self, name: str, unit: float) -> None:
        """Let the learned step size of a population be so that one integer of the membrane is ``unit``."""
        with torch.no_grad():
            self.log_steps[str(self.names.index(name))].fill_(log(unit * (1 << self.weight_shift(name))))

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
        """Unit (target or 1,) of a population and the weights of the projections into it, both as the forward pass uses them."""
        projections = self.projections_into(name)
        q = self.quantisation
        if q is None:
            return torch.ones(1), [p.weight for p in projections]
        rows = [p.rows for p in projections]
        levels = [p.synapses.multiplicity * (1 if p.source == self.input_name else max(self.population(p.source).cap, 1)) for p in projections]
        step, floor = largest_step(rows, levels, q, self._scales(name))
        if q.learns_step:
            step = torch.maximum(torch.exp(self.log_steps[str(self.names.index(name))])[:, None], floor.clamp(min=1e-8))
        unit = step[:, 0] / (1 << self.weight_shift(name))
        integers = [integer_weights(w, spread(step, len(w)), q).reshape(p.weight.shape) for p, w in zip(projections, rows, strict=True)]
        return spread(unit, self.size(name)) if len(unit) > 1 else unit, integers
