"""Follow what a PyTorch network computes while it runs: from its input to its output, operation by operation.

Neuron layers are taken as they are. Every other operation on values that come from the input is either understood, and becomes part of a
graph, or is refused by its name and its source line; operations that PyTorch's own hooks cannot show (numpy, copies of memory) are
noticed by the memory they write.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

from lifline.arch.errors import ConversionError

from ..floating.operators import Floats, Operator, Reshape, Select
from .index import ITEM, Mixed, Roles, Source, moved
from .names import QUESTIONS, name_of
from .values import Call, Layer, Node, Tainted, Value, source_line, wrapped


class Follower(TorchFunctionMode):
    """Runs ``net`` on a sample and builds the graph.

    Parameters
    ----------
    neurons : neuron layers by module, with their name, the time axis of their input if they take all steps at once, and where their membranes start.
    leads : how many leading axes of the sample are not axes of an item.
    understand : runs an operation on values that come from the input, and notes what its result is, like :func:`.operations.understand`.
    spikes : whether layers give spikes, 0 or 1, and no other values.
    """

    def __init__(
        self, net: nn.Module, neurons: dict[nn.Module, tuple[str, int | None, Floats]], leads: int, understand: Callable[..., Any], spikes: bool = True
    ) -> None:
        super().__init__()
        self.net, self.leads, self.understand, self.spikes = net, leads, understand, spikes
        self.layers = {m: Layer(name, m, time_axis, start) for m, (name, time_axis, start) in neurons.items()}
        self.sequence_axes: set[int] = set()
        self.lead_sizes: list[int] = []
        self.selected: set[int] = set()
        self.values: dict[int, Value] = {}
        self.kept: list[torch.Tensor] = []
        self.nodes: dict[Any, Node] = {}
        self.tainted = Tainted(lambda: self.inside)
        self.inside = 0
        self.names = {module: name for name, module in net.named_modules()}
        self.stack: list[nn.Module] = []

    # Values and nodes

    def node(self, kind: str, shape: tuple[int, ...], parents: tuple[Node, ...] = (), operator: Operator | None = None, name: str = "") -> Node:
        """The node of this content; the same content in a later step is the same node."""
        content = None if operator is None else (type(operator).__name__, *(_key(v) for v in vars(operator).values()))
        key = kind, shape, tuple(id(p) for p in parents), content, name
        return self.nodes.setdefault(key, Node(kind, shape, parents, operator, name))

    def apply(self, node: Node, operator: Operator) -> Node:
        try:
            return self.node("apply", operator.output_shape(node.shape), (node,), operator)
        except ConversionError as error:
            raise self.refuse(str(error)) from error

    def note(self, tensor: torch.Tensor, node: Node, roles: Roles, time: int | None) -> None:
        self.values[id(tensor)] = Value(node, roles, time, tensor._version)
        self.kept.append(tensor)
        self.tainted.add(tensor, "an operation that is followed")

    def value(self, tensor: Any) -> Value | None:
        """The value of a tensor that comes from the input; None for constants.

        Raises
        ------
        ConversionError   for a tensor that comes from the input on a way that cannot be followed.
        """
        if not isinstance(tensor, torch.Tensor):
            return None
        found = self.values.get(id(tensor))
        if found is None:
            if tensor in self.tainted:
                raise self.refuse(f"a value was computed by {self.tainted.written_by(tensor)}, outside of what can be followed (a function of your own, or numpy)")
            return None
        if found.version != tensor._version:
            raise self.refuse("a tensor was changed in place through a view of it")
        return found

    def time_axes(self) -> set[int]:
        """Leading axes that are known to be time: a loop ran along them, or layers of neurons did."""
        return self.selected | self.sequence_axes

    def overwritten(self, tensor: torch.Tensor) -> None:
        """Forget what other tensors on the memory of ``tensor`` were, which an operation in place has changed."""
        memory = tensor.untyped_storage().data_ptr()
        for other in self.kept:
            if other is not tensor and other.untyped_storage().data_ptr() == memory:
                self.values.pop(id(other), None)

    def refuse(self, problem: str) -> ConversionError:
        module = next((m for m in reversed(self.stack) if m is not self.net), None)
        where = f"layer `{self.names[module]}` ({type(module).__name__}), " if module is not None and module in self.names else ""
        return ConversionError(f"{where}{source_line()}: {problem}")

    # Running

    def run(self, sample: torch.Tensor) -> Node:
        """Run the network; returns the node of its output."""
        self.lead_sizes = list(sample.shape[: self.leads])
        item = tuple(sample.shape[self.leads :])
        self.tainted.add(sample, "the input")
        self.note(sample, self.node("input", item), tuple((k,) for k in range(self.leads)) + (ITEM,) * len(item), None)
        with ExitStack() as stack:
            for _, module in self.net.named_modules():
                if module in self.layers:
                    stack.callback(wrapped(module, self._neuron(module)))
                else:
                    stack.callback(wrapped(module, self._enter(module)))
            stack.enter_context(torch.no_grad())
            stack.enter_context(self.tainted)
            stack.enter_context(self)
            output = self.net(sample)
        return self._output(output)

    def _enter(self, module: nn.Module) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        def make(forward: Callable[..., Any]) -> Callable[..., Any]:
            def call(*args: Any, **kwargs: Any) -> Any:
                self.stack.append(module)
                try:
                    return forward(*args, **kwargs)
                finally:
                    self.stack.pop()

            return call

        return make

    def _neuron(self, module: nn.Module) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        def make(forward: Callable[..., Any]) -> Callable[..., Any]:
            def call(*args: Any, **kwargs: Any) -> Any:
                if self.inside:
                    return forward(*args, **kwargs)
                self.stack.append(module)
                self.inside += 1
                try:
                    return self._called(self.layers[module], forward, args, kwargs)
                finally:
                    self.inside -= 1
                    self.stack.pop()

            return call

        return make

    def _called(self, layer: Layer, forward: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        leaves = [t for t in tree_leaves((args, kwargs)) if isinstance(t, torch.Tensor)]
        if not leaves:
            raise self.refuse("a neuron layer was called without an input")
        given, now = self.value(leaves[0]), len(layer.calls)
        if given is None:
            raise self.refuse("the input of a neuron layer does not come from the network's input")
        if given.time is not None and given.time != now:
            raise self.refuse(f"a layer of neurons is used twice in a step, or out of order: its call {now} got the values of step {given.time}, counted from 0")
        for state in leaves[1:]:
            self._state(layer, state, now)
        if layer.calls and layer.calls[0].node is not given.node:
            raise self.refuse("a neuron layer is called twice in a step, or what it gets changes from step to step")
        output = forward(*args, **kwargs)
        found = [t for t in tree_leaves(output) if isinstance(t, torch.Tensor)]
        spikes = found[0]
        roles = given.roles
        if spikes.shape != leaves[0].shape:
            raise self.refuse(f"a neuron layer turned values of shape {tuple(leaves[0].shape)} into {tuple(spikes.shape)}")
        layer.result = self.node("spikes", given.node.shape, (), None, layer.name)
        layer.calls.append(Call(given.node, roles))
        if layer.time_axis is not None and layer.time_axis < len(roles) and roles[layer.time_axis] != ITEM:
            self.sequence_axes |= set(roles[layer.time_axis])
        if spikes is leaves[0] or any(spikes is t for t in self.kept):
            spikes = spikes.clone()
        self.note(spikes, layer.result, roles, now)
        for state in found[1:]:
            if id(state) not in self.values:
                self.note(state, self.node("state", given.node.shape, (), None, layer.name), roles, now)
        return output

    def _state(self, layer: Layer, state: torch.Tensor, now: int) -> None:
        found = self.value(state)
        if found is None:
            if now:
                raise self.refuse(f"the state of a neuron layer is set anew in step {now}; carry it from step to step")
            start = torch.as_tensor(layer.start, dtype=state.dtype)
            if bool(torch.any(state != 0)) and not (start.ndim == 0 and bool((state == start).all())):
                raise self.refuse("the state of a neuron layer is not zero before the first step; start from zero, or without a state")
        elif found.node.name != layer.name or found.node.kind not in ("spikes", "state") or found.time != now - 1:
            raise self.refuse("the state of a neuron layer is not its own of the step before")

    def _output(self, output: Any) -> Node:
        tensors = [t for t in tree_leaves(output) if isinstance(t, torch.Tensor)]
        if not tensors:
            raise ConversionError(f"the network returns {type(output).__name__}, no tensor")
        values = [self.values.get(id(t)) for t in tensors]
        first = self.value(tensors[0]) if values[0] is None or values[0].version != tensors[0]._version else values[0]
        if first is None:
            raise ConversionError("the network's output does not come from its input")
        return first.node

    # Operations

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if self.inside or name_of(func).strip("_") in QUESTIONS:
            return func(*args, **kwargs)
        tensors = [t for t in tree_leaves((args, kwargs)) if isinstance(t, torch.Tensor)]
        before = {id(t): self.value(t) for t in tensors}
        if all(v is None for v in before.values()):
            return func(*args, **kwargs)
        return self.understand(self, func, args, kwargs, before)

    def move(self, out: torch.Tensor, numbers: NDArray[np.int64], tensors: list[torch.Tensor], values: list[Value]) -> None:
        """Note ``out``, which holds values of ``tensors`` in another order, as ``numbers`` show."""
        sources, first = [], 0
        for tensor, value in zip(tensors, values, strict=True):
            sources.append(Source(tuple(tensor.shape), value.roles, first))
            first += tensor.numel()
        try:
            found = moved(numbers, sources, self.lead_sizes)
        except Mixed as error:
            raise self.refuse(f"an operation {error}; only what happens alike to every item in every step has a translation") from error
        times = {v.time for v in values} - {None}
        if len(times) > 1:
            raise self.refuse("values of different steps meet outside of a neuron layer; only neurons carry values from step to step")
        time = times.pop() if times else None
        for axis, position in found.chosen.items():
            self.selected.add(axis)
            time = position
        parts = []
        offset = 0
        for value in values:
            size = int(np.prod(value.node.shape))
            own = np.where((found.index >= offset) & (found.index < offset + size), found.index - offset, -1)
            offset += size
            if (own < 0).all():
                continue
            if np.array_equal(own, np.arange(size)):
                parts.append(value.node if found.shape == value.node.shape else self.apply(value.node, Reshape(found.shape)))
            else:
                parts.append(self.apply(value.node, Select(own, found.shape)))
        if not parts:
            raise self.refuse("an operation leaves nothing of its input")
        node = parts[0] if len(parts) == 1 else self.node("sum", found.shape, tuple(parts))
        self.note(out, node, found.roles, time)


def _key(value: Any) -> Any:
    return (value.shape, value.tobytes()) if isinstance(value, np.ndarray) else value
