"""Projections: the synapses from one population into another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lifline.arch.errors import NetworkError
from lifline.arch.values import integer, text

from .neurons import IntArray, integers, one_or_more


@dataclass(frozen=True, eq=False, kw_only=True)
class Projection:
    """Fully connected synapses: ``weights`` is (target, source).

    ``delays`` in steps: None, one value, one per source neuron (axonal), or one per synapse, (target, source).
    """

    source: str
    target: str
    weights: IntArray
    weight_shift: int = 0
    delays: IntArray | int | None = None

    def __post_init__(self) -> None:
        for end in ("source", "target"):
            text(getattr(self, end), f"{end} of a projection:", NetworkError)
        object.__setattr__(self, "weights", integers(self.weights, f"weights {self.source} -> {self.target}"))
        object.__setattr__(self, "weight_shift", integer(self.weight_shift, "weight_shift", NetworkError))
        if self.delays is not None:
            object.__setattr__(self, "delays", one_or_more(self.delays, f"delays {self.source} -> {self.target}"))

    def __repr__(self) -> str:
        delays = np.asarray(0 if self.delays is None else self.delays)
        shown = f", delays {delays.min()}..{delays.max()}" if delays.any() else ""
        return f"Projection({self.source} -> {self.target}, {self.weights.shape[-1]} x {self.weights.shape[0]} weights{shown})"

    @property
    def synaptic(self) -> bool:
        """Whether synapses of one source neuron have different delays, which axonal delays cannot express."""
        delays = np.asarray(self.delays)
        return delays.ndim == 2 and bool((delays != delays[0]).any())

    def delay_matrix(self) -> IntArray:
        """Delay of every synapse, shape (target, source)."""
        return np.broadcast_to(np.asarray(0 if self.delays is None else self.delays, dtype=np.int64), self.weights.shape)

    def delay_vector(self) -> IntArray:
        """Delay of every source neuron, shape (source,).

        Raises
        ------
        NetworkError   if delays are synaptic.
        """
        if self.synaptic:
            raise NetworkError(f"projection {self.source} -> {self.target} has synaptic delays; there is no one delay per source neuron")
        return self.delay_matrix()[0]
