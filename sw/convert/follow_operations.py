"""What operations between neuron layers mean: one small function for each kind, chosen by the operation's name."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.utils._pytree import tree_leaves, tree_map

from .dense import MAX_UNROLLED
from .follow import Follower, Value
from .follow_index import ITEM
from .operators import Convolution, Dense, Offset, Operator, Pool, Reshape, Scale

Values = dict[int, "Value | None"]
QUESTIONS = frozenset(
    "size dim ndim numel nelement shape dtype device layout stride is_contiguous is_floating_point is_complex is_cuda is_sparse is_quantized requires_grad "
    "requires_grad_ grad_fn grad is_leaf names storage_offset element_size data_ptr is_signed get_device is_meta is_nested is_mps is_xpu is_same_size len hash "
    "version backward_hooks untyped_storage typed_storage storage is_inference is_conj is_neg retains_grad output_nr is_mkldnn itemsize nbytes new_zeros new_ones new_full new_empty zeros_like ones_like full_like "
    "empty_like is_tensor numel".split()
)
"""Operations whose result depends on a value's shape and type only."""
NOTHING = frozenset("clone contiguous detach cpu positive requires_grad_ requires_grad alias identity data type_as".split())
CASTS = frozenset("to float double type half bfloat16".split())
MOVES = frozenset(
    "view reshape flatten unflatten squeeze unsqueeze permute transpose t swapaxes swapdims movedim moveaxis flip fliplr flipud rot90 roll getitem select narrow "
    "index_select unbind iter split chunk tensor_split hsplit vsplit dsplit expand expand_as view_as reshape_as ravel repeat tile repeat_interleave pixel_shuffle "
    "pixel_unshuffle channel_shuffle pad T mT H mH diagonal take_along_dim broadcast_to atleast_1d atleast_2d atleast_3d split_with_sizes _split_with_sizes".split()
)
"""Operations that put values elsewhere and change none."""
JOINS = frozenset("cat concat concatenate stack hstack vstack dstack column_stack".split())


def name_of(func: Any) -> str:
    """Plain name of a function, method, operator or property: ``add`` for ``Tensor.__iadd__``, ``T`` for the property."""
    name = getattr(func, "__name__", str(func))
    if name in ("__get__", "__set__"):
        name = getattr(getattr(func, "__self__", None), "__name__", name)
    return name


def understand(follower: Follower, func: Any, args: Any, kwargs: Any, before: Values) -> Any:
    """Run an operation on values that come from the input, and note what its result is.

    Raises
    ------
    ConversionError   for one that has no translation.
    """
    full = name_of(func)
    plain = full.strip("_")
    in_place = (full.endswith("_") and not full.endswith("__")) or (full.startswith("__i") and plain not in ("iter", "invert", "index", "int"))
    if in_place and full.startswith("__i"):
        plain = plain[1:]
    if full == "__set__" or plain in ("setitem", "set", "copy", "fill", "zero", "index_put", "masked_fill", "scatter"):
        raise follower.refuse(f"{plain} overwrites values that come from the input; only whole operations have a translation")
    if kwargs.get("out") is not None:
        raise follower.refuse(f"{plain} with out= has no translation")
    if plain in JOINS:
        return _join(follower, func, args, kwargs, before)
    if plain in MOVES and not (plain == "pad" and not _pads_zeros(args, kwargs)):
        return _moved(follower, func, args, kwargs, before)
    handler = HANDLERS.get(plain)
    if handler is None and plain not in NOTHING | CASTS:
        raise follower.refuse(
            f"`{plain}` on values that come from the input has no translation; there are sums, differences, constant factors and offsets, concatenation, "
            "reordering, Linear, Conv1d, Conv2d, average and sum pooling, BatchNorm, and the framework's neurons"
        )
    out = func(*args, **kwargs)
    if handler is not None:
        handler(Operation(follower, plain, args, kwargs, before, out))
        if in_place:
            follower.overwritten(out)
        return out
    value = before[id(next(t for t in tree_leaves((args, kwargs)) if isinstance(t, torch.Tensor)))]
    assert value is not None
    if plain in CASTS and out.dtype not in (torch.float32, torch.float64) and value.node.kind != "spikes":
        raise follower.refuse(f"a conversion to {out.dtype} rounds values; leave them in single or double precision")
    follower.note(out, value.node, value.roles, value.time)
    return out


class Operation:
    """One operation: its operands, values and result."""

    def __init__(self, follower: Follower, name: str, args: Any, kwargs: Any, before: Values, out: Any) -> None:
        self.follower, self.name, self.args, self.kwargs, self.before, self.out = follower, name, args, kwargs, before, out

    def argument(self, position: int, name: str, default: Any = None) -> Any:
        return self.args[position] if len(self.args) > position else self.kwargs.get(name, default)

    def value(self, argument: Any) -> Value | None:
        return self.before.get(id(argument)) if isinstance(argument, torch.Tensor) else None

    def needed(self, argument: Any) -> Value:
        found = self.value(argument)
        if found is None:
            raise self.follower.refuse(f"`{self.name}`: its first operand is a constant and the other one comes from the input, which has no translation")
        return found

    def constant(self, argument: Any, what: str) -> np.ndarray:
        """A weight as an array; refused if it comes from the input."""
        if self.value(argument) is not None:
            raise self.follower.refuse(f"`{self.name}`: its {what} comes from the input, so that it multiplies values with one another; it must be a constant")
        array = argument.detach().cpu().double().numpy() if isinstance(argument, torch.Tensor) else np.asarray(argument, np.float64)
        if not np.isfinite(array).all():
            raise self.follower.refuse(f"`{self.name}`: its {what} holds values that are not finite (NaN or infinite)")
        return array

    def result(self, value: Value, *operators: Operator) -> None:
        """Note the output as ``value`` through ``operators``; leading axes stay where they are, or come first."""
        node = value.node
        for operator in operators:
            node = self.follower.apply(node, operator)
        roles = value.roles
        if node.shape != value.node.shape:
            leading = tuple(r for r in value.roles if r != ITEM)
            if value.roles[: len(leading)] != leading:
                raise self.follower.refuse(f"`{self.name}` on values whose batch or time axes are not in front has no translation")
            roles = leading + (ITEM,) * len(node.shape)
        if len(roles) != self.out.ndim:
            raise self.follower.refuse(f"`{self.name}` gave a result of shape {tuple(self.out.shape)}, which does not fit values of shape {node.shape}")
        self.follower.note(self.out, node, roles, value.time)

    def per_item(self, constant: Any, value: Value) -> np.ndarray:
        """A constant operand as an array of the item's shape."""
        array = self.constant(constant, "constant operand")
        try:
            whole = np.broadcast_to(array, self.out.shape)
        except ValueError as error:
            raise self.follower.refuse(f"`{self.name}`: shapes do not fit") from error
        if len(value.roles) != self.out.ndim:
            raise self.follower.refuse(f"`{self.name}` with a constant of more axes has no translation")
        item = whole[tuple(slice(None) if r == ITEM else 0 for r in value.roles)]
        view = item.reshape([n if r == ITEM else 1 for n, r in zip(self.out.shape, value.roles, strict=True)])
        if item.shape != value.node.shape or not np.array_equal(np.broadcast_to(view, whole.shape), whole):
            raise self.follower.refuse(f"`{self.name}`: a constant that differs between items or steps, or widens them, has no translation")
        return item.astype(np.float64)


# Arithmetic


def _add(o: Operation) -> None:
    first, second = o.args[0], o.argument(1, "other")
    factor = float(o.kwargs.get("alpha", 1))
    signs = {"add": (1.0, factor), "sub": (1.0, -factor), "subtract": (1.0, -factor), "rsub": (-1.0, 1.0), "radd": (1.0, 1.0)}[o.name]
    values = o.value(first), o.value(second)
    for value, constant, sign, constant_sign in ((values[0], second, *signs), (values[1], first, signs[1], signs[0])):
        other = values[1] if value is values[0] else values[0]
        if value is not None and other is None:
            bias = o.per_item(constant, value) * constant_sign
            o.result(value, *_scaled(sign, value), *([Offset(bias)] if bias.any() else []))
            return
    a, b = values
    assert a is not None and b is not None
    if signs == (1.0, 1.0) and a.roles == b.roles and None not in (b.time, a.time) and a.node is b.node and a.time != b.time:
        o.follower.note(o.out, _steps(o.follower, a), a.roles, None)
        return
    if signs == (1.0, 1.0) and a.roles == b.roles and a.node.kind == "steps" and a.node.parents == (b.node,) and b.time is not None:
        o.follower.note(o.out, a.node, a.roles, None)
        return
    if a.time != b.time and None not in (a.time, b.time):
        raise o.follower.refuse("values of different steps are added outside of a neuron layer; only neurons carry values from step to step")
    if a.roles != b.roles or a.node.shape != b.node.shape:
        raise o.follower.refuse(f"values of shapes {a.node.shape} and {b.node.shape} are added, which has no translation; give them one shape")
    parts = []
    for value, sign in zip((a, b), signs, strict=True):
        node = value.node
        for operator in _scaled(sign, value):
            node = o.follower.apply(node, operator)
        parts.append(node)
    o.follower.note(o.out, o.follower.node("sum", a.node.shape, tuple(parts)), a.roles, b.time if a.time is None else a.time)


def _steps(follower: Follower, value: Value) -> Any:
    return follower.node("steps", value.node.shape, (value.node,))


def _scaled(factor: float, value: Value) -> list[Operator]:
    return [] if factor == 1 else [Scale(np.full((1,) * len(value.node.shape), factor))]


def _multiply(o: Operation) -> None:
    first, second = o.args[0], o.argument(1, "other")
    value, constant = (o.value(first), second) if o.value(first) is not None else (o.value(second), first)
    assert value is not None
    if o.value(first) is not None and o.value(second) is not None:
        raise o.follower.refuse(f"`{o.name}` of two values that come from the input is not linear; gates (AND, IAND, products) have no translation")
    _factor(o, value, o.per_item(constant, value))


def _factor(o: Operation, value: Value, factor: np.ndarray) -> None:
    if value.node.kind == "steps" and (factor == factor.flat[0]).all() and factor.flat[0] > 0:
        o.follower.note(o.out, value.node, value.roles, value.time)  # a rate or a count: the order of outputs stays
        return
    o.result(value, Scale(factor))


def _divide(o: Operation) -> None:
    if o.kwargs.get("rounding_mode"):
        raise o.follower.refuse(f"`{o.name}` with rounding is not linear")
    value = o.needed(o.args[0])
    divisor = o.per_item(o.argument(1, "other"), value)
    if not divisor.all():
        raise o.follower.refuse(f"`{o.name}` divides by zero")
    _factor(o, value, 1 / divisor)


def _negative(o: Operation) -> None:
    value = o.needed(o.args[0])
    o.result(value, Scale(np.full((1,) * len(value.node.shape), -1.0)))


# Layers


def _dense(o: Operation, value: Value, weight: np.ndarray, bias: np.ndarray | None) -> None:
    shape = value.node.shape
    if value.roles[-1] != ITEM:
        raise o.follower.refuse(f"`{o.name}` over the batch or time axis has no translation")
    if len(shape) == 1:
        o.result(value, Dense(weight, bias))
        return
    # The same weights at every position of the other axes: written out over the whole item.
    positions = int(np.prod(shape[:-1]))
    if positions * positions * weight.size > MAX_UNROLLED:
        raise o.follower.refuse(f"`{o.name}` at each of {positions:,} positions would become {positions * positions * weight.size:,} weights, more than {MAX_UNROLLED:,}")
    full = np.kron(np.eye(positions), weight)
    own = None if bias is None else np.tile(bias, positions)
    o.result(value, Reshape((int(np.prod(shape)),)), Dense(full, own), Reshape((*shape[:-1], len(weight))))


def _linear(o: Operation) -> None:
    bias = o.argument(2, "bias")
    _dense(o, o.needed(o.args[0]), o.constant(o.argument(1, "weight"), "weight"), None if bias is None else o.constant(bias, "bias"))


def _matmul(o: Operation) -> None:
    first, second = o.args[0], o.argument(1, "other", o.kwargs.get("mat2"))
    if o.name == "rmatmul":
        first, second = second, first
    weight = o.constant(second, "weight")
    if weight.ndim != 2:
        raise o.follower.refuse(f"`{o.name}` with weights of shape {weight.shape} has no translation; it needs two axes")
    _dense(o, o.needed(first), weight.T, None)


def _addmm(o: Operation) -> None:
    if float(o.kwargs.get("alpha", 1)) != 1 or float(o.kwargs.get("beta", 1)) != 1:
        raise o.follower.refuse("`addmm` with alpha or beta has no translation")
    weight = o.constant(o.args[2], "weight")
    _dense(o, o.needed(o.args[1]), weight.T, np.broadcast_to(o.constant(o.args[0], "bias"), (weight.shape[1],)).copy())


def _tuple(value: Any, count: int) -> tuple[int, ...]:
    return tuple(int(v) for v in np.broadcast_to(np.asarray(value, np.int64).ravel(), (count,)))


def _pair(value: Any) -> tuple[int, int]:
    first, second = _tuple(value, 2)
    return first, second


def _convolution(o: Operation) -> None:
    value = o.needed(o.args[0])
    weight = o.constant(o.argument(1, "weight"), "weight")
    axes = weight.ndim - 2
    bias, padding = o.argument(2, "bias"), o.argument(4, "padding", 0)
    stride, dilation = _tuple(o.argument(3, "stride", 1), axes), _tuple(o.argument(5, "dilation", 1), axes)
    if padding in ("same", "valid"):
        total = [d * (k - 1) if padding == "same" else 0 for d, k in zip(dilation, weight.shape[2:], strict=True)]
        pairs = tuple((n // 2, n - n // 2) for n in total)
    else:
        pairs = tuple((p, p) for p in _tuple(padding, axes))
    groups = int(o.argument(6, "groups", 1))
    o.result(value, Convolution(weight, None if bias is None else o.constant(bias, "bias"), stride, pairs, dilation, groups))


def _pool(o: Operation) -> None:
    value = o.needed(o.args[0])
    kernel = _pair(o.argument(1, "kernel_size"))
    stride = o.argument(2, "stride")
    stride = kernel if stride is None or stride == () or stride == [] else _pair(stride)
    padding = _pair(o.argument(3, "padding", 0))
    if o.argument(4, "ceil_mode", False) or o.argument(6, "divisor_override") is not None:
        raise o.follower.refuse("`avg_pool2d` with ceil_mode or divisor_override is not supported")
    if any(padding) and not o.argument(5, "count_include_pad", True):
        raise o.follower.refuse("`avg_pool2d`: padding that does not count is not supported; use count_include_pad=True")
    o.result(value, Pool(kernel, stride, padding, True))


def _sum_pool(o: Operation) -> None:
    """sinabs' SumPool2d is LPPool2d with exponent 1, which on spikes is their sum."""
    value = o.needed(o.args[0])
    if float(o.argument(1, "norm_type")) != 1 or o.argument(4, "ceil_mode", False):
        raise o.follower.refuse("`lp_pool2d` is linear for exponent 1 and without ceil_mode only")
    if value.node.kind not in ("spikes", "input"):
        raise o.follower.refuse("`lp_pool2d` takes magnitudes; it has a translation directly behind spikes only")
    kernel = _pair(o.argument(2, "kernel_size"))
    stride = o.argument(3, "stride")
    o.result(value, Pool(kernel, kernel if stride is None else _pair(stride), (0, 0), False))


def _adaptive(o: Operation) -> None:
    value = o.needed(o.args[0])
    size = o.argument(1, "output_size")
    wanted = [n if w is None else int(w) for n, w in zip(value.node.shape[-2:], np.broadcast_to(np.asarray(size, object), (2,)), strict=True)]
    if len(value.node.shape) != 3 or any(n % w for n, w in zip(value.node.shape[1:], wanted, strict=True)):
        raise o.follower.refuse(f"`{o.name}` from {value.node.shape} to {tuple(wanted)} has a translation only where it divides evenly")
    kernel = value.node.shape[1] // wanted[0], value.node.shape[2] // wanted[1]
    o.result(value, Pool(kernel, kernel, (0, 0), True))


def _normalise(o: Operation) -> None:
    value = o.needed(o.args[0])
    mean, variance = o.argument(1, "running_mean"), o.argument(2, "running_var")
    weight, bias = o.argument(3, "weight"), o.argument(4, "bias")
    if o.argument(5, "training", False) or mean is None or variance is None:
        raise o.follower.refuse("a normalisation by the statistics of its batch has no translation; use running statistics, in evaluation mode")
    factor = 1 / np.sqrt(o.constant(variance, "variance") + float(o.argument(7, "eps", 1e-5)))
    factor = factor if weight is None else factor * o.constant(weight, "weight")
    shift = (0 if bias is None else o.constant(bias, "bias")) - o.constant(mean, "mean") * factor
    shape = (-1, *(1,) * (len(value.node.shape) - 1))
    o.result(value, Scale(factor.reshape(shape)), Offset(np.broadcast_to(shift.reshape(shape), value.node.shape).astype(np.float64)))


def _drop(o: Operation) -> None:
    if o.argument(2, "training", True) and float(o.argument(1, "p", 0.5)) > 0:
        raise o.follower.refuse(f"`{o.name}` is in training mode; call eval() on the whole network, and give functional dropout training=self.training")
    value = o.needed(o.args[0])
    o.follower.note(o.out, value.node, value.roles, value.time)


def _reduce(o: Operation) -> None:
    value = o.needed(o.args[0])
    dims = o.argument(1, "dim", o.kwargs.get("axis"))
    keep = bool(o.argument(2, "keepdim", o.kwargs.get("keepdims", False)))
    count = len(value.roles)
    axes = sorted({d % count for d in (range(count) if dims is None else [dims] if isinstance(dims, int) else dims)})
    roles = [value.roles[a] for a in axes]
    if roles and all(r != ITEM and r and set(r) <= o.follower.time_axes() for r in roles):
        # Over steps: what a network counts in the end.
        rest = tuple(() if k in axes else r for k, r in enumerate(value.roles) if keep or k not in axes)
        o.follower.note(o.out, _steps(o.follower, value), rest, None)
        return
    if any(r != ITEM for r in roles):
        raise o.follower.refuse(f"`{o.name}` over items or steps together with values of an item has no translation")
    shape = value.node.shape
    items = [a for a, r in enumerate(value.roles) if r == ITEM]
    over = [items.index(a) for a in axes]
    after = tuple(n for k, n in enumerate(shape) if k not in over)
    matrix = np.zeros((int(np.prod(after)), int(np.prod(shape))))
    position = np.ravel_multi_index([c for k, c in enumerate(np.indices(shape)) if k not in over], after).reshape(-1) if after else np.zeros(matrix.shape[1], int)
    matrix[position, np.arange(matrix.shape[1])] = 1 / np.prod([shape[k] for k in over]) if o.name == "mean" else 1
    final = tuple(1 if k in over else n for k, n in enumerate(shape)) if keep else after or (1,)
    node = value.node
    for operator in (Reshape((matrix.shape[1],)), Dense(matrix), Reshape(final)):
        node = o.follower.apply(node, operator)
    out_roles = tuple(r for k, r in enumerate(value.roles) if keep or k not in axes)
    if not keep and not after:
        raise o.follower.refuse(f"`{o.name}` to a single number per item has no translation; use keepdim=True")
    o.follower.note(o.out, node, out_roles, value.time)


# Moves


def _pads_zeros(args: Any, kwargs: Any) -> bool:
    mode = args[2] if len(args) > 2 else kwargs.get("mode", "constant")
    fill = args[3] if len(args) > 3 else kwargs.get("value")
    return mode != "constant" or not fill


def _moved(follower: Follower, func: Any, args: Any, kwargs: Any, before: Values) -> Any:
    """Send every element's number through an operation that moves one tensor."""
    tensors = [t for t in tree_leaves((args, kwargs)) if isinstance(t, torch.Tensor)]
    tracked = [t for t in tensors if before[id(t)] is not None]
    target = args[0] if args else tracked[0]
    own = before.get(id(target))
    if own is None or any(t is not target for t in tracked if name_of(func) not in ("view_as", "reshape_as", "expand_as")):
        raise follower.refuse(f"`{name_of(func).strip('_')}` by a position that comes from the input has no translation")
    out = func(*args, **kwargs)
    outs = [t for t in (out if isinstance(out, tuple | list) else [out])] if not hasattr(out, "__next__") else None
    if outs is None:
        outs = list(out)
        out = iter(outs)
    numbers = torch.arange(1, target.numel() + 1).reshape(target.shape)
    swapped = [numbers if a is target else a for a in args]
    images = func(*swapped, **kwargs)
    images = list(images) if not isinstance(images, torch.Tensor) else [images]
    for result, image in zip(outs, images, strict=True):
        follower.move(result, image.numpy(), [target], [own])
    return out


def _join(follower: Follower, func: Any, args: Any, kwargs: Any, before: Values) -> Any:
    listed = args[0] if args else kwargs.get("tensors")
    tensors = list(listed)
    values = [before[id(t)] for t in tensors]
    if any(v is None for v in values):
        raise follower.refuse("constants are joined with values that come from the input, which has no translation")
    known = [v for v in values if v is not None]
    out = func(*args, **kwargs)
    if len(known) > 1 and all(v.node is known[0].node and v.roles == known[0].roles for v in known) and len({v.time for v in known}) > 1:
        _whole_time(follower, func, args, kwargs, out, known)
        return out
    first, numbers = 1, []
    for t in tensors:
        numbers.append(torch.arange(first, first + t.numel()).reshape(t.shape))
        first += t.numel()
    image = func(tree_map(lambda x: x, numbers), *args[1:], **{k: v for k, v in kwargs.items() if k != "tensors"})
    follower.move(out, image.numpy(), tensors, known)
    return out


def _whole_time(follower: Follower, func: Any, args: Any, kwargs: Any, out: torch.Tensor, values: list[Value]) -> None:
    """All steps of one value put side by side again, in order: a time axis."""
    node, roles = values[0].node, list(values[0].roles)
    dim = args[1] if len(args) > 1 else kwargs.get("dim", kwargs.get("axis", 0))
    if name_of(func) == "stack":
        roles.insert(dim % out.ndim, ())
    dim %= out.ndim
    if [v.time for v in values] != list(range(len(values))) or name_of(func) not in ("stack", "cat", "concat", "concatenate") or roles[dim] != ():
        raise follower.refuse(f"`{name_of(func)}` of some steps, or in another order than they had, has no translation; stack all of them")
    candidates = [a for a in sorted(follower.selected) if follower.lead_sizes[a] == len(values)]
    if not candidates:
        follower.lead_sizes.append(len(values))
        candidates = [len(follower.lead_sizes) - 1]
        follower.sequence_axes.add(candidates[0])
    roles[dim] = (candidates[0],)
    follower.note(out, node, tuple(roles), None)


HANDLERS: dict[str, Any] = {
    **dict.fromkeys(("add", "radd", "sub", "subtract", "rsub"), _add),
    **dict.fromkeys(("mul", "rmul", "multiply"), _multiply),
    **dict.fromkeys(("div", "truediv", "divide", "true_divide"), _divide),
    **dict.fromkeys(("neg", "negative"), _negative),
    "linear": _linear,
    **dict.fromkeys(("matmul", "mm", "rmatmul"), _matmul),
    "addmm": _addmm,
    **dict.fromkeys(("conv1d", "conv2d"), _convolution),
    "avg_pool2d": _pool,
    "lp_pool2d": _sum_pool,
    "adaptive_avg_pool2d": _adaptive,
    "batch_norm": _normalise,
    **dict.fromkeys(("dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_dropout", "feature_alpha_dropout"), _drop),
    **dict.fromkeys(("sum", "mean"), _reduce),
}
