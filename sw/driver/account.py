"""Where the spikes, the cycles and the energy of a program go, layer by layer, on one's own samples."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lifline.arch.config import Config
from lifline.arch.errors import CompileError
from lifline.arch.program import Mode
from lifline.compiler.compile import compile_network
from lifline.compiler.program import Program
from lifline.network.progress import Reporting, progress_of

from .choose import ModeChoice, modes_tried
from .predict import Activity, EnergyModel, predict


@dataclass(frozen=True)
class LayerAccount:
    """One population; all but ``rate`` per sample.

    Attributes
    ----------
    rate : spikes per neuron and executed step.   cycles : of the passes into it and its update.
    operations : synaptic operations, a weight added for a spike.   microjoules : estimate, for its cycles, weights and operations.
    """

    name: str
    neurons: int
    spikes: float
    rate: float
    cycles: float
    operations: float
    microjoules: float


@dataclass(frozen=True)
class Account:
    """What a program costs per sample.

    Attributes
    ----------
    layers : in the order of the program.   input_rate : spikes per input neuron and executed step.
    rest_cycles, rest_microjoules : outside the layers: windows, clearing.   cycles, microjoules : the totals.
    busy_cycles : of every sample, exactly as a device counts them from a fresh start.
    choices : every projection in both modes, cycles per sample.   energy_model : how the estimate is made.
    """

    layers: tuple[LayerAccount, ...]
    input_rate: float
    rest_cycles: float
    rest_microjoules: float
    cycles: float
    microjoules: float
    busy_cycles: NDArray[np.int64]
    choices: tuple[ModeChoice, ...]
    energy_model: str


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
    record : what the runs send back, as for ``Device.run``: it takes cycles.   progress : see :data:`~lifline.network.progress.Reporting`.

    Raises
    ------
    InputError   for a record that does not exist.
    """
    energy, network, config = energy or EnergyModel(), program.network, program.config
    chosen = {(p.source, p.target): p.mode for p in program.passes}
    offered = [program, *_in_other_modes(program)]
    samples, counted = len(activity.steps), itertools.count(1)
    by_projection: list[dict[tuple[str, str], tuple[float, float]]] = []
    with progress_of("cycles and energy on the samples", progress) as tell:

        def on_sample() -> None:
            tell(next(counted) / (len(offered) * samples))

        costs_of = [predict(variant, config, activity, record=record, on_sample=on_sample) for variant in offered]
    for variant, costs in zip(offered, costs_of, strict=True):
        spent: dict[tuple[str, str], tuple[float, float]] = dict.fromkeys(chosen, (0.0, 0.0))
        for k, p in enumerate(variant.passes):
            cycles, reads = spent[p.source, p.target]
            more = sum(int(c.cycles[:, k].sum()) for c in costs), sum(int(c.weight_reads[:, k].sum()) for c in costs)
            spent[p.source, p.target] = cycles + more[0] / samples, reads + more[1] / samples
        by_projection.append(spent)
    steps = int(activity.steps.sum()) or 1
    layers = []
    for p in program.populations:
        into = [q for q in network.projections if q.target == p.name]
        cycles, reads = (sum(by_projection[0][pair][k] for pair in {(q.source, q.target) for q in into}) for k in (0, 1))
        operations = sum(activity.operations(q.source, q.fan_out()) for q in into)
        spikes = float(activity.spikes[p.name].sum())
        uj = energy.microjoules(config, cycles=cycles, weight_reads=reads, operations=operations)
        layers.append(LayerAccount(p.name, p.size, spikes / samples, spikes / (p.size * steps), cycles, operations, uj))
    busy = np.array([c.busy_cycles for c in costs_of[0]], np.int64)
    rest = float(busy.mean()) - sum(layer.cycles for layer in layers)
    rest_uj = energy.microjoules(config, cycles=rest, weight_reads=0, operations=0)
    choices = []
    for (source, target), mode in chosen.items():
        found = {mode: by_projection[0][source, target][0]}
        for variant, spent in zip(offered[1:], by_projection[1:], strict=True):
            own = next(p.mode for p in variant.passes if (p.source, p.target) == (source, target))
            found.setdefault(own, spent[source, target][0])
        choices.append(ModeChoice(source, target, found.get(Mode.EVENT, np.inf), found.get(Mode.DENSE, np.inf), mode))
    return Account(
        layers=tuple(layers),
        input_rate=float(activity.spikes[network.input.name].sum()) / (network.input.size * steps),
        rest_cycles=rest,
        rest_microjoules=rest_uj,
        cycles=float(busy.mean()),
        microjoules=rest_uj + sum(layer.microjoules for layer in layers),
        busy_cycles=busy,
        choices=tuple(choices),
        energy_model=energy.describe(),
    )


def _in_other_modes(program: Program) -> list[Program]:
    """The network in each mode that the configuration has, wherever its projections have it, if it fits."""
    found = []
    for mode in _modes(program.config):
        try:
            found.append(compile_network(program.network, program.config, modes_tried(program.network, program.config, mode), program.layouts))
        except CompileError:
            continue  # it does not fit in this mode, so that there is nothing to compare
    return found


def _modes(config: Config) -> tuple[Mode, ...]:
    return (Mode.EVENT, Mode.DENSE) if config.dense_lanes else (Mode.EVENT,)
