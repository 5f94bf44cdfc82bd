"""The page: one HTML file that holds everything it shows and fetches nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, StrictUndefined
from numpy.typing import NDArray

from lifline.arch.errors import InputError
from lifline.arch.files import PathLike, check_target, write_file
from lifline.boards.board import BAUD_HZ
from lifline.compiler.program import Program
from lifline.convert.quantisation.fidelity_report import FidelityReport
from lifline.driver.energy import board_for, energy_model
from lifline.driver.estimate import Estimate, estimate

from . import charts
from .drawing import draw_network
from .measurement import Measured, measure

SPIKES_HELD = 60_000
"""About so many spikes go into a page: samples beyond are counted, not drawn."""
SAMPLES_HELD = 20
WORST_SAMPLES = 20


@dataclass(frozen=True, eq=False)
class Report:
    """What was measured, and what a page shows of it.

    Attributes
    ----------
    held : numbers of the samples whose spikes are in the page, the one that it opens with first.
    fidelity : the floating-point network beside the integers, if there is one.
    on_board : time in the core and on the link, if a board is named or built with the program's configuration.
    """

    measured: Measured
    held: tuple[int, ...]
    fidelity: FidelityReport | None
    on_board: Estimate | None

    @property
    def figures(self) -> dict[str, Any]:
        """Every number of the page as plain values."""
        measured = self.measured
        projections = [
            {
                "source": p.source, "target": p.target, "mode": p.mode.name.lower(), "chosen": p.chosen, "cycles": p.cycles, "weight_words_read": p.weight_reads,
                "operations": p.operations, "energy_estimate_uj": p.microjoules,
            }
            for p in measured.costs.projections
        ]  # fmt: skip
        return measured.figures | {
            "network": measured.program.network.name,
            "device": measured.device,
            "config_hash": f"{measured.program.config_hash:08x}",
            "labels": None if measured.labels is None else measured.labels.tolist(),
            "projections": projections,
            "memory": {name: {"used": used, "of": limit} for name, (used, limit) in measured.program.memory.items()},
            "busy_cycles_model": measured.costs.busy_cycles.tolist(),
            "fidelity": None if self.fidelity is None else self.fidelity.as_dict(),
            "board_estimate": None if self.on_board is None else {k: v for k, v in asdict(self.on_board).items() if k != "cycles"},
            "lifline": version("lifline"),
        }  # fmt: skip

    def html(self) -> str:
        """The page.

        Raises
        ------
        MissingLibraryError   without the libraries that draw.
        """
        specifications = self._charts()
        import vl_convert  # asked for by the charts

        bundle: Any = vl_convert.javascript_bundle  # its stub asks for an argument that it does without

        environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
        environment.filters["number"] = _number
        template = environment.from_string(files("lifline.report").joinpath("page.html.jinja").read_text("utf-8"))
        return template.render(
            measured=self.measured, program=self.measured.program, network=self.measured.program.network, costs=self.measured.costs, result=self.measured.result,
            fidelity=self.fidelity, on_board=self.on_board, drawing=draw_network(self.measured.program), held=self.held, worst=self._wrong_samples(), version=version("lifline"),
            charts={name: _script(spec) for name, spec in specifications.items()}, layers=self._layers(), numbers=_script(self.figures),
            library=bundle().replace("</script", "<\\/script"), today=date.today().isoformat(),
        )  # fmt: skip

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the page.

        Raises
        ------
        OutputError   if no file can be written there.
        """
        text = self.html()
        write_file(Path(path), lambda part: part.write_text(text, "utf-8"))

    def _layers(self) -> list[str]:
        """Populations with a panel of their own, in order; a read-out has its membranes."""
        return list(self.measured.program.network.order)

    def _charts(self) -> dict[str, Any]:
        measured, network = self.measured, self.measured.program.network
        window, held = measured.program.config.window, list(self.held)
        steps = [int(measured.result.steps[k]) for k in held]
        found: dict[str, Any] = {}
        for name in self._layers():
            if name == network.output and measured.has_read_out:
                values = [measured.result.records[name]["v"][k, :n] for k, n in zip(held, steps, strict=True)]
                found[f"layer-{name}"] = charts.membranes(name, values, [int(measured.result.prediction[k]) for k in held], window)
            else:
                fired = [measured.activity.spikes[name][k, :n] for k, n in zip(held, steps, strict=True)]
                found[f"layer-{name}"] = charts.raster(name, fired, window)
        found["spikes"] = charts.spikes_by_layer(measured)
        found["cycles"] = charts.by_mode(measured, "cycles", "clock cycles per sample")
        found["energy"] = charts.by_mode(measured, "microjoules", "microjoules per sample, an estimate")
        found["spread"] = charts.cycles_of_samples(measured)
        found["roofline"] = charts.roofline(measured)
        found["memory"] = charts.memory(measured)
        if measured.labels is not None:
            classes = 1 + int(max(measured.labels.max(), measured.result.prediction.max(), network.population(network.output).size - 1))
            found["confusion"] = charts.confusion(measured.labels, measured.result.prediction, classes)
        if self.fidelity is not None:
            found["agreement"] = charts.agreement(self.fidelity)
        return found

    def _wrong_samples(self) -> list[tuple[int, int, int]]:
        """Number, label and prediction of the first samples that were answered wrongly."""
        if self.measured.labels is None:
            return []
        wrong = np.flatnonzero(self.measured.result.prediction != self.measured.labels)[:WORST_SAMPLES]
        return [(int(k), int(self.measured.labels[k]), int(self.measured.result.prediction[k])) for k in wrong]


def report(
    program: Program,
    spikes: NDArray[Any],
    *,
    labels: NDArray[Any] | None = None,
    steps: int | None = None,
    device: str | None = None,
    sample: int = 0,
    fidelity: FidelityReport | None = None,
    board: str | None = None,
    link: int = BAUD_HZ,
    coefficients: PathLike | None = None,
) -> Report:
    """Run samples on a device and collect what a page shows of it: ``report(program, spikes).save("report.html")``.

    Parameters
    ----------
    spikes, labels, steps, device : as for :func:`~lifline.report.measurement.measure`.   sample : the one that the page opens with.
    fidelity : what :func:`~lifline.convert.quantisation.fidelity.fidelity` says of the floating-point network that the program's came from.
    board, link : of the estimate of time on a board, as for :func:`~lifline.driver.estimate.estimate`.   coefficients : of energy, as for :func:`~lifline.driver.energy.energy_model`.

    Raises
    ------
    InputError            for spikes, labels or a sample that do not fit.
    MissingLibraryError   without the libraries that draw.
    """
    charts.require()
    energy = energy_model(program.config, board=board, coefficients=coefficients)
    measured = measure(program, spikes, labels=labels, steps=steps, device=device, energy=energy)
    if not 0 <= sample < len(measured.spikes):
        raise InputError(f"sample {sample} must be in 0..{len(measured.spikes) - 1}")
    on_board = None
    if board is not None or board_for(program.config) is not None:
        on_board = estimate(program, measured.spikes, board=board, link=link, record=None, activity=measured.activity, energy=energy)
    return Report(measured, _held(measured, sample), fidelity, on_board)


def check_page(path: Path, sources: Sequence[Path] = ()) -> None:
    """Refuse, before anything has run, a page that could not be written at the end.

    Raises
    ------
    InputError    for a name that no browser takes for a page.
    OutputError   if no file can be written there.
    """
    if path.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"the page cannot be written as `{path.name}`: its name must end in .html")
    check_target(path, sources=sources)


def _held(measured: Measured, sample: int) -> tuple[int, ...]:
    """Samples whose spikes are drawn: ``sample``, then the others from the first on, while there is room."""
    spikes = np.sum([s.reshape(len(s), -1).sum(axis=1, dtype=np.int64) for s in measured.activity.spikes.values()], axis=0)
    held, room = [sample], SPIKES_HELD - int(spikes[sample])
    for k in range(len(spikes)):
        room -= int(spikes[k]) if k != sample else 0
        if room < 0 or len(held) == SAMPLES_HELD:
            break
        if k != sample:
            held.append(k)
    return tuple(held)


def _script(value: object) -> str:
    """JSON that can stand within a script element."""
    return json.dumps(value, separators=(",", ":")).replace("<", "\\u003c")


def _number(value: float, digits: int = 0) -> str:
    return f"{value:,.{digits}f}"
