"""Parameters of a population as the integer neuron has them: one for each neuron, one for all, and its reset rule."""

from __future__ import annotations

import numpy as np

from lifline.arch.errors import ConversionError
from lifline.network.model import ResetRule

from ..floating.network import FloatNeurons, FloatPopulation
from ..floating.operators import Floats
from ..nir.dialects import Reset
from .scales import Matrix


def each_neuron(p: FloatPopulation, values: Floats | float) -> Matrix:
    """One value per neuron, (neuron,)."""
    values = np.asarray(values, np.float64)
    return values if values.shape == (p.size,) else np.broadcast_to(values, p.shape).reshape(-1)


def reset_rule(p: FloatPopulation, model: FloatNeurons) -> ResetRule:
    """The reset rule of the integer neuron.

    Raises
    ------
    ConversionError   for one that exists in floating point only.
    """
    try:
        return ResetRule(model.reset.value)
    except ValueError:
        known = ", ".join(r.value for r in ResetRule)
        hint = "; train with reset_delay=True" if model.reset is Reset.TESTED_TWICE else ""
        raise ConversionError(f"population `{p.name}`: reset rule {model.reset.value} exists in floating point only; the integer neuron has {known}{hint}") from None


def one_value(p: FloatPopulation, what: str, values: Floats) -> float:
    """The value that all neurons of a population share.

    Raises
    ------
    ConversionError   if they differ.
    """
    if values.min() != values.max():
        raise ConversionError(
            f"population `{p.name}`: {what} differs between neurons ({values.min():g}..{values.max():g}); a population has one: split the layer into a population for each value, or train with one decay per layer"
        )
    return float(values.flat[0])
