"""Operations that put values elsewhere and change none: every element's own number is sent through them."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils._pytree import tree_leaves

from .follower import Follower
from .operation import Values
from .values import Value


def pads_zeros(args: Any, kwargs: Any) -> bool:
    mode = args[2] if len(args) > 2 else kwargs.get("mode", "constant")
    fill = args[3] if len(args) > 3 else kwargs.get("value")
    return mode != "constant" or not fill


def moved(follower: Follower, name: str, func: Any, args: Any, kwargs: Any, before: Values) -> Any:
    """Send every element's number through an operation that moves one tensor."""
    tensors = [t for t in tree_leaves((args, kwargs)) if isinstance(t, torch.Tensor)]
    tracked = [t for t in tensors if before[id(t)] is not None]
    target = args[0] if args else tracked[0]
    own = before.get(id(target))
    if own is None or any(t is not target for t in tracked if name not in ("view_as", "reshape_as", "expand_as")):
        raise follower.refuse(f"`{name.strip('_')}` by a position that comes from the input has no translation")
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


def join(follower: Follower, name: str, func: Any, args: Any, kwargs: Any, before: Values) -> Any:
    listed = args[0] if args else kwargs.get("tensors")
    tensors = list(listed)
    values = [before[id(t)] for t in tensors]
    if any(v is None for v in values):
        raise follower.refuse("constants are joined with values that come from the input, which has no translation")
    known = [v for v in values if v is not None]
    out = func(*args, **kwargs)
    if len(known) > 1 and all(v.node is known[0].node and v.roles == known[0].roles for v in known) and len({v.time for v in known}) > 1:
        whole_time(follower, name, func, args, kwargs, out, known)
        return out
    first, numbers = 1, []
    for t in tensors:
        numbers.append(torch.arange(first, first + t.numel()).reshape(t.shape))
        first += t.numel()
    image = func(numbers, *args[1:], **{k: v for k, v in kwargs.items() if k != "tensors"})
    follower.move(out, image.numpy(), tensors, known)
    return out


def whole_time(follower: Follower, name: str, func: Any, args: Any, kwargs: Any, out: torch.Tensor, values: list[Value]) -> None:
    """All steps of one value put side by side again, in order: a time axis."""
    node, roles = values[0].node, list(values[0].roles)
    dim = args[1] if len(args) > 1 else kwargs.get("dim", kwargs.get("axis", 0))
    if name == "stack":
        roles.insert(dim % out.ndim, ())
    dim %= out.ndim
    if [v.time for v in values] != list(range(len(values))) or name not in ("stack", "cat", "concat", "concatenate") or roles[dim] != ():
        raise follower.refuse(f"`{name}` of some steps, or in another order than they had, has no translation; stack all of them")
    candidates = [a for a in sorted(follower.selected) if follower.lead_sizes[a] == len(values)]
    if not candidates:
        follower.lead_sizes.append(len(values))
        candidates = [len(follower.lead_sizes) - 1]
        follower.sequence_axes.add(candidates[0])
    roles[dim] = (candidates[0],)
    follower.note(out, node, tuple(roles), None)
