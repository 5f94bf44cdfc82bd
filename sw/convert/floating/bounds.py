"""How far membranes can rise, whatever the input: layers that can never fire are found without running anything.

Interval arithmetic, neuron by neuron. Every input value lies in a range, every spike count between 0 and the cap of a neuron that can fire. A
membrane is highest when the input that raises it most arrives in every step: ``v_n = k^n v_0 + u (1 - k^n) / (1 - k)``. Bounds are never
too low; they may be too high, for the inputs of two neurons are taken for independent. A neuron that cannot reach its threshold sends nothing, so the
set of neurons that can fire is grown from the input until it stays as it is.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .network import FloatNetwork, FloatNeurons, FloatProjection
from .operators import Convolution, Delay, Dense, Floats, Operator, Scale

LONG_RUN = 10_000
"""Steps; a layer that needs longer for its first spike is as good as silent."""
ENDLESS = 1e30
"""Stands for membranes without bound, and stays finite when weights multiply it."""
ROUNDS_FROM, ROUNDING = 1e9, 1e-14
"""Bounds that are wider than the one are widened by the other share of themselves."""
GROWTH = 8
"""Rounds in which membranes that are passed on around a cycle may grow before they count as unbounded."""


@dataclass(frozen=True)
class Reach:
    """What the neurons of a population can reach.

    Attributes
    ----------
    lowest, highest : (*shape), bounds of the membrane before a first spike.
    fires : (*shape), whether the threshold can be reached; False for a read-out.
    """

    lowest: Floats
    highest: Floats
    fires: NDArray[np.bool_]


def membrane_reach(network: FloatNetwork, *, steps: int | None = LONG_RUN, inputs: tuple[float, float] = (0.0, 1.0)) -> dict[str, Reach]:
    """Bounds of every population's membranes within ``steps`` steps (None: ever), for input values in ``inputs``."""
    low, high = min(inputs[0], 0.0), max(inputs[1], 0.0)
    sent: dict[str, tuple[Floats, Floats]] = {p.name: (np.zeros(p.shape), np.zeros(p.shape)) for p in network.populations}
    sent[network.input.name] = (np.full(network.input.shape, low), np.full(network.input.shape, high))
    found: dict[str, Reach] = {}
    order = [p for p in (network.population(name) for name in network.order) if p.neurons is not None]
    size = sum(p.size for p in order)
    for turn in range(size + GROWTH + 2):
        changed = False
        for p in order:
            assert p.neurons is not None
            bounds = [_through(q, *sent[q.source]) for q in network.projections_into(p.name)]
            x = (sum((b[0] for b in bounds), np.zeros(p.shape)), sum((b[1] for b in bounds), np.zeros(p.shape)))
            reach = found[p.name] = _reach(p.neurons, x, steps)
            if p.neurons.threshold is not None:
                now = (np.zeros(p.shape), np.where(reach.fires, float(p.neurons.cap), 0.0))
            elif turn > GROWTH:
                now = (np.where(reach.lowest < 0, -ENDLESS, 0.0), np.where(reach.highest > 0, ENDLESS, 0.0))
            else:
                now = (np.minimum(reach.lowest, 0), np.maximum(reach.highest, 0))
            changed |= any(not np.array_equal(a, b) for a, b in zip(now, sent[p.name], strict=True))
            sent[p.name] = now
        if not changed:
            break
    return found


def _through(projection: FloatProjection, low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """Bounds behind a chain of operators, each linear apart from its bias: the centre goes through it, the radius through its magnitudes."""
    for operator in projection.operators:
        if isinstance(operator, Delay):  # zero before; what is sent may always be zero, so axonal delays change nothing
            low, high = np.minimum(low, 0), np.maximum(high, 0)
            continue
        centre = operator.apply((low + high)[None] / 2)[0]
        radius = _magnitudes(operator).apply((high - low)[None] / 2)[0]
        radius = radius + np.where(radius > ROUNDS_FROM, ROUNDING * radius, 0.0)  # beside bounds without end a bias is lost in rounding
        low, high = np.clip(centre - radius, -ENDLESS, ENDLESS), np.clip(centre + radius, -ENDLESS, ENDLESS)
    return low, high


def _magnitudes(operator: Operator) -> Operator:
    if isinstance(operator, (Dense, Convolution)):
        return dataclasses.replace(operator, weight=np.abs(operator.weight), bias=None)
    return Scale(np.abs(operator.scale)) if isinstance(operator, Scale) else operator.without_bias()


def _total(keep: Floats, steps: int | None) -> Floats:
    """``1 + k + ... + k^(steps - 1)``."""
    slow = keep < 1
    lost = np.where(slow, 1 - keep, 1.0)
    if steps is None:
        return np.where(slow, 1 / lost, ENDLESS)
    return np.where(slow, (1 - keep**steps) / lost, float(steps))


def _reach(n: FloatNeurons, x: tuple[Floats, Floats], steps: int | None) -> Reach:
    shape = x[0].shape
    low, high = _scaled(x, n.gain_i)
    if n.keep_i is not None:
        # The current starts at 0: one step moves it least, the longest run most.
        total = _total(n.keep_i, steps)
        low, high = np.where(low < 0, low * total, low), np.where(high > 0, high * total, high)
        low, high = np.clip(low, -ENDLESS, ENDLESS), np.clip(high, -ENDLESS, ENDLESS)
    low, high = _scaled((low, high), n.gain_v)
    low, high = low + n.drive, high + n.drive
    total = _total(n.keep_v, steps)
    # Between the first step and the last the membrane moves in one direction.
    kept = np.where(n.keep_v < 1, 0.0, 1.0) if steps is None else n.keep_v**steps
    start = n.v_start if n.v_min is None else np.maximum(n.v_start, n.v_min)  # the clamp may lift it in the first step
    highest = np.maximum(n.keep_v * start + high, np.clip(kept * start + high * total, -ENDLESS, ENDLESS))
    lowest = np.minimum(n.keep_v * n.v_start + low, np.clip(kept * n.v_start + low * total, -ENDLESS, ENDLESS))
    if n.v_min is not None:
        lowest, highest = np.maximum(lowest, n.v_min), np.maximum(highest, n.v_min)
    lowest, highest = np.broadcast_to(lowest, shape), np.broadcast_to(highest, shape)
    if n.threshold is None:
        return Reach(lowest, highest, np.zeros(shape, np.bool_))
    # Single precision may round a membrane up to its threshold.
    near = highest + 1e-6 * np.abs(n.threshold)
    return Reach(lowest, highest, np.broadcast_to(near > n.threshold if n.strict else near >= n.threshold, shape))


def _scaled(x: tuple[Floats, Floats], gain: Floats) -> tuple[Floats, Floats]:
    return np.minimum(x[0] * gain, x[1] * gain), np.maximum(x[0] * gain, x[1] * gain)


def silent_notes(network: FloatNetwork) -> list[str]:
    """A sentence for every spiking population of which no neuron can fire on inputs of 0 and 1, with how far it gets."""
    reach = membrane_reach(network)
    notes = []
    for p in network.populations:
        if p.neurons is None or p.neurons.threshold is None or reach[p.name].fires.any():
            continue
        threshold = np.broadcast_to(p.neurons.threshold, p.shape)
        share = float((reach[p.name].highest / np.where(threshold == 0, 1, threshold)).max())
        step = "" if network.dialect is None else f": with dt {network.dialect.dt:g} of dialect `{network.dialect.name}` something is too slow; check dt and dt_integrate"
        notes.append(f"`{p.name}` can never fire: in {LONG_RUN:,} steps of inputs 0 and 1 its membranes reach at most {share:.3g} of the threshold{step}")
    return notes
