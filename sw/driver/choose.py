"""Choice of the execution mode per projection, with the cycle model on the user's own data."""

from __future__ import annotations

import enum
import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lifline.arch.config import Config
from lifline.arch.errors import CompileError, InputError
from lifline.arch.program import Mode
from lifline.compiler.checks import wherever_it_exists
from lifline.compiler.compile import compile_network, fits
from lifline.compiler.components import components_of
from lifline.compiler.layouts import Layouts
from lifline.compiler.program import Program
from lifline.network.connections.windows import Windowed
from lifline.network.model import Network
from lifline.network.progress import Reporting, progress_of

from .energy import EnergyModel, energy_model
from .predict import Activity, predict, record_activity

EXHAUSTIVE = 12
"""Up to so many projections every combination of modes is compared for the least latency; beyond, one projection after another."""


class Objective(enum.Enum):
    """What the choice of modes makes as small as possible."""

    THROUGHPUT = "throughput"
    """cycles per sample"""
    LATENCY = "latency"
    """cycles of the longest window: how long an answer can lag behind the input, and the shortest real-time period"""
    ENERGY = "energy"
    """energy per sample, estimated by :class:`~lifline.driver.energy.EnergyModel`"""


@dataclass(frozen=True)
class ModeChoice:
    """One projection and what it costs in each mode: cycles per sample or in the longest window, or microjoules per sample.

    A mode that the configuration or the kind of projection does not have costs infinity; so does dense mode from a population to itself within a window,
    since it would take the advantage of whole windows from all other projections into that population.

    Attributes
    ----------
    recurrence : of the cost in the chosen mode, what is due to recurrence: what less it would be, could the spikes of a whole window be known before it.
    """

    source: str
    target: str
    event: float
    dense: float
    mode: Mode
    recurrence: float = 0.0

    @property
    def margin(self) -> float:
        """By what share the mode that was not chosen is dearer; negative if another projection made it the better choice."""
        chosen, other = (self.dense, self.event) if self.mode is Mode.DENSE else (self.event, self.dense)
        return other / chosen - 1 if chosen else 0.0


def compile_auto(
    network: Network,
    config: Config,
    samples: object,
    *,
    objective: Objective | str = Objective.THROUGHPUT,
    energy: EnergyModel | None = None,
    record: str | Iterable[str] = (),
    progress: Reporting = None,
    layouts: Layouts | None = None,
) -> tuple[Program, list[ModeChoice]]:
    """Compile with the modes that serve ``objective`` best on ``samples``, (batch, time, neuron) or (time, neuron).

    ``layouts`` as for :func:`~lifline.compiler.compile.compile_network`. ``record`` is what the runs will send back, as for ``Device.run``:
    recording takes cycles. ``progress``: see :data:`~lifline.network.progress.Reporting`.

    Passes run one after the other, so that a window's cycles are the sum of its passes' and the mode of one projection does not
    change the cost of another.

    Raises
    ------
    CompileError   if the network does not fit.
    InputError     for bad samples, or an objective that does not exist.
    """
    known = {o.value: o for o in Objective}
    if isinstance(objective, str) and objective not in known:
        raise InputError(f"objective {objective!r} must be one of {', '.join(known)}")
    objective = Objective(objective)
    activity = record_activity(network, samples)
    keys = list(wherever_it_exists(network, Mode.EVENT))
    record = [record] if isinstance(record, str) else list(record)
    offered = (Mode.EVENT, Mode.DENSE) if config.dense_lanes else (Mode.EVENT,)
    counted = itertools.count(1)

    with progress_of("modes compared on the samples", progress) as tell:

        def on_sample() -> None:
            tell(next(counted) / (len(offered) * len(activity.steps)))

        tried = _tried(offered, lambda mode: _costs(network, config, activity, mode, objective, energy or energy_model(config), record, on_sample, layouts))
    costs = {mode: _where(mode, keys, tried) for mode in offered}
    groups = _groups(keys, {mode: program for mode, (_, program) in tried.items()})
    together = {mode: np.array([of_mode[groups == group].sum(axis=0) for group in range(max(groups) + 1)]) for mode, of_mode in costs.items()}
    if objective is Objective.LATENCY:
        chosen = _shortest_window(together)
    else:
        totals = np.array([c.sum(axis=1) for c in together.values()])
        chosen = [list(costs)[k] for k in totals.argmin(axis=0)]
    modes = [chosen[group] for group in groups]
    shown = {mode: _shown(c, activity, objective) for mode, c in costs.items()}
    missing = np.full(len(keys), np.inf)
    try:
        program = compile_network(network, config, dict(zip(keys, modes, strict=True)), layouts)
    except CompileError:  # weights of one kernel may be needed twice where modes are mixed
        program = min(tried.values(), key=lambda pair: pair[0].sum())[1]
        modes = [program.modes[key] for key in keys]
    extra = np.zeros(len(keys))
    if program.is_recurrent:
        own, freed = (_by_projection(program, activity, objective, energy or energy_model(config), record, in_windows=freed) for freed in (False, True))
        extra = _shown(own, activity, objective) - _shown(freed, activity, objective)
    choices = [
        ModeChoice(*key, float(shown[Mode.EVENT][k]), float(shown.get(Mode.DENSE, missing)[k]), modes[k], float(extra[k])) for k, key in enumerate(keys)
    ]
    return program, choices


def _where(mode: Mode, keys: list[tuple[str, str]], tried: Mapping[Mode, tuple[NDArray[np.float64], Program]]) -> NDArray[np.float64]:
    """Costs of every ``(source, target)`` in a mode: of the program that has it in this mode, the one of this mode if it is there; infinite if none has."""
    found = np.full_like(next(iter(tried.values()))[0], np.inf)
    for costs, program in (tried[m] for m in sorted(tried, key=lambda m: m is mode)):
        in_mode = [program.modes[key] is mode for key in keys]
        found[in_mode] = costs[in_mode]
    return found


def _tried(offered: Iterable[Mode], costs: Callable[[Mode], tuple[NDArray[np.float64], Program]]) -> dict[Mode, tuple[NDArray[np.float64], Program]]:
    """Costs and programs in all modes that the network fits in: some populations are too large for one of them.

    Raises
    ------
    CompileError   if it fits in none.
    """
    found: dict[Mode, tuple[NDArray[np.float64], Program]] = {}
    errors: list[CompileError] = []
    for mode in offered:
        try:
            found[mode] = costs(mode)
        except CompileError as error:
            errors.append(error)
    if not found:
        raise errors[0]
    return found


def modes_tried(network: Network, config: Config, mode: Mode, layouts: Layouts | None = None) -> dict[tuple[str, str], Mode]:
    """The mode wherever it exists; what goes from a population to itself within a window stays in event mode, which takes it without a loop.

    Convolutions into populations that do not fit in dense mode stay in event mode.
    """
    own = [component.closing[0] for component in components_of(network, config.window) if component.projects_to_itself]
    tried = wherever_it_exists(network, mode) | {(p.source, p.target): Mode.EVENT for p in own}
    into: dict[str, dict[tuple[str, str], Mode]] = {}
    for p in network.projections:
        if tried[p.source, p.target] is Mode.DENSE and isinstance(p.connection, Windowed):
            into.setdefault(p.target, {})[p.source, p.target] = Mode.EVENT
    if into and not fits(network, config, tried, layouts):
        in_events = {pair: Mode.EVENT for pairs in into.values() for pair in pairs}
        for pairs in into.values():
            if not fits(network, config, tried | {pair: m for pair, m in in_events.items() if pair not in pairs}, layouts):
                tried |= pairs
    return tried


def _costs(
    network: Network, config: Config, activity: Activity, mode: Mode, objective: Objective, energy: EnergyModel, record: list[str],
    on_sample: Callable[[], object], layouts: Layouts | None,
) -> tuple[NDArray[np.float64], Program]:
    """Cost of every ``(source, target)`` in every window of all samples, shape (pair, window), in this mode where there is one; and the program."""
    modes = modes_tried(network, config, mode, layouts)
    program = compile_network(network, config, modes, layouts)
    result = _by_projection(program, activity, objective, energy, record, on_sample=on_sample)
    return result, program


def _groups(keys: list[tuple[str, str]], programs: Mapping[Mode, Program]) -> NDArray[np.int64]:
    """A number for every ``(source, target)``; pairs that take one mode together have the same.

    All convolutions into a population that dense mode computes in bands do: if one of them is in event mode, there are no bands.
    """
    dense = programs.get(Mode.DENSE)
    banded = {name for name in dense.order if len(dense.bands(name)) > 1} if dense else set()
    names = [target if target in banded else (source, target) for source, target in keys]
    numbers = {name: number for number, name in enumerate(dict.fromkeys(names))}
    return np.array([numbers[name] for name in names])


def _shown(costs: NDArray[np.float64], activity: Activity, objective: Objective) -> NDArray[np.float64]:
    """(projection,) of the costs (projection, window) what the objective is about."""
    return costs.max(axis=1) if objective is Objective.LATENCY else costs.sum(axis=1) / len(activity.steps)


def _by_projection(
    program: Program, activity: Activity, objective: Objective, energy: EnergyModel, record: list[str], *,
    on_sample: Callable[[], object] | None = None, in_windows: bool = False,
) -> NDArray[np.float64]:
    """Cost of every ``(source, target)`` in every window of all samples, shape (pair, window)."""
    config = program.config
    found = predict(program, config, activity, record=record, on_sample=on_sample, in_windows=in_windows)
    cycles = np.concatenate([c.cycles[:, :-1] for c in found]).astype(np.float64)
    if objective is Objective.ENERGY:
        bits = np.concatenate([c.weight_reads for c in found]) * config.weight_word_bits
        rates = energy.rates(config)
        cycles = cycles * rates.cycle.total + bits * rates.weight_bit.total  # the operations are the same in both modes
    keys = list(wherever_it_exists(program.network, Mode.EVENT))
    result = np.zeros((len(keys), len(cycles)))
    for column, entry in enumerate(program.passes):
        result[keys.index((entry.source, entry.target))] += cycles[:, column]
    return result


def _shortest_window(costs: dict[Mode, NDArray[np.float64]]) -> list[Mode]:
    """The modes whose longest window is shortest; among equals those with fewer cycles in all."""
    table, modes = np.array(list(costs.values())), list(costs)
    count = table.shape[1]

    def score(choice: tuple[int, ...]) -> tuple[float, float]:
        window = table[choice, np.arange(count)].sum(axis=0)
        return float(window.max()), float(window.sum())

    if count <= EXHAUSTIVE:
        best = min(itertools.product(range(len(modes)), repeat=count), key=score)
    else:
        best = tuple(table.sum(axis=2).argmin(axis=0).tolist())
        for k in range(count):
            best = min((best[:k] + (m,) + best[k + 1 :] for m in range(len(modes))), key=score)
    return [modes[k] for k in best]
