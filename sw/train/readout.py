"""A read-out on spike counts: the labels' part of a network whose features were learned without them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lifline.arch.config import Config
from lifline.arch.errors import TrainingError
from lifline.convert.floating.network import FloatNetwork, FloatNeurons, FloatPopulation, FloatProjection
from lifline.convert.floating.operators import Dense
from lifline.convert.nir.dialects import Reset
from lifline.convert.quantisation.quantise import quantise
from lifline.sim.golden.model import GoldenModel

METHODS = ("linear", "assignment")


def fit_readout(
    network: FloatNetwork,
    spikes: NDArray[Any],
    labels: NDArray[Any],
    *,
    calibration: NDArray[Any] | None = None,
    method: str = "linear",
    ridge: float = 30.0,
    classes: int | None = None,
    config: Config | None = None,
    per_neuron: bool = True,
    name: str = "class",
) -> FloatNetwork:
    """Add an integrating read-out to a network whose output fires.

    It is fitted on the counts that the quantised network gives in the golden model, so it is fitted to what the hardware will do. Quantise the result with
    the same ``config``, ``per_neuron`` and ``calibration``, and these counts stay as they are.

    Parameters
    ----------
    spikes : (sample, time, neuron).   labels : (sample,), whole numbers from 0.
    calibration : spikes that ``quantise`` gets, all of ``spikes`` if None.
    method : ``"linear"``: ridge regression of the classes on the counts, its intercept a bias spread over the steps. ``"assignment"``: each neuron
        belongs to the class for which it fires most on average, and a class gets the mean count of its neurons (Diehl and Cook 2015).
    ridge : penalty on the squared weights, in units of squared counts.
    classes : number of classes; the largest label and one if None.
    config, per_neuron : see :func:`lifline.convert.quantisation.quantise.quantise`.   name : of the read-out.

    Raises
    ------
    TrainingError   for labels that do not fit, an unknown method, or features of which none fires.
    ConversionError   if the network cannot be quantised.
    """
    labels = np.asarray(labels)
    if labels.shape != (len(spikes),) or labels.dtype.kind not in "iu" or not len(labels) or labels.min() < 0:
        raise TrainingError(f"labels of type {labels.dtype} and shape {labels.shape} must be one whole number from 0 for each of {len(spikes)} samples")
    number = int(labels.max()) + 1 if classes is None else classes
    if labels.max() >= number:
        raise TrainingError(f"label {labels.max()} must be below the number of classes, {number}")
    if method not in METHODS:
        raise TrainingError(f"method {method!r} must be one of {', '.join(METHODS)}")
    features = network.population(network.output)
    if features.neurons is None or features.neurons.threshold is None:
        raise TrainingError(f"output `{features.name}` never fires; a read-out counts spikes")
    integers = quantise(network, spikes if calibration is None else calibration, config=config, per_neuron=per_neuron)
    counts = GoldenModel(integers).run(np.asarray(spikes)).spike_counts.astype(np.float64)
    if not counts.any():
        raise TrainingError(f"`{features.name}` never fires on these spikes; lower its thresholds (StdpFeatures.settle)")
    of_class = (labels[:, None] == np.arange(number)).astype(np.float64)
    if method == "linear":
        from sklearn.linear_model import Ridge

        model = Ridge(alpha=ridge).fit(counts, of_class)
        weights, bias = model.coef_, model.intercept_
        # The same for every class changes no decision; without it the leading membrane rises, and its largest value is the last.
        weights, bias = weights - weights.mean(0), bias - bias.mean()
    else:
        means = of_class.T @ counts / np.maximum(of_class.sum(0), 1)[:, None]
        belongs = (means.argmax(0) == np.arange(number)[:, None]) & (counts.sum(0) > 0)
        weights, bias = belongs / np.maximum(belongs.sum(1, keepdims=True), 1), np.zeros(number)
    one, zero = np.ones(()), np.zeros(())
    neurons = FloatNeurons(
        keep_v=one, gain_v=one, gain_i=one, drive=bias / np.shape(spikes)[1], threshold=None, reset=Reset.NONE, v_reset=zero, strict=True, cap=1, v_min=None
    )
    return network.replace(
        populations=(*network.populations, FloatPopulation(name, (number,), neurons)),
        projections=(*network.projections, FloatProjection(source=features.name, target=name, operators=(Dense(weights),))),
        output=name,
    )
