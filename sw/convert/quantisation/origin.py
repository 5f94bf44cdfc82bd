"""Where membranes are counted from: integer neurons start at 0 and have a positive threshold, those of the frameworks need not."""

from __future__ import annotations

import dataclasses

import numpy as np

from lifline.arch.errors import ConversionError

from ..floating.network import FloatNetwork, FloatNeurons, FloatPopulation
from ..floating.operators import Floats
from ..nir.dialects import Reset

VALUE_RESETS = (Reset.NOW_VALUE, Reset.LATE_VALUE, Reset.LATE_HOLD)
"""Rules whose reset moves with the origin; the others subtract the threshold, which must not change."""


def counted_from(neurons: FloatNeurons, origin: Floats) -> FloatNeurons:
    """An equal model whose membranes are counted from ``origin``: ``v`` here is ``v`` there minus ``origin``."""
    assert neurons.threshold is not None
    return dataclasses.replace(
        neurons,
        drive=neurons.drive + (neurons.keep_v - 1) * origin,
        threshold=neurons.threshold - origin,
        v_reset=neurons.v_reset - origin,
        v_min=None if neurons.v_min is None else neurons.v_min - float(origin.flat[0]),
        v_start=neurons.v_start - origin,
    )


def at_origin(network: FloatNetwork) -> tuple[FloatNetwork, dict[str, Floats]]:
    """An equal network that integer neurons can follow, and the origin of every population's membranes.

    Thresholds are positive. Membranes start at 0 where they can; where they cannot, ``v_start`` is left, for a pulse in the first step to bring.

    Raises
    ------
    ConversionError   naming the population whose threshold is not positive and whose reset subtracts it, whose clamp or synaptic current
        is in the way.
    """
    populations, origins = [], {}
    for p in network.populations:
        if p.neurons is None:
            populations.append(p)
            continue
        origin = _origin(p, p.neurons)
        moved = counted_from(p.neurons, origin) if origin.any() else p.neurons
        if moved.v_start.any() and moved.keep_i is not None:
            raise ConversionError(
                f"population `{p.name}`: the membrane starts at {moved.v_start.flat[0]:g}, which a synaptic current cannot bring in the first step; "
                "start it at rest, below the threshold"
            )
        populations.append(FloatPopulation(p.name, p.shape, moved))
        origins[p.name] = origin
    return network.replace(populations=tuple(populations)), origins


def _origin(p: FloatPopulation, n: FloatNeurons) -> Floats:
    nowhere = np.zeros(())
    if n.threshold is None or n.reset not in VALUE_RESETS:
        if n.threshold is not None and n.threshold.min() <= 0:
            raise ConversionError(
                f"population `{p.name}`: threshold {n.threshold.min():g} is not positive, and the reset rule {n.reset.value} cannot be counted from "
                "elsewhere; train with a positive threshold, or with a reset to a value"
            )
        return nowhere
    threshold = float(n.threshold.min())
    start_fits = (n.threshold - n.v_start > 0).all() and (n.v_min is None or n.v_start.min() == n.v_start.max() >= n.v_min)
    if start_fits:
        return n.v_start
    if threshold > 0:
        return nowhere
    # Far enough below the threshold that rounding does not move it, and not below the clamp, which is at most 0 in integers.
    away = max(float(np.abs(n.v_start - threshold).max()), float(np.abs(n.v_reset - threshold).max()), float(np.ptp(n.threshold)))
    origin = threshold - (away or 1.0)
    if n.v_min is not None and origin < n.v_min:
        origin = n.v_min
    if origin >= threshold:
        raise ConversionError(
            f"population `{p.name}`: threshold {threshold:g} is not positive and not above the clamp v_min {n.v_min:g}: its neurons fire in every "
            "step; raise the threshold"
        )
    return np.full((), origin)
