"""What quantisation changed beyond a small share: every parameter that was clamped, rounded to zero or moved, by layer, with its advice."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOVED = 0.05
"""Relative change above which a parameter is listed."""
TO_ZERO, MOVED_BY, CLAMPED = "rounded to zero", "moved", "clamped"


@dataclass(frozen=True)
class Change:
    """One kind of change of one parameter of one layer.

    Attributes
    ----------
    layer, parameter : whose.   effect : ``"rounded to zero"``, ``"moved"`` (by more than :data:`MOVED`) or ``"clamped"``.
    count, of : how many of the parameter's values, of all that are not zero.
    asked, became : the value with the largest change, in the float network's units (time constants: in steps).
    """

    layer: str
    parameter: str
    effect: str
    count: int
    of: int
    asked: float
    became: float

    def __str__(self) -> str:
        many = "" if self.of == 1 else f"{self.count:,} of {self.of:,} "
        worst = "" if self.of == 1 else "at most "
        return f"{self.layer}: {self.parameter} {many}{self.effect}, {worst}{self.asked:.4g} -> {self.became:.4g}"

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON; a time constant without end is None there."""
        values = dataclasses.asdict(self)
        return {k: None if isinstance(v, float) and not np.isfinite(v) else v for k, v in values.items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Change:
        endless: dict[str, Any] = {k: np.inf for k in ("asked", "became") if values[k] is None}
        return cls(**{**values, **endless})


def compare(layer: str, parameter: str, asked: NDArray[np.floating[Any]], became: NDArray[np.floating[Any]]) -> list[Change]:
    """Values that became zero, and values that moved by more than :data:`MOVED`."""
    asked, became = np.broadcast_arrays(np.asarray(asked, np.float64).reshape(-1), np.asarray(became, np.float64).reshape(-1))
    if (asked == asked[0]).all() and (became == became[0]).all():
        asked, became = asked[:1], became[:1]  # one value for all neurons
    there = asked != 0
    found = []
    for effect, which in ((TO_ZERO, there & (became == 0)), (MOVED_BY, (became != 0) & (np.abs(became - asked) > MOVED * np.abs(asked)))):
        if which.any():
            worst = int(np.argmax(np.where(which, np.abs(became - asked), -1)))
            found.append(Change(layer, parameter, effect, int(which.sum()), max(int(there.sum()), 1), float(asked[worst]), float(became[worst])))
    return found


def steps_of_decay(keep: float) -> float:
    """Time constant in steps of a state that keeps ``keep`` per step: the steps until it has fallen to 1/e."""
    return float("inf") if keep >= 1 else 0.0 if keep <= 0 else float(-1 / np.log(keep))


def advice_on(changes: Iterable[Change], per_neuron: bool) -> list[str]:
    """One sentence for each cause that concerns more than a small share of a parameter; ``per_neuron``: scales are per neuron already."""
    by_parameter: dict[str, list[str]] = {}
    for change in changes:
        if change.count <= MOVED * change.of:
            continue
        names = by_parameter.setdefault(change.parameter.partition(" ")[0], [])
        if change.layer not in names:
            names.append(change.layer)
    texts = {
        "weights": "weights lose resolution, since one large weight sets the scale: clip outliers, "
        + ("" if per_neuron else "try `per_neuron=True`, ")
        + "take more weight bits, or train with integers",
        "threshold": "thresholds are coarse: weights are large beside them; scale the weights down or raise the thresholds",
        "bias": "biases are small beside the weights; leave them out, or train with integers",
        "v_reset": "the reset value is small beside the weights; set it to 0",
        "v_min": "the clamp is small beside the weights; set it to 0 or leave it out",
        "time": "decays are stored in 1/4096 per step: a coarser time step makes slow ones representable",
        "cap": "more spikes per step than calibration data showed are cut: calibrate with data as strong as these, or give cap",
    }
    return [f"{', '.join(names)}: {texts[parameter]}" for parameter, names in by_parameter.items() if parameter in texts]
