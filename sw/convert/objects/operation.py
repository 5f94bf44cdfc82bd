"""One operation on values that come from the input: its operands, and how its result is noted."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from ..floating.operators import Operator
from .follower import Follower
from .index import ITEM
from .values import Value

Values = dict[int, "Value | None"]


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

    def value_of_result(self) -> Value:
        """What :meth:`result` has noted."""
        found = self.follower.value(self.out)
        assert found is not None
        return found

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
