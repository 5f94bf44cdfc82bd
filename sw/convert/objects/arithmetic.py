"""Sums, factors and offsets, and sums over axes."""

from __future__ import annotations

import numpy as np

from ..floating.operators import Dense, Offset, Operator, Reshape, Scale
from .follower import Follower
from .gates import meeting
from .index import ITEM
from .operation import Operation
from .values import Node, Value


def add(o: Operation) -> None:
    first, second = o.args[0], o.argument(1, "other")
    factor = float(o.kwargs.get("alpha", 1))
    signs = {"add": (1.0, factor), "sub": (1.0, -factor), "subtract": (1.0, -factor), "rsub": (-1.0, 1.0), "radd": (1.0, 1.0)}[o.name]
    values = o.value(first), o.value(second)
    for value, constant, sign, constant_sign in ((values[0], second, *signs), (values[1], first, signs[1], signs[0])):
        other = values[1] if value is values[0] else values[0]
        if value is not None and other is None:
            bias = o.per_item(constant, value) * constant_sign
            o.result(value, *scaled(sign, value), *([Offset(bias)] if bias.any() else []))
            return
    a, b = values
    assert a is not None and b is not None
    if signs == (1.0, 1.0) and a.roles == b.roles and None not in (b.time, a.time) and a.node is b.node and a.time != b.time:
        o.follower.note(o.out, steps(o.follower, a), a.roles, None)
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
        for operator in scaled(sign, value):
            node = o.follower.apply(node, operator)
        parts.append(node)
    o.follower.note(o.out, o.follower.node("sum", a.node.shape, tuple(parts)), a.roles, b.time if a.time is None else a.time)


def steps(follower: Follower, value: Value) -> Node:
    return follower.node("steps", value.node.shape, (value.node,))


def scaled(factor: float, value: Value) -> list[Operator]:
    return [] if factor == 1 else [Scale(np.full((1,) * len(value.node.shape), factor))]


def multiply(o: Operation) -> None:
    first, second = o.args[0], o.argument(1, "other")
    value, constant = (o.value(first), second) if o.value(first) is not None else (o.value(second), first)
    assert value is not None
    if o.value(first) is not None and o.value(second) is not None:
        meeting(o, "and")
        return
    factor(o, value, o.per_item(constant, value))


def factor(o: Operation, value: Value, factor: np.ndarray) -> None:
    if value.node.kind == "steps" and (factor == factor.flat[0]).all() and factor.flat[0] > 0:
        o.follower.note(o.out, value.node, value.roles, value.time)  # a rate or a count: the order of outputs stays
        return
    o.result(value, Scale(factor))


def divide(o: Operation) -> None:
    if o.kwargs.get("rounding_mode"):
        raise o.follower.refuse(f"`{o.name}` with rounding is not linear")
    value = o.needed(o.args[0])
    divisor = o.per_item(o.argument(1, "other"), value)
    if not divisor.all():
        raise o.follower.refuse(f"`{o.name}` divides by zero")
    factor(o, value, 1 / divisor)


def negative(o: Operation) -> None:
    value = o.needed(o.args[0])
    o.result(value, Scale(np.full((1,) * len(value.node.shape), -1.0)))


def reduce(o: Operation) -> None:
    value = o.needed(o.args[0])
    dims = o.argument(1, "dim", o.kwargs.get("axis"))
    keep = bool(o.argument(2, "keepdim", o.kwargs.get("keepdims", False)))
    count = len(value.roles)
    axes = sorted({d % count for d in (range(count) if dims is None else [dims] if isinstance(dims, int) else dims)})
    roles = [value.roles[a] for a in axes]
    if roles and all(r != ITEM and r and set(r) <= o.follower.time_axes() for r in roles):
        # Over steps: what a network counts in the end.
        rest = tuple(() if k in axes else r for k, r in enumerate(value.roles) if keep or k not in axes)
        o.follower.note(o.out, steps(o.follower, value), rest, None)
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
