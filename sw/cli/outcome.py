"""What ``lifline run`` does: run samples, compare, and say what they cost."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray
from rich.console import Console, RenderableType
from rich.markup import escape
from rich.table import Table

from lifline.arch.program import Mode
from lifline.driver.estimate import Estimate
from lifline.network.shown import as_text
from lifline.report.measurement import Measured

from .picture import Picture

SHOWN = 20
"""Samples in the table."""


@dataclass
class Outcome:
    """What ``lifline run`` prints, writes and draws of samples on a device; ``sample`` is the one in the picture. ``board``: what they would do on one."""

    measured: Measured
    sample: int
    board: Estimate | None = None

    def __post_init__(self) -> None:
        self.program, self.result, self.costs = self.measured.program, self.measured.result, self.measured.costs
        self.labels, self.spikes, self.figures = self.measured.labels, self.measured.spikes, self.measured.figures

    @property
    def output(self) -> NDArray[Any]:
        """Spikes of the output, or the membranes of a read-out."""
        name = self.program.network.output
        return self.result.records[name]["v" if self.measured.has_read_out else "spikes"]

    @property
    def records(self) -> dict[str, NDArray[Any]]:
        """Everything that was recorded, by ``population.variable``."""
        return {f"{name}.{v}": values for name, variables in self.result.records.items() for v, values in variables.items()}

    def as_json(self) -> str:
        return json.dumps(self.figures, indent=1)

    def as_text(self) -> str:
        return "\n".join(as_text(part) for part in self._parts())

    def print_to(self, console: Console) -> None:
        for part in self._parts():
            console.print(part, highlight=False)

    def _parts(self) -> list[RenderableType]:
        figures = self.figures
        parts: list[RenderableType] = [self._samples(), self._layers()]
        if figures["accuracy"] is not None:
            parts.append(f"accuracy: {figures['accuracy']:.2%} of {figures['samples']:,} samples")
        parts.append(f"energy {self.costs.energy.described()}: {self.costs.energy_model}")
        if figures["overruns"]:
            parts.append(f"[yellow]{figures['overruns']:,} windows came late: the period is shorter than the work[/]")
        if not self.measured.has_read_out and not self.result.spike_counts.any():
            parts.append(
                "[yellow]the output never fired, so that every prediction is 0; if its membrane is the result, make it a read-out "
                "(read_out=True, `lifline import --read-out`)[/]"
            )
        parts += self._hint()
        if self.board is not None:
            parts.append(escape("\n".join(self.board.lines())))
        wrong = figures["mismatches"]
        if wrong is not None:
            parts.append(f"[red]{wrong:,} values differ from the golden model[/]" if wrong else "[green]everything equals the golden model[/]")
        return parts

    def _hint(self) -> list[str]:
        """Whether other modes would take clearly fewer cycles on these samples."""
        saved = sum(max(0.0, _of(c.mode, c.event, c.dense) - min(c.event, c.dense)) for c in self.costs.choices)
        if saved < 0.05 * self.costs.cycles:
            return []
        return [f"[yellow]other modes would save {saved / self.costs.cycles:.0%} of the cycles on these samples: lifline compile --samples FILE.npy[/]"]

    def _samples(self) -> Table:
        columns = ["sample", "prediction", *(["label"] if self.labels is not None else []), "output spikes", "steps", "busy cycles"]
        table = Table(*columns, title=escape(self.program.network.name), title_style="bold")
        for k in range(min(SHOWN, len(self.spikes))):
            cycles = "-" if self.result.cycles is None else f"{int(self.result.cycles.busy[k]):,}"
            label = [] if self.labels is None else [str(self.labels[k])]
            spikes = f"{int(self.result.spike_counts[k].sum()):,}"
            table.add_row(str(k), str(self.result.prediction[k]), *label, spikes, str(self.result.steps[k]), cycles)
        if len(self.spikes) > SHOWN:
            table.caption = f"and {len(self.spikes) - SHOWN:,} more samples, see --json"
        return table

    def _layers(self) -> Table:
        costs = self.costs
        table = Table("layer", "spikes", "rate", "operations", "cycles", "share", "µJ", title="per sample", title_style="bold", show_footer=False)
        for layer in costs.layers:
            share = f"{layer.cycles / costs.cycles:.0%}"
            table.add_row(
                escape(layer.name), f"{layer.spikes:,.1f}", f"{layer.rate:.2%}", f"{layer.operations:,.0f}", f"{layer.cycles:,.0f}", share, f"{layer.microjoules:.3f}"
            )
        share = f"{costs.rest_cycles / costs.cycles:.0%}"
        table.add_row("windows, clearing", "", "", "", f"{costs.rest_cycles:,.0f}", share, f"{costs.rest_microjoules:.3f}", end_section=True)
        operations = sum(layer.operations for layer in costs.layers)
        spikes = sum(layer.spikes for layer in costs.layers)
        table.add_row("total", f"{spikes:,.1f}", "", f"{operations:,.0f}", f"{costs.cycles:,.0f}", "", f"{costs.microjoules:.3f}", style="bold")
        for column in table.columns[1:]:
            column.justify = "right"
        table.caption = f"rate: spikes per neuron and step; of the input {costs.input_rate:.2%}"
        return table

    def picture(self) -> Picture:
        """One sample through the layers, and the cycles of all."""
        network, k, figures = self.program.network, self.sample, self.figures
        steps = int(self.result.steps[k])
        read_out = self.measured.has_read_out
        names = [p.name for p in network.populations if p.neurons is not None and not (read_out and p.name == network.output)]
        spikes = {network.input.name: self.spikes[k, :steps]} | {n: self.result.records[n]["spikes"][k, :steps] for n in network.order if n in names}
        prediction = int(self.result.prediction[k])
        label = None if self.labels is None else int(self.labels[k])
        verdict = "" if label is None else " (right)" if label == prediction else f" (it is {label})"
        facts = [f"all {figures['samples']:,} samples:"]
        facts += [] if figures["accuracy"] is None else [f"{figures['accuracy']:.1%} right"]
        facts += [f"{self.costs.cycles:,.0f} cycles each", f"{self.costs.microjoules:.3f} µJ each,\nan estimate"]
        return Picture(
            title=f"Sample {k} of {network.name} through the layers: answered {prediction}{verdict}",
            unit="sample", image=None, spikes=spikes, window=self.program.config.window, output=network.output,
            membranes=self.result.records[network.output]["v"][k, :steps] if read_out else None, prediction=prediction,
            choices=list(self.costs.choices), rest=self.costs.rest_cycles, facts=facts,
            figures={name: figures[name] for name in ("samples", "accuracy", "mismatches", "cycles_per_sample", "energy_estimate_uj")},
        )  # fmt: skip


def _of(mode: Mode, event: float, dense: float) -> float:
    return dense if mode is Mode.DENSE else event
