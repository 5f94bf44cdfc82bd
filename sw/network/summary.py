"""A network at a glance, as a table for terminals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rich.markup import escape

from lifline.arch.arithmetic import DECAY_ONE

from .neurons import Neurons
from .populations import Population
from .projections import Projection
from .shown import ShownTable


@dataclass(frozen=True, eq=False)
class Row:
    """One population, the projections into it, and whether it is the output."""

    population: Population
    incoming: Sequence[Projection]
    is_output: bool


def _values(value: object) -> str:
    array = np.asarray(value)
    low, high = int(array.min()), int(array.max())
    return str(low) if low == high else f"{low}..{high}"


def describe_neurons(neurons: Neurons | None) -> str:
    """Short name of a neuron model."""
    if neurons is None:
        return "input"
    kind = "LI" if neurons.decay_v else "I"
    if neurons.cap:
        kind = "LIF" if neurons.decay_v else "IF"
    return f"{kind} + current" if neurons.decay_i != DECAY_ONE else kind


def _parameters(neurons: Neurons) -> str:
    parts = [f"decay {neurons.decay_v}"]
    if neurons.decay_i != DECAY_ONE:
        parts.append(f"current decay {neurons.decay_i}")
    if neurons.cap:
        parts.insert(0, f"theta {'>' if neurons.strict else '>='} {_values(neurons.threshold)}")
        value = f" to {neurons.v_reset}" if neurons.reset.value.endswith("value") else ""
        parts.append(f"reset {neurons.reset.value.replace('_', ' ')}{value}")
    if np.any(neurons.bias):
        parts.append(f"bias {_values(neurons.bias)}")
    if neurons.v_min is not None:
        parts.append(f"v >= {neurons.v_min}")
    if neurons.cap > 1:
        parts.append(f"up to {neurons.cap} spikes per step")
    return ", ".join(parts)


def _source(projection: Projection) -> str:
    kind, delays = projection.kind, ""
    if projection.longest_delay:
        delays = _values(projection.delays) + (", synaptic" if projection.synaptic else "")
    if not kind:
        return f"{projection.source} ({delays})" if delays else projection.source
    weights = f"{projection.weights.size:,} weight{'s' if projection.weights.size > 1 else ''}"
    return f"{projection.source} ({kind}, {weights}{f', delay {delays}' if delays else ''})"


def summary_table(title: str, caption: str, rows: Sequence[Row]) -> ShownTable:
    """One row per population: shape, neuron model, parameters, synapses, kinds of connection and delays (steps), budget (spikes)."""
    table = ShownTable(title=escape(title), caption=caption)
    table.add_column("population")
    table.add_column("shape")
    table.add_column("neurons")
    table.add_column("parameters")
    table.add_column("synapses", justify="right")
    table.add_column("from (delay)")
    table.add_column("budget", justify="right")
    for row in rows:
        p = row.population
        table.add_row(
            escape(f"{p.name} (output)" if row.is_output else p.name),
            " x ".join(map(str, p.shape)),
            describe_neurons(p.neurons),
            "" if p.neurons is None else _parameters(p.neurons),
            f"{sum(q.synapses for q in row.incoming):,}" if row.incoming else "",
            escape(", ".join(map(_source, row.incoming))),
            "" if p.neurons is None or p.neurons.budget is None else _values(p.neurons.budget),
        )
    return table
