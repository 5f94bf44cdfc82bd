"""One population and the projections into it, prepared for the golden model's kernels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from lifline.network.connections.sparse import Sparse
from lifline.network.connections.windows import Windowed
from lifline.network.model import Network, Population, Projection, ResetRule

from . import kernels
from .scratch import Scratch
from .sparse import SparseSynapses
from .synapses import Ints, Synapses
from .windows import WindowSynapses, position_major

Scalar = TypeVar("Scalar", bound=np.generic)
Items = NDArray[np.int64] | slice
"""Which items of a batch: indices, or a slice if they follow one another."""
NOTHING = np.zeros((1, 0, 1), np.int64)


@dataclass
class State:
    """State of one population: ``v, i, c, count`` (batch, neuron) and the spikes of its last ``depth`` steps (batch, depth, neuron)."""

    v: NDArray[np.int64]
    i: NDArray[np.int64]
    c: NDArray[np.int64]
    count: NDArray[np.int64]
    past: NDArray[np.uint8]

    @classmethod
    def zeros(cls, batch: int, size: int, depth: int) -> State:
        v, i, c, count = (np.zeros((batch, size), np.int64) for _ in range(4))
        return cls(v, i, c, count, np.zeros((batch, depth, size), np.uint8))

    def take(self, items: Items) -> State:
        """Some items of the batch: views if they are a slice, else copies."""
        return State(self.v[items], self.i[items], self.c[items], self.count[items], self.past[items])

    def put(self, items: Items, other: State) -> None:
        """Write back what :meth:`take` gave, with a new ``past``."""
        self.past[items] = other.past
        if not isinstance(items, slice):
            self.v[items], self.i[items], self.c[items], self.count[items] = other.v, other.i, other.c, other.count


def order_of(network: Network, population: Population) -> NDArray[np.int64]:
    """The neurons as the golden model keeps them: position by position where spikes come through a window, which then adds to neighbours."""
    through = any(isinstance(p.connection, Windowed) for p in network.projections_into(population.name))
    return position_major(population.shape) if through else np.arange(population.size)


def synapses_of(network: Network, projection: Projection) -> Synapses | WindowSynapses | SparseSynapses:
    """What adds a projection's spikes to ``x``."""
    source, target = network.population(projection.source), network.population(projection.target)
    levels = 1 if source.neurons is None else source.neurons.cap
    if isinstance(projection.connection, Windowed):
        return WindowSynapses(projection, levels, order_of(network, source))
    kind = SparseSynapses if isinstance(projection.connection, Sparse) else Synapses
    return kind(projection, levels, order_of(network, source), order_of(network, target))


class Layer:
    """A population with its neuron model unpacked for the kernels. Neurons are in the order of :func:`order_of`; :meth:`shown` undoes it."""

    def __init__(self, network: Network, population: Population) -> None:
        neurons = population.neurons
        assert neurons is not None
        self.name, self.size = population.name, population.size
        limit = network.state_max
        self.synapses = [synapses_of(network, p) for p in network.projections_into(population.name)]
        order = order_of(network, population)
        self.inverse = np.argsort(order) if (np.diff(order) < 0).any() else None

        def full(value: object) -> NDArray[np.int64]:
            return np.broadcast_to(np.asarray(value, dtype=np.int64), (population.size,))[order]

        self.theta, self.bias = full(neurons.threshold), full(neurons.bias)
        self.budget = full(0 if neurons.budget is None else neurons.budget)
        self.rule = kernels.Rule(
            limit=limit,
            factor_v=kernels.DECAY_ONE - neurons.decay_v,
            factor_i=kernels.DECAY_ONE - neurons.decay_i,
            late=neurons.reset in (ResetRule.LATE_VALUE, ResetRule.LATE_SUBTRACT),
            subtract=neurons.reset in (ResetRule.NOW_SUBTRACT, ResetRule.LATE_SUBTRACT),
            v_reset=neurons.v_reset,
            strict=neurons.strict,
            cap=neurons.cap,
            v_min=-limit if neurons.v_min is None else neurons.v_min,
            has_budget=neurons.budget is not None,
        )
        largest = sum(s.largest for s in self.synapses)
        self.plain = (
            network.state_bits <= 18
            and largest < 1 << 29
            and self.rule.factor_i == 0
            and neurons.cap == 1
            and not self.rule.has_budget
        )
        self.narrow_type = np.int16 if largest < 1 << 15 else np.int32
        self.narrow = self.theta.astype(np.int32), self.bias.astype(np.int32)

    def shown(self, values: NDArray[Scalar]) -> NDArray[Scalar]:
        """Values (..., neuron) in the population's own order."""
        return values if self.inverse is None else values[..., self.inverse]

    def synaptic_input(self, batch: int, steps: int, wanted: set[str], scratch: Scratch) -> Ints:
        """Zeroed ``x`` (batch, time, neuron) in the type that :meth:`update` will work in."""
        return scratch.zeros(f"{self.name} x", (batch, steps, self.size), self.narrow_type if self._fast(wanted) else np.int64)

    def _fast(self, wanted: set[str]) -> bool:
        return self.plain and not wanted & {"v", "i", "c"}

    def update(
        self, state: State, x: Ints, fired: NDArray[np.uint8], records: dict[str, Ints], counters: NDArray[np.int64], start: int, stop: int
    ) -> None:
        """Advance ``state`` over steps ``start..stop-1``; write spikes into ``fired``, records and counters in place."""
        depth = fired.shape[1] - x.shape[1]
        if x.dtype != np.int64:
            v, c = state.v.astype(np.int32), state.c.astype(np.int32)
            kernels.update_plain(x, v, c, fired, depth, *self.narrow, self.rule, counters, start, stop)
            state.v[:], state.c[:] = v, c
            state.i[:] = x[:, stop - 1]
            return
        record_v, record_i, record_c = (records.get(name, NOTHING) for name in ("v", "i", "c"))
        kernels.update(
            x, state.v, state.i, state.c, state.count, fired, depth, self.theta, self.bias, self.budget,
            self.rule, record_v, record_i, record_c, counters, start, stop,
        )  # fmt: skip
