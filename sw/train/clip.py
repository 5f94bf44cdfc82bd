"""Limits in the forward pass whose derivative on the limit itself is decided here.

At the edge of its range a clip has a derivative to each side, 0 and 1, and PyTorch has changed which one it takes: 1 up to 2.13, 0 from 2.14
on. Values lie exactly on a limit all the time: the largest weight on the largest integer, a delay that was brought back to its range. They
are not clipped, so they keep their gradient.
"""

from __future__ import annotations

from typing import Any

import torch


class _Clip(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Any, low: float, high: float, returns: bool) -> Any:
        ctx.save_for_backward(values)
        ctx.range = low, high, returns
        return torch.clamp(values, low, high)

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        (values,) = ctx.saved_tensors
        low, high, returns = ctx.range
        below, above = values < low, values > high
        if returns:  # an optimiser moves against the gradient
            below, above = below & (grad > 0), above & (grad < 0)
        return grad.masked_fill(below | above, 0.0), None, None, None


def clip(values: torch.Tensor, low: float, high: float) -> torch.Tensor:
    """``min(max(values, low), high)``; the gradient passes where nothing is clipped, ``low <= value <= high``."""
    return _Clip.apply(values, low, high, False)  # type: ignore[no-any-return]


def bounded(parameter: torch.Tensor, low: float, high: float) -> torch.Tensor:
    """:func:`clip` for a parameter that lives in ``low..high``: outside, a gradient passes if descent along it leads back."""
    return _Clip.apply(parameter, low, high, True)  # type: ignore[no-any-return]
