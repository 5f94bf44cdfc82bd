"""What the importers of Python objects share: what a framework's neurons become, how its networks are run, and what they must be."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from lifline.arch.errors import ConversionError, MissingLibraryError

from ..floating.network import FloatNeurons
from ..floating.operators import Convolution, Dense, Floats, Operator

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Spiking:
    """What a framework's neuron layer becomes: its model, and the operators of its recurrence, one step late, if it has one.

    Attributes
    ----------
    scale : multiplies the spikes that leave (graded spikes).
    time_axis : of the layer's input, if it takes all steps in one call.
    steps : of the runs in a joined axis of items and steps (``time_axis`` 0), by the number of both; None: the axis is time alone.
    shown : the tensor that is the result, of those that a call gave, if it is not the first.
    """

    neurons: FloatNeurons
    recurrence: tuple[Operator, ...] | None = None
    scale: Floats | None = None
    time_axis: int | None = None
    steps: Callable[[int], int] | None = None
    shown: Callable[[Any, list[Any]], Any] | None = None


@dataclass(frozen=True)
class Framework:
    """How a framework's networks are run.

    Attributes
    ----------
    translate : a module's translation, from its name and itself; None if it is not a neuron layer.   reset : sets all states of a network to where they start.
    leads : sizes of the sample's leading axes, if none is given, for a network with these neuron layers.
    carries : whether a network takes and returns its state, ``y, state = net(x, state)``.
    spikes : whether its neuron layers give spikes, or other values as well.
    """

    name: str
    translate: Callable[[str, nn.Module], Spiking | None]
    reset: Callable[[nn.Module], None]
    leads: Callable[[list[Spiking]], tuple[int, ...]] = lambda layers: (3,)
    carries: bool = False
    spikes: bool = True


def library(name: str, package: str | None = None) -> Any:
    """Module ``name`` of a framework whose objects are to be read.

    Raises
    ------
    MissingLibraryError   if it is not installed; pip knows it as ``package``, or by the first part of its name.
    """
    try:
        return import_module(name)
    except ImportError as error:
        package = package or name.partition(".")[0]
        raise MissingLibraryError(f"{package} objects need {package}, which cannot be imported ({error}); pip install {package}") from error


def checked(net: Any, framework: str) -> None:
    """Check that ``net`` is something a framework built on PyTorch can have made, in evaluation mode, its weights there.

    Raises
    ------
    ConversionError   if it is not a PyTorch module, if a module of it is in training mode, or a parameter has no values.
    """
    torch = library("torch")
    if not isinstance(net, torch.nn.Module):
        raise ConversionError(f"a network of {framework} is a PyTorch module, got {type(net).__name__}; a NIR file or graph goes to lifline.import_nir")
    for name, module in net.named_modules():
        if module.training:
            what = "the network is" if not name else f"layer `{name}` ({type(module).__name__}) is"
            raise ConversionError(f"{what} in training mode; call net.eval() first, on the whole network")
    for name, tensor in (*net.named_parameters(), *net.named_buffers()):
        if isinstance(tensor, torch.nn.parameter.UninitializedTensorMixin):
            raise ConversionError(f"parameter `{name}` has no shape yet (a lazy layer); run the network once before the import")
        if tensor.is_meta:
            raise ConversionError(f"parameter `{name}` has no values (device meta); load the weights first")
        if tensor.is_floating_point() and not torch.isfinite(tensor).all() and isinstance(tensor, torch.nn.Parameter):
            raise ConversionError(f"parameter `{name}` holds values that are not finite (NaN or infinite); mend it before the import")


@contextmanager
def untouched(net: nn.Module) -> Iterator[None]:
    """Give the network back as it was: states, buffers, weights, flags and the attributes of its modules."""
    import torch

    def contents(value: Any) -> Any:
        return copy.copy(value) if isinstance(value, dict | list) else value

    modules = [module for _, module in net.named_modules()]
    saved = [{name: contents(value) for name, value in vars(module).items()} for module in modules]
    found = (value for module in modules for value in (*module._parameters.values(), *module._buffers.values(), *vars(module).values()))
    tensors = [(t, t.detach().clone()) for t in found if isinstance(t, torch.Tensor)]
    try:
        yield
    finally:
        for module, before in zip(modules, saved, strict=True):
            for name in set(vars(module)) - set(before):
                object.__delattr__(module, name)
            for name, value in before.items():
                own = vars(module).get(name)
                if isinstance(value, dict) and isinstance(own, dict):
                    own.clear()
                    own.update(value)
                else:
                    vars(module)[name] = value
        with torch.no_grad():
            for tensor, values in tensors:
                if not torch.equal(tensor, values):
                    tensor.copy_(values)


def array(value: Any) -> Floats:
    """A tensor, parameter or number as a float64 array."""
    value = value.detach().cpu().double().numpy() if hasattr(value, "detach") else value
    return np.asarray(value, np.float64)


def operators_of(name: str, module: nn.Module) -> list[Operator]:
    """Operators of a layer inside a recurrent neuron layer.

    Raises
    ------
    ConversionError   for a layer without translation.
    """
    from torch import nn

    bias = getattr(module, "bias", None)
    bias = None if bias is None else array(bias)
    if isinstance(module, nn.Identity | nn.Flatten):
        return []
    if isinstance(module, nn.Linear):
        return [Dense(array(module.weight), bias)]
    if isinstance(module, nn.Conv1d | nn.Conv2d) and module.padding_mode == "zeros" and not isinstance(module.padding, str):
        return [Convolution(array(module.weight), bias, module.stride, tuple((p, p) for p in module.padding), module.dilation, module.groups)]
    raise ConversionError(f"layer `{name}` is a {type(module).__name__}, which has no translation inside a recurrent layer; there are Linear, Conv1d and Conv2d")
