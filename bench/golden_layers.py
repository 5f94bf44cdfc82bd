"""Golden model against snnTorch on a convolutional and a recurrent network, with the same number of threads.

    python bench/golden_layers.py [--threads N] [--json]

The convolutional one is 34x34x2-16c3s2-32c3s2-32c3s2-10 (padding 1), T = 30, batch 64: the shape of N-MNIST, of whose input 3.7 % fire in bins of 10 ms, 5.7 % in
20 ms and 7.5 % in 30 ms (100 test recordings). The recurrent one is 140-256-20 with every hidden neuron connected to every one, T = 100, batch 256: the shape of spoken digits.
LIF neurons with a late reset by subtraction, 8-bit integer weights (snnTorch's as float32), hidden neurons that fire in 4 to 10 % of the steps; snnTorch
runs a loop over steps, as its documentation shows. Everything runs in one process, in turns, and the best of several runs counts. Without leak all
arithmetic is exact, and the benchmark first checks that both then give the same output spikes.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parent))

from golden import best_of  # noqa: E402

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from lifline.network.model import Neurons

    Run = Callable[[], NDArray[np.uint8]]

LEAK, WEIGHT_SCALE, SEED = 0.1, 24, 1
RATES = (0.037, 0.05, 0.10)
REFERENCE_RATE = 0.05
CONVOLUTIONS = ((16, 2), (32, 16), (32, 32))
IMAGE, CLASSES = 34, 10
INPUTS, HIDDEN, OUTPUTS = 140, 256, 20


def neurons(theta: int, leak: float) -> Neurons:
    from lifline.network.model import Neurons, ResetRule

    return Neurons(threshold=theta, decay_v=round(4096 * leak), reset=ResetRule.LATE_SUBTRACT)


def threshold(taps: float, factor: float) -> int:
    """Where ``taps`` inputs fire at once: ``factor`` standard deviations of their sum."""
    return int(WEIGHT_SCALE * taps**0.5 * factor)


def drawn_weights(rng: np.random.Generator, *shape: int) -> NDArray[np.int64]:
    import numpy as np

    return np.clip(np.rint(rng.normal(0, WEIGHT_SCALE, shape)), -127, 127).astype(np.int64)


def stepwise(layers: Callable[[torch.Tensor], torch.Tensor], start: Callable[[], None], spikes: NDArray[np.uint8]) -> Run:
    """A run of snnTorch: ``layers`` step by step, after ``start``."""
    import torch

    time_first = torch.from_numpy(spikes).float().transpose(0, 1).contiguous()

    @torch.inference_mode()
    def run() -> NDArray[np.uint8]:
        start()
        return torch.stack([layers(step) for step in time_first], dim=1).numpy()

    return run


def convolutional(rate: float, leak: float, threads: int) -> dict[str, Run]:
    """Functions that run the same spikes through both; (batch, time, class) each."""
    import numpy as np
    import snntorch
    import torch

    from lifline.network.connections.convolution import Convolution
    from lifline.network.model import Network, Population, Projection
    from lifline.sim.golden.model import GoldenModel

    rng = np.random.default_rng(SEED)
    populations, projections, thetas = [Population("input", (2, IMAGE, IMAGE))], [], []
    for k, shape in enumerate(CONVOLUTIONS):
        connection, weights = Convolution(stride=2, padding=1), drawn_weights(rng, *shape, 3, 3)
        made = connection.output_shape(populations[-1].shape, weights)
        thetas.append(threshold(9 * shape[1] * 0.05, 1.5))
        projections.append(Projection(source=populations[-1].name, target=f"layer{k}", weights=weights, connection=connection))
        populations.append(Population(f"layer{k}", made, neurons(thetas[-1], leak)))
    thetas.append(threshold(populations[-1].size * 0.05, 1.5))
    projections.append(Projection(source=populations[-1].name, target="out", weights=drawn_weights(rng, CLASSES, populations[-1].size)))
    populations.append(Population("out", (CLASSES,), neurons(thetas[-1], leak)))
    network = Network(name="convolutional", populations=tuple(populations), projections=tuple(projections), output="out")
    golden = GoldenModel(network, threads=threads)
    spikes = (rng.random((64, 30, network.input.size)) < rate).astype(np.uint8)

    weights = [torch.tensor(p.weights, dtype=torch.float32) for p in projections]
    leaky = [snntorch.Leaky(beta=1 - round(4096 * leak) / 4096, threshold=float(theta), reset_mechanism="subtract") for theta in thetas]
    membranes: list[torch.Tensor] = []

    def layers(step: torch.Tensor) -> torch.Tensor:
        values = step.reshape(-1, 2, IMAGE, IMAGE)
        for k, weight in enumerate(weights):
            last = weight.ndim == 2
            current = values.flatten(1) @ weight.T if last else torch.nn.functional.conv2d(values, weight, stride=2, padding=1)
            values, membranes[k] = leaky[k](current, membranes[k])
        return values

    def start() -> None:
        membranes[:] = [torch.zeros(1) for _ in weights]

    return {"golden": lambda: golden.run(spikes).output_spikes, "snntorch": stepwise(layers, start, spikes)}


def recurrent(rate: float, leak: float, threads: int) -> dict[str, Run]:
    """Functions that run the same spikes through both; (batch, time, output) each."""
    import numpy as np
    import snntorch
    import torch

    from lifline.network.model import Network, Population, Projection
    from lifline.sim.golden.model import GoldenModel

    rng = np.random.default_rng(SEED)
    into, inside, out = drawn_weights(rng, HIDDEN, INPUTS), drawn_weights(rng, HIDDEN, HIDDEN), drawn_weights(rng, OUTPUTS, HIDDEN)
    theta, last = threshold((INPUTS + HIDDEN) * 0.05, 2.3), threshold(HIDDEN * 0.05, 2.3)
    network = Network(
        name="recurrent", output="out",
        populations=(Population("input", (INPUTS,)), Population("hidden", (HIDDEN,), neurons(theta, leak)), Population("out", (OUTPUTS,), neurons(last, leak))),
        projections=(
            Projection(source="input", target="hidden", weights=into),
            Projection(source="hidden", target="hidden", weights=inside, delays=1),
            Projection(source="hidden", target="out", weights=out),
        ),
    )  # fmt: skip
    golden = GoldenModel(network, threads=threads)
    spikes = (rng.random((256, 100, INPUTS)) < rate).astype(np.uint8)

    beta = 1 - round(4096 * leak) / 4096
    hidden = snntorch.RLeaky(beta=beta, linear_features=HIDDEN, threshold=float(theta), reset_mechanism="subtract")
    hidden.recurrent.weight.data = torch.from_numpy(inside).float()
    hidden.recurrent.bias.data.zero_()
    leaky = snntorch.Leaky(beta=beta, threshold=float(last), reset_mechanism="subtract")
    first, second = (torch.from_numpy(w).float().T.contiguous() for w in (into, out))
    state: dict[str, Any] = {}

    def layers(step: torch.Tensor) -> torch.Tensor:
        state["spikes"], state["v"] = hidden(step @ first, state["spikes"], state["v"])
        values, state["out"] = leaky(state["spikes"] @ second, state["out"])
        return values

    def start() -> None:
        state.update(spikes=torch.zeros(1), v=torch.zeros(1), out=torch.zeros(1))

    return {"golden": lambda: golden.run(spikes).output_spikes, "snntorch": stepwise(layers, start, spikes)}


NETWORKS = {"convolutional": convolutional, "recurrent": recurrent}


def check(name: str, threads: int) -> int:
    """Number of output spikes that both agree on without leak; ends the program if any differs."""
    outputs = {who: run() for who, run in NETWORKS[name](REFERENCE_RATE, 0.0, threads).items()}
    wrong = int((outputs["golden"] != outputs["snntorch"]).sum())
    if wrong:
        raise SystemExit(f"{name}: the golden model and snnTorch differ in {wrong} of {outputs['golden'].size} output values; they must not")
    return int(outputs["golden"].sum())


def main() -> None:
    parser = argparse.ArgumentParser(description="golden model against snnTorch on convolutions and recurrence")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--rounds", type=int, default=5, help="runs of each, the best counts")
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line")
    options = parser.parse_args()
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = str(options.threads)  # before NumPy and torch are imported

    import torch
    from rich.console import Console
    from rich.table import Table

    torch.set_num_threads(options.threads)
    table = Table(title=f"{options.threads} threads: samples per second")
    for column in ("network", "input rate", "golden", "snnTorch", "speed-up"):
        table.add_column(column, justify="right")
    rows, agreed = [], {name: check(name, options.threads) for name in NETWORKS}
    for name, build in NETWORKS.items():
        for rate in RATES:
            runs = build(rate, LEAK, options.threads)
            batch = len(runs["golden"]())
            times = best_of(runs, options.rounds)
            rows.append({"network": name, "rate": rate, "speedup": times["snntorch"] / times["golden"]} | {who: batch / s for who, s in times.items()})
            table.add_row(name, f"{rate:.1%}", f"{rows[-1]['golden']:,.0f}", f"{rows[-1]['snntorch']:,.0f}", f"{rows[-1]['speedup']:.1f}")
    table.caption = f"without leak both give the same output spikes ({agreed['convolutional']:,} and {agreed['recurrent']:,} compared)"
    Console().print(table)
    if options.json:
        speedups = {row["network"]: row["speedup"] for row in rows if row["rate"] == REFERENCE_RATE}
        print(json.dumps({"threads": options.threads, "speedups": speedups, "rows": rows}))


if __name__ == "__main__":
    main()
