"""Samples on a device, compared with the golden model: results, activity and costs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lifline.arch.errors import InputError
from lifline.arch.values import integer_array
from lifline.compiler.program import Program
from lifline.driver import device as devices
from lifline.driver.account import Account, account
from lifline.driver.energy import EnergyModel
from lifline.driver.predict import Activity, record_activity
from lifline.network.result import RunResult, differences, parse_records
from lifline.network.spikes import as_batch
from lifline.sim.golden.model import GoldenModel


@dataclass(frozen=True, eq=False)
class Measured:
    """A program on samples.

    Attributes
    ----------
    device : what it ran on.   spikes : (batch, time, input neuron).   result : of all samples.   activity : every spike of every population.
    costs : by layer and by projection.   labels : (batch,), or None.
    mismatches : values that differ from the golden model, which must be 0; None if nobody looked.
    """

    program: Program
    device: str
    spikes: NDArray[np.uint8]
    result: RunResult
    activity: Activity
    costs: Account
    labels: NDArray[np.int64] | None
    mismatches: int | None

    @property
    def has_read_out(self) -> bool:
        """Whether the output never fires: its membranes are the result."""
        return is_read_out(self.program)

    @property
    def accuracy(self) -> float | None:
        """Share of the samples whose prediction is their label."""
        return None if self.labels is None else float((self.result.prediction == self.labels).mean())

    @property
    def figures(self) -> dict[str, Any]:
        """Everything as plain values for JSON."""
        cycles, costs, result = self.result.cycles, self.costs, self.result
        return {
            "samples": len(self.spikes),
            "accuracy": self.accuracy,
            "prediction": result.prediction.tolist(),
            "spike_counts": result.spike_counts.tolist(),
            "steps": result.steps.tolist(),
            "busy_cycles": None if cycles is None else cycles.busy.tolist(),
            "overruns": None if cycles is None else int(cycles.overruns.sum()),
            "mismatches": self.mismatches,
            "config": self.program.config_name,
            "modes": {f"{c.source}->{c.target}": c.mode.name.lower() for c in costs.choices},
            "layers": {
                layer.name: {
                    "spikes": layer.spikes, "rate": layer.rate, "operations": layer.operations, "cycles": layer.cycles, "energy_estimate_uj": layer.microjoules
                }
                for layer in costs.layers
            },
            "input_rate": costs.input_rate,
            "rest_cycles": costs.rest_cycles,
            "cycles_per_sample": costs.cycles,
            "energy_estimate_uj": costs.microjoules,
            "energy": costs.energy.figures,
            "energy_model": costs.energy_model,
        }  # fmt: skip


def is_read_out(program: Program) -> bool:
    """Whether the output of the program's network never fires."""
    neurons = program.network.population(program.network.output).neurons
    return neurons is not None and neurons.cap == 0


def measure(
    program: Program,
    spikes: NDArray[Any],
    *,
    labels: NDArray[Any] | None = None,
    steps: int | None = None,
    record: Iterable[str] = (),
    period: int = 0,
    device: str | None = None,
    check: bool = True,
    energy: EnergyModel | None = None,
) -> Measured:
    """Run every sample on ``device``, compare with the golden model, and account for spikes, cycles and energy.

    Parameters
    ----------
    spikes : (batch, time, neuron) or (time, neuron) of 0/1; with ``steps`` an event list.   labels : (batch,), for the accuracy.
    record : what comes back beside the output, as for ``Device.run``.   period : clock cycles per step, 0 for no waiting.
    energy : as for :func:`~lifline.driver.account.account`.
    device : as for :func:`lifline.open`; the simulated board that the program was compiled for if it is not given.

    Raises
    ------
    InputError   for spikes, labels or names that do not fit.
    """
    network = program.network
    batch, _ = as_batch(spikes, network.input.size, steps)
    known = None
    if labels is not None:
        known = integer_array(labels, "labels", InputError)
        if known.shape != (len(batch),):
            raise InputError(f"labels have shape {known.shape}; give one for each of the {len(batch)} samples")
    wanted = [f"{network.output}.{'v' if is_read_out(program) else 'spikes'}", *record]
    parse_records(network, wanted)
    with opened(program, device) as board:
        result = board.run(batch, record=wanted, period_cycles=period)
    activity = record_activity(network, batch)
    wrong = differences(GoldenModel(network).run(batch, record=wanted), result) if check else None
    where = device or f"sim:{program.config_name}"
    return Measured(program, where, batch, result, activity, account(program, activity, record=wanted, energy=energy), known, wrong)


def opened(program: Program, device: str | None) -> devices.Device:
    """The device, or the simulated board that the program was compiled for, with the program loaded."""
    url = device or "sim:"
    # A device that is not named with a configuration is told of the program's: a real one may have it, a simulated one gets it.
    named = not url.startswith("serial:") and url.partition(":")[2].partition("?")[0]
    board = devices.open(url, config=None if named else program.config)
    board.load(program)
    return board
