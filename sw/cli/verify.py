"""Random networks on the simulated board against the golden model and the cycle model, and faults that must be found."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lifline.arch.config import Config
from lifline.arch.config_file import configuration
from lifline.arch.errors import LiflineError
from lifline.compiler.compile import compile_network
from lifline.compiler.program import Program
from lifline.compiler.random_layouts import compile_with_random_layouts, drawn_modes
from lifline.driver import device as devices
from lifline.driver import trace
from lifline.driver.link import Link
from lifline.driver.predict import activity_of, predict
from lifline.network.result import Counters, Cycles, RunResult, parse_records, with_output
from lifline.sim.board.simulated import CompiledBoard
from lifline.sim.golden.model import GoldenModel
from lifline.sim.random.network import random_modes, random_network, random_spikes
from lifline.sim.random.neurons import long_run
from lifline.sim.random.variants import VARIANTS

from . import faults
from .coverage import asked_for, exercised

OUTPUT_FULL = "output memory full"
ALONE = (OUTPUT_FULL,)
"""Why cycles of a run are not compared, but those of a second one that sends nothing."""


def differs(expected: RunResult, actual: RunResult) -> bool:
    """Whether any spike, recorded state, counter or step count differs."""
    if (expected.steps != actual.steps).any() or (expected.output_spikes != actual.output_spikes).any():
        return True
    if counters_differ(expected.counters, actual.counters):
        return True
    return any((values != actual.records[n][v]).any() for n, records in expected.records.items() for v, values in records.items())


def counters_differ(expected: Mapping[str, Counters], actual: Mapping[str, Counters]) -> bool:
    """Whether any population has counted something else."""
    what = [field.name for field in dataclasses.fields(Counters)]
    return any((getattr(counters, w) != getattr(actual[name], w)).any() for name, counters in expected.items() for w in what)


def configurations(name: str) -> list[Config]:
    """The configuration of this name, a preset, a variant or a file, or all variants for ``all``: a third of them with maps, which have most to cover.

    Raises
    ------
    ConfigError   if there is none.
    """
    if name == "all":
        plain, mapped = ([c for c in VARIANTS.values() if bool(c.map_words) is m] for m in (False, True))
        return [c for k, one in enumerate(plain) for c in ((one,) if k % 2 == 0 else (one, *mapped))]
    return [VARIANTS[name] if name in VARIANTS else configuration(name)]


@dataclass(frozen=True)
class Difference:
    """What one program did on the board that it should not.

    Attributes
    ----------
    seed, config : reproduce it.
    values : spikes, states, sums, counters or steps differ.   cycles : so do busy cycles: the board's and the model's; None where they agree.
    """

    seed: int
    config: str
    values: bool
    cycles: tuple[int, int] | None


class _Boards:
    """A simulated board that shows every step for each configuration, made when it is first used; closed at the end of the block."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[CompiledBoard, devices.LinkedDevice]] = {}

    def __enter__(self) -> _Boards:
        return self

    def __exit__(self, *_: object) -> None:
        for name in list(self._open):
            self.discard(name)

    def of(self, config: Config) -> tuple[CompiledBoard, devices.LinkedDevice]:
        """Board and device of a configuration."""
        if config.name not in self._open:
            board = CompiledBoard(config, trace=True)
            self._open[config.name] = board, devices.LinkedDevice(Link(board), url=f"sim:{config.name}", config=config)
        return self._open[config.name]

    def discard(self, name: str) -> None:
        """Close the board of this configuration; the next one is as new."""
        self._open.pop(name)[1].close()


def verify_random(config_name: str, count: int, seed: int, inject: str | None, advance: Callable[[], None]) -> dict[str, Any]:
    """Run ``count`` random programs; with ``inject`` each has one bit flipped after loading. Program ``k`` runs on configuration ``k`` in turn.

    Returns ``programs``, ``injected`` (how many had a word to flip a bit of), ``mismatches`` (programs whose values differ), ``cycle_mismatches`` (whose
    cycles do), ``cycles_equal`` (whose cycles do not), ``counted_alone`` (how many cycle comparisons were of a run that sends nothing, by the reason),
    ``seed`` and ``config`` of the first one that differs (or the first of all), ``differences``, all of them, ``coverage``, how many programs exercised
    each option, bit of a descriptor and value of a micro-operation, and ``not_covered``, those that none did.

    Raises
    ------
    InputError    for an unknown fault, and for one in maps that no configuration has.
    ConfigError   for an unknown configuration.
    """
    configs = configurations(config_name)
    faults.check(inject, maps=any(c.map_words for c in configs), config=config_name)
    differences: list[Difference] = []
    coverage: dict[str, int] = dict.fromkeys(asked_for(configs), 0)
    alone: dict[str, int] = dict.fromkeys(ALONE, 0)
    injected = 0
    with _Boards() as boards:
        for current in range(seed, seed + count):
            config = configs[current % len(configs)]
            flipped, values, cycles = _verify_one(boards, config, current, inject, coverage, alone)
            injected += flipped
            if values or cycles:
                differences.append(Difference(current, config.name, values, cycles))
            advance()
    first = differences[0] if differences else Difference(seed, config_name, False, None)
    cycle_mismatches = sum(d.cycles is not None for d in differences)
    return {
        "programs": count, "injected": injected, "mismatches": sum(d.values for d in differences),
        "cycle_mismatches": cycle_mismatches, "cycles_equal": count - cycle_mismatches, "counted_alone": alone, "seed": first.seed, "config": first.config, "configurations": list(dict.fromkeys(c.name for c in configs)),
        "differences": [dataclasses.asdict(d) for d in differences],
        "coverage": dict(sorted(coverage.items())), "not_covered": sorted(name for name, programs in coverage.items() if not programs),
    }  # fmt: skip


def random_program(seed: int, config: Config) -> tuple[np.random.Generator, Program, NDArray[np.uint8]]:
    """The program of ``seed`` and its input (time, neuron); and the generator that goes on."""
    rng = np.random.default_rng(seed)
    recurrent = np.random.default_rng([seed, 2]).random() < 0.3
    network = random_network(rng, config=config, recurrent=recurrent, corners=True, sparse=True)
    modes = random_modes(rng, network, config)
    steps = rng.integers(network.state_max, 3 * network.state_max) if long_run(network) else rng.integers(2, 40)
    spikes = random_spikes(rng, network, int(steps), corners=True)
    orders = np.random.default_rng([seed, 1])
    modes = drawn_modes(network, config, modes)
    program = compile_with_random_layouts(orders, network, config, modes) if orders.random() < 0.5 else compile_network(network, config, modes)
    return rng, program, spikes


def _verify_one(
    boards: _Boards, config: Config, seed: int, inject: str | None, coverage: dict[str, int], alone: dict[str, int]
) -> tuple[bool, bool, tuple[int, int] | None]:
    """Run the random program of ``seed``, add to ``coverage`` and ``alone``; whether it has a fault, whether any value differs, and busy cycles as in
    :class:`Difference`. An error after a fault is a difference, too: the sequencer may wait for ever for what the fault has asked it for."""
    board, device = boards.of(config)
    rng, program, spikes = random_program(seed, config)
    network = program.network
    # Recording slows the steps down, so that every other program runs without; the trace shows its states all the same.
    currents = [f"{name}.i" for name in program.order if "i" in program.population(name).record]
    record = ["all", "all.v", *currents] if rng.random() < 0.5 else []
    everything = GoldenModel(network).run(spikes, record=["all", "all.v", "all.i", "all.x"])
    kept = parse_records(network, record)
    expected = dataclasses.replace(everything, records={n: {v: everything.records[n][v] for v in kept[n]} for n in kept})
    device.load(program)
    flipped = inject is not None and faults.inject(rng, device.link.write, program, inject) is not None
    for option in exercised(program, spikes, with_output(network, kept), expected):
        if option in coverage:
            coverage[option] += 1
    try:
        values, sent, counted = _run(board, device, spikes, record, everything, expected, alone)
    except LiflineError:
        if not flipped:
            raise
        boards.discard(config.name)
        return True, True, None
    [costs] = predict(program, config, activity_of(network, spikes, everything), record=sent)
    busy = int(counted.busy[0])
    return flipped, values, None if costs.busy_cycles == busy else (busy, costs.busy_cycles)


def _run(
    board: CompiledBoard, device: devices.LinkedDevice, spikes: NDArray[np.uint8], record: list[str], everything: RunResult, expected: RunResult,
    alone: dict[str, int],
) -> tuple[bool, list[str] | None, Cycles]:
    """Run the loaded program: whether any value differs, and what was sent in the run whose cycles count, and these."""
    assert device.program is not None
    board.trace()  # whatever an injected fault did before
    result = device.run(spikes, record=record)
    values = differs(expected, result) or bool(trace.differs(everything, board.trace(), device.program, device.program.config))
    assert result.cycles is not None
    if not result.cycles.stall_output[0]:
        return values, record, result.cycles
    # The board does not count what goes on while it waits for room, and the model cannot know when the host makes room: the same input
    # runs once more and sends nothing.
    alone[OUTPUT_FULL] += 1
    counters, counted = device.count(spikes)
    return values or counters_differ(expected.counters, counters), None, counted
