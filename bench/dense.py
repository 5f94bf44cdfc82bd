"""The digits network beside dense networks in 8-bit integers that are as often right, in bits; and NeuroBench's figures of it.

    python bench/dense.py [--seeds 3] [--json]

A dense network takes the 64 pixels at once, as what they are: brightness from 0 to 16. Networks without and with a hidden layer of rectified units are trained with scikit-learn on
the digits' training images; weights become 8-bit integers with one scale for each layer, activations 8-bit integers with the largest one of the training images as their limit, biases
32-bit ones; they are run in these integers. Of every size the median of the seeds counts, by its share of right answers on the test images; the smallest that is as often right as the
spiking network in a given width is set beside it (the test images choose it, as they do in every comparison at equal accuracy).

Counted for one image: synaptic operations (a weight is added, for a spike) or multiplications with an addition; bits of weights read for them; bits of membranes, or of
activations, read and written; bits of memory for all of it. The energy that reading weights takes has one coefficient for both; that of a multiplication has none in this
project, so that there is no energy of the dense network.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from lifline.arch.errors import MissingLibraryError
from lifline.boards.board import board
from lifline.data import digits
from lifline.driver.energy import energy_model
from lifline.driver.predict import record_activity
from lifline.explore.candidate import Candidate
from lifline.explore.evaluate import Problem, network_of
from lifline.explore.requantise import CALIBRATED, IntegerSource
from lifline.network.model import Network
from lifline.report.neurobench import neurobench_metrics
from lifline.sim.golden.model import GoldenModel

HIDDEN = (0, 4, 8, 12, 16, 24, 32, 48, 64, 96, 128)
"""Hidden units of the dense networks that are tried."""
WIDTHS = ((8, 18), (4, 14), (2, 14))
"""Bits of weights and of membranes of the spiking network."""
BITS, BIAS_BITS = 8, 32
BOARD = "ulx3s-25f"
"""Only widths are taken of the candidate that names it, and what reading a weight bit costs on its chip."""


@dataclass(frozen=True)
class Row:
    """A network's budget for one image; ``read_microjoules``: of reading weights, an estimate (docs/energy.md)."""

    network: str
    accuracy: float
    weights: int
    operations: float
    weight_bits_read: float
    state_bits_moved: float
    memory_bits: int
    read_microjoules: float


@dataclass(frozen=True)
class Layer:
    """Weights (output, input) and biases in integers, and by what sums become activations of the next layer; None: they are scores."""

    weights: NDArray[np.int64]
    biases: NDArray[np.int64]
    factor: float | None

    def run(self, activations: NDArray[np.int64]) -> NDArray[np.int64]:
        sums = activations @ self.weights.T + self.biases
        return sums if self.factor is None else np.clip(np.rint(sums * self.factor), 0, 2**BITS - 1).astype(np.int64)


def trained(hidden: int, seed: int) -> list[Layer]:
    """A dense network in integers."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier

    images, labels = digits.load("train")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        if hidden:
            made = MLPClassifier((hidden,), random_state=seed, max_iter=400, alpha=1e-3).fit(images / digits.LEVELS, labels)
            exact = list(zip([w.T for w in made.coefs_], made.intercepts_, strict=True))
        else:
            flat = LogisticRegression(max_iter=2000, random_state=seed).fit(images / digits.LEVELS, labels)
            exact = [(flat.coef_, flat.intercept_)]
    return in_integers(exact, images)


def in_integers(exact: list[tuple[NDArray[np.float64], NDArray[np.float64]]], images: NDArray[np.float64]) -> list[Layer]:
    """Layers in 8 bits; ``scale``: what one unit of an integer activation is worth."""
    layers, scale, activations = [], 1 / digits.LEVELS, images / digits.LEVELS
    for k, (weights, biases) in enumerate(exact):
        step = np.abs(weights).max() / (2 ** (BITS - 1) - 1)
        activations = np.maximum(activations @ weights.T + biases, 0)
        following = float(activations.max()) / (2**BITS - 1)
        whole = np.rint(weights / step).astype(np.int64), np.rint(biases / (step * scale)).astype(np.int64)
        layers.append(Layer(*whole, step * scale / following if k + 1 < len(exact) else None))
        scale = following
    return layers


def accuracy_of(layers: list[Layer]) -> float:
    """Share of the test images that it gets right, in integers."""
    images, labels = digits.load("test")
    activations = images.astype(np.int64)
    for layer in layers:
        activations = layer.run(activations)
    return float((activations.argmax(axis=1) == labels).mean())


def reading_uj() -> float:
    """What a weight bit that is read switches, on the board's chip."""
    config = board(BOARD).configuration()
    return energy_model(config, board=BOARD).rates(config).weight_bit.total


def dense_row(hidden: int, seeds: int) -> Row:
    layers = [trained(hidden, seed) for seed in range(seeds)]
    shapes = [layer.weights.shape for layer in layers[0]]
    macs, outputs, inputs = sum(a * b for a, b in shapes), sum(a for a, _ in shapes), shapes[0][1]
    # Every activation is written once and read once; the pixels are only read.
    moved, memory = (2 * outputs + inputs) * BITS, macs * BITS + outputs * BIAS_BITS + (inputs + outputs) * BITS
    return Row(
        f"dense, {hidden} hidden" if hidden else "dense, no hidden", statistics.median(map(accuracy_of, layers)), macs, macs, macs * BITS, moved, memory,
        macs * BITS * reading_uj(),
    )  # fmt: skip


def dense_rows(sizes: list[int], seeds: int, wanted: float) -> list[Row]:
    """From the fewest hidden units to the first that is right as often as is wanted."""
    rows: list[Row] = []
    for hidden in sizes:
        rows.append(dense_row(hidden, seeds))
        if rows[-1].accuracy >= wanted:
            break
    return rows


def spiking_row(network: Network, weight_bits: int) -> Row:
    images, labels = digits.load("test")
    spikes = digits.encode(images)
    activity = record_activity(network, spikes)
    operations = sum(activity.operations(q.source, q.fan_out()) for q in network.projections)
    neurons = sum(p.size for p in network.populations if p.neurons is not None)
    weights = sum(q.weights.size for q in network.projections)
    # A ring has a bit for every neuron and every step until its last spike has arrived.
    rings = sum(network.population(q.source).size * (1 + q.longest_delay) for q in network.projections)
    moved = 2 * neurons * float(activity.steps.mean()) * network.state_bits
    return Row(
        f"spiking, {weight_bits} bits", float((GoldenModel(network).run(spikes).prediction == labels).mean()), weights, operations, operations * weight_bits, moved,
        weights * weight_bits + neurons * network.state_bits + rings, operations * weight_bits * reading_uj(),
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3, help="trainings of every dense size")
    parser.add_argument("--hidden", type=int, nargs="*", default=list(HIDDEN), help="sizes of the dense networks")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    images, labels = digits.load("test")
    spikes, original = digits.encode(images), digits.network()
    source = IntegerSource(original, digits.encode(digits.load("train")[0][:CALIBRATED]))
    with tempfile.TemporaryDirectory() as folder:
        problem = Problem(source=source, spikes=spikes, labels=labels, cache=Path(folder))
        spiking = [spiking_row(network_of(problem, Candidate(board=BOARD, weight_bits=w, state_bits=s)), w) for w, s in WIDTHS]
    dense = dense_rows(sorted(options.hidden), options.seeds, max(row.accuracy for row in spiking))
    pairs = [(row, min((other for other in dense if other.accuracy >= row.accuracy), key=lambda r: r.weights, default=None)) for row in spiking]
    try:
        measured: dict[str, Any] | None = neurobench_metrics(original, spikes, labels)
    except MissingLibraryError:
        measured = None
    figures = {
        "pairs": [{"spiking": dataclasses.asdict(row), "dense": other and dataclasses.asdict(other)} for row, other in pairs],
        "dense": [dataclasses.asdict(row) for row in dense], "neurobench": measured,
    }  # fmt: skip
    show(Console(stderr=True), pairs, measured)
    if options.json:
        print(json.dumps(figures))


def show(console: Console, pairs: list[tuple[Row, Row | None]], measured: dict[str, Any] | None) -> None:
    table = Table("network", "right", "weights", "operations", "weight bits read", "state bits moved", "memory bits", "reading uJ", title="one image")
    for pair in pairs:
        for row in filter(None, pair):
            last = row is (pair[1] or pair[0])
            table.add_row(
                row.network, f"{row.accuracy:.1%}", f"{row.weights:,}", f"{row.operations:,.0f}", f"{row.weight_bits_read:,.0f}", f"{row.state_bits_moved:,.0f}",
                f"{row.memory_bits:,}", f"{row.read_microjoules:.3f}", end_section=last,
            )  # fmt: skip
    console.print(table)
    console.print("NeuroBench: not installed (extra `neurobench`)" if measured is None else measured)


if __name__ == "__main__":
    main()
