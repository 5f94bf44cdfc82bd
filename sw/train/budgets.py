"""Firing budgets: a learned firing-rate target per neuron, and the hard limit of spikes per run that it becomes."""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import nn

from lifline.arch.errors import TrainingError

from .clip import bounded


class FiringBudget(nn.Module):
    """Learned targets of one population, in spikes per step.

    The loss of a batch is ``overshoot * mean(max(0, count - rate * steps)^2) / steps + pressure * mean(rate)``: firing more than the
    target costs, firing less is free, and the target itself is paid for, so it sinks wherever the task does not need the spikes.

    Parameters
    ----------
    rate : target at the start.   overshoot, pressure : weights in the loss.

    Raises
    ------
    TrainingError   if a value is negative, or the rate not above 0.
    """

    rate: nn.Parameter
    hard: torch.Tensor
    is_enforced: torch.Tensor

    def __init__(self, rate: float = 0.1, *, overshoot: float = 0.1, pressure: float = 0.1) -> None:
        super().__init__()
        if rate <= 0 or overshoot < 0 or pressure < 0:
            raise TrainingError(f"firing budget: rate {rate} must be above 0, overshoot {overshoot} and pressure {pressure} at least 0")
        self.initial, self.overshoot, self.pressure = rate, overshoot, pressure

    def build(self, size: int) -> None:
        """Make one target per neuron."""
        self.rate = nn.Parameter(torch.full((size,), self.initial))
        self.register_buffer("hard", torch.zeros(size))
        self.register_buffer("is_enforced", torch.zeros((), dtype=torch.bool))

    @property
    def enforced(self) -> bool:
        """Whether the forward pass suppresses spikes beyond the hard budget, as the hardware does."""
        return bool(self.is_enforced)

    def loss(self, spikes: torch.Tensor) -> torch.Tensor:
        """Of the population's spikes (batch, time, neuron)."""
        steps = spikes.shape[1]
        rate = bounded(self.rate, 0, math.inf)
        over = torch.relu(spikes.sum(1) - rate * steps)
        return self.overshoot * over.square().mean() / steps + self.pressure * rate.mean()

    def enforce(self, steps: int, slack: float = 1.0) -> None:
        """From now on every neuron fires at most ``ceil(slack * rate * steps)`` spikes per run, at least one; ``steps`` is the length of a run."""
        if steps < 1 or slack <= 0:
            raise TrainingError(f"firing budget: {steps} steps and slack {slack} must be positive")
        with torch.no_grad():
            self.hard.copy_(torch.ceil(slack * self.rate.clamp(min=0) * steps).clamp(min=1))
        self.is_enforced.fill_(True)

    def impose(self, budgets: np.ndarray) -> None:
        """From now on every neuron fires at most its entry of ``budgets`` (neuron,) spikes per run."""
        self.hard.copy_(torch.from_numpy(budgets.astype(np.float32)))
        self.is_enforced.fill_(True)

    def release(self) -> None:
        """Let the targets be learned on without a hard limit, for example by the next of several tasks."""
        self.is_enforced.fill_(False)
