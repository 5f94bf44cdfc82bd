"""The largest of a window of spikes, and spikes that meet (AND, OR, and with one of them turned around): neurons without memory.

Values of 0 and 1 only: their sum tells whether one of them, or both, are 1. A population that forgets everything from step to step and fires where the sum reaches the
gate's threshold is the gate.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from lifline.arch.errors import ConversionError

from ..floating.network import FloatNeurons
from ..floating.operators import Offset, Pool, Reshape, Scale, Select
from ..frameworks.torch_layers import Spiking
from ..nir.dialects import Reset
from .operation import Operation
from .values import Node, Value

THRESHOLDS = {"largest": 1, "or": 1, "and": 2}
"""How many of the values have to be 1."""


def binary(node: Node) -> bool:
    """Whether a value is 0 or 1 if layers fire once per step: spikes, moved or turned around (``1 - spikes``), and what gates give."""
    if node.kind in ("input", "spikes", "gate"):
        return True
    if node.kind != "apply":
        return False
    (parent,) = node.parents
    match node.operator:
        case Select() | Reshape():
            return binary(parent)
        case Offset(bias=bias) if bias is not None and (bias == 1).all() and isinstance(parent.operator, Scale):
            return bool((parent.operator.scale == -1).all()) and binary(parent.parents[0])
    return False


def gate_neurons(name: str) -> FloatNeurons:
    """The neurons of a gate."""
    one, zero = np.ones(()), np.zeros(())
    return FloatNeurons(
        keep_v=zero, gain_v=one, gain_i=one, drive=zero, threshold=THRESHOLDS[name] * one, reset=Reset.NOW_VALUE, v_reset=zero, strict=False, cap=1, v_min=None,
    )  # fmt: skip


def largest_of_windows(o: Operation) -> None:
    value = o.needed(o.args[0])
    if not (o.follower.spikes and binary(value.node)):
        raise o.follower.refuse(f"`{o.name}` of values that are no spikes has no translation; put it behind a layer of neurons, or use average pooling")
    axes = int(o.name[-2])

    def sizes(position: int, name: str, default: Any) -> tuple[int, ...]:
        return tuple(int(n) for n in np.broadcast_to(np.asarray(o.argument(position, name, default), np.int64).ravel(), (axes,)))

    stride = o.argument(2, "stride")
    kernel = sizes(1, "kernel_size", None)
    if o.argument(5, "ceil_mode", False) or o.argument(6, "return_indices", False) or set(sizes(4, "dilation", 1)) != {1}:
        raise o.follower.refuse(f"`{o.name}` with ceil_mode, return_indices or dilation is not supported")
    o.result(value, Pool(kernel, kernel if stride is None or not np.size(stride) else sizes(2, "stride", None), sizes(3, "padding", 0), False))
    found = o.value_of_result()
    _gate(o, "largest", found.node, found, found.time)


def meeting(o: Operation, name: str) -> None:
    """Of two values that are spikes: whether both are 1 (``"and"``), or one of them (``"or"``)."""
    first, second = o.needed(o.args[0]), o.needed(o.argument(1, "other"))
    if not (o.follower.spikes and binary(first.node) and binary(second.node)):
        raise o.follower.refuse(f"`{o.name}` of two values that come from the input is not linear, and it is no gate: one of them is no spikes")
    times = {first.time, second.time} - {None}
    if first.roles != second.roles or first.node.shape != second.node.shape or len(times) > 1:
        raise o.follower.refuse(f"`{o.name}` of spikes of shapes {first.node.shape} and {second.node.shape}, or of different steps, has no translation")
    _gate(o, name, o.follower.node("sum", first.node.shape, (first.node, second.node)), first, times.pop() if times else None)


def _gate(o: Operation, name: str, arriving: Node, value: Value, time: int | None) -> None:
    o.follower.note(o.out, o.follower.node("gate", arriving.shape, (arriving,), None, name), value.roles, time)


def check_sources(gate: str, sources: list[str], spiking: dict[str, Spiking]) -> None:
    """Refuse gates behind layers whose values are not 0 and 1.

    Raises
    ------
    ConversionError   naming the layer.
    """
    for source in sources:
        layer = spiking.get(source)
        if layer is not None and (layer.scale is not None or layer.neurons.threshold is None or layer.neurons.cap > 1):
            raise ConversionError(
                f"`{gate}` takes {'the largest of' if gate.startswith('largest') else 'products of'} what `{source}` gives, which are not spikes of 0 and 1 (graded, "
                "several per step, or membranes); let it fire once per step"
            )
