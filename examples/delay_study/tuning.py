"""Settings of every kind, by the same search with the same number of trials, on validation data; each trial is a line of ``trials.jsonl``.

Coordinate search: from ``networks.first_settings`` on, the surrogate's height, the learning rate and what the kind has of its own (see ``OWN``) are
changed one after the other, and the best setting so far is kept: seven trials. A trial trains half as long as a cell, from one seed that no cell uses.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from networks import first_settings

SEED = 100
OWN: dict[str, tuple[str, tuple[float, float]]] = {
    "none": ("gain", (1.0, 4.0)),
    "random": ("gain", (1.0, 4.0)),
    "axonal": ("delay_learning_rate", (0.06, 0.6)),
    "synaptic": ("delay_learning_rate", (0.06, 0.6)),
    "recurrent": ("recurrent_gain", (0.2, 1.0)),
    "recurrent x3": ("recurrent_gain", (0.2, 1.0)),
}
COMMON: tuple[tuple[str, tuple[float, float]], ...] = (("height", (0.2, 0.8)), ("learning_rate", (0.01, 0.04)))
TRIALS = 1 + sum(len(values) for _, values in COMMON) + 2

Row = dict[str, Any]


def best(rows: list[Row]) -> Row:
    """The trial with the best validation accuracy, the earliest among equals."""
    return max(rows, key=lambda row: row["validation"])


def search(kind: str, rows: list[Row], run: Callable[[dict[str, float]], Row]) -> None:
    """Run what is missing of the search and append it to ``rows``, the trials of this task and kind so far, in order."""
    known = list(rows)
    rows.clear()

    def attempt(settings: dict[str, float]) -> None:
        rows.append(next((row for row in known if row["settings"] == settings), None) or run(settings))

    attempt(first_settings(kind))
    for name, values in (*COMMON, OWN[kind]):
        start = best(rows)["settings"]
        for value in values:
            attempt(start | {name: value})
