"""NIR nodes one by one: neurons are discretised as the dialect says, everything else becomes operators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lifline.arch.errors import ConversionError

from ..floating.network import FloatNeurons
from ..floating.operators import Convolution, Delay, Dense, Floats, Operator, Pool, Reshape, Scale, Shape
from .dialects import Dialect, Reset, Start
from .exporters import STEP_TOLERANCE, computed, formulas, told_step
from .graph import Passage, kind, plain
from .values import LARGEST_LAYER, as_array, as_shape
from .windows import as_it_was

LONGEST_DELAY = 1 << 24
"""Steps; more than any run has."""
LIFLINE = "lifline"
"""Name of the dialect of graphs that lifline exported; their nodes' metadata say what NIR has no field for."""


def _array(name: str, node: Any, field: str, default: float | None = None) -> NDArray[np.float64]:
    """A field as float64, whatever it was stored as."""
    value = getattr(node, field, None)
    if value is None:
        if default is None:
            raise ConversionError(f"node `{name}` ({kind(node)}) has no {field}")
        value = default
    return as_array(f"node `{name}` ({kind(node)}): {field}", value)


def _integers(name: str, node: Any, field: str, count: int, least: int | None = None) -> Shape:
    """A field as ``count`` integers, none below ``least``; one value stands for all."""
    array = _array(name, node, field).ravel()
    if array.size not in (1, count) or (array != np.rint(array)).any() or np.abs(array).max() > LARGEST_LAYER:
        raise ConversionError(f"node `{name}` ({kind(node)}): {field} {array.tolist()} must be 1 or {count} integers")
    if least is not None and array.min() < least:
        raise ConversionError(f"node `{name}` ({kind(node)}): {field} {array.tolist()} must be at least {least}")
    return tuple(int(v) for v in np.broadcast_to(array, (count,)))


def neurons_of(name: str, node: Any, shape: Shape, rules: Dialect, notes: list[str]) -> tuple[FloatNeurons, Shape]:
    """The discretised model of a neuron node that receives ``shape``, and the shape of its population.

    Raises
    ------
    ConversionError   for parameters that are missing, out of range, do not fit the shape, or tell another time step than the dialect's.
    """
    what = kind(node)
    current, fires, leaks = what in ("CubaLIF", "CubaLI"), what in ("IF", "LIF", "CubaLIF"), what not in ("IF", "I")
    fields = {"r": _array(name, node, "r", 1.0)}
    if leaks:
        fields |= {tau: _positive(name, node, tau) for tau in (("tau_mem", "tau_syn") if current else ("tau",))}
    if current:
        fields["w_in"] = _array(name, node, "w_in", 1.0)
    _check_step(name, what, fields, rules, notes)
    f = formulas(rules, what)

    def value(formula: str, like: str) -> NDArray[np.float64]:
        return computed(formula, rules, fields) + 0 * fields[like]

    v_leak = _array(name, node, "v_leak", 0.0) if leaks else np.zeros(())
    v_reset = (_array(name, node, "v_reset", 0.0) if fires else np.zeros(())) if rules.v_reset is None or not fires else _given(rules.v_reset, name, node, "v_reset")
    values = {
        "keep_v": computed(f.keep_v, rules, fields),
        "gain_v": value(f.gain_v, "r"),
        "keep_i": None if f.keep_i is None else computed(f.keep_i, rules, fields),
        "gain_i": np.ones(()) if f.gain_i is None else value(f.gain_i, "w_in"),
        "drive": computed(f.part_v, rules, fields) * v_leak + (_given(rules.bias, name, node, None) if rules.bias is not None else 0),
        "threshold": None if not fires else _array(name, node, "v_threshold") if rules.name == LIFLINE else _positive(name, node, "v_threshold"),
        "v_reset": v_reset,
        "v_start": {Start.ZERO: np.zeros(()), Start.LEAK: v_leak if leaks else v_reset, Start.RESET: v_reset}[rules.start],
    }
    for label, keep in (("membrane", values["keep_v"]), ("synaptic current", values["keep_i"])):
        if keep is not None and (keep.min() < 0 or keep.max() > 1):
            raise ConversionError(
                f"node `{name}`: with dt {rules.dt:g} the {label} keeps {keep.min():g} per step, which must be in 0..1; "
                f"dialect `{rules.name}` does not fit this graph, or give another dt{_norse_hint(rules)}"
            )
    own = _own(name, node, rules)
    values |= _exact(name, own.pop("values", {}), values)
    shape = _population_shape(name, shape, [v.shape for v in values.values() if v is not None])
    return FloatNeurons(**{k: None if v is None else _fitted(v, shape) for k, v in values.items()}, **_rules(name, own, rules, fires)), shape  # type: ignore[arg-type]


def _exact(name: str, written: dict[str, Any], derived: dict[str, Any]) -> dict[str, Any]:
    """Values that the exporter kept because the fields give them back rounded. Fields that were changed since count, not what they were."""
    found = {field: as_array(f"node `{name}`: its metadata {field}", value) for field, value in written.items()}

    def same(a: Any, b: Any) -> bool:
        return np.allclose(a, b, rtol=1e-9, atol=1e-12)

    if "gain_i" in found and derived["keep_i"] is None:  # without a current the field holds the product
        gain = found["gain_v"] if "gain_v" in found else derived["gain_v"]
        if not same(gain * found["gain_i"], derived["gain_v"]):
            del found["gain_i"]
            found.pop("gain_v", None)
        return {k: v for k, v in found.items() if k in ("gain_i", "gain_v", "v_start") or same(v, derived[k])}
    return {k: v for k, v in found.items() if k == "v_start" or (derived[k] is not None and same(v, derived[k]))}


def _check_step(name: str, what: str, fields: dict[str, NDArray[np.float64]], rules: Dialect, notes: list[str]) -> None:
    """Refuse an IF node whose ``r`` belongs to another time step; note any other node whose fields tell another one."""
    r = fields["r"]
    if what == "IF" and rules.dt_integrate is None and r.size and np.ptp(r) == 0 and r.min() > 0:
        gain = float(r.flat[0]) * rules.dt
        if abs(gain - 1) > STEP_TOLERANCE:
            other = "dt_integrate=1 if the graph counts in steps, as those of Norse and sinabs do" if r.flat[0] == 1 else f"dt={1 / r.flat[0]:g} if that is the graph's time step"
            raise ConversionError(
                f"node `{name}` (IF): r {r.flat[0]:g} times dt {rules.dt:g} is {gain:g} per unit of input, but exporters write r = 1 / dt, or 1: "
                f"give {other}, or dt_integrate={rules.dt:g} to integrate r * dt as it stands"
            )
    told = told_step(rules, what, fields)
    if told is not None and abs(told / (rules.dt if what != "IF" or rules.dt_integrate is None else rules.dt_integrate) - 1) > STEP_TOLERANCE:
        notes.append(f"node `{name}` ({what}): its fields tell a time step of {told:g}, and dt is {rules.dt:g}; if `{rules.name}` exported it, give dt={told:g}")


def _norse_hint(rules: Dialect) -> str:
    if rules.name.split("_")[0] != "norse":
        return ""
    return f" (Norse's exporter writes dt * tau: cells with dt {rules.dt:g}, exported with that dt, need dt={rules.dt**2:g}, the product of both)"


def _given(value: Any, name: str, node: Any, field: str | None) -> NDArray[np.float64]:
    """An override of the dialect for this node, or what the node says (0 without a field)."""
    found = value.get(name) if isinstance(value, Mapping) else value
    if found is not None:
        return np.asarray(found, np.float64)
    return np.zeros(()) if field is None else _array(name, node, field, 0.0)


def _own(name: str, node: Any, rules: Dialect) -> dict[str, Any]:
    """What lifline wrote into the node's metadata; empty for graphs of others."""
    own = plain((getattr(node, "metadata", None) or {}).get("lifline")) if rules.name == LIFLINE else None
    if own is None:
        return {}
    if not isinstance(own, dict) or not isinstance(own.get("values", {}), dict):
        raise ConversionError(f"node `{name}`: its metadata `lifline` are not what lifline exports")
    unknown = set(own.get("values", {})) - {"keep_v", "gain_v", "keep_i", "gain_i", "drive", "v_start"}
    if unknown:
        raise ConversionError(f"node `{name}`: its metadata `lifline` have values of {', '.join(sorted(map(str, unknown)))}, which neurons do not have")
    return dict(own)


def _rules(name: str, own: dict[str, Any], rules: Dialect, fires: bool) -> dict[str, Any]:
    """Reset, strictness, cap and clamp: the dialect's, or the node's own where lifline exported it."""
    if own:
        try:
            rules = rules.replace(reset=own["reset"], strict=bool(own["strict"]), cap=int(own["cap"]), v_min=own["v_min"])
        except (KeyError, TypeError, ValueError) as error:
            raise ConversionError(f"node `{name}`: its metadata `lifline` are incomplete ({error})") from error
    return {"reset": rules.reset if fires else Reset.NONE, "strict": rules.strict, "cap": rules.cap if fires else 1, "v_min": rules.v_min}


def _positive(name: str, node: Any, field: str) -> NDArray[np.float64]:
    array = _array(name, node, field)
    if array.size == 0 or array.min() <= 0:
        raise ConversionError(f"node `{name}` ({kind(node)}): {field} {array.min(initial=np.inf):g} must be positive")
    return array


def _fitted(values: Floats, shape: Shape) -> Floats:
    """Parameters in a form that broadcasts to ``shape``: full, one value, or one per channel."""
    if values.size == 1:
        return values.reshape(())
    return values.reshape(shape) if values.size == int(np.prod(shape)) else values


def _population_shape(name: str, shape: Shape, parameters: list[Shape]) -> Shape:
    """The incoming shape, or the parameters' where the incoming one only has further axes of length 1 (a batch axis)."""
    for own in parameters:
        size = int(np.prod(own))
        if size == 1 or own == shape:
            continue
        if size == int(np.prod(shape)):
            return tuple(n for n in own) if len(own) < len(shape) else shape
        try:
            fits = np.broadcast_shapes(own, shape) == shape and len(own) == len(shape)
        except ValueError:
            fits = False
        if not fits:
            raise ConversionError(f"node `{name}`: parameters of shape {own} do not fit {shape} neurons")
    return shape


def operator_of(name: str, node: Any, shape: Shape, rules: Dialect, notes: list[str]) -> tuple[Operator, ...]:
    """Operators of a node without neurons that receives ``shape``.

    Raises
    ------
    ConversionError   for nodes without translation and for fields that are missing or do not fit.
    """
    what = kind(node)
    if node is None or isinstance(node, Passage):
        return ()
    if what in ("Affine", "Linear"):
        return _dense(name, node, shape, notes)
    if what in ("Conv1d", "Conv2d"):
        return (as_it_was(name, _convolution(name, node, 1 if what == "Conv1d" else 2), _own(name, node, rules)),)
    if what in ("SumPool2d", "AvgPool2d"):
        kernel, stride, padding = (_integers(name, node, f, 2, least) for f, least in (("kernel_size", 1), ("stride", 1), ("padding", 0)))
        return (Pool(kernel, stride, padding, what == "AvgPool2d"),)
    if what == "Flatten":
        return (Reshape(_flattened(name, node, shape)),)
    if what == "Scale":
        scale = _array(name, node, "scale")
        reshape = _own(name, node, rules).get("reshape")
        return (*(() if reshape is not None and (scale == 1).all() else (Scale(scale),)), *(() if reshape is None else (Reshape(as_shape(f"node `{name}`", reshape)),)))
    if what == "Delay":
        exact = _array(name, node, "delay") / rules.dt
        steps = np.rint(exact)
        if steps.min(initial=0) < 0:
            raise ConversionError(f"node `{name}`: delay {steps.min() * rules.dt:g} must not be negative")
        if not steps.size or steps.max() > LONGEST_DELAY:
            raise ConversionError(f"node `{name}`: {steps.size} delays of up to {exact.max(initial=0):g} steps of {rules.dt:g}, at most {LONGEST_DELAY:,} are supported")
        if np.abs(steps - exact).max() > 1e-3:
            notes.append(f"node `{name}`: delays were rounded to steps of {rules.dt:g}, by up to {np.abs(steps - exact).max():.3f} steps")
        steps = steps.astype(np.int64)
        uniform = bool((steps == steps.flat[0]).all())
        return (Delay(steps.reshape(-1)[0] if uniform else steps.reshape(shape)),) if steps.any() else ()
    raise ConversionError(
        f"node `{name}` is a {what}, which has no translation; there are Affine, Linear, Conv1d, Conv2d, SumPool2d, AvgPool2d, Flatten, "
        "Scale, Delay, IF, LIF, LI, CubaLIF, CubaLI and I"
    )


def _dense(name: str, node: Any, shape: Shape, notes: list[str]) -> tuple[Operator, ...]:
    weight = _array(name, node, "weight")
    if weight.ndim != 2:
        raise ConversionError(f"node `{name}`: weights of shape {weight.shape}; only matrices (out, in) have a translation")
    bias = None if kind(node) == "Linear" else _array(name, node, "bias", 0.0)
    if bias is not None:
        if bias.size not in (1, len(weight)):
            raise ConversionError(f"node `{name}`: {bias.size} biases for {len(weight)} outputs")
        bias = np.broadcast_to(bias.ravel(), (len(weight),)).copy()
    dense = Dense(weight, bias)
    if len(shape) > 1 and int(np.prod(shape)) == weight.shape[1]:
        notes.append(f"node `{name}`: values of shape {shape} were flattened, there is no (full) Flatten node before it")
        return Reshape((weight.shape[1],)), dense
    return (dense,)


def _convolution(name: str, node: Any, axes: int) -> Convolution:
    weight = _array(name, node, "weight")
    if weight.ndim != axes + 2:
        raise ConversionError(f"node `{name}`: weights of shape {weight.shape} need {axes + 2} axes (out, in, kernel)")
    stride, dilation = (_integers(name, node, field, axes, 1) for field in ("stride", "dilation"))
    (groups,) = _integers(name, node, "groups", 1, 1)
    padding = node.padding.decode(errors="replace") if isinstance(node.padding, bytes) else node.padding
    if isinstance(padding, str) or (isinstance(padding, np.ndarray) and padding.dtype.kind in "SUO"):
        text = padding if isinstance(padding, str) else str(padding.reshape(-1)[0])
        total = [d * (k - 1) if text == "same" else 0 for d, k in zip(dilation, weight.shape[2:], strict=True)]
        if text not in ("same", "valid"):
            raise ConversionError(f"node `{name}`: padding {text!r} must be 'same', 'valid' or integers")
        pairs = tuple((n // 2, n - n // 2) for n in total)
    else:
        pairs = tuple((p, p) for p in _integers(name, node, "padding", axes, 0))
    bias = _array(name, node, "bias", 0.0).ravel()
    if bias.size not in (1, len(weight)) or len(weight) % groups:
        raise ConversionError(f"node `{name}`: {len(weight)} output channels, {bias.size} biases and {groups} groups do not fit together")
    return Convolution(weight, np.broadcast_to(bias, (len(weight),)).copy(), stride, pairs, dilation, groups)


def _flattened(name: str, node: Any, shape: Shape) -> Shape:
    """NIR's axes do not count a batch axis, but some exporters' ``start_dim = 1`` does; then the node's own input type has one more."""
    (start,), (end,) = _integers(name, node, "start_dim", 1), _integers(name, node, "end_dim", 1)
    stored = as_shape(f"node `{name}`: input_type", getattr(node, "input_type", None))
    extra = 1 if len(stored) == len(shape) + 1 else 0
    axes = len(shape) + extra
    start, end = (start + axes if start < 0 else start), (end + axes if end < 0 else end)
    start, end = max(start - extra, 0), end - extra
    if not 0 <= start <= end < len(shape):
        raise ConversionError(f"node `{name}`: axes {start}..{end} cannot be flattened in a shape {shape}")
    return (*shape[:start], int(np.prod(shape[start : end + 1])), *shape[end + 1 :])
