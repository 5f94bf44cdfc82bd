"""PyTorch modules as a chain of layers: the part that all importers of Python objects share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from lifline.arch.errors import ConversionError, MissingLibraryError

from .float_network import FloatNetwork, FloatNeurons, FloatPopulation, FloatProjection
from .operators import Convolution, Dense, Floats, Operator, Pool, Reshape, Shape

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Spiking:
    """What a framework's neuron layer becomes: its model, and the operators of its recurrence, one step late, if it has one.

    ``scale`` multiplies the spikes that leave (graded spikes).
    """

    neurons: FloatNeurons
    recurrence: tuple[Operator, ...] | None = None
    scale: Floats | None = None


Translate = Callable[["nn.Module"], Spiking | None]
PASSED = ("Identity", "Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout")
"""Layers that do nothing in inference."""


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
    """Check that ``net`` is something a framework built on PyTorch can have made.

    Raises
    ------
    ConversionError   if it is not a PyTorch module.
    """
    if not isinstance(net, library("torch").nn.Module):
        raise ConversionError(f"a network of {framework} is a PyTorch module, got {type(net).__name__}; a NIR file or graph goes to lifline.import_nir")


def array(value: Any) -> Floats:
    """A tensor, parameter or number as a float64 array."""
    value = value.detach().cpu().numpy() if hasattr(value, "detach") else value
    return np.asarray(value, np.float64)


def layers_of(net: nn.Module, sample: Any, leaf: Callable[[nn.Module], bool]) -> list[tuple[str, nn.Module]]:
    """Layers in the order in which values pass through them.

    Sequential containers say it themselves. For other modules the order is observed while ``net(sample)`` runs: every layer's input must be
    the output of the layer before it, the same tensor or a view of it. In a loop over time only the first round counts.

    Raises
    ------
    ConversionError   if there is no sample where one is needed, or the values branch, merge or are changed between layers.
    """
    from torch import nn

    def leaves(module: nn.Module, prefix: str) -> Iterable[tuple[str, nn.Module]]:
        for name, child in module.named_children():
            full = f"{prefix}.{name}" if prefix else name
            if leaf(child) or not list(child.children()):
                yield full, child
            else:
                yield from leaves(child, full)

    def sequential(module: nn.Module) -> bool:
        own = isinstance(module, nn.Sequential) or type(module).__name__ in ("SequentialState", "SeqToANNContainer", "TorchSequential")
        return own and all(leaf(c) or not list(c.children()) or sequential(c) for c in module.children())

    if leaf(net):
        return [("0", net)]
    found = list(leaves(net, ""))
    if sequential(net):
        return found
    if sample is None:
        raise ConversionError(f"{type(net).__name__} is not a sequential container: give a `sample` input, to observe the order of its layers")
    return _observed(net, sample, found)


def _observed(net: nn.Module, sample: Any, leaves: list[tuple[str, nn.Module]]) -> list[tuple[str, nn.Module]]:
    import torch

    calls: list[tuple[str, nn.Module, Any, Any]] = []
    seen: set[int] = set()

    def watch(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
            if id(module) not in seen:
                seen.add(id(module))
                calls.append((name, module, inputs[0], output[0] if isinstance(output, tuple) else output))

        return hook

    handles = [module.register_forward_hook(watch(name)) for name, module in leaves]
    try:
        with torch.no_grad():
            net(sample)
    finally:
        for handle in handles:
            handle.remove()
    for (before, _, _, output), (after, _, given, _) in zip(calls, calls[1:], strict=False):
        if given is not output and given.untyped_storage().data_ptr() != output.untyped_storage().data_ptr():
            raise ConversionError(
                f"the input of layer `{after}` is not the output of `{before}`: values branch, merge or are changed outside of layers; only chains "
                "of layers have a translation, make every step a module"
            )
    return [(name, module) for name, module, _, _ in calls]


@dataclass
class _Chain:
    """Populations and projections so far, and the operators since the last population."""

    shape: Shape
    populations: list[FloatPopulation]
    projections: list[FloatProjection] = field(default_factory=list)
    pending: list[Operator] = field(default_factory=list)

    def add(self, name: str, operator: Operator) -> None:
        if isinstance(operator, Dense) and len(self.shape) > 1 and int(np.prod(self.shape)) == operator.weight.shape[1]:
            self.add(name, Reshape((operator.weight.shape[1],)))
        try:
            self.shape = operator.output_shape(self.shape)
        except ConversionError as error:
            raise ConversionError(f"layer `{name}`: {error}") from error
        self.pending.append(operator)

    def fire(self, name: str, layer: Spiking) -> None:
        source = self.populations[-1].name
        self.populations.append(FloatPopulation(name, self.shape, layer.neurons))
        self.projections.append(FloatProjection(source=source, target=name, operators=tuple(self.pending)))
        scaled = () if layer.scale is None else (_scaled(layer.scale, self.shape),)
        self.pending = list(scaled)
        if layer.recurrence is not None:
            chain = (*scaled, *layer.recurrence)
            self.projections.append(FloatProjection(source=name, target=name, operators=chain, delays=np.asarray(1)))


def _scaled(scale: Floats, shape: Shape) -> Operator:
    from .operators import Scale

    return Scale(np.broadcast_to(scale, shape).astype(np.float64))


def build(
    net: nn.Module,
    translate: Translate,
    *,
    input_shape: Shape | int | None,
    sample: Any,
    name: str | None,
    precision: str = "float32",
    read_out: FloatNeurons | None = None,
) -> FloatNetwork:
    """A float network from a chain of modules, with ``translate`` for the framework's own layers.

    Parameters
    ----------
    input_shape : of one item in one step; may be left out if the first layer is linear.
    sample : an input of ``net`` as its ``forward`` wants it, for modules that are not sequential.
    read_out : neurons for layers behind the last neurons, which are refused if it is None.

    Raises
    ------
    ConversionError   by name, for layers and options without translation.
    """
    own: dict[int, Spiking] = {}

    def leaf(module: nn.Module) -> bool:
        layer = own.get(id(module)) or translate(module)
        if layer is not None:
            own[id(module)] = layer
        return layer is not None

    if net.training:
        raise ConversionError("the network is in training mode; call net.eval() first")
    layers = layers_of(net, sample, leaf)
    first = next((m for _, m in layers if type(m).__name__ not in PASSED), None)
    if input_shape is None:
        features = getattr(first, "in_features", None)
        if features is None:
            raise ConversionError(f"the first layer, {type(first).__name__}, does not tell the input's shape; give `input_shape`")
        input_shape = int(features)
    shape = (input_shape,) if isinstance(input_shape, int) else tuple(int(n) for n in input_shape)
    chain = _Chain(shape, [FloatPopulation("input", shape)])
    for label, module in layers:
        if leaf(module):
            chain.fire(label, own[id(module)])
        else:
            for operator in operators_of(label, module, chain.shape):
                chain.add(label, operator)
    if len(chain.populations) == 1:
        raise ConversionError("the network has no layer of neurons")
    if read_out is not None and any(not isinstance(o, Reshape) for o in chain.pending):
        chain.fire("output", Spiking(read_out))
    if any(not isinstance(o, Reshape) for o in chain.pending):
        raise ConversionError("the network ends with layers behind its last neurons; end it with neurons or a leaky integrator")
    return FloatNetwork(
        name=name or type(net).__name__.lower(),
        populations=tuple(chain.populations),
        projections=tuple(chain.projections),
        output=chain.populations[-1].name,
        precision=precision,
        metadata={"source": "python"},
    )


def operators_of(name: str, module: nn.Module, shape: Shape) -> list[Operator]:
    """Operators of a layer without neurons.

    Raises
    ------
    ConversionError   for a layer without translation.
    """
    from torch import nn

    if type(module).__name__ in PASSED:
        return []
    if isinstance(module, nn.Linear) or type(module).__name__ == "LinearTorch":
        weight = array(module.weight)
        # Rockpool stores (in, out).
        return [Dense(weight if isinstance(module, nn.Linear) else weight.T, None if module.bias is None else array(module.bias))]
    if isinstance(module, nn.Flatten):
        return [Reshape((int(np.prod(shape)),))] if len(shape) > 1 else []
    if isinstance(module, nn.Conv1d | nn.Conv2d):
        if module.padding_mode != "zeros" or isinstance(module.padding, str):
            raise ConversionError(f"layer `{name}`: padding {module.padding!r} ({module.padding_mode}) is not supported; pad with zeros, by numbers")
        bias = None if module.bias is None else array(module.bias)
        return [Convolution(array(module.weight), bias, module.stride, tuple((p, p) for p in module.padding), module.dilation, module.groups)]
    if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
        return [_normalisation(name, module, shape)]
    pools = {"AvgPool2d": True, "SumPool2d": False}
    if type(module).__name__ in pools:
        if getattr(module, "ceil_mode", False) or getattr(module, "divisor_override", None) is not None:
            raise ConversionError(f"layer `{name}`: ceil_mode and divisor_override are not supported")
        kernel, padding = _pair(module.kernel_size), _pair(getattr(module, "padding", 0))
        if any(padding) and not getattr(module, "count_include_pad", True):
            raise ConversionError(f"layer `{name}`: padding that does not count is not supported; use count_include_pad=True")
        stride = kernel if module.stride is None else _pair(module.stride)
        return [Pool(kernel, stride, padding, pools[type(module).__name__])]
    raise ConversionError(
        f"layer `{name}` is a {type(module).__name__}, which has no translation; there are Linear, Conv1d, Conv2d, AvgPool2d, SumPool2d, "
        "BatchNorm1d, BatchNorm2d, Flatten, Dropout, Identity and the framework's neurons"
    )


def _pair(value: Any) -> tuple[int, int]:
    values = np.broadcast_to(np.asarray(value, np.int64).ravel(), (2,))
    return int(values[0]), int(values[1])


def _normalisation(name: str, module: Any, shape: Shape) -> Operator:
    if module.running_mean is None or module.running_var is None:
        raise ConversionError(f"layer `{name}`: a normalisation without running statistics depends on its batch; track them")
    factor = 1 / np.sqrt(array(module.running_var) + module.eps) * (1 if module.weight is None else array(module.weight))
    shift = (0 if module.bias is None else array(module.bias)) - array(module.running_mean) * factor
    if len(shape) == 1:
        return Dense(np.diag(factor), shift)
    axes = len(shape) - 1
    return Convolution(factor.reshape(-1, 1, *(1,) * axes), shift, (1,) * axes, ((0, 0),) * axes, (1,) * axes, len(factor))
