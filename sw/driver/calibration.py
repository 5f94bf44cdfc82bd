"""Coefficients of energy from a meter: powers of a board in a few states, and what the model says of the same states."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lifline.arch.config_file import configuration
from lifline.arch.errors import InputError
from lifline.arch.toml_file import UNREADABLE, read_toml
from lifline.boards.board import board as board_of
from lifline.compiler.program_file import load
from lifline.network.spikes import as_batch

from .coefficients import CLOCK, SWITCHING, Range, coefficients_of, save_coefficients
from .energy import EnergyModel, energy_model
from .nonnegative import nonnegative_least_squares
from .predict import predict, record_activity

BLANK, WAITING, RUNNING = "blank", "waiting", "running"
STATES = {
    BLANK: "a bitstream without anything in it: what leaks",
    WAITING: "lifline's bitstream, nothing sent: with the clock",
    RUNNING: "samples one after another: program, samples, samples_per_second",
}
FIELDS = {BLANK: set[str](), WAITING: set[str](), RUNNING: {"program", "samples", "samples_per_second"}}
LEAST_ERROR = 0.05
"""Of what a meter and its shunt show; the range of a coefficient is never narrower."""


@dataclass(frozen=True)
class Measurement:
    """A state of the board and its power; for :data:`RUNNING` also what ran, and how often."""

    state: str
    milliwatts: float
    program: Path | None = None
    samples: Path | None = None
    samples_per_second: float = 0.0


@dataclass(frozen=True)
class Measurements:
    """What somebody wrote down."""

    board: str
    config: str
    runs: tuple[Measurement, ...]


@dataclass(frozen=True)
class Compared:
    """A run, in milliwatts: as measured, by the coefficients that came with lifline, and by the new ones."""

    name: str
    measured_mw: float
    before_mw: float
    after_mw: float


@dataclass(frozen=True)
class Calibration:
    """What was found.

    Attributes
    ----------
    device : the chip.   factors : of the groups of coefficients ``static``, ``clock``, ``switching``, to those that came with lifline; 0 where nothing was measured
    that shows them.   error : largest relative difference of the runs, at least :data:`LEAST_ERROR`.   numbers : the new coefficients.
    """

    device: str
    clock_hz: float
    factors: dict[str, float]
    error: float
    numbers: dict[str, Range]
    runs: tuple[Compared, ...]

    def described(self) -> str:
        """In words."""
        shown = ", ".join(f"{name} {factor:.2f}" if factor else f"{name} as it was" for name, factor in self.factors.items())
        return f"times what came with lifline: {shown}; range {self.error:.0%} either way, the largest difference of a run but at least {LEAST_ERROR:.0%}"

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a file for ``--coefficients``.

        Raises
        ------
        OutputError   if it cannot be written.
        """
        lines = [f"{run.name}: {run.measured_mw:.4g} mW measured, {run.after_mw:.4g} by these coefficients" for run in self.runs]
        save_coefficients(path, self.device, self.numbers, "\n".join(["made by `lifline calibrate`; " + self.described(), *lines]))


def read_measured(path: str | os.PathLike[str]) -> Measurements:
    """Read what was measured: ``board``, ``config`` (if it is another one than the board's) and a ``[[run]]`` for each state, see ``docs/energy.md``.

    Files of programs and samples are looked for beside it.

    Raises
    ------
    InputError   for a file that cannot be read, or says something else.
    """
    name = os.fsdecode(path)
    try:
        values = read_toml(path)
    except UNREADABLE as error:
        raise InputError(f"{name} cannot be read ({error}); docs/energy.md shows what it should look like") from error
    if wrong := sorted(values.keys() - {"board", "config", "run"}):
        raise InputError(f"{name}: `{wrong[0]}` is not known; there are board, config and [[run]]")
    if not isinstance(values.get("board"), str) or not isinstance(values.get("config", ""), str):
        raise InputError(f'{name}: give the board, like board = "icebreaker"')
    runs = values.get("run")
    if not isinstance(runs, list) or not runs or not all(isinstance(run, Mapping) for run in runs):
        raise InputError(f"{name} has no measurement; give a section [[run]] for each")
    return Measurements(values["board"], values.get("config", ""), tuple(_measurement(f"{name}, run {k}", run, Path(name).parent) for k, run in enumerate(runs, 1)))


def _measurement(where: str, run: Mapping[str, Any], folder: Path) -> Measurement:
    state = run.get("state")
    if state not in STATES:
        raise InputError(f"{where}: state is {state!r}; it must be {', or '.join(f'{s} ({meaning})' for s, meaning in STATES.items())}")
    wanted = {"state", "milliwatts"} | FIELDS[state]
    if wrong := sorted(wanted ^ run.keys()):
        raise InputError(f"{where}: `{wrong[0]}` is {'missing' if wrong[0] in wanted else 'not known'}; in state {state} it has {', '.join(sorted(wanted))}")
    power = _positive(f"{where}: milliwatts", run["milliwatts"])
    if state != RUNNING:
        return Measurement(state, power)
    rate = _positive(f"{where}: samples_per_second", run["samples_per_second"])
    return Measurement(state, power, folder / str(run["program"]), folder / str(run["samples"]), rate)


def _positive(where: str, value: object) -> float:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(value) or not 0 < value < 1e9:
        raise InputError(f"{where} is {value!r}; it must be a number above 0")
    return float(value)


def calibration(measured: Measurements) -> Calibration:
    """Fit three factors, of what leaks, what the clock takes and what switches, to the measured powers.

    Raises
    ------
    ConfigError    for a board or a configuration that does not exist.
    InputError     if the samples cannot be read or do not fit.
    ProgramError   if a program is none, or for another configuration.
    """
    board = board_of(measured.board)
    config = configuration(measured.config) if measured.config else board.configuration()
    model = energy_model(config, board=board)
    table = np.array([_powers(model, run, config) for run in measured.runs])
    powers = np.array([run.milliwatts for run in measured.runs])
    # Each relative to its measurement: a blank chip's microwatts count like a running one's milliwatts.
    factors = nonnegative_least_squares(table / powers[:, None], np.ones(len(powers)))
    after = table @ factors
    error = max(LEAST_ERROR, float(np.abs(after / powers - 1).max()))
    known, numbers = coefficients_of(board.chip), {}
    for names, factor in ((("static_uw",), factors[0]), (CLOCK, factors[1]), (SWITCHING, factors[2])):
        for name in names:
            value = getattr(known, name).value * float(factor)
            if factor > 0:
                numbers[name] = Range(value, value * max(0.0, 1 - error), value * (1 + error))
    runs = [Compared(run.state, run.milliwatts, float(row.sum()), float(new)) for run, row, new in zip(measured.runs, table, after, strict=True)]
    return Calibration(board.chip.name, board.clock_hz, dict(zip(("static", "clock", "switching"), factors.tolist(), strict=True)), error, numbers, tuple(runs))


def _powers(model: EnergyModel, run: Measurement, config: Any) -> list[float]:
    """Milliwatts that the model gives what leaks, the clock, and what switches."""
    waiting = model.waiting(config, 1.0)
    if run.state == BLANK:
        return [waiting.static * 1e-3, 0.0, 0.0]
    powers = np.array([waiting.static, waiting.clock, waiting.dynamic])
    if run.state == RUNNING:
        powers[2] += run.samples_per_second * _switched(model, run)
    return (powers * 1e-3).tolist()


def _switched(model: EnergyModel, run: Measurement) -> float:
    """Microjoules per sample that switch beyond what a waiting device does."""
    assert run.program is not None and run.samples is not None
    program = load(run.program)
    try:
        samples = np.load(run.samples, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{run.samples} cannot be read as a .npy array ({error}); write one with numpy.save") from error
    batch, _ = as_batch(samples, program.network.input.size, None)
    activity = record_activity(program.network, batch)
    costs = predict(program, program.config, activity)
    cycles, reads = (float(np.mean([what(c) for c in costs])) for what in (lambda c: c.busy_cycles, lambda c: c.weight_reads.sum()))
    operations = sum(activity.operations(p.source, p.fan_out()) for p in program.network.projections)
    spent = model.energy(program.config, cycles=cycles, weight_reads=reads, operations=operations)
    return spent.dynamic - model.waiting(program.config, cycles / model.clock_hz).dynamic


