"""Layers that a quantised network would silence: they fire in floating point on the calibration data, and in integers never."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lifline.arch.errors import ConversionError
from lifline.network.model import Network
from lifline.sim.golden.model import GoldenModel

from ..floating.evaluate import FloatResult
from ..floating.network import FloatNetwork

FAR = 100
"""A threshold so many times above every membrane is a read-out's, which nothing was meant to reach."""


def refuse_silence(network: FloatNetwork, seen: FloatResult, quantised: Network, spikes: NDArray[np.uint8]) -> None:
    """Run the golden model on the calibration data and compare which layers fire.

    Raises
    ------
    ConversionError   naming the first layer that fires in floating point only, or an output whose threshold nothing can reach.
    """
    out = network.population(network.output)
    assert out.neurons is not None
    peak = float(seen.peak[out.name].max())
    if out.neurons.threshold is not None and not seen.fired[out.name] and out.neurons.threshold.min() > FAR * max(peak, np.finfo(np.float32).tiny) and peak > 0:
        raise ConversionError(
            f"output `{out.name}` never fires: its threshold {out.neurons.threshold.min():.4g} is far above every membrane of the calibration data (at most "
            f"{peak:.4g}). If its membrane is the result, use network.with_read_out() (`--read-out`), else lower the threshold"
        )
    if quantised.metadata["quantised"]["exact"]:
        return  # nothing was rounded: a spike of the float network alone is its own rounding, on a membrane that equals the threshold
    counters = GoldenModel(quantised).run(spikes).counters
    for name in network.order:
        if name in seen.fired and seen.fired[name] and not counters[name].spikes.any():
            raise ConversionError(
                f"layer `{name}` fires {seen.fired[name]:,} times on the calibration data in floating point and never in integers; its weights, biases or decays "
                "do not survive rounding: use per_neuron, a configuration with more bits, or train with integers"
            )
