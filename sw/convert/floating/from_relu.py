"""A network of ReLU layers -> spiking :class:`FloatNetwork`, its activations as firing rates.

Soft reset makes an integrate-and-fire neuron a rate-coded ReLU (Cao et al. 2015; Rueckauer et al. 2017): with threshold ``L`` and mean
input ``a`` per step it fires ``a / L`` times per step, at most once. ``L`` is the layer's largest activation on calibration data (Diehl et
al. 2015), or a high percentile of them (Rueckauer et al. 2017), and a spike is worth ``L`` to the next layer. A membrane that
started at ``L/2`` would round the rate to the nearest count instead of down (Bu et al. 2022). The hardware's starts at 0, so the same half
threshold comes as a bias of ``L / (2*steps)``, spread over the run (Deng and Gu 2021).

With a leak ``d`` the membrane also loses ``d`` times its mean, ``L/2`` between resets: that is the bias which makes up for it, and no other is needed,
for the membrane then rests at ``L/2``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lifline.arch.errors import ConversionError

from ..frameworks.build import build
from ..frameworks.torch_layers import Framework, Spiking, array
from ..nir.dialects import Reset
from .network import FloatNetwork, FloatNeurons, FloatPopulation, FloatProjection
from .operators import Dense, Floats, Operator, Scale, Shape

if TYPE_CHECKING:
    from torch import nn

ONE, ZERO = np.ones(()), np.zeros(())
TOLERANCE = 1e-3
"""Largest difference between the chain of layers and the network itself, relative to its largest output: far above single precision."""


def from_relu(
    net: nn.Module,
    calibration: NDArray[Any],
    *,
    steps: int,
    percentile: float = 99.9,
    leak: float = 0.0,
    half_threshold: bool = True,
    centre: bool = True,
    input_max: float = 1.0,
    input_shape: Shape | int | None = None,
    name: str | None = None,
) -> FloatNetwork:
    """Convert a network of ``Linear``, ``ReLU``, ``BatchNorm1d``, ``Dropout``, ``Flatten`` (also ``Conv2d``, ``AvgPool2d``).

    Every ReLU becomes a population of IF neurons (LIF with a ``leak``) with soft reset. Linear layers behind the last ReLU become a read-out
    that integrates: after ``steps`` steps its membrane is ``steps`` times the network's output. Input is a rate code, such as
    :func:`~lifline.network.encode.regular_spikes` of ``values / input_max``, of the same ``steps``.

    Parameters
    ----------
    net : in evaluation mode.
    calibration : (sample, *input shape), typical inputs of ``net`` in ``0..input_max``.
    steps : length of the runs; more steps resolve rates better and cost more.
    percentile : of the positive activations of a layer, above 0 to 100; that activation is the layer's threshold, larger ones are cut. 100: the largest.
    leak : share of the membrane lost per step, 0 to below 1. Rates deviate by up to ``leak / 2``; what a neuron has gathered is forgotten.
    half_threshold : whether rates are rounded to the nearest count, by the bias of ``L / (2*steps)``; without it down.
    centre : subtract the mean over the classes from the read-out, which changes no arg max: the largest membrane then grows with time, as the
        device's prediction (the largest membrane of the run) needs. False for values instead of classes.
    input_max : the value that an input neuron stands for which fires in every step.
    input_shape, name : see :func:`lifline.convert.frameworks.build.build`; the shape is that of ``calibration`` unless given.

    Returns
    -------
    Membranes are in the units of the activations; ``metadata["converted"]`` holds the arguments and every layer's threshold.

    Raises
    ------
    ConversionError   by name, for layers without translation, layers without activity, inputs outside ``0..input_max``, and networks
        whose operations have no translation, or that do something else with other values.
    """
    if steps < 1:
        raise ConversionError(f"steps {steps} must be at least 1")
    if not 0 < percentile <= 100:
        raise ConversionError(f"percentile {percentile} must be above 0 and at most 100")
    if not 0 <= leak < 1:
        raise ConversionError(f"leak {leak} must be at least 0 and below 1")
    data = np.asarray(calibration, np.float64)
    if data.ndim < 2 or not len(data):
        raise ConversionError(f"calibration data have shape {data.shape}; give (sample, *input shape) with at least one sample")
    if not (data.min() >= 0 and data.max() <= input_max):
        raise ConversionError(
            f"calibration data are in {data.min():g}..{data.max():g}, rates of input spikes stand for 0..{input_max:g}; shift and scale the "
            "data before training, or set input_max"
        )
    chain = _chain(net, data, data.shape[1:] if input_shape is None else input_shape, name)
    thresholds = _thresholds(net, chain, data, percentile)
    populations, projections = [chain.input], []
    for p in chain.populations[1:]:
        behind: tuple[Operator, ...] = ()
        if p.name in thresholds:
            top = thresholds[p.name]
            drive = leak * top / 2 if leak else top / (2 * steps) if half_threshold else 0.0
            neurons = _neurons(leak, drive, np.full((), top))
        else:
            neurons = _neurons(0.0, 0.0, None)
            if centre and p.size > 1 and len(p.shape) == 1:
                behind = (Dense(np.eye(p.size) - 1 / p.size),)
        populations.append(FloatPopulation(p.name, p.shape, neurons))
        for projection in chain.projections_into(p.name):
            worth = thresholds.get(projection.source, input_max)
            before = (Scale(np.full((1,) * len(chain.population(projection.source).shape), worth)),) if worth != 1 else ()
            projections.append(FloatProjection(source=projection.source, target=p.name, operators=(*before, *projection.operators, *behind)))
    return chain.replace(
        populations=tuple(populations),
        projections=tuple(projections),
        metadata={
            "source": "relu",
            "converted": {"steps": steps, "percentile": percentile, "leak": leak, "half_threshold": half_threshold, "thresholds": thresholds},
        },
    )


def _neurons(leak: float, drive: float, threshold: Floats | None) -> FloatNeurons:
    return FloatNeurons(
        keep_v=ONE - leak, gain_v=ONE, gain_i=ONE, drive=ZERO + drive, threshold=threshold, reset=Reset.NOW_SUBTRACT, v_reset=ZERO, strict=False, cap=1,
        v_min=None,
    )  # fmt: skip


def _chain(net: nn.Module, data: Floats, shape: Shape | int, name: str | None) -> FloatNetwork:
    """The layers as they are, with placeholders for neurons."""
    import torch
    from torch import nn

    def translate(label: str, module: nn.Module) -> Spiking | None:
        return Spiking(_neurons(0.0, 0.0, ONE)) if isinstance(module, nn.ReLU) else None

    weights = next(net.parameters(), torch.zeros(()))
    sample = torch.as_tensor(data[:2] if len(data) > 1 else np.repeat(data, 2, axis=0), dtype=weights.dtype)
    framework = Framework("PyTorch", translate, lambda network: None, spikes=False)
    # What the layers are is compared below, on the calibration data, by the values that ReLU lets pass.
    return build(net, framework, input_shape=shape, sample=sample, name=name, check=False, precision="float64", read_out=_neurons(0.0, 0.0, None))


def _thresholds(net: nn.Module, chain: FloatNetwork, data: Floats, percentile: float) -> dict[str, float]:
    """Largest activation, or the percentile, of every ReLU layer; checks that the layers in a chain are the network."""
    import torch

    found: dict[str, float] = {}
    values = {chain.input.name: data.reshape(len(data), *chain.input.shape)}
    x = values[chain.input.name]
    for name in chain.order[1:]:
        p, x = chain.population(name), np.zeros(())
        for projection in chain.projections_into(name):
            y = values[projection.source]
            for operator in projection.operators:
                y = operator.apply(y)
            x = x + y
        assert p.neurons is not None
        values[name] = x
        if p.neurons.threshold is None:
            continue
        values[name] = x = np.maximum(x, 0)
        if not x.any():
            raise ConversionError(f"layer `{name}` is never active on the calibration data, so its rates have no scale; give typical data")
        found[name] = float(np.percentile(x[x > 0], percentile))
    x = values[chain.output]
    weights = next(net.parameters(), torch.zeros(()))
    with torch.no_grad():
        y = array(net(torch.as_tensor(data, dtype=weights.dtype))).reshape(len(data), -1)
    flat = x.reshape(len(x), -1)
    if y.shape != flat.shape or np.abs(y - flat).max() > TOLERANCE * max(np.abs(y).max(), np.finfo(np.float32).tiny):
        raise ConversionError(
            f"{type(net).__name__} does not compute what was followed of its layers {', '.join(p.name for p in chain.populations[1:])}: what it does depends "
            "on its values; make every step a module of its own"
        )
    return found
