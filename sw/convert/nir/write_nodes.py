"""Populations and operators -> single NIR nodes, in the dialect of lifline's own graphs: the step is the unit of time, the integrator Euler."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from lifline.arch.errors import ConversionError

from ..floating.network import FloatPopulation
from ..floating.operators import Convolution, Delay, Dense, Floats, Operator, Pool, Reshape, Scale, Shape
from .dialects import Dialect
from .nodes import neurons_of
from .windows import as_node_has_it

ENDLESS = 2.0**100
"""Time constant in steps that stands for no decay where a node must have one: ``1 - 1 / ENDLESS`` is 1 in double precision."""


def _tau(keep: Floats) -> Floats:
    return np.where(keep < 1, 1 / np.where(keep < 1, 1 - keep, 1), ENDLESS)


def neuron_node(p: FloatPopulation, rules: Dialect) -> Any:
    """The node, its metadata with what NIR has no field for: the start of the membrane, and values that time constants give back rounded."""
    import nir

    assert p.neurons is not None
    n = p.neurons

    def full(values: Floats) -> Floats:
        return np.broadcast_to(values, p.shape).astype(np.float64)

    own: dict[str, Any] = {"reset": n.reset.value, "strict": n.strict, "cap": n.cap, "v_min": n.v_min}
    fires: dict[str, Any] = {} if n.threshold is None else {"v_threshold": full(n.threshold), "v_reset": full(n.v_reset)}
    gain = n.gain_v * n.gain_i if n.keep_i is None else n.gain_v
    if n.keep_i is None and fires and (n.keep_v == 1).all() and not n.drive.any():
        node = nir.IF(r=full(gain), **fires)
    else:
        tau = _tau(full(n.keep_v))
        common: dict[str, Any] = {"r": full(gain) * tau, "v_leak": full(n.drive) * tau} | fires
        if n.keep_i is None:
            node = (nir.LIF if fires else nir.LI)(tau=tau, **common)
        else:
            tau_syn = _tau(full(n.keep_i))
            node = (nir.CubaLIF if fires else nir.CubaLI)(tau_syn=tau_syn, tau_mem=tau, w_in=full(n.gain_i) * tau_syn, **common)
    exact = {"keep_v": n.keep_v, "keep_i": n.keep_i, "drive": n.drive, "gain_v": n.gain_v, "gain_i": n.gain_i}
    back, _ = neurons_of(p.name, node, p.shape, rules, [])
    values = {k: _shortest(v) for k, v in exact.items() if v is not None and not np.array_equal(full(v), full(getattr(back, k)))}
    if n.v_start.any():
        values["v_start"] = _shortest(n.v_start)
    node.metadata = {"lifline": json.dumps(own | ({"values": values} if values else {}))}
    return node


def _shortest(values: Floats) -> Any:
    """One value where all are the same, else nested lists."""
    return float(values.flat[0]) if values.min() == values.max() else values.tolist()


def operator_node(operator: Operator, shape: Shape) -> Any:
    import nir

    if isinstance(operator, Dense):
        return nir.Linear(operator.weight) if operator.bias is None else nir.Affine(operator.weight, operator.bias)
    if isinstance(operator, Delay):
        return nir.Delay(np.broadcast_to(operator.steps, shape).astype(np.float64))
    if isinstance(operator, Scale):
        return nir.Scale(np.broadcast_to(operator.scale, shape).copy())
    own: dict[str, Any] = {}
    if isinstance(operator, Pool | Convolution):
        operator, own = as_node_has_it(operator, shape)
    metadata = {"lifline": json.dumps(own)} if own else {}
    if isinstance(operator, Pool):
        fields: dict[str, Any] = {f: np.array(getattr(operator, f)) for f in ("stride", "padding")}
        return (nir.AvgPool2d if operator.mean else nir.SumPool2d)(kernel_size=np.array(operator.kernel), **fields)
    if isinstance(operator, Convolution):
        bias = np.zeros(len(operator.weight)) if operator.bias is None else operator.bias
        padding = tuple(a for a, _ in operator.padding)
        if operator.weight.ndim == 3:
            return nir.Conv1d(shape[1], operator.weight, operator.stride[0], padding[0], operator.dilation[0], operator.groups, bias, metadata=metadata)
        pairs: Any = (shape[1:], operator.stride, padding, operator.dilation)
        return nir.Conv2d(pairs[0], operator.weight, pairs[1], pairs[2], pairs[3], operator.groups, bias, metadata=metadata)
    if not isinstance(operator, Reshape):
        raise ConversionError(f"{type(operator).__name__} has no NIR node")
    if operator.shape == shape:
        return None
    if len(operator.shape) == 1:
        return nir.Flatten({"input": np.array(shape)}, 0, -1)
    # NIR cannot unflatten; others see a scale of 1.
    return nir.Scale(np.ones(shape), metadata={"lifline": json.dumps({"reshape": list(operator.shape)})})
