"""What a search leaves in a folder: the front as a table and a figure, and of each of its rows a configuration and a network."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lifline.arch.config_file import save_config
from lifline.arch.errors import InputError, OutputError
from lifline.arch.files import write_file
from lifline.network.file import save as save_network

from .builds import Built
from .evaluate import Problem, network_of
from .search import Trial, front_of

TOLERANCE = 0.01
"""Accuracy below the best that is given up for a faster accelerator unless told otherwise."""


def chosen(front: list[Trial], tolerance: float = TOLERANCE) -> Trial:
    """The fastest of the front among those whose accuracy is within ``tolerance`` of the best.

    Raises
    ------
    InputError   if the front is empty, or the tolerance is no share.
    """
    if not 0 <= tolerance <= 1:
        raise InputError(f"tolerance {tolerance} must be a share of the samples, from 0 to 1")
    there = [(t, t.measured) for t in front if t.measured is not None]
    if not there:
        raise InputError("no candidate can run this network; search other values, for example larger boards")
    best = max(m.accuracy for _, m in there)
    return min(((t, m) for t, m in there if m.accuracy >= best - tolerance - 1e-12), key=lambda tm: (tm[1].microseconds, tm[1].lut))[0]


def row_of(trial: Trial, built: Built | None = None) -> dict[str, Any]:
    """Figures of one row of the front, for JSON; those of a real build where there is one."""
    measured = trial.measured
    assert measured is not None
    figures = {name: value for name, value in dataclasses.asdict(measured).items() if name != "config"}
    row = {"trial": trial.number, "candidate": str(trial.candidate), "board": trial.candidate.board, "config": measured.config["name"], **figures}
    row |= {"fmax": None, "built": None}
    if built is not None:
        row |= {"fmax": built.fmax_mhz, "built": dataclasses.asdict(built) | {"error": built.error}}
    return row


def save_outcome(folder: Path, problem: Problem, trials: list[Trial], builds: Mapping[int, Built], tolerance: float = TOLERANCE) -> dict[str, Any]:
    """Write ``front.json``, ``front.png``, and for every row of the front ``NUMBER.toml`` and ``NUMBER.safetensors`` (its network); ``chosen.*`` for the chosen.

    Raises
    ------
    InputError    as :func:`chosen`.
    OutputError   if the folder cannot be written.
    """
    from .figure import draw

    front = front_of(trials)
    best = chosen(front, tolerance)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write into `{folder}` ({error}); name a folder that can be written") from error
    for trial in front:
        assert trial.measured is not None
        network = network_of(problem, trial.candidate.plain())
        for name in (f"{trial.number}", *(["chosen"] if trial is best else [])):
            save_config(trial.measured.hardware, folder / f"{name}.toml")
            save_network(network, folder / f"{name}.safetensors")
    failures: dict[str, str] = {str(t.candidate): t.failure for t in trials if t.failure is not None}
    found = {
        "trials": len(trials), "failed": sum(t.failure is not None for t in trials), "chosen": best.number,
        "front": [row_of(t, builds.get(t.number)) for t in front], "failures": failures,
    }  # fmt: skip
    write_file(folder / "front.json", lambda part: part.write_text(json.dumps(found, indent=1)))
    draw(folder / "front.png", trials, front, best, builds)
    return found
