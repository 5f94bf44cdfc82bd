"""The result of a run, the same for the golden model, every simulation and every board."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lifline.arch.errors import InputError

from .model import Network
from .shown import ShownTable

VARIABLES = ("spikes", "v", "i", "x", "c")
"""What can be recorded; a device without trace records ``spikes``, ``v`` and ``i``."""


SHOWN = 20
"""Items in the table of a result."""


@dataclass(frozen=True)
class Counters:
    """Events of one population in one run: shape (batch,) each."""

    spikes: NDArray[np.int64]
    budget_hits: NDArray[np.int64]
    saturations: NDArray[np.int64]


@dataclass(frozen=True)
class Cycles:
    """Clock cycles of a run, shape (batch,) each: computing, waiting for input, for room in the output, for the real-time period."""

    busy: NDArray[np.int64]
    stall_input: NDArray[np.int64]
    stall_output: NDArray[np.int64]
    stall_period: NDArray[np.int64]
    overruns: NDArray[np.int64]


@dataclass(frozen=True)
class RunResult:
    """What a run gave. ``batch`` is 1 for a single spike train. Everything that is recorded over time is zero after an early exit.

    Attributes
    ----------
    output_spikes : (batch, time, neuron) uint8.
    spike_counts : (batch, neuron).   first_spike : (batch, neuron), the step of the first spike in this run, -1 if none.
    v_last, v_max, v_sum : (batch, neuron) over the executed steps, for read-outs that never fire, else None; 0 if none was executed.
    prediction : (batch,), arg max of ``spike_counts``, or of ``v_max`` for a read-out (the usual choice: it does not depend on when
        the evidence came), ties to the lowest index, -1 if the run was stopped before its first window; take ``v_last.argmax(1)`` or ``v_sum.argmax(1)`` if a network was trained on those.
    steps : (batch,), steps executed.   exited : (batch,), whether the early exit ended the run.
    records : population -> variable -> (batch, time, neuron).   counters : population -> :class:`Counters`.
    cycles : clock cycles, None from the golden model.
    """

    output_spikes: NDArray[np.uint8]
    spike_counts: NDArray[np.int64]
    first_spike: NDArray[np.int64]
    v_last: NDArray[np.int64] | None
    v_max: NDArray[np.int64] | None
    v_sum: NDArray[np.int64] | None
    prediction: NDArray[np.int64]
    steps: NDArray[np.int64]
    exited: NDArray[np.bool_]
    records: Mapping[str, Mapping[str, NDArray[np.integer]]] = field(default_factory=dict)
    counters: Mapping[str, Counters] = field(default_factory=dict)
    cycles: Cycles | None = None

    def __repr__(self) -> str:
        batch, steps, neurons = self.output_spikes.shape
        return f"RunResult(batch {batch}, {steps} steps, {neurons} outputs)"

    def __str__(self) -> str:
        return str(self.table())

    def table(self) -> ShownTable:
        """One row per item, at most :data:`SHOWN`: prediction, spikes of the output, steps, cycles."""
        table = ShownTable("sample", "prediction", "output spikes", "steps", "busy cycles")
        for k, prediction in enumerate(self.prediction[:SHOWN]):
            busy = "-" if self.cycles is None else f"{int(self.cycles.busy[k]):,}"
            table.add_row(str(k), str(prediction), f"{int(self.spike_counts[k].sum()):,}", str(self.steps[k]), busy)
        if len(self.prediction) > SHOWN:
            table.caption = f"and {len(self.prediction) - SHOWN:,} more samples"
        for column in table.columns:
            column.justify = "right"
        return table


@dataclass(frozen=True)
class Decisions:
    """What a classification needs of a run, which is little to send.

    Attributes
    ----------
    scores : (batch, neuron) int64, the output's spike counts, or of a read-out that never fires the membranes behind the last step.
    prediction : (batch,), arg max of the scores, ties to the lowest index, -1 if the run was stopped before its first window.
    steps : (batch,), executed.   exited : (batch,), whether the early exit ended the run.
    """

    scores: NDArray[np.int64]
    prediction: NDArray[np.int64]
    steps: NDArray[np.int64]
    exited: NDArray[np.bool_]


def decisions(scores: NDArray[np.int64], steps: NDArray[np.int64], exited: NDArray[np.bool_]) -> Decisions:
    """With the prediction that follows."""
    return Decisions(scores, np.where(steps > 0, scores.argmax(axis=1), -1), steps, exited)


def decisions_of(result: RunResult) -> Decisions:
    """Of a run that has sent more."""
    return decisions(result.spike_counts if result.v_last is None else result.v_last, result.steps, result.exited)


def build_result(
    network: Network,
    output_spikes: NDArray[np.uint8],
    output_v: NDArray[np.integer] | None,
    steps: NDArray[np.int64],
    exited: NDArray[np.bool_],
    records: Mapping[str, Mapping[str, NDArray[np.integer]]],
    counters: Mapping[str, Counters],
    cycles: Cycles | None = None,
) -> RunResult:
    """Derive everything that follows from the output's spikes, or from its membrane for a read-out; used by every device.

    Parameters
    ----------
    output_spikes, output_v : (batch, time, neuron); ``output_v`` is needed if the output never fires, else None.
    steps, exited : (batch,), steps executed and whether the early exit ended the run.

    Raises
    ------
    InputError   if the shapes do not match the network's output.
    """
    output = network.population(network.output)
    if output_spikes.ndim != 3 or output_spikes.shape[2] != output.size:
        raise InputError(f"output spikes have shape {output_spikes.shape}; output `{output.name}` needs (batch, time, {output.size})")
    if (output_v is not None) != (output.neurons is not None and output.neurons.cap == 0):
        raise InputError(f"output `{output.name}`: the membrane is given exactly if the output never fires (cap 0)")
    counts = output_spikes.sum(axis=1, dtype=np.int64)
    first = np.where(counts > 0, (output_spikes != 0).argmax(axis=1), -1)
    last = top = total = None
    if output_v is not None:
        v = output_v.astype(np.int64)
        alive = (np.arange(v.shape[1])[None, :] < steps[:, None])[..., None]
        last = v[np.arange(len(v)), np.maximum(steps - 1, 0)]
        top = np.where(alive, v, np.iinfo(np.int64).min).max(axis=1)
        total = np.where(alive, v, 0).sum(axis=1)
        top = np.where(steps[:, None] > 0, top, 0)  # before the first step all state is 0
    prediction = np.where(steps > 0, (counts if top is None else top).argmax(axis=1), -1)
    return RunResult(output_spikes, counts, first, last, top, total, prediction, steps, exited, records, counters, cycles)


def differences(expected: RunResult, actual: RunResult) -> int:
    """How many values differ between two runs of the same input: results, counters, and what both have recorded; 0 means equal.

    Raises
    ------
    InputError   if the results have different shapes: runs of other networks or inputs.
    """
    pairs: list[tuple[NDArray, NDArray]] = []
    for name in ("output_spikes", "spike_counts", "first_spike", "v_last", "v_max", "v_sum", "prediction", "steps", "exited"):
        a, b = getattr(expected, name), getattr(actual, name)
        if (a is None) != (b is None):
            raise InputError(f"one result has `{name}`, the other has not; compare runs of the same network")
        if a is not None:
            pairs.append((a, b))
    for name in expected.counters.keys() & actual.counters.keys():
        for what in ("spikes", "budget_hits", "saturations"):
            pairs.append((getattr(expected.counters[name], what), getattr(actual.counters[name], what)))
    for name in expected.records.keys() & actual.records.keys():
        for variable in expected.records[name].keys() & actual.records[name].keys():
            pairs.append((expected.records[name][variable], actual.records[name][variable]))
    for a, b in pairs:
        if a.shape != b.shape:
            raise InputError(f"results have shapes {a.shape} and {b.shape}; compare runs of the same network on the same input")
    return sum(int((a != b).sum()) for a, b in pairs)


def parse_records(network: Network, record: str | Iterable[str]) -> dict[str, set[str]]:
    """Variables to record by population, from names like ``"hidden.v"``, ``"hidden"`` (its spikes), ``"all"`` or ``"all.v"``.

    Raises
    ------
    InputError   for an unknown population or variable.
    """
    known = [p.name for p in network.populations if p.neurons is not None]
    selection: dict[str, set[str]] = {}
    for name in [record] if isinstance(record, str) else record:
        population, dot, variable = name.rpartition(".")
        if name in known or not dot or (variable not in VARIABLES and population not in known):
            population, variable = name, "spikes"
        if variable not in VARIABLES:
            raise InputError(f"cannot record `{name}`: no variable `{variable}`; there are {', '.join(VARIABLES)}")
        if population != "all" and population not in known:
            raise InputError(f"cannot record `{name}`: no population `{population}`; there are {', '.join(known)} and all")
        for target in known if population == "all" else [population]:
            selection.setdefault(target, set()).add(variable)
    return selection


def with_output(network: Network, selection: Mapping[str, set[str]]) -> dict[str, set[str]]:
    """The selection, and beside it what a result is derived from: the output's spikes, or its membrane if it never fires."""
    wanted = {name: set(variables) for name, variables in selection.items()}
    output = network.population(network.output)
    assert output.neurons is not None
    wanted.setdefault(output.name, set()).add("spikes" if output.neurons.cap else "v")
    return wanted
