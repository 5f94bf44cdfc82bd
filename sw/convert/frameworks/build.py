"""A framework's object -> float network: its neurons, and the network around them, followed and checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..floating.network import FloatNetwork, FloatNeurons
from ..floating.operators import Shape
from .torch_layers import Framework, checked

if TYPE_CHECKING:
    from torch import nn


def build(
    net: nn.Module,
    framework: Framework,
    *,
    input_shape: Shape | int | None,
    sample: Any,
    name: str | None,
    check: bool = True,
    precision: str = "float32",
    read_out: FloatNeurons | None = None,
) -> FloatNetwork:
    """A float network of what ``net`` computes from its input to its output, compared with ``net`` itself.

    Parameters
    ----------
    input_shape : of one item in one step; may be left out if the first layer is linear, or ``sample`` has one leading axis.
    sample : an input of ``net`` as its ``forward`` wants it; without it one is made.
    check : run both on the sample and on random spikes, and compare every layer of neurons.
    read_out : neurons for layers behind the last neurons, which are refused if it is None.

    Raises
    ------
    ConversionError   by name, for operations and options without translation; with ``check`` also for a network that differs.
    """
    from ..objects.network import import_object

    checked(net, framework.name)
    return import_object(net, framework, input_shape=input_shape, sample=sample, name=name, check=check, precision=precision, read_out=read_out)
