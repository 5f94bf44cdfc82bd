"""Golden model against snnTorch and SpikingJelly on one fully connected network, with the same number of threads.

    python bench/golden.py [--threads N] [--json]

The network is 784-256-128-10 with T = 25 and batch 256, LIF neurons with reset by subtraction. All get the same 8-bit integer
weights (the frameworks as float32) and the same spikes; each runs as its documentation shows for inference on a CPU: snnTorch
a loop over steps, SpikingJelly in multi-step mode. The golden model runs with the reset of the one it is compared with:
snnTorch's is one step late, SpikingJelly's immediate. Everything runs in one process, in turns, and the best of several runs counts.
The frameworks leak in float, the golden model rounds as the hardware does, so spikes drift apart; without leak all arithmetic is
exact, and the benchmark first checks that all three then give the same spikes, every one of them.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SIZES = (784, 256, 128, 10)
STEPS, BATCH = 25, 256
LEAK, WEIGHT_SCALE, SEED = 0.1, 24, 1
RATES = (0.02, 0.10, 0.30)
REFERENCE_RATE = 0.10


class Timing(NamedTuple):
    """Samples per second at one input rate."""

    golden_late: float
    golden_now: float
    snntorch: float
    spikingjelly: float


def best_of(functions: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Shortest time in seconds of each function, run in turns so that all of them see the same machine; the first turn warms up."""
    times = {name: float("inf") for name in functions}
    for name in list(functions) * rounds:
        start = time.perf_counter()
        functions[name]()
        times[name] = min(times[name], time.perf_counter() - start)
    return times


def build(rate: float, leak: float, threads: int) -> dict[str, Callable[[], NDArray[np.uint8]]]:
    """Functions that run the same spikes through the golden model (both resets), snnTorch and SpikingJelly; (batch, time, 10) each."""
    import numpy as np
    import snntorch
    import torch
    from spikingjelly.activation_based import functional, layer, neuron

    from lifline.network.model import Network, Neurons, Population, Projection, ResetRule
    from lifline.sim.golden.model import GoldenModel

    torch.set_num_threads(threads)
    rng = np.random.default_rng(SEED)
    decay = round(4096 * leak)
    thetas = [int(WEIGHT_SCALE * np.sqrt(size * 0.1) * 1.5) for size in SIZES[:-1]]
    weights = [np.clip(np.rint(rng.normal(0, WEIGHT_SCALE, (b, a))), -127, 127) for a, b in zip(SIZES[:-1], SIZES[1:], strict=True)]
    spikes = (rng.random((BATCH, STEPS, SIZES[0])) < rate).astype(np.uint8)

    def golden(reset: ResetRule, strict: bool) -> GoldenModel:
        populations, projections = [Population("input", (SIZES[0],))], []
        for k, w in enumerate(weights):
            name = f"layer{k + 1}"
            neurons = Neurons(threshold=thetas[k], decay_v=decay, reset=reset, strict=strict)
            projections.append(Projection(source=populations[-1].name, target=name, weights=w.astype(np.int64)))
            populations.append(Population(name, (len(w),), neurons))
        network = Network(name="bench", populations=tuple(populations), projections=tuple(projections), output=populations[-1].name)
        return GoldenModel(network, threads=threads)

    def linear(kind: type, k: int, **options: str) -> torch.nn.Module:
        module = kind(SIZES[k], SIZES[k + 1], bias=False, **options)
        module.weight.data = torch.from_numpy(weights[k]).float()
        return module

    def jelly_neuron(theta: int) -> torch.nn.Module:
        if decay == 0:
            return neuron.IFNode(v_threshold=float(theta), v_reset=None, step_mode="m")
        # With decay_input=False its update is v += x - v / tau.
        return neuron.LIFNode(tau=4096 / decay, decay_input=False, v_threshold=float(theta), v_reset=None, step_mode="m")

    linears = [linear(torch.nn.Linear, k) for k in range(3)]
    leaky = [snntorch.Leaky(beta=1 - decay / 4096, threshold=float(theta), reset_mechanism="subtract") for theta in thetas]
    pairs = [(linear(layer.Linear, k, step_mode="m"), jelly_neuron(theta)) for k, theta in enumerate(thetas)]
    jelly = torch.nn.Sequential(*(module for pair in pairs for module in pair)).eval()
    time_first = torch.from_numpy(spikes).float().transpose(0, 1).contiguous()

    @torch.inference_mode()
    def run_snntorch() -> NDArray[np.uint8]:
        membranes = [torch.zeros(1) for _ in leaky]
        outputs = []
        for step in time_first:
            values = step
            for k in range(3):
                values, membranes[k] = leaky[k](linears[k](values), membranes[k])
            outputs.append(values)
        return torch.stack(outputs, dim=1).numpy()

    @torch.inference_mode()
    def run_spikingjelly() -> NDArray[np.uint8]:
        functional.reset_net(jelly)
        return jelly(time_first).transpose(0, 1).numpy()

    late, now = golden(ResetRule.LATE_SUBTRACT, strict=True), golden(ResetRule.NOW_SUBTRACT, strict=False)
    return {
        "golden_late": lambda: late.run(spikes).output_spikes,
        "golden_now": lambda: now.run(spikes).output_spikes,
        "snntorch": run_snntorch,
        "spikingjelly": run_spikingjelly,
    }


def check(threads: int) -> int:
    """Number of output spikes that all three agree on without leak; ends the program if any spike differs."""
    outputs = {name: run() for name, run in build(REFERENCE_RATE, 0.0, threads).items()}
    for golden, other in (("golden_late", "snntorch"), ("golden_now", "spikingjelly")):
        wrong = int((outputs[golden] != outputs[other]).sum())
        if wrong:
            raise SystemExit(f"the golden model and {other} differ in {wrong} of {outputs[other].size} output values; they must not")
    return int(outputs["golden_late"].sum() + outputs["golden_now"].sum())


def measure(rate: float, threads: int, rounds: int) -> Timing:
    """Run all at one input rate."""
    times = best_of(build(rate, LEAK, threads), rounds)
    return Timing(**{name: BATCH / seconds for name, seconds in times.items()})


def main() -> None:
    parser = argparse.ArgumentParser(description="golden model against snnTorch and SpikingJelly")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--rounds", type=int, default=7, help="runs of each, the best counts")
    parser.add_argument("--json", action="store_true", help="one JSON object on the last line")
    options = parser.parse_args()
    for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = str(options.threads)  # before NumPy and torch are imported

    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"{'-'.join(map(str, SIZES))}, T = {STEPS}, batch {BATCH}, {options.threads} threads: samples per second")
    for column in ("input rate", "golden, late reset", "snnTorch", "speed-up", "golden, immediate", "SpikingJelly", "speed-up"):
        table.add_column(column, justify="right")
    agreed = check(options.threads)
    rates = {}
    for rate in RATES:
        m = measure(rate, options.threads, options.rounds)
        against_torch, against_jelly = m.golden_late / m.snntorch, m.golden_now / m.spikingjelly
        rates[rate] = {
            "samples_per_s": m.golden_now, "speedup_snntorch": against_torch, "speedup_spikingjelly": against_jelly,
            "samples_per_s_late_reset": m.golden_late, "samples_per_s_snntorch": m.snntorch, "samples_per_s_spikingjelly": m.spikingjelly,
        }  # fmt: skip
        table.add_row(
            f"{rate:.0%}",
            f"{m.golden_late:,.0f}", f"{m.snntorch:,.0f}", f"{against_torch:.1f}",
            f"{m.golden_now:,.0f}", f"{m.spikingjelly:,.0f}", f"{against_jelly:.1f}",
        )  # fmt: skip
    table.caption = f"without leak all three give the same output spikes ({agreed:,} compared)"
    Console().print(table)
    if options.json:
        keys = ("samples_per_s", "speedup_snntorch", "speedup_spikingjelly")
        others = {f"{rate:g}": values for rate, values in rates.items() if rate != REFERENCE_RATE}
        print(json.dumps({**{key: rates[REFERENCE_RATE][key] for key in keys}, "threads": options.threads, "rates": others}))


if __name__ == "__main__":
    main()
