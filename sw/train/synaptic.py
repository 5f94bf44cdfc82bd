"""One learned delay per synapse: dilated convolutions in time with learnable spacings.

Hammouamri, Khalfaoui-Hassani, Masquelier, "Learning Delays in Spiking Neural Networks using Dilated Convolutions with Learnable
Spacings", ICLR 2024 (arXiv 2306.17670). While delays move, a synapse spreads a spike over the steps around its delay as a normalised
Gaussian whose width shrinks; in evaluation mode and once frozen it has a single tap, at the rounded delay.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import torch

from lifline.arch.errors import TrainingError
from lifline.network.connections.kind import Shape

from . import shifts
from .clip import bounded
from .delays import LearnedDelays
from .synapses import Through, fully_connected


class _Scatter(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, spikes: Any, weights: Any, delays: Any, first: int) -> Any:
        spikes, rows = spikes.detach().contiguous(), weights.detach().T.contiguous()
        out = spikes.new_zeros(spikes.shape[0], spikes.shape[1] - first, rows.shape[1])
        shifts.scatter_forward(spikes.numpy(), rows.numpy(), delays.numpy(), first, out.numpy())
        ctx.save_for_backward(spikes, rows, delays)
        ctx.first = first
        return out

    @staticmethod
    def backward(ctx: Any, grad: Any) -> Any:
        spikes, rows, delays = ctx.saved_tensors
        needed = ctx.needs_input_grad[0]
        to_spikes = torch.zeros_like(spikes) if needed else spikes.new_empty(len(spikes), 0, spikes.shape[2])
        to_weights = torch.zeros(rows.shape, dtype=torch.float64)
        shifts.scatter_backward(
            spikes.numpy(), rows.numpy(), delays.numpy(), ctx.first, grad.contiguous().numpy(), to_spikes.numpy(), to_weights.numpy()
        )
        return to_spikes if needed else None, to_weights.T.float(), None, None


def fast_length(least: int) -> int:
    """Smallest ``2^a`` or ``3 * 2^a`` that is at least ``least``: a length whose Fourier transform is fast."""
    power = 1 << max(least - 1, 1).bit_length()
    return 3 * power // 4 if 3 * power // 4 >= least else power


def convolve(spikes: torch.Tensor, taps: torch.Tensor) -> torch.Tensor:
    """``y[b, t, n] = sum_d sum_j taps[d, n, j] * spikes[b, t - d, j]`` for spikes (batch, time, source), same length.

    By Fourier transform: one matrix product per frequency instead of one per tap and step.
    """
    steps = spikes.shape[1]
    length = fast_length(steps + len(taps) - 1)
    product = torch.fft.rfft(spikes, length, dim=1).transpose(0, 1) @ torch.fft.rfft(taps, length, dim=0).transpose(1, 2)
    return torch.fft.irfft(product, length, dim=0)[:steps].transpose(0, 1)


class SynapticDelays(LearnedDelays):
    """One learned delay per synapse. The golden model runs it; the compiler refuses it by name.

    On a cycle of projections the kernel is computed anew in every step until delays are frozen, which is slow.

    Parameters
    ----------
    maximum, minimum, initial, sparsity : as :class:`~lifline.train.delays.LearnedDelays`.
    width, final_width : standard deviation of the Gaussian in steps, at first and when delays are frozen; between them it shrinks
        exponentially. ``width`` defaults to half the range, as in the paper.

    Raises
    ------
    TrainingError   for widths that are not positive or grow, and as :class:`~lifline.train.delays.LearnedDelays`.
    """

    current_width: torch.Tensor

    def __init__(
        self,
        maximum: int,
        *,
        minimum: int = 0,
        initial: str = "uniform",
        sparsity: float = 0.0,
        width: float | None = None,
        final_width: float = 0.5,
    ) -> None:
        super().__init__(maximum, minimum=minimum, initial=initial, sparsity=sparsity)
        self.width = max((maximum - minimum) / 2, final_width) if width is None else width
        self.final_width = final_width
        if not 0 < final_width <= self.width:
            raise TrainingError(f"widths {self.width} and {final_width} of the Gaussian must be positive and shrink; give width >= final_width > 0")
        self.register_buffer("current_width", torch.tensor(float(self.width)))

    def build(self, source: Shape, target: Shape) -> None:
        self._build(prod(target), prod(source))

    def anneal(self, progress: float) -> None:
        self.current_width.fill_(self.width * (self.final_width / self.width) ** progress)

    def kernel(self, weights: torch.Tensor) -> torch.Tensor:
        """Taps (delay, target, source) for delays ``minimum..maximum``: ``weights`` shared out by normalised Gaussians."""
        where = torch.arange(self.minimum, self.maximum + 1, dtype=torch.float32)[:, None, None]
        distance = (where - bounded(self.raw, self.minimum, self.maximum)) / self.current_width
        return weights * torch.softmax(-0.5 * distance**2, 0)

    def synaptic_input(self, spikes: torch.Tensor, weights: torch.Tensor, synapses: Through = fully_connected, *, first: int = 0, lead: int = 0) -> torch.Tensor:
        if self.whole:
            delays = torch.round(torch.clamp(self.raw.detach(), self.minimum, self.maximum)).long() - lead
            return _Scatter.apply(spikes, weights, delays.T.contiguous(), first)  # type: ignore[no-any-return]
        soonest = self.minimum - lead
        x = convolve(spikes, self.kernel(weights))
        if soonest:
            x = torch.nn.functional.pad(x, (0, 0, soonest, 0))[:, : spikes.shape[1]]
        return x[:, first:]

    def exported(self) -> np.ndarray | int | None:
        return self.rounded()
