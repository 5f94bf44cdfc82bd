"""Compare an imported network with what its framework computes: every spike, every read-out value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lifline.arch.errors import ConversionError, InputError

from ..nir.values import as_array
from .evaluate import evaluate
from .network import FloatNetwork

TOLERANCE = 1e-4
"""Largest difference of read-out membranes, relative to the largest one: far above what single precision rounds. Spikes must be equal."""


def check_output(network: FloatNetwork, x: Any, y: Any, tolerance: float = TOLERANCE) -> None:
    """Run ``network`` on ``x`` and compare.

    Parameters
    ----------
    x : (batch, time, *input shape), what the framework got, from zero state.
    y : what it gave, (batch, time, *output shape): spikes, or membranes of a read-out. Or a mapping of such arrays by population.
    tolerance : for membranes, relative to the largest one.

    Raises
    ------
    ConversionError   if a value differs: the first layer in which one does, the first step, the count.
    InputError   if the shapes do not fit.
    """
    expected = {str(k): as_array(f"check: `{k}`", v) for k, v in y.items()} if isinstance(y, Mapping) else {network.output: as_array("check: y", y)}
    x = as_array("check: x", x)
    result = evaluate(network, x, record=list(expected))
    for name in [p for p in network.order if p in expected]:
        population = network.population(name)
        fires = population.neurons is not None and population.neurons.threshold is not None
        ours = result.spikes[name] if fires or population.neurons is None else result.v[name]
        _compare(network, name, ours, expected[name], 0.0 if fires else tolerance)


def _compare(network: FloatNetwork, name: str, ours: NDArray[Any], theirs: NDArray[np.float64], tolerance: float) -> None:
    if theirs.shape[:2] != ours.shape[:2] or theirs.size != ours.size:
        raise InputError(f"check: the framework's `{name}` has shape {theirs.shape}; the import gives {ours.shape}, (batch, time, ...)")
    a, b = ours.reshape(*ours.shape[:2], -1).astype(np.float64), theirs.reshape(*ours.shape[:2], -1)
    differs = np.abs(a - b) > tolerance * max(float(np.abs(b).max(initial=0)), 1.0) if tolerance else a != b
    if not differs.any():
        return
    step = int(np.flatnonzero(differs.any(axis=(0, 2)))[0])
    item, neuron = (int(k[0]) for k in np.nonzero(differs[:, step]))
    dialect = "" if network.dialect is None else f" Dialect `{network.dialect.name}` with dt {network.dialect.dt:g} may not be that of the framework: check dt, reset and cap."
    notes = "" if not network.notes else f" The import noted: {'; '.join(network.notes)}."
    raise ConversionError(
        f"the imported network is not the framework's: {int(differs.sum())} of {differs.size} values of layer `{name}` differ, first in step {step} "
        f"(item {item}, neuron {neuron}: {a[item, step, neuron]:g} instead of {b[item, step, neuron]:g}).{dialect}{notes}"
    )
