"""What a forward pass gave."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from lifline.arch.errors import TrainingError


@dataclass
class Activity:
    """What a forward pass gave, by population: (batch, time, neuron) each.

    Attributes
    ----------
    spikes, membranes : differentiable; membranes are those before the reset, in units of the weights' integers if quantised.
    stored : membranes after the reset (the golden model's record ``v``), only if asked for.
    units : what one unit of ``membranes`` is in thresholds of 1, (neuron,) or (1,).
    sent : spikes as other populations get them: with dropout fewer, and larger.
    output : name of the output population; ``reads_membrane``: whether it is a read-out that never fires.
    """

    spikes: dict[str, torch.Tensor]
    membranes: dict[str, torch.Tensor]
    stored: dict[str, torch.Tensor]
    units: dict[str, torch.Tensor]
    sent: dict[str, torch.Tensor]
    output: str
    reads_membrane: bool

    @property
    def output_membranes(self) -> torch.Tensor:
        """Membranes of the output in units of its threshold, (batch, time, neuron)."""
        return self.membranes[self.output] * self.units[self.output]

    def scores(self, rule: str | None = None) -> torch.Tensor:
        """Evidence per class, (batch, neuron), for a cross entropy; None: what the hardware predicts from, ``v_max`` or ``count``.

        Raises
        ------
        TrainingError   if there is no such rule.
        """
        rule = rule or ("v_max" if self.reads_membrane else "count")
        if rule == "count":
            return self.spikes[self.output].sum(1)
        if rule == "v_max":
            return self.output_membranes.amax(1)
        if rule == "v_last":
            return self.output_membranes[:, -1]
        if rule == "v_sum":
            return self.output_membranes.sum(1)
        raise TrainingError(f"no rule `{rule}` for scores; there are count, v_max, v_last and v_sum")
