"""What a program will cost before it runs anywhere: cycles, exactly. What they cost in energy: :mod:`lifline.driver.energy`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lifline.arch.config import Config
from lifline.arch.registers import Space
from lifline.compiler.program import Program
from lifline.network.model import Network
from lifline.network.result import RunResult, parse_records, with_output
from lifline.network.spikes import as_batch
from lifline.sim.cycles.model import INPUT, Costs, CycleModel
from lifline.sim.golden.model import GoldenModel


@dataclass(frozen=True)
class Activity:
    """Every spike of a network on some input: ``spikes`` by population (batch, time, neuron), ``steps`` executed (batch,)."""

    spikes: dict[str, NDArray[np.uint8]]
    steps: NDArray[np.int64]

    def operations(self, source: str, fan_out: int | NDArray[np.int64]) -> float:
        """Synaptic operations per sample of a projection from ``source``; ``fan_out`` is one for all its neurons, or one for each."""
        spikes = self.spikes[source]
        return float((spikes.reshape(-1, spikes.shape[-1]).sum(axis=0, dtype=np.int64) * fan_out).sum()) / len(self.steps)


def record_activity(network: Network, spikes: object) -> Activity:
    """Run the golden model and keep all spikes.

    Raises
    ------
    InputError   for bad spikes, see :func:`lifline.network.spikes.as_batch`.
    """
    array, _ = as_batch(spikes, network.input.size, None)
    return activity_of(network, array, GoldenModel(network).run(array, record=["all"]))


def activity_of(network: Network, spikes: object, result: RunResult) -> Activity:
    """The spikes of a run on this input of which all populations' spikes were recorded.

    Raises
    ------
    InputError   for bad spikes, see :func:`lifline.network.spikes.as_batch`.
    """
    array, _ = as_batch(spikes, network.input.size, None)
    fired = {name: variables["spikes"].astype(np.uint8, copy=False) for name, variables in result.records.items()}
    return Activity({network.input.name: array} | fired, result.steps)


def predict(
    program: Program, config: Config, activity: Activity, *, record: str | Iterable[str] | None = (), on_sample: Callable[[], object] | None = None,
    in_windows: bool = False,
) -> list[Costs]:
    """Cycles of every sample as :meth:`Device.run` with the same ``record`` counts them, each from a fresh start.

    Parameters
    ----------
    record : None: nothing is sent, not even the output, as by :meth:`Device.count`.
    on_sample : called after every sample.   in_windows : what it would cost, could recurrent passes know the spikes of a whole window before it: compared with
    the true cost it says what recurrence takes.

    Raises
    ------
    ProgramError   if the program was compiled for another configuration.
    InputError     for a record that does not exist.
    """
    program.check_config(config)
    network = program.network
    image = program.images[Space.PROGRAM].copy()
    wanted = {} if record is None else with_output(network, parse_records(network, record))
    for where, value in program.recording(wanted):
        image[where] = value
    numbers = [(INPUT, network.input.name, 0, program.layouts[network.input.name].size)] + [(p.number, p.name, p.first, p.places) for p in program.populations]
    model = CycleModel(
        config, image, program.images[Space.DELAYS], registers=program.registers,
        sizes={number: places for number, _, _, places in numbers}, maps=program.images.get(Space.MAPS),
        in_windows=in_windows,
    )  # fmt: skip
    costs = []
    for k, steps in enumerate(activity.steps):
        spread = {name: program.layouts[name].spread(spikes[k]) for name, spikes in activity.spikes.items()}
        costs.append(model.costs({number: spread[name][:, first : first + places] for number, name, first, places in numbers}, steps=int(steps)))
        if on_sample is not None:
            on_sample()
    return costs
