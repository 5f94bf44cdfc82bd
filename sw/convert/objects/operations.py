"""What operations between neuron layers mean: one small function for each kind, chosen by the operation's name."""

from __future__ import annotations

from typing import Any

import torch
from torch.utils._pytree import tree_leaves

from .arithmetic import add, divide, multiply, negative, reduce
from .follower import Follower
from .gates import largest_of_windows, meeting
from .layers import adaptive, addmm, convolution, drop, linear, matmul, normalise, pool, sum_pool
from .moves import join, moved, pads_zeros
from .names import name_of
from .operation import Operation, Values

NOTHING = frozenset("clone contiguous detach cpu positive requires_grad_ requires_grad alias identity data type_as".split())
CASTS = frozenset("to float double type half bfloat16".split())
MOVES = frozenset(
    "view reshape flatten unflatten squeeze unsqueeze permute transpose t swapaxes swapdims movedim moveaxis flip fliplr flipud rot90 roll getitem select narrow "
    "index_select unbind iter split chunk tensor_split hsplit vsplit dsplit expand expand_as view_as reshape_as ravel repeat tile repeat_interleave pixel_shuffle "
    "pixel_unshuffle channel_shuffle pad T mT H mH diagonal take_along_dim broadcast_to atleast_1d atleast_2d atleast_3d split_with_sizes _split_with_sizes".split()
)
"""Operations that put values elsewhere and change none."""
JOINS = frozenset("cat concat concatenate stack hstack vstack dstack column_stack".split())


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
        return join(follower, full, func, args, kwargs, before)
    if plain in MOVES and not (plain == "pad" and not pads_zeros(args, kwargs)):
        return moved(follower, full, func, args, kwargs, before)
    handler = HANDLERS.get(plain)
    if handler is None and plain not in NOTHING | CASTS:
        raise follower.refuse(
            f"`{plain}` on values that come from the input has no translation; there are sums, differences, constant factors and offsets, concatenation, "
            "reordering, Linear, Conv1d, Conv2d, average and sum pooling, max pooling and products of spikes, BatchNorm, and the framework's neurons"
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


HANDLERS: dict[str, Any] = {
    **dict.fromkeys(("add", "radd", "sub", "subtract", "rsub"), add),
    **dict.fromkeys(("mul", "rmul", "multiply"), multiply),
    **dict.fromkeys(("div", "truediv", "divide", "true_divide"), divide),
    **dict.fromkeys(("neg", "negative"), negative),
    "linear": linear,
    **dict.fromkeys(("matmul", "mm", "rmatmul"), matmul),
    "addmm": addmm,
    **dict.fromkeys(("conv1d", "conv2d"), convolution),
    **dict.fromkeys(("avg_pool1d", "avg_pool2d"), pool),
    "lp_pool2d": sum_pool,
    **dict.fromkeys(("max_pool1d", "max_pool2d"), largest_of_windows),
    "maximum": lambda o: meeting(o, "or"),
    "minimum": lambda o: meeting(o, "and"),
    "adaptive_avg_pool2d": adaptive,
    "batch_norm": normalise,
    **dict.fromkeys(("dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_dropout", "feature_alpha_dropout"), drop),
    **dict.fromkeys(("sum", "mean"), reduce),
}
