"""Layers without neurons: connections, pooling, normalisation, dropout that does nothing."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..floating.operators import Convolution, Dense, Offset, Pool, Reshape, Scale
from ..quantisation.dense import MAX_UNROLLED
from .index import ITEM
from .operation import Operation
from .values import Value


def dense(o: Operation, value: Value, weight: np.ndarray, bias: np.ndarray | None) -> None:
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


def linear(o: Operation) -> None:
    bias = o.argument(2, "bias")
    dense(o, o.needed(o.args[0]), o.constant(o.argument(1, "weight"), "weight"), None if bias is None else o.constant(bias, "bias"))


def matmul(o: Operation) -> None:
    first, second = o.args[0], o.argument(1, "other", o.kwargs.get("mat2"))
    if o.name == "rmatmul":
        first, second = second, first
    weight = o.constant(second, "weight")
    if weight.ndim != 2:
        raise o.follower.refuse(f"`{o.name}` with weights of shape {weight.shape} has no translation; it needs two axes")
    dense(o, o.needed(first), weight.T, None)


def addmm(o: Operation) -> None:
    if float(o.kwargs.get("alpha", 1)) != 1 or float(o.kwargs.get("beta", 1)) != 1:
        raise o.follower.refuse("`addmm` with alpha or beta has no translation")
    weight = o.constant(o.args[2], "weight")
    dense(o, o.needed(o.args[1]), weight.T, np.broadcast_to(o.constant(o.args[0], "bias"), (weight.shape[1],)).copy())


def _tuple(value: Any, count: int) -> tuple[int, ...]:
    return tuple(int(v) for v in np.broadcast_to(np.asarray(value, np.int64).ravel(), (count,)))


def convolution(o: Operation) -> None:
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


def pool(o: Operation) -> None:
    value = o.needed(o.args[0])
    axes = int(o.name[-2])
    kernel = _tuple(o.argument(1, "kernel_size"), axes)
    stride = o.argument(2, "stride")
    stride = kernel if stride is None or stride == () or stride == [] else _tuple(stride, axes)
    padding = _tuple(o.argument(3, "padding", 0), axes)
    if o.argument(4, "ceil_mode", False) or o.argument(6, "divisor_override") is not None:
        raise o.follower.refuse(f"`{o.name}` with ceil_mode or divisor_override is not supported")
    if any(padding) and not o.argument(5, "count_include_pad", True):
        raise o.follower.refuse(f"`{o.name}`: padding that does not count is not supported; use count_include_pad=True")
    o.result(value, Pool(kernel, stride, padding, True))


def sum_pool(o: Operation) -> None:
    """sinabs' SumPool2d is LPPool2d with exponent 1, which on spikes is their sum."""
    value = o.needed(o.args[0])
    if float(o.argument(1, "norm_type")) != 1 or o.argument(4, "ceil_mode", False):
        raise o.follower.refuse("`lp_pool2d` is linear for exponent 1 and without ceil_mode only")
    if value.node.kind not in ("spikes", "input"):
        raise o.follower.refuse("`lp_pool2d` takes magnitudes; it has a translation directly behind spikes only")
    kernel = _tuple(o.argument(2, "kernel_size"), 2)
    stride = o.argument(3, "stride")
    o.result(value, Pool(kernel, kernel if stride is None else _tuple(stride, 2), (0, 0), False))


def adaptive(o: Operation) -> None:
    value = o.needed(o.args[0])
    size = o.argument(1, "output_size")
    wanted = [n if w is None else int(w) for n, w in zip(value.node.shape[-2:], np.broadcast_to(np.asarray(size, object), (2,)), strict=True)]
    if len(value.node.shape) != 3 or any(n % w for n, w in zip(value.node.shape[1:], wanted, strict=True)):
        raise o.follower.refuse(f"`{o.name}` from {value.node.shape} to {tuple(wanted)} has a translation only where it divides evenly")
    kernel = value.node.shape[1] // wanted[0], value.node.shape[2] // wanted[1]
    o.result(value, Pool(kernel, kernel, (0, 0), True))


def normalise(o: Operation) -> None:
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


def drop(o: Operation) -> None:
    if o.argument(2, "training", True) and float(o.argument(1, "p", 0.5)) > 0:
        raise o.follower.refuse(f"`{o.name}` is in training mode; call eval() on the whole network, and give functional dropout training=self.training")
    value = o.needed(o.args[0])
    o.follower.note(o.out, value.node, value.roles, value.time)
