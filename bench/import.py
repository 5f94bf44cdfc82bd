"""Import of the frameworks' own graphs and objects: spikes that differ from the framework's, and what 8-bit quantisation keeps.

    python bench/import.py [--graphs FOLDER] [--items N] [--per-neuron] [--only TEXT] [--json]

FOLDER holds ``X.nir`` and ``X.npz`` (``x``, ``y`` as (time, batch, ...), ``meta`` as JSON); default: ``nir`` in $LIFLINE_SHARED, or in
``shared`` beside the project. ``float_mismatches`` counts output spikes, and read-out values off by more than 1e-4, in which the
imported network differs from the framework. Predictions are compared on N random inputs of the graph's own input rate, with other
random inputs for calibration; the networks are untrained, so many outputs are close to ties.

The objects are the corpus in ``corpus/``: networks of five frameworks, plain and unusual. Each is imported and compared with its framework, layer by
layer, on random spikes that the import has not seen. ``corpus`` counts them, ``equal`` and ``refused`` are the good ends, ``silent`` imports differ,
``untyped`` end in an exception that is not lifline's, ``refused_wrongly`` ought to import, ``imported_wrongly`` cannot be right (noise).
``silent_unchecked`` is ``silent`` with ``check=False``: what the import's own check finds. ``--only`` judges the networks whose label has TEXT in it.
"""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path
from typing import Any

import corpus
import numpy as np
from rich.console import Console
from rich.table import Table

from lifline.convert.floating.evaluate import evaluate
from lifline.convert.nir.import_graph import import_nir
from lifline.convert.quantisation.fidelity import fidelity
from lifline.convert.quantisation.quantise import quantise

TOLERANCE = 1e-4
DETAIL = 100
FAULTS = ("float_mismatches", "silent", "untyped", "vacuous", "refused_wrongly", "imported_wrongly")
SEED = 1


def dialect_of(meta: dict[str, object]) -> str:
    """The preset for the framework and options that a graph's ``meta`` names."""
    framework = str(meta["framework"]).split()[0]
    if framework == "snntorch":
        options = {("subtract", True): "", ("zero", True): "_zero", ("zero", False): "_zero_now", ("subtract", False): "_subtract_now"}
        return framework + options[str(meta["reset"]), bool(meta["reset_delay"])]
    return framework


def graph_figures(graphs: list[Path], options: argparse.Namespace) -> dict[str, Any]:
    """Every graph against its framework's output, and quantised against itself in floating point."""
    table = Table("graph", "dialect", "values", "mismatches", "lowest spike agreement", "same prediction")
    mismatches, same, rows = 0, [], {}
    for path in graphs:
        with np.load(path.with_suffix(".npz")) as data:
            x, y, meta = data["x"].swapaxes(0, 1), data["y"].swapaxes(0, 1), json.loads(str(data["meta"]))
        network = import_nir(path, dialect_of(meta))
        read_out = network.population(network.output).neurons.threshold is None
        wrong = int((np.abs(evaluate(network, x).output - y) > (TOLERANCE if read_out else 0)).sum())
        rng = np.random.default_rng(SEED)
        random = [(rng.random((options.items, *x.shape[1:])) < x.mean()).astype(np.uint8) for _ in range(2)]
        report = fidelity(network, quantise(network, random[0], per_neuron=options.per_neuron), random[1])
        agreements = [layer.spike_agreement for layer in report.layers if layer.spike_agreement is not None]
        mismatches += wrong
        same.append(report.prediction_agreement)
        rows[path.stem] = {"mismatches": wrong, "spike_agreement": min(agreements), "prediction_agreement": report.prediction_agreement}
        table.add_row(path.stem, network.dialect.name, f"{y.size:,}", f"{wrong}", f"{min(agreements):.3f}", f"{same[-1]:.1%}")
    Console().print(table)
    return {"graphs": len(graphs), "float_mismatches": mismatches, "quantised_prediction_agreement": float(np.mean(same)), "by_graph": rows}


def corpus_figures(only: str) -> dict[str, int]:
    """Verdicts on the imports of the corpus, with and without the import's own check."""
    entries = [entry for entry in corpus.entries() if only in entry.label]
    verdicts = [corpus.judge(entry) for entry in entries]
    unchecked = [corpus.judge(entry, check=False) for entry in entries]
    table = Table("network", "expected", "outcome", "with check=False", "what", title="objects")
    for verdict, without in zip(verdicts, unchecked, strict=True):
        style = None if verdict.good else "bold red"
        table.add_row(verdict.entry.label, verdict.entry.expected, verdict.outcome, without.outcome, verdict.detail[:DETAIL], style=style)
    Console().print(table)
    return corpus.tally(verdicts) | {"silent_unchecked": corpus.tally(unchecked)["silent"]}


def main() -> None:
    beside = Path(os.environ.get("LIFLINE_SHARED", Path(__file__).parents[2] / "shared")) / "nir"
    parser = argparse.ArgumentParser(description="import of the frameworks' own graphs and objects")
    parser.add_argument("--graphs", type=Path, default=beside)
    parser.add_argument("--items", type=int, default=128, help="random inputs per graph")
    parser.add_argument("--per-neuron", action="store_true", help="one scale per neuron")
    parser.add_argument("--only", default="", help="judge the networks whose label contains this")
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line")
    options = parser.parse_args()
    graphs = sorted(options.graphs.glob("*.nir"))
    if not graphs:
        raise SystemExit(f"no graphs in {options.graphs}; name their folder with --graphs")
    figures = graph_figures(graphs, options) | corpus_figures(options.only)
    if options.json:
        print(json.dumps(figures))
    if any(figures[name] for name in FAULTS):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
