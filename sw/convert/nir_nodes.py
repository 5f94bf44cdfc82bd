"""NIR nodes one by one: neurons are discretised as the dialect says, everything else becomes operators."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lifline.arch.errors import ConversionError

from .dialects import Dialect, Gain, Integrator, Reset, Start
from .float_network import FloatNeurons
from .nir_graph import Passage, kind, plain
from .operators import Convolution, Delay, Dense, Floats, Operator, Pool, Reshape, Scale, Shape


def _array(name: str, node: Any, field: str, default: float | None = None) -> NDArray[np.float64]:
    """A field as float64, whatever it was stored as."""
    value = getattr(node, field, None)
    if value is None:
        if default is None:
            raise ConversionError(f"node `{name}` ({kind(node)}) has no {field}")
        value = default
    try:
        array = np.asarray(value, np.float64)
    except (TypeError, ValueError) as error:
        raise ConversionError(f"node `{name}` ({kind(node)}): {field} is not a number or an array of numbers") from error
    if not np.isfinite(array).all():
        raise ConversionError(f"node `{name}` ({kind(node)}): {field} is not finite")
    return array


def _integers(name: str, node: Any, field: str, count: int) -> Shape:
    """A field as ``count`` integers; one value stands for all."""
    array = _array(name, node, field).ravel()
    if array.size not in (1, count) or (array != np.rint(array)).any():
        raise ConversionError(f"node `{name}` ({kind(node)}): {field} {array.tolist()} must be 1 or {count} integers")
    return tuple(int(v) for v in np.broadcast_to(array, (count,)))


def _leak(tau: NDArray[np.float64], rules: Dialect) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Factor that a state keeps in one step, and the integrator's factor on its drive."""
    if rules.integrator is Integrator.EULER:
        return 1 - rules.dt / tau, rules.dt / tau
    keep = np.exp(-rules.dt / tau)
    return keep, 1 - keep


def _gain(choice: Gain, stored: NDArray[np.float64], jump: NDArray[np.float64] | float, keep: NDArray[np.float64]) -> NDArray[np.float64]:
    return {Gain.STORED: stored, Gain.JUMP: jump + 0 * stored, Gain.DECAYED: keep * jump}[choice]


def neurons_of(name: str, node: Any, shape: Shape, rules: Dialect) -> tuple[FloatNeurons, Shape]:
    """The discretised model of a neuron node that receives ``shape``, and the shape of its population.

    Raises
    ------
    ConversionError   for parameters that are missing, out of range, or do not fit the shape.
    """
    what = kind(node)
    current = what in ("CubaLIF", "CubaLI")
    fires = what in ("IF", "LIF", "CubaLIF")
    one = np.ones(())
    r = _array(name, node, "r", 1.0)
    keep_i, gain_i = None, one
    if what in ("IF", "I"):
        keep_v, gain_v, drive = one, r * rules.dt_integrate, 0 * one
    else:
        tau = _positive(name, node, "tau_mem" if current else "tau")
        keep_v, part = _leak(tau, rules)
        gain_v = _gain(rules.integrator_gain if what == "LI" else rules.membrane_gain, r * part, 1.0, keep_v)
        drive = part * _array(name, node, "v_leak", 0.0)
    if current:
        tau = _positive(name, node, "tau_syn")
        w_in = _array(name, node, "w_in", 1.0)
        keep_i, part = _leak(tau, rules)
        gain_i = _gain(rules.current_gain, w_in * part, w_in, keep_i)
    for label, keep in (("membrane", keep_v), ("synaptic current", keep_i)):
        if keep is not None and (keep.min() < 0 or keep.max() > 1):
            raise ConversionError(
                f"node `{name}`: with dt {rules.dt:g} the {label} keeps {keep.min():g} per step, which must be in 0..1; "
                f"dialect `{rules.name}` does not fit this graph, or give another dt"
            )
    threshold = _positive(name, node, "v_threshold") if fires else None
    v_reset = _array(name, node, "v_reset", 0.0) if fires else np.zeros(())
    leak = v_reset if what in ("IF", "I") else _array(name, node, "v_leak", 0.0)
    v_start = {Start.ZERO: 0 * one, Start.LEAK: leak, Start.RESET: v_reset}[rules.start]
    values = {"keep_v": keep_v, "gain_v": gain_v, "keep_i": keep_i, "gain_i": gain_i, "drive": drive, "threshold": threshold, "v_reset": v_reset, "v_start": v_start}
    shape = _population_shape(name, shape, [v.shape for v in values.values() if v is not None])
    reset, strict, cap, v_min = _rules(name, node, rules)
    neurons = FloatNeurons(
        **{k: None if v is None else _fitted(v, shape) for k, v in values.items()},  # type: ignore[arg-type]
        reset=reset if fires else Reset.NONE,
        strict=strict,
        cap=cap if fires else 1,
        v_min=v_min,
    )
    return neurons, shape


def _rules(name: str, node: Any, rules: Dialect) -> tuple[Reset, bool, int, float | None]:
    """Reset, strictness, cap and clamp: the dialect's, or the node's own where lifline exported it."""
    own = plain((getattr(node, "metadata", None) or {}).get("lifline"))
    if rules.name != "lifline" or own is None:
        return rules.reset, rules.strict, rules.cap, rules.v_min
    try:
        changed = rules.replace(reset=own["reset"], strict=bool(own["strict"]), cap=int(own["cap"]), v_min=own["v_min"])
    except (KeyError, TypeError, ValueError) as error:
        raise ConversionError(f"node `{name}`: its metadata `lifline` are incomplete ({error})") from error
    return changed.reset, changed.strict, changed.cap, changed.v_min


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
        return (_convolution(name, node, 1 if what == "Conv1d" else 2),)
    if what in ("SumPool2d", "AvgPool2d"):
        kernel, stride, padding = (_integers(name, node, f, 2) for f in ("kernel_size", "stride", "padding"))
        return (Pool(kernel, stride, padding, what == "AvgPool2d"),)  # type: ignore[arg-type]
    if what == "Flatten":
        return (Reshape(_flattened(name, node, shape)),)
    if what == "Scale":
        return (Scale(_array(name, node, "scale")),)
    if what == "Delay":
        exact = _array(name, node, "delay") / rules.dt
        steps = np.rint(exact)
        if steps.min() < 0:
            raise ConversionError(f"node `{name}`: delay {steps.min() * rules.dt:g} must not be negative")
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
    stride, dilation = (_integers(name, node, field, axes) for field in ("stride", "dilation"))
    (groups,) = _integers(name, node, "groups", 1)
    padding = node.padding.decode() if isinstance(node.padding, bytes) else node.padding
    if isinstance(padding, str) or (isinstance(padding, np.ndarray) and padding.dtype.kind in "SUO"):
        text = padding if isinstance(padding, str) else str(padding.reshape(-1)[0])
        total = [d * (k - 1) if text == "same" else 0 for d, k in zip(dilation, weight.shape[2:], strict=True)]
        if text not in ("same", "valid"):
            raise ConversionError(f"node `{name}`: padding {text!r} must be 'same', 'valid' or integers")
        pairs = tuple((n // 2, n - n // 2) for n in total)
    else:
        pairs = tuple((p, p) for p in _integers(name, node, "padding", axes))
    bias = _array(name, node, "bias", 0.0).ravel()
    if bias.size not in (1, len(weight)) or groups < 1 or len(weight) % groups:
        raise ConversionError(f"node `{name}`: {len(weight)} output channels, {bias.size} biases and {groups} groups do not fit together")
    return Convolution(weight, np.broadcast_to(bias, (len(weight),)).copy(), stride, pairs, dilation, groups)


def _flattened(name: str, node: Any, shape: Shape) -> Shape:
    """NIR's axes do not count a batch axis, but some exporters' ``start_dim = 1`` does; then the node's own input type has one more."""
    (start,), (end,) = _integers(name, node, "start_dim", 1), _integers(name, node, "end_dim", 1)
    stored = getattr(node, "input_type", None)
    stored = next(iter(stored.values()), None) if isinstance(stored, dict) else stored
    extra = 1 if stored is not None and np.asarray(stored).size == len(shape) + 1 else 0
    axes = len(shape) + extra
    start, end = (start + axes if start < 0 else start), (end + axes if end < 0 else end)
    start, end = max(start - extra, 0), end - extra
    if not 0 <= start <= end < len(shape):
        raise ConversionError(f"node `{name}`: axes {start}..{end} cannot be flattened in a shape {shape}")
    return (*shape[:start], int(np.prod(shape[start : end + 1])), *shape[end + 1 :])
