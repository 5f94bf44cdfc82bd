"""Any synapses, each named by its two ends."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import ClassVar

import numpy as np

from lifline.arch.errors import NetworkError
from lifline.arch.values import integer_array

from .kind import Connection, IntArray, Shape


@dataclass(frozen=True, eq=False)
class Sparse(Connection):
    """Synapse ``k`` leads from source neuron ``sources[k]`` to target neuron ``targets[k]``. Weights are (synapses,).

    Attributes
    ----------
    sources, targets : (synapses,) numbers of neurons in framework order, as a flattened population counts them; no pair of them comes twice.

    Raises
    ------
    NetworkError   for what is no such list, naming the synapse.
    """

    sources: IntArray
    targets: IntArray

    name: ClassVar[str] = "sparse projection"

    def __post_init__(self) -> None:
        for end in ("sources", "targets"):
            ends = integer_array(getattr(self, end), f"{end} of a sparse projection", NetworkError)
            if ends.ndim != 1 or not ends.size:
                raise NetworkError(f"{end} of a sparse projection have shape {ends.shape}; give the number of a neuron for every synapse, (synapses,)")
            if ends.min() < 0:
                raise NetworkError(f"{end} of a sparse projection: synapse {int(ends.argmin())} has the neuron {int(ends.min())}; neurons count from 0")
            object.__setattr__(self, end, ends)
        if len(self.sources) != len(self.targets):
            raise NetworkError(f"a sparse projection has {len(self.sources):,} sources and {len(self.targets):,} targets; give one of each for every synapse")
        order = np.lexsort((self.targets, self.sources))
        pairs = np.stack([self.sources, self.targets])[:, order]
        twice = np.flatnonzero((pairs[:, 1:] == pairs[:, :-1]).all(axis=0))
        if len(twice):
            source, target = pairs[:, twice[0]].tolist()
            raise NetworkError(f"a sparse projection has two synapses from neuron {source} to neuron {target}; add up their weights")

    @classmethod
    def of(cls, matrix: object) -> tuple[Sparse, IntArray]:
        """The connection that a matrix (target, source) of weights makes, with a synapse where a weight is not 0; and their weights, (synapses,).

        Raises
        ------
        NetworkError   for what is no matrix of integers, and one without synapses.
        """
        weights = integer_array(matrix, "matrix of a sparse projection", NetworkError)
        if weights.ndim != 2 or not weights.any():
            raise NetworkError(f"a matrix of shape {weights.shape}{'' if weights.any() else ' without any synapse'}; give weights (target, source), some of them not 0")
        sources, targets = np.nonzero(weights.T)
        return cls(sources, targets), weights[targets, sources]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sparse) and np.array_equal(self.sources, other.sources) and np.array_equal(self.targets, other.targets)

    def __hash__(self) -> int:
        return hash((self.sources.tobytes(), self.targets.tobytes()))

    def output_shape(self, source: Shape, weights: IntArray) -> Shape:
        """The fewest neurons that hold all targets; there may be more."""
        self._check_source(source)
        return (int(self.targets.max()) + 1,)

    def _check_source(self, source: Shape) -> None:
        if self.sources.max() >= prod(source):
            at = int(self.sources.argmax())
            raise NetworkError(f"synapse {at} begins at neuron {int(self.sources[at])}, the source {source} has {prod(source)}; use lower numbers")

    def validate(self, weights: IntArray, source: Shape, target: Shape) -> None:
        self._check_source(source)
        if self.targets.max() >= prod(target):
            at = int(self.targets.argmax())
            raise NetworkError(f"synapse {at} ends at neuron {int(self.targets[at])}, the target {target} has {prod(target)}; use lower numbers")
        if weights.shape != self.sources.shape:
            raise NetworkError(f"weights have shape {weights.shape}; a sparse projection has one for each of its synapses, {self.sources.shape}")

    def matrix(self, weights: IntArray, source: Shape, target: Shape) -> IntArray:
        matrix = np.zeros((prod(target), prod(source)), np.int64)
        matrix[self.targets, self.sources] = weights
        return matrix

    def fan_out(self, weights: IntArray, source: Shape, target: Shape) -> IntArray:
        return np.bincount(self.sources, minlength=prod(source))

    def describe(self, weights: IntArray) -> str:
        return "sparse"
