"""A network in floating point: populations with explicit dynamics, projections as chains of operators. What an import gives."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.markup import escape

from lifline.arch.errors import ConversionError, NetworkError
from lifline.network.graph import components
from lifline.network.shown import ShownTable

from ..nir.dialects import Dialect, Reset
from .operators import Floats, Operator, Shape


@dataclass(frozen=True, eq=False, kw_only=True)
class FloatNeurons:
    """A neuron model, discretised: no time constant is left to interpret. Arrays broadcast to the population's shape.

    One step, with the synaptic input ``x``::

        i = keep_i * i + gain_i * x                 without a current: i = gain_i * x
        v = keep_v * v + gain_v * i + drive         then the threshold, strict or not, and the reset

    Attributes
    ----------
    keep_v, gain_v, keep_i, gain_i, drive : as above; ``keep_i`` is None without a synaptic current.
    threshold : None for a read-out that never fires.
    v_start : the membrane before the first step.
    reset, v_reset, strict, cap, v_min : as in :class:`~lifline.convert.nir.dialects.Dialect`.
    """

    keep_v: Floats
    gain_v: Floats
    keep_i: Floats | None = None
    gain_i: Floats
    drive: Floats
    threshold: Floats | None
    reset: Reset
    v_reset: Floats
    strict: bool
    cap: int
    v_min: float | None
    v_start: Floats = field(default_factory=lambda: np.zeros(()))

    def __post_init__(self) -> None:
        for name in ("keep_v", "gain_v", "keep_i", "gain_i", "drive", "threshold", "v_reset", "v_start"):
            value = getattr(self, name)
            object.__setattr__(self, name, None if value is None else np.asarray(value, np.float64))
        object.__setattr__(self, "reset", Reset(self.reset))

    def arrays(self) -> dict[str, Floats]:
        """Every parameter that is an array."""
        found = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        return {name: value for name, value in found.items() if isinstance(value, np.ndarray)}


@dataclass(frozen=True, eq=False)
class FloatPopulation:
    """Neurons that share a model; ``neurons`` is None for the input, whose values may be any numbers."""

    name: str
    shape: Shape
    neurons: FloatNeurons | None = None

    @property
    def size(self) -> int:
        return int(np.prod(self.shape))


@dataclass(frozen=True, eq=False, kw_only=True)
class FloatProjection:
    """From the values of ``source``, ``delays`` steps late (one integer or one per source neuron), through ``operators`` into ``target``."""

    source: str
    target: str
    operators: tuple[Operator, ...]
    delays: NDArray[np.int64] = field(default_factory=lambda: np.zeros((), np.int64))


@dataclass(frozen=True, eq=False, kw_only=True)
class FloatNetwork:
    """Populations and projections in floating point.

    Attributes
    ----------
    dialect : the choices that the import was made with, or None if the source itself stated them (Python objects).
    precision : arithmetic of the evaluation.   notes : what the import found unusual, one sentence each.

    Raises
    ------
    ConversionError   if shapes do not fit or a cycle has no delay.
    """

    name: str
    populations: tuple[FloatPopulation, ...]
    projections: tuple[FloatProjection, ...]
    output: str
    precision: str
    dialect: Dialect | None = None
    notes: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = [p.name for p in self.populations]
        if len(set(names)) != len(names):
            raise ConversionError(f"population names {names} must be unique")
        inputs = [p.name for p in self.populations if p.neurons is None]
        if len(inputs) != 1:
            raise ConversionError(f"a network has exactly one input, not {len(inputs)}: {inputs}; concatenate inputs")
        if self.population(self.output).neurons is None:
            raise ConversionError(f"output `{self.output}` is the input")
        for p in self.populations:
            for name, value in p.neurons.arrays().items() if p.neurons is not None else ():
                try:
                    fits = np.broadcast_shapes(value.shape, p.shape) == p.shape
                except ValueError:
                    fits = False
                if not fits:
                    raise ConversionError(f"population `{p.name}` of shape {p.shape}: {name} has shape {value.shape}")
                if not np.isfinite(value).all():
                    raise ConversionError(f"population `{p.name}`: {name} is not finite")
        for projection in self.projections:
            where = f"projection {projection.source} -> {projection.target}"
            shape, wanted = self.population(projection.source).shape, self.population(projection.target).shape
            if projection.delays.ndim and projection.delays.shape != shape or projection.delays.min() < 0:
                raise ConversionError(f"{where}: delays must be at least 0, one or one per source neuron {shape}")
            try:
                for operator in projection.operators:
                    shape = operator.output_shape(shape)
            except ConversionError as error:
                raise ConversionError(f"{where}: {error}") from error
            if shape != wanted:
                raise ConversionError(f"{where}: values of shape {shape} reach a population of shape {wanted}")
        _ = self.order

    @property
    def input(self) -> FloatPopulation:
        return next(p for p in self.populations if p.neurons is None)

    def population(self, name: str) -> FloatPopulation:
        for p in self.populations:
            if p.name == name:
                return p
        raise ConversionError(f"no population `{name}`; there are {', '.join(p.name for p in self.populations)}")

    def projections_into(self, name: str) -> list[FloatProjection]:
        return [p for p in self.projections if p.target == name]

    @property
    def order(self) -> list[str]:
        """Population names such that every projection without delay goes forward.

        Raises
        ------
        ConversionError   if a cycle has no delay.
        """
        edges = {(p.source, p.target) for p in self.projections}
        immediate = {(p.source, p.target) for p in self.projections if p.delays.min() == 0}
        try:
            return [name for group in components([p.name for p in self.populations], edges, immediate) for name in group]
        except NetworkError as error:
            raise ConversionError(f"{error}; or choose a dialect with feedback 1") from error

    def with_read_out(self) -> FloatNetwork:
        """The network with an output that never fires and whose membrane is the result, for outputs whose threshold nothing was meant to reach."""
        populations = [
            p if p.name != self.output or p.neurons is None
            else dataclasses.replace(p, neurons=dataclasses.replace(p.neurons, threshold=None, reset=Reset.NONE, cap=1))
            for p in self.populations
        ]  # fmt: skip
        return self.replace(populations=tuple(populations))

    def replace(self, **changes: Any) -> FloatNetwork:
        """A copy with some fields changed, validated again."""
        return dataclasses.replace(self, **changes)

    def __repr__(self) -> str:
        sizes = " -> ".join(str(prod(self.population(name).shape)) for name in self.order)
        return f"FloatNetwork({self.name!r}, {sizes} neurons)"

    def __str__(self) -> str:
        return str(self.summary())

    def summary(self) -> ShownTable:
        """One row per population: shape, dynamics, threshold, reset, operators of its projections."""
        table = ShownTable(title=escape(self.name), caption=f"{self.precision}, dialect {self.dialect.name if self.dialect else 'read from the source'}")
        for column in ("population", "shape", "keep v", "keep i", "threshold", "reset", "from"):
            table.add_column(column, no_wrap=column == "reset")

        def spread(values: Floats | None) -> str:
            if values is None:
                return ""
            return f"{values.min():.5g}" if values.min() == values.max() else f"{values.min():.5g} .. {values.max():.5g}"

        for name in self.order:
            p = self.population(name)
            n = p.neurons
            chains = []
            for q in self.projections_into(name):
                delay = f" (delay {spread(q.delays.astype(float))})" if q.delays.any() else ""
                chains.append(" > ".join([q.source + delay, *(type(o).__name__ for o in q.operators)]))
            model = ["", "", "", ""]
            if n is not None:
                compare = ">" if n.strict else ">="
                cap = f"\ncap {n.cap}" if n.cap > 1 else ""
                model = [spread(n.keep_v), spread(n.keep_i), "" if n.threshold is None else f"{compare} {spread(n.threshold)}"]
                model.append("" if n.threshold is None else n.reset.value + cap)
            table.add_row(escape(f"{name} (output)" if name == self.output else name), " x ".join(map(str, p.shape)), *model, escape("\n".join(chains)))
        return table
