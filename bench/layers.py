"""One layer of each kind with its update: cycles per step on the simulated board, by the cycle model, and what the lanes do meanwhile.

    python bench/layers.py [--preset conv] [--rate 0.05 --rate 0.2] [--burst 4] [--steps 128] [--only TEXT] [--model] [--json]

Every input neuron fires in bursts of mean length ``--burst``, ``--rate`` of all neurons in each step. One row per layer, mode that it has, kind of extra (a
bias per channel, a tenth of the channels delayed, all spikes recorded) and rate:

``cycles``: busy cycles per step, on the simulated board; ``model_cycles``: the same by the cycle model; they are equal, or ``cycle_model_errors`` counts the row.
``accumulate_cycles``: those of them in which input is added up, from a step's first scan to its last sum. ``useful_sop_per_cycle``: synapses that a spike
arrives at, by ``cycles``. ``lane_use``: the same by ``accumulate_cycles`` and lanes. ``memory``: words used. ``preset``: ``conv-deep`` where a
layer with its input would not fit: the same with deeper memories, which changes no cycle. With ``--model`` nothing runs on the simulated board, and ``cycles`` is missing; it also is where records fill the
output memory (``waited_for_host``), because the board does not count what goes on meanwhile. ``speedups``: cycles in event mode by those in dense mode, of
every layer that has both.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
from modes import bursty
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track
from rich.table import Table

from lifline.arch.arithmetic import DECAY_ONE
from lifline.arch.config import Config, preset
from lifline.arch.errors import CompileError
from lifline.arch.program import Mode
from lifline.compiler.checks import wherever_it_exists
from lifline.compiler.compile import compile_network
from lifline.compiler.program import Program
from lifline.driver import device
from lifline.driver.predict import Activity, predict, record_activity
from lifline.network.connections.convolution import Convolution
from lifline.network.connections.fully_connected import FullyConnected
from lifline.network.connections.identity import Identity
from lifline.network.connections.kind import Connection, Shape
from lifline.network.connections.pooling import Pooling
from lifline.network.connections.sparse import Sparse
from lifline.network.model import Network, Neurons, Population, Projection
from lifline.sim.golden.model import GoldenModel

EXTRAS = ("", "bias per channel", "delays", "recorded")
DELAY = 4
"""Steps, of every tenth channel."""
DEEPER = {"weight_words": 4096, "delay_entries": 8192, "neuron_words": 4096, "ring_words": 16384, "max_neurons": 16384, "output_words": 4096}


@dataclasses.dataclass(frozen=True)
class Layer:
    """A projection from the input of shape ``source``, with weights of shape ``weights``.

    ``block`` : three of them, one after the other, of which the last one takes the sum of the second's spikes and the input's: a residual block (SEW-ADD) and
    what reads it, through one set of weights.
    """

    kind: str
    source: Shape
    connection: Connection
    weights: Shape
    block: bool = False


NEAR = Sparse(*np.nonzero(np.abs(np.subtract.outer(np.arange(256), np.arange(256))) <= 12))
"""Each neuron with those of the closest numbers."""

LAYERS = (
    Layer("fully connected 256 -> 256", (256,), FullyConnected(), (256, 256)),
    Layer("3x3 convolution 16 -> 32", (16, 16, 16), Convolution(padding=1), (32, 16, 3, 3)),
    Layer("3x3 convolution 32 -> 64, stride 2", (32, 16, 16), Convolution(stride=2, padding=1), (64, 32, 3, 3)),
    Layer("1x1 convolution 32 -> 32", (32, 16, 16), Convolution(), (32, 32, 1, 1)),
    Layer("1x1 convolution 32 -> 64, stride 2", (32, 16, 16), Convolution(stride=2), (64, 32, 1, 1)),
    Layer("1-D convolution of 3, 32 -> 32", (32, 40), Convolution(padding=1), (32, 32, 3)),
    Layer("depthwise 3x3 32", (32, 16, 16), Convolution(padding=1, groups=32), (32, 1, 3, 3)),
    Layer("2x2 pooling 32", (32, 16, 16), Pooling(2), (1,)),
    Layer("2x2 pooling 32 of 15x15", (32, 15, 15), Pooling(2), (1,)),
    Layer("identity 32", (32, 16, 16), Identity(), (1,)),
    Layer("residual block of 3x3 16", (16, 16, 16), Convolution(padding=1), (16, 16, 3, 3), block=True),
    Layer("sparse 256 -> 256, the 25 closest", (256,), NEAR, NEAR.sources.shape),
)


def network_of(layer: Layer, config: Config, extra: str, spikes: NDArray[np.uint8]) -> Network:
    """The layer behind an input. Its neurons hardly fire, so that rows differ in what goes in; only those that are recorded do, and those within a block,
    about as often as the input's, which fire as in ``spikes``."""
    rng = np.random.default_rng(0)
    target = layer.source if isinstance(layer.connection, Identity) else layer.connection.output_shape(layer.source, np.ones(layer.weights, np.int64))
    channels = np.arange(target[0])
    bias: Any = np.repeat(channels % 3, np.prod(target[1:], dtype=int)) if extra == "bias per channel" else 0
    delays = np.where(np.arange(layer.source[0]) % 10 == 9, DELAY, 0) if extra == "delays" else None
    populations, projections = [Population("in", layer.source)], []
    for name in ("first", "second", "out") if layer.block else ("out",):
        weights = rng.integers(-20, 21, layer.weights) if layer.block else np.ones(layer.weights, np.int64)
        for source in dict.fromkeys((populations[-1].name, "in") if name == "out" else (populations[-1].name,)):
            projections.append(Projection(source=source, target=name, weights=weights, connection=layer.connection, delays=delays if source == "in" else None))
        neurons = Neurons(threshold=32 if extra == "recorded" else config.state_max, decay_v=200, bias=bias)
        populations.append(Population(name, target, neurons))
        network = Network(name="layer", populations=tuple(populations), projections=tuple(projections), output=name, state_bits=config.state_bits)
        if layer.block and name != "out":
            v = GoldenModel(network).run(spikes, record=f"{name}.v").records[name]["v"]
            fires = dataclasses.replace(neurons, threshold=int(np.quantile(np.abs(np.diff(v, axis=1)), 1 - spikes.mean())), decay_v=DECAY_ONE)
            populations[-1] = Population(name, target, fires)
    return network


def compiled(network: Network, config: Config, mode: Mode) -> tuple[Program, Config]:
    """A program, for a configuration with deeper memories if it does not fit this one."""
    try:
        return compile_network(network, config, mode), config
    except CompileError:
        deeper = config.replace(name=f"{config.name}-deep", **{name: words for name, words in DEEPER.items() if getattr(config, name) < words})
        return compile_network(network, deeper, mode), deeper


def modes_of(layer: Layer, config: Config) -> list[Mode]:
    """The modes that a layer has."""
    [mode] = wherever_it_exists(network_of(dataclasses.replace(layer, block=False), config, "", np.zeros(0, np.uint8)), Mode.DENSE).values()
    return [Mode.EVENT, mode][: 1 + (mode is Mode.DENSE)]


def measure(
    layer: Layer, mode: Mode, extra: str, rate: float, config: Config, steps: int, burst: int, boards: dict[str, device.LinkedDevice] | None
) -> dict[str, Any]:
    """One row."""
    spikes = bursty(np.random.default_rng(0), steps, int(np.prod(layer.source)), rate, burst)
    network = network_of(layer, config, extra, spikes)
    program, config = compiled(network, config, mode)
    activity = record_activity(network, spikes)
    record = ["all"] if extra == "recorded" else None
    [costs] = predict(program, config, activity, record=record)
    operations = sum(_operations(activity, projection) for projection in network.projections)
    accumulate = float(costs.accumulate.sum()) / steps
    row: dict[str, Any] = {
        "kind": layer.kind, "extra": extra, "mode": mode.name.lower(), "preset": config.name, "rate": rate, "burst": burst, "steps": steps,
        "spikes_per_step": float(spikes.sum()) / steps, "model_cycles": costs.busy_cycles / steps, "accumulate_cycles": accumulate,
        "useful_sop_per_cycle": operations / costs.busy_cycles, "lane_use": operations / steps / accumulate / config.event_lanes,
        "memory": {name: used for name, (used, _) in program.memory.items()},
    }  # fmt: skip
    if boards is not None:
        busy = _counted(boards, config, program, spikes, record)
        row |= {"waited_for_host": True} if busy is None else {"cycles": busy / steps}
    return row


def _operations(activity: Activity, projection: Projection) -> int:
    """Synapses at which a spike arrives during the run."""
    [spikes] = activity.spikes[projection.source]
    arrived = np.array([spikes[: max(len(spikes) - delay, 0), k].sum() for k, delay in enumerate(projection.delay_vector())])
    return int((arrived * projection.fan_out()).sum())


def _counted(boards: dict[str, device.LinkedDevice], config: Config, program: Program, spikes: NDArray[np.uint8], record: list[str] | None) -> int | None:
    """Busy cycles on the simulated board; None if it had to wait for a host that takes records more slowly than they come."""
    if config.name not in boards:
        opened = device.open(f"sim:{config.name}", config=config)
        assert isinstance(opened, device.LinkedDevice)
        boards[config.name] = opened
    board = boards[config.name]
    board.load(program)
    if record is None:
        return int(board.count(spikes)[1].busy[0])
    cycles = board.run(spikes, record=record).cycles
    assert cycles is not None
    return None if cycles.stall_output[0] else int(cycles.busy[0])


def rows(options: argparse.Namespace, console: Console) -> Iterator[dict[str, Any]]:
    boards: dict[str, device.LinkedDevice] | None = None if options.model else {}
    config = preset(options.preset)
    chosen = [(layer, extra) for layer in LAYERS for extra in EXTRAS if options.only in f"{layer.kind}, {extra}"]
    wanted = [(layer, mode, extra, rate) for layer, extra in chosen for mode in modes_of(layer, config) for rate in options.rate or (0.05, 0.2)]
    try:
        for layer, mode, extra, rate in track(wanted, "layers", console=console, transient=True):
            yield measure(layer, mode, extra, rate, config, options.steps, options.burst, boards)
    finally:
        for board in (boards or {}).values():
            board.close()


def speedups(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Event mode's cycles by dense mode's, of every kind, extra and rate that was measured in both."""
    by_mode = {(row["kind"], row["extra"], row["rate"], row["mode"]): row.get("cycles", row["model_cycles"]) for row in found}
    return [
        {"kind": kind, "extra": extra, "rate": rate, "speedup": by_mode[kind, extra, rate, "event"] / cycles}
        for (kind, extra, rate, mode), cycles in by_mode.items()
        if mode == "dense"
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="conv")
    parser.add_argument("--rate", type=float, action="append", help="share of neurons that fire in a step; may be given several times")
    parser.add_argument("--burst", type=int, default=4, help="mean length of a burst in steps")
    parser.add_argument("--steps", type=int, default=128, help="so many that clearing the rings at the start counts for little")
    parser.add_argument("--only", default="", metavar="TEXT", help="rows whose kind and extra have TEXT in them")
    parser.add_argument("--model", action="store_true", help="by the cycle model alone")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    console = Console(stderr=True, width=120)
    found = list(rows(options, console))
    faster = speedups(found)
    table = Table("layer", "", "mode", "rate", "cycles", "accumulating", "SOP / cycle", "lane use", title=f"cycles per step, `{options.preset}`, bursts of {options.burst}")
    for row in found:
        table.add_row(
            row["kind"], row["extra"], row["mode"], f"{row['rate']:.0%}", f"{row.get('cycles', row['model_cycles']):,.0f}", f"{row['accumulate_cycles']:,.0f}",
            f"{row['useful_sop_per_cycle']:.1f}", f"{row['lane_use']:.1%}",
        )  # fmt: skip
    for column in table.columns:
        column.no_wrap = True
    console.print(table)
    errors = sum(row.get("cycles", row["model_cycles"]) != row["model_cycles"] for row in found)
    console.print(f"rows that differ from the cycle model: {errors}")
    if options.json:
        print(json.dumps({"rows": found, "speedups": faster, "cycle_model_errors": errors}))


if __name__ == "__main__":
    main()
