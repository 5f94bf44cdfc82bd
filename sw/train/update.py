"""The neuron update as a differentiable operation: all steps of a population at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from . import kernels
from .kernels import Rule
from .surrogate import SurrogateKind

KINDS = tuple(SurrogateKind)


@dataclass
class NeuronState:
    """``v, i, c, count``, shape (batch, neuron) each: membrane, current, crossings of the last step, spikes so far."""

    v: torch.Tensor
    i: torch.Tensor
    c: torch.Tensor
    count: torch.Tensor

    @classmethod
    def zeros(cls, batch: int, size: int) -> NeuronState:
        v, i, c, count = (torch.zeros(batch, size) for _ in range(4))
        return cls(v, i, c, count)


@dataclass(frozen=True)
class Dynamics:
    """Everything that one update needs, in the units of the membrane; tensors are (neuron,) or a single value and differentiable.

    ``keep_v``, ``keep_i`` are the shares kept per step, in double precision.
    """

    theta: torch.Tensor
    bias: torch.Tensor
    keep_v: torch.Tensor
    keep_i: torch.Tensor
    budget: torch.Tensor | None
    rule: Rule


def _arrays(*tensors: torch.Tensor) -> Any:
    return [tensor.detach().numpy() for tensor in tensors]


class _Update(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any, v: Any, i: Any, c: Any, count: Any, theta: Any, bias: Any, keep_v: Any, keep_i: Any, budget: Any, rule: Rule, keeps: bool) -> Any:
        ctx.set_materialize_grads(False)
        x = x.contiguous()
        batch, steps, size = x.shape
        u, s = torch.empty_like(x), torch.empty_like(x)
        currents = torch.empty_like(x) if rule.has_current else x.new_empty(batch, 0, size)
        stored = torch.empty_like(x) if keeps else x.new_empty(batch, 0, size)
        last = [state.detach().clone() for state in (v, i, c, count)]
        factors = float(keep_v), float(keep_i)
        arguments = [*_arrays(x, *last, theta, bias, budget), *factors, rule, *_arrays(u, s, currents, stored)]
        kernels.update_forward(*arguments)
        ctx.save_for_backward(u, s, currents, v, i, c, theta)
        ctx.rule, ctx.factors = rule, factors
        ctx.mark_non_differentiable(last[3], stored)
        return s, u, *last, stored

    @staticmethod
    def backward(ctx: Any, grad_s: Any, grad_u: Any, grad_v: Any, grad_i: Any, grad_c: Any, *_: Any) -> Any:
        u, s, currents, v, i, c, theta = ctx.saved_tensors
        batch, _, size = u.shape
        none = u.new_empty(batch, 0, size)
        over_time = [none if g is None else g.contiguous() for g in (grad_s, grad_u)]
        states = [torch.zeros(batch, size) if g is None else g.clone(memory_format=torch.contiguous_format) for g in (grad_v, grad_i, grad_c)]
        grad_x, grad_neuron = torch.empty_like(u), torch.zeros(4, size, dtype=torch.float64)
        if grad_u is None and grad_s is not None and kernels.is_plain(ctx.rule):
            kernels.plain_backward(*_arrays(u, v, theta), ctx.factors[0], ctx.rule, *_arrays(over_time[0], states[0], grad_x, grad_neuron))
            states[2] = torch.zeros(batch, size)  # a reset without gradient
        else:
            arguments = [*_arrays(u, s, currents, v, i, c, theta), *ctx.factors, ctx.rule, *_arrays(*over_time, *states, grad_x, grad_neuron)]
            kernels.update_backward(*arguments)
        to_theta, to_bias, to_keep_v, to_keep_i = grad_neuron
        return grad_x, *states, None, to_theta.float(), to_bias.float(), to_keep_v.sum(), to_keep_i.sum(), None, None, None


@dataclass
class Trace:
    """What an update gave. ``spikes``, ``membranes`` (before the reset): (batch, time, neuron), differentiable.

    ``stored``: membranes after the reset, what the golden model records as ``v``; no steps unless asked for.
    """

    spikes: torch.Tensor
    membranes: torch.Tensor
    stored: torch.Tensor
    state: NeuronState


def update(x: torch.Tensor, state: NeuronState, dynamics: Dynamics, *, keep_stored: bool = False) -> Trace:
    """Advance a population over the steps of ``x``, synaptic input (batch, time, neuron) in single precision."""
    size = x.shape[2]
    theta, bias = (a.expand(size).contiguous() for a in (dynamics.theta, dynamics.bias))
    budget = torch.zeros(size) if dynamics.budget is None else dynamics.budget.expand(size).contiguous()
    s, u, v, i, c, count, stored = _Update.apply(
        x, state.v, state.i, state.c, state.count, theta, bias, dynamics.keep_v, dynamics.keep_i, budget, dynamics.rule, keep_stored
    )
    return Trace(s, u, stored, NeuronState(v, i, c, count))
