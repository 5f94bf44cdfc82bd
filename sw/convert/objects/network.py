"""Followed computation -> :class:`FloatNetwork`: neuron layers become populations, everything between them projections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from lifline.arch.errors import ConversionError, LiflineError

from ..floating.network import FloatNetwork, FloatNeurons, FloatPopulation, FloatProjection
from ..floating.operators import Operator, Reshape, Scale, Shape
from ..frameworks.torch_layers import Framework, Spiking, untouched
from .check import compare_with
from .follower import Follower
from .gates import check_sources, gate_neurons
from .operations import understand
from .values import Layer, Node

GENERATOR_SEED = 7


@dataclass
class Followed:
    """A network that was run once: its layers of neurons in the order of their first call, and how it takes its input."""

    follower: Follower
    layers: list[Layer]
    spiking: dict[str, Spiking]
    sample: torch.Tensor
    item: Shape


def import_object(
    net: nn.Module,
    framework: Framework,
    *,
    input_shape: Shape | int | None,
    sample: Any,
    name: str | None,
    check: bool,
    precision: str,
    read_out: FloatNeurons | None,
) -> FloatNetwork:
    """See :func:`lifline.convert.frameworks.build.build`."""
    with torch.random.fork_rng(devices=[]), untouched(net):
        spiking = _neurons(net, framework)
        given, item = _sample(net, framework, list(spiking.values()), input_shape, sample)
        framework.reset(net)
        neurons = {module: (label, spiking[label].time_axis, spiking[label].neurons.v_start) for label, module in _modules(net, spiking)}
        follower = Follower(net, neurons, given.ndim - len(item), understand, framework.spikes)
        try:
            output = follower.run(given)
        except LiflineError:
            raise
        except Exception as error:  # the network's own forward, on a sample that does not suit it
            hint = "" if sample is not None else "; give a `sample` input as its forward takes it"
            raise ConversionError(f"{type(net).__name__} does not run on an input of shape {tuple(given.shape)} ({type(error).__name__}: {error}){hint}") from error
        order = {id(node): k for k, node in enumerate(follower.nodes.values())}
        layers = sorted((la for la in follower.layers.values() if la.calls), key=lambda la: order[id(la.result)])
        if not layers:
            raise ConversionError("the network has no layer of neurons that its input reaches")
        followed = Followed(follower, layers, spiking, given, item)
        network = _network(followed, output, name or type(net).__name__.lower(), precision, read_out)
        if not check:
            return network.replace(metadata={**network.metadata, "checked": False}, notes=(*network.notes, "not compared with the framework (check=False)"))
        notes = compare_with(net, framework, followed, network, sample)
    return network.replace(metadata={**network.metadata, "checked": True}, notes=(*network.notes, *notes))


def _modules(net: nn.Module, spiking: dict[str, Spiking]) -> list[tuple[str, nn.Module]]:
    return [(label, net if label == "0" and not _has(net, "0") else net.get_submodule(label)) for label in spiking]


def _has(net: nn.Module, label: str) -> bool:
    return any(name == label for name, _ in net.named_modules())


def _neurons(net: nn.Module, framework: Framework) -> dict[str, Spiking]:
    """Layers of neurons by name; what lies inside of one is its own."""
    found: dict[str, Spiking] = {}

    def visit(module: nn.Module, prefix: str) -> None:
        layer = framework.translate(prefix, module)
        if layer is not None:
            found[prefix or "0"] = layer
            return
        for child_name, child in module.named_children():
            visit(child, f"{prefix}.{child_name}" if prefix else child_name)

    visit(net, "")
    return found


def _sample(
    net: nn.Module, framework: Framework, layers: list[Spiking], input_shape: Shape | int | None, sample: Any
) -> tuple[torch.Tensor, Shape]:
    """An input of the network, and the shape of one item in one step."""
    weight = next((p for _, p in net.named_parameters() if p.is_floating_point()), torch.zeros(()))
    if sample is not None and not isinstance(sample, torch.Tensor):
        try:
            sample = torch.as_tensor(np.asarray(sample))
        except (TypeError, ValueError) as error:
            raise ConversionError(f"sample is a {type(sample).__name__}; give a tensor or an array, one input of the network") from error
    guessed = input_shape is None
    if input_shape is None:
        first = next((m for _, m in net.named_modules() if isinstance(m, nn.Linear) or type(m).__name__ == "LinearTorch" or isinstance(m, nn.Conv1d | nn.Conv2d)), None)
        features = getattr(first, "in_features", None) or (getattr(first, "size_in", None) if type(first).__name__ == "LinearTorch" else None)
        if features is not None:
            input_shape = int(features)
        elif sample is not None and sample.ndim > len(framework.leads(layers)):
            input_shape = tuple(sample.shape[len(framework.leads(layers)) :])
        else:
            raise ConversionError(f"the first layer, {type(first).__name__}, does not tell the input's shape; give `input_shape`")
    item = (int(input_shape),) if isinstance(input_shape, int | np.integer) else tuple(int(n) for n in input_shape)
    if not item or min(item) < 1:
        raise ConversionError(f"input_shape {item} must be positive sizes of one item in one step")
    generator = torch.Generator().manual_seed(GENERATOR_SEED)
    if sample is None:
        made = (torch.rand(*framework.leads(layers), *item, generator=generator) < 0.4).to(weight.dtype)
        return made.to(weight.device), item
    if sample.ndim < len(item) or tuple(sample.shape[sample.ndim - len(item) :]) != item:
        # The network may flatten its input first: its items then have the axes that follow the leading ones.
        leading = len(framework.leads(layers))
        if sample.ndim > leading and guessed:
            return sample.detach().clone().to(weight.dtype).to(weight.device), tuple(sample.shape[leading:])
        if sample.ndim <= leading or int(np.prod(sample.shape[leading:])) != int(np.prod(item)):
            raise ConversionError(f"sample has shape {tuple(sample.shape)}, which does not end with the input's shape {item}; give `input_shape`")
        item = tuple(sample.shape[leading:])
    return sample.detach().clone().to(weight.dtype).to(weight.device), item


def _network(followed: Followed, output: Node, name: str, precision: str, read_out: FloatNeurons | None) -> FloatNetwork:
    spiking, notes = followed.spiking, []
    entry = "input"
    while entry in spiking:
        entry += "_"
    out, behind = _output_layer(output, spiking, read_out is not None)
    gates = _Gates(spiking, entry)
    populations = [FloatPopulation(entry, followed.item)]
    projections: list[FloatProjection] = []
    for layer in followed.layers:
        given = layer.calls[0].node
        model = spiking[layer.name]
        populations.append(FloatPopulation(layer.name, given.shape, model.neurons))
        projections += gates.into(layer.name, given)
        if model.recurrence is not None:
            chain = (*_scale(model, given.shape), *model.recurrence)
            projections.append(FloatProjection(source=layer.name, target=layer.name, operators=chain, delays=np.asarray(1)))
    if behind is not None:
        assert read_out is not None
        out = "output"
        populations.append(FloatPopulation(out, behind.shape, read_out))
        projections += gates.into(out, behind)
    for gate in gates.waiting:  # grows while gates behind gates are found
        populations.append(FloatPopulation(gates.names[id(gate)], gate.shape, gate_neurons(gate.name)))
        own = gates.into(gates.names[id(gate)], gate.parents[0])
        check_sources(gates.names[id(gate)], [q.source for q in own], spiking)
        if entry in (q.source for q in own):
            notes.append(f"`{gates.names[id(gate)]}` takes the input for spikes: it is the network's only for inputs of 0 and 1")
        projections += own
    live = _live(projections, out, entry)
    notes += [f"`{p.name}` does not influence the output and was left out" for p in populations if p.name not in live]
    return FloatNetwork(
        name=name,
        populations=tuple(p for p in populations if p.name in live),
        projections=tuple(p for p in projections if p.source in live and p.target in live),
        output=out,
        precision=precision,
        notes=tuple(notes),
        metadata={"source": "python"},
    )


def _output_layer(output: Node, spiking: dict[str, Spiking], may_end: bool) -> tuple[str, Node | None]:
    """The layer whose result the network shows, or what lies behind the last layers where that is allowed."""
    node = output
    while node.kind == "steps" or (node.kind == "apply" and isinstance(node.operator, Reshape)):
        node = node.parents[0]
    if node.kind == "spikes":
        if spiking[node.name].scale is not None:
            raise ConversionError(f"the output `{node.name}` has graded spikes (a factor behind its neurons); end the network with spikes of 0 and 1")
        return node.name, None
    if node.kind == "state":
        if spiking[node.name].neurons.threshold is None:
            return node.name, None
        raise ConversionError(
            f"the network returns a state of `{node.name}`, not its spikes; return the spikes first, or make the layer a read-out "
            "(read_out=True of from_snntorch, a leaky integrator in the others)"
        )
    if may_end:
        return "", output
    what = "its input" if node.kind == "input" else "values behind its last neurons"
    raise ConversionError(f"the network ends with {what}, which is no layer of neurons; end it with neurons or a leaky integrator")


def _scale(model: Spiking, shape: Shape) -> tuple[Operator, ...]:
    return () if model.scale is None else (Scale(np.broadcast_to(model.scale, shape).astype(np.float64)),)


class _Gates:
    """Every way from a source to a value; gates on the way become populations of their own."""

    def __init__(self, spiking: dict[str, Spiking], entry: str) -> None:
        self.spiking, self.entry = spiking, entry
        self.names: dict[int, str] = {}
        self.waiting: list[Node] = []

    def into(self, target: str, node: Node) -> list[FloatProjection]:
        return [FloatProjection(source=s, target=target, operators=chain) for s, chain in self._paths(node, ())]

    def _name(self, gate: Node) -> str:
        if id(gate) not in self.names:
            free = f"{gate.name}{len(self.names)}"
            while free in self.spiking or free == self.entry:
                free += "_"
            self.names[id(gate)] = free
            self.waiting.append(gate)
        return self.names[id(gate)]

    def _paths(self, node: Node, chain: tuple[Operator, ...]) -> list[tuple[str, tuple[Operator, ...]]]:
        """Where ways meet, the biases behind that point go with the first."""
        if node.kind == "input":
            return [(self.entry, chain)]
        if node.kind == "spikes":
            return [(node.name, (*_scale(self.spiking[node.name], node.shape), *chain))]
        if node.kind == "gate":
            return [(self._name(node), chain)]
        if node.kind == "apply":
            assert node.operator is not None
            return self._paths(node.parents[0], (node.operator, *chain))
        if node.kind == "sum":
            found = []
            for k, parent in enumerate(node.parents):
                found += self._paths(parent, chain if k == 0 else tuple(o.without_bias() for o in chain))
            return found
        what = f"a state of `{node.name}`" if node.kind == "state" else "a sum over steps"
        raise ConversionError(f"{what} goes into another layer; only spikes of the same step do")


def _live(projections: list[FloatProjection], out: str, entry: str) -> set[str]:
    live, todo = {out, entry}, [out]
    while todo:
        target = todo.pop()
        for source in {p.source for p in projections if p.target == target} - live:
            live.add(source)
            todo.append(source)
    return live
