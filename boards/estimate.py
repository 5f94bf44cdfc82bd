"""Lookup tables of a configuration, estimated by a formula that was fitted to builds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lifline.arch.config import Config


@dataclass(frozen=True)
class LookupTables:
    """An estimate: ``number``, and the largest relative ``error`` that was seen where the formula was fitted."""

    number: int
    error: float

    @property
    def least(self) -> int:
        """As few as the error allows."""
        return round(self.number * (1 - self.error))


@dataclass(frozen=True)
class Formula:
    """Weights of :func:`features`, zero where too few builds tell them, and the largest relative error among the builds that they were fitted to."""

    weights: tuple[float, ...]
    error: float


MAP_TABLES = 790
"""Lookup tables more in a configuration with maps, by the build of `conv`: 340 of the walk and the tables, the others of counters as wide as its
deeper memories need, which the formula does not see."""
GATHER_TABLES = 520
"""The same for convolutions in dense mode, by synthesis of the accumulation of `conv` with and without: a carry cell counts as two."""


def features(config: Config) -> tuple[int, ...]:
    """What lookup tables are proportional to: a core without lanes; bits of the event lanes' accumulators; of dense sums; of the multiplexers
    that collect them; of update lanes; early exit; shifts of weights that an update lane chooses from."""
    return (
        1,
        config.lanes * config.accumulator_bits,
        config.dense_lanes * config.window * (config.dense_bits + 1),
        config.dense_lanes * (config.window // config.drain_cycles - 1) * config.dense_bits,
        config.multipliers * config.state_bits,
        int(config.early_exit),
        config.multipliers * len(config.weight_shifts),
    )


def lookup_tables(config: Config, formula: Formula) -> LookupTables:
    """The estimate by the formula of a family of chips; carry cells and, on an iCE40, logic cells that are only flip-flops count as lookup tables."""
    maps = (MAP_TABLES if config.map_words else 0) + (GATHER_TABLES if config.gathers else 0)
    return LookupTables(round(float(np.dot(formula.weights, features(config)))) + maps, formula.error)
