"""Verification campaigns in many processes: the seeds in parts, each as ``verify_random`` does it, and one report of all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from lifline.arch.errors import DeviceError
from lifline.explore.engine import Engine

from . import faults
from .verify import configurations, verify_random

PART = 200
"""Programs of a part: enough that a worker's boards, which it compiles once, are worth it."""


def verify_many(
    config_name: str, count: int, seed: int, inject: str | None, engine: Engine, advance: Callable[[int], object] = lambda programs: None, part: int = PART
) -> dict[str, Any]:
    """The report of :func:`~lifline.cli.verify.verify_random`, whatever the number of processes.

    Parameters
    ----------
    advance : is told how many programs have ended, part by part.

    Raises
    ------
    InputError, ConfigError   as ``verify_random``, before anything runs.
    DeviceError               if a part could not be run to its end.
    """
    configs = configurations(config_name)
    faults.check(inject, maps=any(c.map_words for c in configs), config=config_name)
    parts = [(first, min(part, seed + count - first)) for first in range(seed, seed + count, part)]
    reports: dict[int, dict[str, Any]] = {}
    for done in engine.run(_part, engine.share((config_name, inject)), parts):
        first, programs = done.item
        if done.failure is not None:
            raise DeviceError(f"programs {first} to {first + programs - 1} could not be verified ({done.failure}); try them alone: --random {programs} --seed {first}")
        reports[first] = done.value
        advance(programs)
    return _together([reports[first] for first in sorted(reports)])


def _part(asked: tuple[str, str | None], seeds: tuple[int, int]) -> dict[str, Any]:
    config_name, inject = asked
    return verify_random(config_name, seeds[1], seeds[0], inject, lambda: None)


def _together(reports: list[dict[str, Any]]) -> dict[str, Any]:
    """One report; the reports are in the order of their seeds."""
    sums = {name: sum(r[name] for r in reports) for name in ("programs", "injected", "mismatches", "cycle_mismatches", "cycles_equal")}
    alone, coverage = ({name: sum(r[what][name] for r in reports) for name in reports[0][what]} for what in ("counted_alone", "coverage"))
    first = next((r for r in reports if r["differences"]), reports[0])
    return {
        **first, **sums, "counted_alone": alone, "differences": [d for r in reports for d in r["differences"]], "coverage": coverage,
        "not_covered": sorted(name for name, programs in coverage.items() if not programs),
    }  # fmt: skip
