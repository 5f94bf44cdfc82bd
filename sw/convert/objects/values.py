"""What is known of the tensors on the way, and how it is noticed what wrote them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from lifline.arch.errors import ConversionError

from ..floating.operators import Floats, Operator
from .index import Roles


@dataclass(frozen=True, eq=False)
class Node:
    """What a value is, in every item and step: ``parents`` through ``operator``, or the sum of ``parents``, or a neuron layer's spikes.

    ``kind`` : ``input``, ``apply``, ``sum``, ``spikes``, ``state`` (of the layer ``name``), ``gate`` (neurons without memory that its parent reaches,
    see ``gates.py``), ``steps`` (several steps of its parent in one).
    """

    kind: str
    shape: tuple[int, ...]
    parents: tuple[Node, ...] = ()
    operator: Operator | None = None
    name: str = ""


@dataclass(frozen=True)
class Value:
    """A tensor on the way: its node, the roles of its axes, its step (None: all steps, or the only one), and its version when it was seen."""

    node: Node
    roles: Roles
    time: int | None
    version: int


@dataclass
class Call:
    """One call of a neuron layer: its input's node and the roles of its axes."""

    node: Node
    roles: Roles


@dataclass
class Layer:
    """A neuron layer and its calls; ``result`` is the node of its spikes."""

    name: str
    module: nn.Module
    time_axis: int | None
    start: Floats
    result: Node | None = None
    calls: list[Call] = field(default_factory=list)


TORCH = torch.__file__.rpartition("/")[0]


class Tainted(TorchDispatchMode):
    """Remembers all memory that was written from values that come from the input, whatever wrote it."""

    def __init__(self, inside: Callable[[], int]) -> None:
        super().__init__()
        self.inside = inside
        self.memory: dict[int, Any] = {}
        self.last: dict[int, str] = {}

    def add(self, tensor: torch.Tensor, name: str) -> None:
        storage = tensor.untyped_storage()
        if storage.nbytes():
            self.memory[storage.data_ptr()] = tensor  # kept, so that the memory is not used again
            self.last[storage.data_ptr()] = name

    def __contains__(self, tensor: torch.Tensor) -> bool:
        return tensor.untyped_storage().data_ptr() in self.memory

    def written_by(self, tensor: torch.Tensor) -> str:
        return self.last.get(tensor.untyped_storage().data_ptr(), "an unknown operation")

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if torch.Tag.nondeterministic_seeded in func.tags and not self.inside():
            raise ConversionError(f"{source_line()}: {func} draws random numbers, which has no translation")
        out = func(*args, **(kwargs or {}))
        if any(t in self for t in tree_leaves((args, kwargs or {})) if isinstance(t, torch.Tensor)):
            for t in tree_leaves(out):
                if isinstance(t, torch.Tensor):
                    self.add(t, str(func))
        return out


def wrapped(module: nn.Module, make: Callable[[Callable[..., Any]], Callable[..., Any]]) -> Callable[[], None]:
    """Replace what ``module`` computes by what ``make`` makes of it; returns how to undo that. Calls past ``__call__`` are caught as well."""
    name = "forward" if type(module).forward is not nn.Module.forward or "evolve" not in dir(module) else "evolve"
    own = module.__dict__.get(name)
    object.__setattr__(module, name, make(getattr(module, name)))

    def undo() -> None:
        if own is None:
            object.__delattr__(module, name)
        else:
            object.__setattr__(module, name, own)

    return undo


def source_line() -> str:
    """Where the user's code is: the innermost line outside of PyTorch and of this package."""
    here = __file__.rpartition("/")[0].rpartition("/")[0]
    frame = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith((here, TORCH)) and "<frozen" not in file:
            return f"{file.rpartition('/')[2]}, line {frame.f_lineno}"
        frame = frame.f_back  # type: ignore[assignment]
    return "unknown line"
