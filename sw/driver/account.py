"""Where the spikes, the cycles and the energy of a program go, layer by layer, on one's own samples."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lifline.arch.config import Config
from lifline.arch.errors import CompileError
from lifline.arch.program import Mode
from lifline.compiler.compile import compile_network
from lifline.compiler.places import given_layouts
from lifline.compiler.program import Program
from lifline.network.progress import Reporting, progress_of
from lifline.sim.cycles.model import Costs

from .choose import ModeChoice, modes_tried
from .energy import Energy, EnergyModel, energy_model
from .predict import Activity, predict


@dataclass(frozen=True)
class LayerAccount:
    """One population; all but ``rate`` per sample.

    Attributes
    ----------
    rate : spikes per neuron and executed step.   cycles : of the passes into it and its update.
    operations : synaptic operations, a weight added for a spike.   energy : estimate, for its cycles, weights and operations.
    """

    name: str
    neurons: int
    spikes: float
    rate: float
    cycles: float
    operations: float
    energy: Energy

    @property
    def microjoules(self) -> float:
        """Estimate, the total of ``energy``."""
        return self.energy.total


@dataclass(frozen=True)
class ProjectionAccount:
    """What adds the spikes of one population to another, in one mode; per sample.

    Attributes
    ----------
    chosen : whether the program runs it in this mode.   cycles : of its passes, with the update where they end in it.
    weight_reads : weight words read.   operations : synaptic operations, a weight added for a spike.   energy : estimate, for all of these.
    """

    source: str
    target: str
    mode: Mode
    chosen: bool
    cycles: float
    weight_reads: float
    operations: float
    energy: Energy

    @property
    def microjoules(self) -> float:
        """Estimate, the total of ``energy``."""
        return self.energy.total


@dataclass(frozen=True)
class Account:
    """What a program costs per sample.

    Attributes
    ----------
    layers : in the order of the program.   input_rate : spikes per input neuron and executed step.
    rest_cycles, rest_energy : outside the layers: windows, clearing.   cycles, energy : the totals.
    busy_cycles : of every sample, exactly as a device counts them from a fresh start.
    projections : every pair of populations in every mode that it has, the chosen one first.   choices : their cycles, side by side.
    energy_model : how the estimate is made.
    """

    layers: tuple[LayerAccount, ...]
    input_rate: float
    rest_cycles: float
    rest_energy: Energy
    cycles: float
    energy: Energy
    busy_cycles: NDArray[np.int64]
    projections: tuple[ProjectionAccount, ...]
    choices: tuple[ModeChoice, ...]
    energy_model: str

    @property
    def microjoules(self) -> float:
        """Estimate, the total of ``energy``."""
        return self.energy.total

    @property
    def rest_microjoules(self) -> float:
        """Estimate, the total of ``rest_energy``."""
        return self.rest_energy.total


def account(
    program: Program,
    activity: Activity,
    *,
    record: str | Iterable[str] = (),
    energy: EnergyModel | None = None,
    progress: Reporting = None,
) -> Account:
    """Spikes, cycles and energy of ``program`` on what :func:`~lifline.driver.predict.record_activity` has seen.

    Parameters
    ----------
    record : what the runs send back, as for ``Device.run``: it takes cycles.   energy : of the board that is built with the program's configuration, or of a
    ULX3S, unless given.   progress : see :data:`~lifline.network.progress.Reporting`.

    Raises
    ------
    InputError   for a record that does not exist.
    """
    network, config = program.network, program.config
    energy = energy or energy_model(config)
    offered = [program, *_in_other_modes(program)]
    samples, counted = len(activity.steps), itertools.count(1)
    with progress_of("cycles and energy on the samples", progress) as tell:

        def on_sample() -> None:
            tell(next(counted) / (len(offered) * samples))

        costs_of = [predict(variant, config, activity, record=record, on_sample=on_sample) for variant in offered]
    steps = int(activity.steps.sum()) or 1
    projections = _projections(program, offered, costs_of, activity, energy)
    layers = []
    for p in map(network.population, program.order):
        into = [q for q in projections if q.target == p.name and q.chosen]
        spikes = float(activity.spikes[p.name].sum())
        cycles, operations = (sum(getattr(q, what) for q in into) for what in ("cycles", "operations"))
        spent = sum((q.energy for q in into), Energy())
        layers.append(LayerAccount(p.name, p.size, spikes / samples, spikes / (p.size * steps), cycles, operations, spent))
    busy = np.array([c.busy_cycles for c in costs_of[0]], np.int64)
    rest = float(busy.mean()) - sum(layer.cycles for layer in layers)
    rest_energy = energy.energy(config, cycles=rest)
    return Account(
        layers=tuple(layers),
        input_rate=float(activity.spikes[network.input.name].sum()) / (network.input.size * steps),
        rest_cycles=rest,
        rest_energy=rest_energy,
        cycles=float(busy.mean()),
        energy=sum((layer.energy for layer in layers), rest_energy),
        busy_cycles=busy,
        projections=projections,
        choices=_choices(projections),
        energy_model=energy.describe(config),
    )


def _projections(
    program: Program, offered: Sequence[Program], costs_of: Sequence[Sequence[Costs]], activity: Activity, energy: EnergyModel
) -> tuple[ProjectionAccount, ...]:
    """Every pair of populations, in the mode of ``program`` and in those that it has in the other programs that were offered."""
    network, samples, found = program.network, len(activity.steps), {}
    for variant, costs in zip(offered, costs_of, strict=True):
        passes = [((p.source, p.target), p.mode) for p in variant.passes]
        for (source, target), mode in dict.fromkeys(passes):
            if (source, target, mode) in found:
                continue
            own = [k for k, one in enumerate(passes) if one == ((source, target), mode)]
            cycles, reads = (sum(int(getattr(c, what)[:, own].sum()) for c in costs) / samples for what in ("cycles", "weight_reads"))
            operations = sum(activity.operations(q.source, q.fan_out()) for q in network.projections if (q.source, q.target) == (source, target))
            spent = energy.energy(program.config, cycles=cycles, weight_reads=reads, operations=operations)
            found[source, target, mode] = ProjectionAccount(source, target, mode, variant is program, cycles, reads, operations, spent)
    return tuple(found.values())


def _choices(projections: Sequence[ProjectionAccount]) -> tuple[ModeChoice, ...]:
    cycles = {(p.source, p.target, p.mode): p.cycles for p in projections}

    def of(p: ProjectionAccount, mode: Mode) -> float:
        return cycles.get((p.source, p.target, mode), np.inf)

    return tuple(ModeChoice(p.source, p.target, of(p, Mode.EVENT), of(p, Mode.DENSE), p.mode) for p in projections if p.chosen)


def _in_other_modes(program: Program) -> list[Program]:
    """The network in each mode that the configuration has, wherever its projections have it, if it fits."""
    found = []
    for mode in _modes(program.config):
        try:
            found.append(compile_network(program.network, program.config, modes_tried(program.network, program.config, mode), given_layouts(program)))
        except CompileError:
            continue  # it does not fit in this mode, so that there is nothing to compare
    return found


def _modes(config: Config) -> tuple[Mode, ...]:
    return (Mode.EVENT, Mode.DENSE) if config.dense_lanes else (Mode.EVENT,)
