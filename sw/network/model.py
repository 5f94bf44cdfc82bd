"""A network of populations and projections: the description that everything starts from. Integers only."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lifline.arch.errors import NetworkError
from lifline.arch.values import integer, short, text

from .graph import components, reachable
from .neurons import IntArray, Neurons, ResetRule
from .populations import Population
from .projections import MAX_DELAY, Projection
from .shown import ShownTable
from .summary import Row, summary_table

__all__ = ["MAX_DELAY", "EarlyExit", "IntArray", "Network", "Neurons", "Population", "Projection", "ResetRule"]


@dataclass(frozen=True)
class EarlyExit:
    """Stop once the leading output's spike count exceeds the second's by more than ``margin``.

    Checked whenever the number of steps since the last reset is a multiple of ``every``; with a single output the second's count is 0.
    Counts end at :attr:`Network.state_max`, so that a run with a larger or equal margin never leaves.
    """

    every: int
    margin: int

    def __post_init__(self) -> None:
        for name in ("every", "margin"):
            object.__setattr__(self, name, integer(getattr(self, name), f"early exit: {name}", NetworkError))


@dataclass(frozen=True, eq=False, kw_only=True)
class Network:
    """A spiking network: populations (exactly one input), projections, the output's name, and the state width ``S``.

    Its :attr:`projections` are copies of those that it was made of: they know the shapes of their populations.

    Raises
    ------
    NetworkError   if anything is out of range, does not connect, or cycles without a delay.
    """

    name: str
    populations: tuple[Population, ...]
    projections: tuple[Projection, ...]
    output: str
    state_bits: int = 18
    early_exit: EarlyExit | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._check_types()
        names = [p.name for p in self.populations]
        for name in names:
            if names.count(name) > 1:
                raise NetworkError(f"two populations are called `{name}`; names must be unique")
            if not name or name == "all":
                raise NetworkError(f"a population cannot be called `{name}`; give it another name")
        inputs = [p.name for p in self.populations if p.neurons is None]
        if len(inputs) != 1:
            raise NetworkError(f"a network has exactly one input population, not {len(inputs)}: {inputs}; concatenate inputs")
        for p in self.populations:
            if not p.shape or min(p.shape) < 1:
                raise NetworkError(f"population `{p.name}` has shape {p.shape}: no neurons")
            if p.neurons is not None:
                p.neurons.validate(p.name, p.size, self.state_bits)
        self._check_projections()
        out = self.population(self.output)
        if out.neurons is None:
            raise NetworkError(f"output `{self.output}` is the input population")
        if self.early_exit is not None:
            if self.early_exit.every < 1 or self.early_exit.margin < 0:
                raise NetworkError(f"early exit {self.early_exit} needs every >= 1 and margin >= 0")
            if out.neurons.cap == 0:
                raise NetworkError(f"early exit counts spikes, and output `{self.output}` never fires (cap 0): use an output that fires, or no early exit")
        _ = self.components

    def _check_types(self) -> None:
        text(self.name, "the name of a network:", NetworkError)
        text(self.output, f"output of network `{self.name}`:", NetworkError)
        for field_name, kind in (("populations", Population), ("projections", Projection)):
            values = getattr(self, field_name)
            values = tuple(values) if isinstance(values, Iterable) else (values,)
            for value in values:
                if not isinstance(value, kind):
                    raise NetworkError(f"{field_name} of network `{self.name}`: {short(value)} is no {kind.__name__}")
            object.__setattr__(self, field_name, values)
        object.__setattr__(self, "state_bits", integer(self.state_bits, "state_bits", NetworkError, low=8, high=24))
        if self.early_exit is not None and not isinstance(self.early_exit, EarlyExit):
            raise NetworkError(f"early_exit {short(self.early_exit)} must be `EarlyExit`, or None")
        if not isinstance(self.metadata, Mapping):
            raise NetworkError(f"metadata {short(self.metadata)} must be a dict of what is JSON")

    def _check_projections(self) -> None:
        """Check the projections, and keep them as ones that know the shapes of their populations."""
        placed = []
        for p in self.projections:
            source, target = self.population(p.source), self.population(p.target)
            if target.neurons is None:
                raise NetworkError(f"{p.where} ends at the input")
            placed.append(p.between(source.shape, target.shape))
        object.__setattr__(self, "projections", tuple(placed))
        pairs = {(p.source, p.target) for p in placed}
        reached = reachable(self.input.name, pairs)
        for p in self.populations:
            if p.neurons is not None and p.name not in reached:
                raise NetworkError(f"no path of projections leads from the input to population `{p.name}`; connect or remove it")

    @property
    def state_max(self) -> int:
        """``M = 2^(S-1) - 1``: states are clipped to ``-M..M``, and spikes are counted to ``M`` for early exit."""
        return (1 << (self.state_bits - 1)) - 1

    @property
    def input(self) -> Population:
        return next(p for p in self.populations if p.neurons is None)

    def population(self, name: str) -> Population:
        for p in self.populations:
            if p.name == name:
                return p
        raise NetworkError(f"no population `{name}`; there are {', '.join(p.name for p in self.populations)}")

    def projections_into(self, name: str) -> list[Projection]:
        return [p for p in self.projections if p.target == name]

    def projections_from(self, name: str) -> list[Projection]:
        return [p for p in self.projections if p.source == name]

    @property
    def components(self) -> list[list[str]]:
        """Strongly connected components in topological order; inside one, zero-delay projections go forward.

        Raises
        ------
        NetworkError   if a cycle has no delay on some path.
        """
        edges = {(p.source, p.target) for p in self.projections}
        immediate = {(p.source, p.target) for p in self.projections if p.shortest_delay == 0}
        return components([p.name for p in self.populations], edges, immediate)

    @property
    def order(self) -> list[str]:
        """Population names, :attr:`components` after one another."""
        return [name for component in self.components for name in component]

    @property
    def is_feed_forward(self) -> bool:
        """Whether no projection goes backwards in :attr:`order` or to its own source."""
        return len(self.components) == len(self.populations) and all(p.source != p.target for p in self.projections)

    def __repr__(self) -> str:
        sizes = " -> ".join(f"{self.population(name).size}" for name in self.order)
        return f"Network({self.name!r}, {sizes} neurons, {self.state_bits} state bits)"

    def __str__(self) -> str:
        return str(self.summary())

    def summary(self) -> ShownTable:
        """One row per population: shape, neuron model, parameters, synapses, delays, budget."""
        rows = [Row(self.population(name), self.projections_into(name), name == self.output) for name in self.order]
        exit_ = self.early_exit
        caption = f"{self.state_bits} state bits" + (f", early exit every {exit_.every} steps, margin {exit_.margin}" if exit_ else "")
        return summary_table(self.name, caption, rows)

    def replace(self, **changes: Any) -> Network:
        """A copy with some fields changed, validated again."""
        return dataclasses.replace(self, **changes)
