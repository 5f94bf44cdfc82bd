"""Computations that every framework's users write: what happens between, before and behind layers.

A body gets the module ``m`` that holds the layers, the input ``x``, and ``fire(layer, x)``, which runs a layer of neurons in the
framework's own way. Values have any leading axes and the neurons last, so bodies suit steps and whole sequences.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from .entry import HIDDEN, INPUTS, OUTPUTS, Expected, linear

Neuron = Callable[[int], nn.Module]
Layers = Callable[[Neuron], dict[str, nn.Module]]


@dataclass(frozen=True)
class Body:
    name: str
    expected: Expected
    layers: Layers
    compute: Callable[[Any, Any, Any], Any]


BODIES: list[Body] = []


def two(neuron: Neuron) -> dict[str, nn.Module]:
    return {"a": linear(INPUTS, HIDDEN), "n1": neuron(HIDDEN), "b": linear(HIDDEN, OUTPUTS), "n2": neuron(OUTPUTS)}


def three(neuron: Neuron) -> dict[str, nn.Module]:
    layers = {"a": linear(INPUTS, HIDDEN), "n1": neuron(HIDDEN), "b": linear(HIDDEN, HIDDEN), "n2": neuron(HIDDEN)}
    return {**layers, "c": linear(HIDDEN, OUTPUTS), "n3": neuron(OUTPUTS)}


def changed(layers: Layers, change: Callable[[dict[str, nn.Module]], Any]) -> Layers:
    """The same layers with something done to them, and more layers if ``change`` returns a dictionary."""

    def made(neuron: Neuron) -> dict[str, nn.Module]:
        found = layers(neuron)
        more = change(found)
        return {**found, **more} if isinstance(more, dict) else found

    return made


def body(name: str, expected: Expected, layers: Layers = two) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def register(compute: Callable[..., Any]) -> Callable[..., Any]:
        BODIES.append(Body(name, expected, layers, compute))
        return compute

    return register


def chain(m: Any, x: Any, fire: Any) -> Any:
    return fire(m.n2, m.b(fire(m.n1, m.a(x))))


def around(name: str, expected: Expected, before: Any = None, between: Any = None, behind: Any = None) -> None:
    """A body that differs from a plain chain in one place."""

    def compute(m: Any, x: Any, fire: Any) -> Any:
        p = fire(m.n1, m.a(before(m, x) if before else x))
        q = fire(m.n2, m.b(between(m, p) if between else p))
        return behind(q, p) if behind else q

    BODIES.append(Body(name, expected, two, compute))


body("plain", "equal")(chain)
around("no-operations between", "equal", lambda m, x: x.float().contiguous(), lambda m, p: p.clone().detach())
around("input scaled", "equal", lambda m, x: x * 0.5)
around("input divided", "either", lambda m, x: x / 4)
around("input scaled and offset", "either", lambda m, x: 2 * x - 1)
around("input flipped", "either", lambda m, x: x.flip(-1))
around("input clipped", "either", lambda m, x: x.clamp(0, 0.5))
around("input rolled", "either", lambda m, x: torch.roll(x, 1, -1))
around("input changed in place", "either", lambda m, x: x.mul_(0.5))
around("input normalised by its own mean", "either", lambda m, x: x - x.mean(-1, keepdim=True))
around("input compared", "either", lambda m, x: (x < 0.5).float())
around("input in other precision", "either", lambda m, x: (x / 3).half().float())
around("scaled between", "equal", None, lambda m, p: p * 0.5)
around("scaled in place between", "either", None, lambda m, p: p.mul_(0.5))
around("negated between", "either", None, lambda m, p: -p)
around("offset between", "either", None, lambda m, p: p + 0.25)
around("transposed between", "either", None, lambda m, p: p.unflatten(-1, (4, 4)).transpose(-1, -2).flatten(-2))
around("reshaped there and back", "equal", None, lambda m, p: p.unflatten(-1, (4, 4)).flatten(-2))
around("permuted by an index", "either", None, lambda m, p: p[..., torch.arange(HIDDEN).flip(0)])
around("some set to zero by index", "either", None, lambda m, p: torch.cat((p[..., :8], torch.zeros_like(p[..., 8:])), -1))
around("assigned by index", "either", None, lambda m, p: assigned(p))
around("through numpy", "either", None, lambda m, p: torch.from_numpy(p.detach().numpy()[..., ::-1].copy()))
around("dropout function, always on", "refused", None, lambda m, p: F.dropout(p, 0.5))
around("dropout function, off", "equal", None, lambda m, p: F.dropout(p, 0.5, training=m.training))
around("noise", "refused", None, lambda m, p: p + 0.3 * torch.rand_like(p))
around("batch mixed", "either", None, lambda m, p: p - 0.5 * p.mean(-2, keepdim=True))
around("product with a comparison", "either", None, lambda m, p: p * (p.sum(-1, keepdim=True) > 6))
around("strongest only", "either", None, lambda m, p: p * (torch.cumsum(p, -1) <= 3))
around("output inverted", "either", behind=lambda q, p: 1 - q)
around("output scaled", "either", behind=lambda q, p: 2 * q)
around("output of an earlier layer", "either", behind=lambda q, p: p)
around("output summed with another", "either", behind=lambda q, p: q + p[..., :OUTPUTS])
around("output in part", "either", behind=lambda q, p: q[..., 1:3])
around("output reversed", "either", behind=lambda q, p: q.flip(-1))
around("output joined with another", "either", behind=lambda q, p: torch.cat((q, p), -1))
around("output grouped", "either", behind=lambda q, p: q.unflatten(-1, (2, 3)).sum(-1))


def assigned(p: Any) -> Any:
    p = p.clone()
    p[..., 3] = 1.0
    return p


@body("residual sum", "equal", three)
def _(m: Any, x: Any, fire: Any) -> Any:
    p = fire(m.n1, m.a(x))
    return fire(m.n3, m.c(fire(m.n2, m.b(p)) + p))


@body("residual sum in place", "either", three)
def _(m: Any, x: Any, fire: Any) -> Any:
    p = fire(m.n1, m.a(x))
    q = fire(m.n2, m.b(p))
    q += p
    return fire(m.n3, m.c(q))


@body("weighted residual sum", "either", three)
def _(m: Any, x: Any, fire: Any) -> Any:
    p = fire(m.n1, m.a(x))
    return fire(m.n3, m.c(torch.add(fire(m.n2, m.b(p)), p, alpha=0.5)))


@body("residual sum before neurons", "equal", three)
def _(m: Any, x: Any, fire: Any) -> Any:
    p = fire(m.n1, m.a(x))
    return fire(m.n3, m.c(fire(m.n2, m.b(p) + p)))


@body("difference", "either", three)
def _(m: Any, x: Any, fire: Any) -> Any:
    p = fire(m.n1, m.a(x))
    return fire(m.n3, m.c(fire(m.n2, m.b(p)) - p))


@body("product of two layers", "either", three)
def _(m: Any, x: Any, fire: Any) -> Any:
    p = fire(m.n1, m.a(x))
    return fire(m.n3, m.c(fire(m.n2, m.b(p)) * p))


@body("larger of two layers", "either", three)
def _(m: Any, x: Any, fire: Any) -> Any:
    p = fire(m.n1, m.a(x))
    return fire(m.n3, m.c(torch.maximum(fire(m.n2, m.b(p)), p)))


@body("input joins a later layer", "equal", changed(three, lambda d: {"d": linear(INPUTS, HIDDEN)}))
def _(m: Any, x: Any, fire: Any) -> Any:
    return fire(m.n3, m.c(fire(m.n2, m.b(fire(m.n1, m.a(x))) + m.d(x))))


@body("two branches joined", "equal", changed(three, lambda d: {"b": linear(INPUTS, HIDDEN), "c": linear(2 * HIDDEN, OUTPUTS)}))
def _(m: Any, x: Any, fire: Any) -> Any:
    return fire(m.n3, m.c(torch.cat((fire(m.n1, m.a(x)), fire(m.n2, m.b(x))), -1)))


@body("two branches joined, second first", "equal", changed(three, lambda d: {"b": linear(INPUTS, HIDDEN), "c": linear(2 * HIDDEN, OUTPUTS)}))
def _(m: Any, x: Any, fire: Any) -> Any:
    p, q = fire(m.n1, m.a(x)), fire(m.n2, m.b(x))
    return fire(m.n3, m.c(torch.cat((q, p), -1)))


@body("halves through layers of their own", "either", changed(three, lambda d: {"b": linear(8, HIDDEN), "c": linear(8, OUTPUTS), "n2": d["n3"]}))
def _(m: Any, x: Any, fire: Any) -> Any:
    low, high = fire(m.n1, m.a(x)).chunk(2, -1)
    return fire(m.n3, m.b(low)[..., :OUTPUTS] + m.c(high))


@body("one linear layer used twice", "either", three)
def _(m: Any, x: Any, fire: Any) -> Any:
    return fire(m.n3, m.c(fire(m.n2, m.b(m.b(fire(m.n1, m.a(x)))))))


@body("one linear layer between two layers", "either", three)
def _(m: Any, x: Any, fire: Any) -> Any:
    p = fire(m.n1, m.a(x))
    return fire(m.n3, m.c(m.b(fire(m.n2, m.b(p)))))


@body("dead branch", "either", three)
def _(m: Any, x: Any, fire: Any) -> Any:
    p = fire(m.n1, m.a(x))
    m.b(p)
    return fire(m.n3, m.c(p))


@body("layers that are never called", "equal", changed(two, lambda d: {"spare": linear(3, 4), "flat": nn.MaxPool2d(2)}))
def _(m: Any, x: Any, fire: Any) -> Any:
    return chain(m, x, fire)


def plain(name: str, expected: Expected, change: Callable[[dict[str, nn.Module]], Any]) -> None:
    """A plain chain whose layers are unusual."""
    BODIES.append(Body(name, expected, changed(two, change), chain))
