"""What is searched: the values that each choice of a candidate may have."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lifline.arch.arithmetic import DECAY_BITS
from lifline.arch.config import preset
from lifline.arch.errors import ConfigError
from lifline.boards.board import board

from .candidate import Candidate

if TYPE_CHECKING:
    from optuna.trial import Trial


@dataclass(frozen=True, kw_only=True)
class Space:
    """Values of every choice of :class:`~lifline.explore.candidate.Candidate`, by its name.

    Raises
    ------
    ConfigError   for a choice without values, and for values that no candidate can have.
    """

    board: tuple[str, ...]
    lanes: tuple[int, ...] = (4, 8, 16, 32, 64)
    dense: tuple[bool, ...] = (False, True)
    window: tuple[int, ...] = (2, 4, 8, 16)
    multipliers: tuple[int, ...] = (1, 2, 4, 8, 16, 32)
    weight_bits: tuple[int, ...] = (2, 4, 8)
    state_bits: tuple[int, ...] = (12, 14, 16, 18)
    decay_bits: tuple[int, ...] = (DECAY_BITS,)
    delays: tuple[int, ...] = (63,)
    drain: tuple[str, ...] = ("fast", "small")
    modes: tuple[str, ...] = ("throughput", "latency")
    room: tuple[int, ...] = (1,)

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            values = getattr(self, field.name)
            if not values or len(set(values)) < len(values):
                raise ConfigError(f"the values of `{field.name}` that are searched must differ, and be at least one: {values}")
        for name in self.board:
            board(name)
        for name, values in self.choices().items():
            for value in values:
                dataclasses.replace(Candidate(board=self.board[0]), **{name: value})

    def choices(self) -> dict[str, tuple[Any, ...]]:
        """Values by the name of the choice."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}

    def changed(self, texts: Sequence[str]) -> Space:
        """With other values of some choices, like ``lanes=8,16``.

        Raises
        ------
        ConfigError   for what is no choice, or no value of it.
        """
        changes: dict[str, tuple[Any, ...]] = {}
        for text in texts:
            name, _, listed = text.partition("=")
            if name == "board":
                changes[name] = tuple(listed.split(","))
                continue
            changes[name] = tuple(getattr(Candidate.parse(f"board={self.board[0]} {name}={value}"), name) for value in listed.split(","))
        return dataclasses.replace(self, **changes)

    @property
    def size(self) -> int:
        """Number of candidates, those among them that are the same accelerator."""
        return math.prod(len(values) for values in self.choices().values())

    def all(self) -> Iterator[Candidate]:
        """Every candidate, those among them that are the same accelerator."""
        choices = self.choices()
        for values in itertools.product(*choices.values()):
            made: dict[str, Any] = dict(zip(choices, values, strict=True))
            yield Candidate(**made)

    def suggest(self, trial: Trial) -> Candidate:
        """The candidate that a sampler asks for."""
        drawn: dict[str, Any] = {name: trial.suggest_categorical(name, values) for name, values in self.choices().items()}
        return Candidate(**drawn)

    def starts(self) -> list[dict[str, Any]]:
        """Where a search starts. Of each board: what is nearest to its preset, which a user would take without a search; that in fewer bits; the smallest of the space; and
        that with twice the lanes."""
        found: list[dict[str, Any]] = []
        for name in self.board:
            usual = self._nearest_to_preset(name)
            narrow = {"weight_bits": 4, "state_bits": min(self.state_bits)}
            smallest = {"lanes": min(self.lanes), "dense": False, "multipliers": min(self.multipliers), "window": min(self.window), "state_bits": min(self.state_bits)}
            larger = {"lanes": 2 * usual["lanes"], "multipliers": 2 * usual["multipliers"], **narrow}
            for changes in ({}, narrow, narrow | {"weight_bits": 2}, smallest, larger):
                start = {choice: _nearest(values, (usual | changes)[choice]) for choice, values in self.choices().items()}
                found += [] if start in found else [start]
        return found

    def _nearest_to_preset(self, name: str) -> dict[str, Any]:
        config = preset(board(name).config)
        wanted: Mapping[str, Any] = {
            "board": name, "lanes": config.lanes, "dense": config.dense_lanes > 0, "window": config.window, "multipliers": config.multipliers,
            "weight_bits": config.weight_bits, "state_bits": config.state_bits, "decay_bits": DECAY_BITS, "delays": config.max_delay,
            "drain": "small", "modes": "throughput", "room": 1,
        }  # fmt: skip
        return {choice: _nearest(values, wanted[choice]) for choice, values in self.choices().items()}


def _nearest(values: tuple[Any, ...], wanted: Any) -> Any:
    if wanted in values:
        return wanted
    return min(values, key=lambda v: abs(v - wanted)) if isinstance(wanted, int) else values[0]


def delays_to_try(longest: int) -> tuple[int, ...]:
    """All delays of a network, those up to half of the longest, and none."""
    return tuple(sorted({0, longest // 2, longest}))
