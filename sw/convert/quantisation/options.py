"""What a caller may choose about quantisation, checked in one place."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lifline.arch.config import Config
from lifline.arch.errors import ConversionError

MAX_CAP = 255
"""Most spikes per step that an integer network may ask for."""
MAX_DECAY_ERROR = 0.1
"""Largest relative error of a decay that is not refused."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """See :func:`lifline.convert.quantisation.quantise.quantise`.

    Raises
    ------
    ConversionError   naming the option, its value and its limits.
    """

    config: Config
    per_neuron: bool
    headroom: float
    weight_bits: int | None
    cap: int | None
    max_decay_error: float

    def __post_init__(self) -> None:
        if not 0 < self.headroom <= 1:
            raise ConversionError(f"headroom {self.headroom} must be above 0 and at most 1")
        if self.weight_bits is not None and not (_whole(self.weight_bits) and 2 <= self.weight_bits <= self.config.weight_bits):
            raise ConversionError(
                f"weight_bits {self.weight_bits!r} must be an integer from 2 to {self.config.weight_bits}, the weight bits of `{self.config.name}`"
            )
        if self.cap is not None and not (_whole(self.cap) and 1 <= self.cap <= MAX_CAP):
            raise ConversionError(f"cap {self.cap!r} must be an integer from 1 to {MAX_CAP} spikes per step")
        if not self.max_decay_error >= 0:
            raise ConversionError(f"max_decay_error {self.max_decay_error} must be a share of at least 0, for example {MAX_DECAY_ERROR}")

    @property
    def weight_max(self) -> int:
        """Largest weight in integers."""
        return self.config.weight_max if self.weight_bits is None else (1 << (int(self.weight_bits) - 1)) - 1


def _whole(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)
