"""Real numbers -> the hardware's integers, with gradients that see the rounding as if it were not there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from lifline.arch.arithmetic import DECAY_ONE
from lifline.arch.config import Config, preset
from lifline.arch.errors import TrainingError

from .clip import clip


@dataclass(frozen=True, kw_only=True)
class Quantisation:
    """Widths of the integers that a network is trained with.

    Attributes
    ----------
    weight_bits : 8, 4 or 2; weights are in ``-(2^(bits-1)-1) .. 2^(bits-1)-1`` (2 bits: -1, 0, 1).
    state_bits, accumulator_bits : ``S`` and ``A`` of the configuration.
    weight_shift : left shift of every synaptic input: fractional bits of the membrane below one unit of weight.
    per_neuron : one step size per postsynaptic neuron, folded into its own threshold and bias, instead of one per population.
    learned_step : the step size is a parameter (Esser et al. 2020) instead of the largest weight over the largest integer;
        None: for fewer than 8 bits.

    Raises
    ------
    TrainingError   for a width outside its range.
    """

    weight_bits: int = 8
    state_bits: int = 18
    accumulator_bits: int = 18
    weight_shift: int = 4
    per_neuron: bool = False
    learned_step: bool | None = None

    def __post_init__(self) -> None:
        for name, low, high in (("weight_bits", 2, 16), ("state_bits", 8, 24), ("accumulator_bits", 16, 24), ("weight_shift", 0, 15)):
            if not low <= getattr(self, name) <= high:
                raise TrainingError(f"quantisation: {name} {getattr(self, name)} must be in {low}..{high}")

    @classmethod
    def for_config(cls, config: Config | str, **changes: object) -> Quantisation:
        """Widths of a configuration (or of the preset of that name) with its largest weight shift; ``changes`` come last."""
        chosen = preset(config) if isinstance(config, str) else config
        values: dict[str, object] = {
            "weight_bits": chosen.weight_bits,
            "state_bits": chosen.state_bits,
            "accumulator_bits": chosen.accumulator_bits,
            "weight_shift": max(s for s in chosen.weight_shifts if s <= 4),
        }
        return cls(**{**values, **changes})  # type: ignore[arg-type]

    @property
    def weight_max(self) -> int:
        return (1 << (self.weight_bits - 1)) - 1

    @property
    def state_max(self) -> int:
        """``M = 2^(S-1) - 1``."""
        return (1 << (self.state_bits - 1)) - 1

    @property
    def accumulator_max(self) -> int:
        return (1 << (self.accumulator_bits - 1)) - 1

    @property
    def learns_step(self) -> bool:
        return self.weight_bits < 8 if self.learned_step is None else self.learned_step


class _Round(torch.autograd.Function):
    @staticmethod
    def forward(ctx, values):  # type: ignore[no-untyped-def]
        return torch.round(values)

    @staticmethod
    def backward(ctx, gradient):  # type: ignore[no-untyped-def]
        return gradient


def rounded(values: torch.Tensor) -> torch.Tensor:
    """Nearest integers, ties to even; the gradient passes unchanged (straight-through, Bengio et al. 2013)."""
    return _Round.apply(values)  # type: ignore[no-any-return]


def keep_factor(decay: torch.Tensor, exact: bool) -> torch.Tensor:
    """Share kept per step in double precision; ``exact``: a multiple of 1/4096, as the hardware multiplies."""
    keep = 1 - decay.double()
    return rounded(keep * DECAY_ONE) / DECAY_ONE if exact else keep


def spread(values: torch.Tensor, rows: int) -> torch.Tensor:
    """Values (scale, ...) as (rows, ...): every scale holds for as many rows that follow one another."""
    return values if len(values) == rows else values.repeat_interleave(rows // len(values), 0)


def _largest(values: torch.Tensor, scales: int) -> torch.Tensor:
    """(rows,) -> (scales,), the reverse of :func:`spread`: the largest of the rows."""
    return values if len(values) == scales else values.view(scales, -1).amax(1)


def largest_step(weights: Sequence[torch.Tensor], levels: Sequence[int], quantisation: Quantisation, scales: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Step sizes, (scales, 1): at which the largest weight is the largest integer, and the smallest that the accumulator allows.

    The second makes ``max(sum of positive, sum of |negative|)`` over all synapses of a neuron fit ``A`` bits, with half a unit of
    rounding per weight. ``weights`` are (rows, weight), rows being neurons, channels or one for all; ``levels``, one per matrix, the largest number of
    times that a weight can count in one step.
    """
    with torch.no_grad():
        rows = min(len(w) for w in weights)
        largest = torch.stack([_largest(w.abs().amax(1), rows) for w in weights]).amax(0)
        positive, negative = (
            sum(level * _largest((sign * w).clamp(min=0).sum(1), rows) for w, level in zip(weights, levels, strict=True)) for sign in (1, -1)
        )
        room = quantisation.accumulator_max - sum(level * w.shape[1] for w, level in zip(weights, levels, strict=True)) / 2
        if room < 1:
            raise TrainingError(
                f"{sum(w.shape[1] for w in weights)} weights of a neuron do not fit {quantisation.accumulator_bits} accumulator bits, even if they are 1"
            )
        step = (largest / quantisation.weight_max).clamp(min=1e-8)
        floor = torch.maximum(positive, negative) / room  # type: ignore[arg-type]
        step, floor = _largest(step, scales), _largest(floor, scales)
        return torch.maximum(step, floor)[:, None], floor[:, None]


def integer_weights(weights: torch.Tensor, step: torch.Tensor, quantisation: Quantisation) -> torch.Tensor:
    """Integers in single precision: ``round(weights / step)``, clipped to the weight bits."""
    limit = quantisation.weight_max
    return clip(rounded(weights / step), -limit, limit)


def initial_step(weights: Sequence[torch.Tensor], quantisation: Quantisation, scales: int) -> torch.Tensor:
    """Step sizes (scales,) from which learning starts: ``2 * mean|w| / sqrt(largest integer)`` (Esser et al. 2020); weights as in :func:`largest_step`."""
    rows = min(len(w) for w in weights)
    means = torch.cat([w.detach().abs().reshape(rows, -1) for w in weights], 1).mean(1).clamp(min=1e-8)
    return (2 * means / quantisation.weight_max**0.5).view(scales, -1).mean(1)
