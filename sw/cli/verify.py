"""Random networks on the simulated board against the golden model, and faults that must be found."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import numpy as np

from lifline.arch.config import Config
from lifline.arch.config_file import configuration
from lifline.arch.errors import InputError
from lifline.arch.layout import WORD_BITS, Field, Word
from lifline.arch.program import (
    FIRST_COUNTER,
    INSTRUCTION,
    MICRO,
    PASS_WORDS,
    POPULATION_WORDS,
    RING_WORDS,
    Addend,
    Carry,
    Factor,
    Latch,
    Mode,
    Record,
)
from lifline.arch.registers import Space, address
from lifline.compiler.compile import compile_network
from lifline.compiler.program import Program
from lifline.compiler.random_layouts import compile_with_random_layouts
from lifline.driver import device as devices
from lifline.driver import trace
from lifline.driver.link import Link
from lifline.network.model import ResetRule
from lifline.network.result import RunResult, parse_records, with_output
from lifline.sim.board.simulated import CompiledBoard
from lifline.sim.golden.model import GoldenModel
from lifline.sim.random.network import long_run, random_network, random_spikes
from lifline.sim.random.variants import VARIANTS

FAULTS = {"weight": Space.WEIGHTS, "state": Space.NEURONS, "delay": Space.DELAYS, "descriptor": Space.PROGRAM}


def differs(expected: RunResult, actual: RunResult) -> bool:
    """Whether any spike, recorded state, counter or step count differs."""
    if (expected.steps != actual.steps).any() or (expected.output_spikes != actual.output_spikes).any():
        return True
    for name, counters in expected.counters.items():
        other = actual.counters[name]
        for what in ("spikes", "budget_hits", "saturations"):
            if (getattr(counters, what) != getattr(other, what)).any():
                return True
    return any((values != actual.records[n][v]).any() for n, records in expected.records.items() for v, values in records.items())


OPTIONS = (
    "mode event", "mode dense", *(f"reset {r.value}" for r in ResetRule), "strict", "not strict", "read-out", "current", "clamp", "budget hit",
    "saturation", "bias", "threshold per neuron", "axonal delay", "early exit", "full spike count", "another order", "padding",
)  # fmt: skip
VALUES = {"factor": Factor, "addend": Addend, "latch": Latch, "carry": Carry, "record": Record}
"""Fields of a micro-operation whose values have names; each value must have been executed."""

BITS = {
    "instruction.argument": 3, "pass_0.source_words": 2, "pass_0.blocks": 3, "pass_1.ring_base": 8, "pass_1.ring": 7, "pass_2.weight_base": 9,
    "pass_2.fan_in": 7, "population_0.rows": 5, "population_0.neuron_base": 7, "population_1.prologue": 2, "population_1.update": 4,
    "population_1.record": 2, "population_1.rings": 2, "population_1.population": 2, "population_2.micro_words": 5, "population_5.ring": 7,
    "population_6.last_row": 16, "population_3.period_words": 2, "population_5.period_rows": 3, "ring_0.base": 8, "ring_0.rows": 7, "ring_1.delay": 6, "micro.offset": 3,
}  # fmt: skip
"""Low bits of counts and addresses that networks of this size need on the variants; of all other fields every bit must have been set."""


def _bits(layout: Word, field: Field) -> int:
    return BITS.get(f"{layout.name}.{field.name}", field.width)


FIELDS = tuple(
    name
    for layout in (INSTRUCTION, *PASS_WORDS, *POPULATION_WORDS[:FIRST_COUNTER], *RING_WORDS, MICRO)
    for f in layout.fields
    if f.name not in ("reserved", "opcode", "head")  # the sequencer writes the head
    for name in (
        [f"micro.{f.name} {value.name.lower()}" for value in VALUES[f.name]]
        if layout is MICRO and f.name in VALUES
        else [f"{layout.name}.{f.name}[{k}]" for k in range(_bits(layout, f))]
    )
)
"""Bits of descriptors that some program must have set, and values of micro-operations that some program must have executed."""


def _coverage(program: Program, wanted: dict[str, set[str]], expected: RunResult) -> set[str]:
    """Options that this program has exercised, descriptor bits that were set in it, and values of its micro-operations."""
    network = program.network
    seen = {f"mode {p.mode.name.lower()}" for p in program.passes}
    for population in network.populations:
        neurons = population.neurons
        if neurons is None:
            continue
        counters = expected.counters[population.name]
        seen.add(f"reset {neurons.reset.value}")
        seen.add("strict" if neurons.strict else "not strict")
        flags = {
            "read-out": neurons.cap == 0,
            "current": neurons.decay_i != 4096,
            "clamp": neurons.v_min is not None,
            "budget hit": bool(counters.budget_hits.any()),
            "saturation": bool(counters.saturations.any()),
            "bias": bool(np.any(neurons.bias)),
            "threshold per neuron": np.ndim(neurons.threshold) > 0,
        }
        seen |= {name for name, on in flags.items() if on}
    seen |= {"axonal delay" for p in network.projections if np.ptp(p.delay_vector())}
    seen |= {"early exit"} if expected.exited.any() else set()
    if network.early_exit is not None and (expected.spike_counts > network.state_max).any():
        seen.add("full spike count")
    seen |= {"another order" for layout in program.layouts.values() if (np.diff(layout.indices) < 0).any()}
    seen |= {"padding" for layout in program.layouts.values() if layout.size > layout.neurons}
    for _, layout, word in program.listing(program.recording(wanted)):
        for field, value in layout.unpack(word).items():
            if layout is MICRO and field in VALUES:
                seen.add(f"micro.{field} {VALUES[field](value).name.lower()}")
            seen |= {f"{layout.name}.{field}[{k}]" for k in range(WORD_BITS) if value >> k & 1}
    return seen


def configurations(name: str) -> list[Config]:
    """The configuration of this name, a preset, a variant or a file, or all variants for ``all``.

    Raises
    ------
    ConfigError   if there is none.
    """
    if name == "all":
        return list(VARIANTS.values())
    return [VARIANTS[name] if name in VARIANTS else configuration(name)]


def verify_random(config_name: str, count: int, seed: int, inject: str | None, advance: Callable[[], None]) -> dict[str, Any]:
    """Run ``count`` random programs; with ``inject`` each has one bit flipped after loading. Program ``k`` runs on configuration ``k`` in turn.

    Returns ``programs``, ``mismatches`` (programs that differ), ``seed`` and ``config`` of the first one that differs (or the first
    of all), ``coverage``, how many programs exercised each option, bit of a descriptor and value of a micro-operation, and ``not_covered``, those that none did.

    Raises
    ------
    InputError    for an unknown fault.
    ConfigError   for an unknown configuration.
    """
    if inject is not None and inject not in FAULTS:
        raise InputError(f"cannot inject {inject!r}; choose one of {', '.join(FAULTS)}")
    configs = configurations(config_name)
    mismatches, failing = 0, (seed, config_name)
    coverage = dict.fromkeys((*OPTIONS, *FIELDS), 0)
    with ExitStack() as stack:
        boards: dict[str, tuple[CompiledBoard, devices.LinkedDevice]] = {}
        for current in range(seed, seed + count):
            config = configs[current % len(configs)]
            if config.name not in boards:
                board = CompiledBoard(config, trace=True)
                boards[config.name] = board, stack.enter_context(devices.LinkedDevice(Link(board), url=f"sim:{config.name}", config=config))
            board, device = boards[config.name]
            if _verify_one(board, device, config, current, inject, coverage):
                failing = failing if mismatches else (current, config.name)
                mismatches += 1
            advance()
    return {
        "programs": count, "mismatches": mismatches, "seed": failing[0], "config": failing[1], "configurations": [c.name for c in configs],
        "coverage": dict(sorted(coverage.items())), "not_covered": sorted(name for name, programs in coverage.items() if not programs),
    }  # fmt: skip


def _verify_one(
    board: CompiledBoard, device: devices.LinkedDevice, config: Config, seed: int, inject: str | None, coverage: dict[str, int]
) -> bool:
    """Run the random program of ``seed``, add to ``coverage``; whether anything differs."""
    rng = np.random.default_rng(seed)
    network = random_network(rng, config=config, corners=True)
    modes = {(p.source, p.target): Mode(int(rng.integers(2)) if config.dense_lanes else 0) for p in network.projections}
    steps = rng.integers(network.state_max, 3 * network.state_max) if long_run(network) else rng.integers(2, 40)
    spikes = random_spikes(rng, network, int(steps), corners=True)
    orders = np.random.default_rng([seed, 1])
    program = compile_with_random_layouts(orders, network, config, modes) if orders.random() < 0.5 else compile_network(network, config, modes)
    # Recording slows the steps down, so that every other program runs without; the trace shows its states all the same.
    currents = [f"{p.name}.i" for p in program.populations if "i" in p.record]
    record = ["all", "all.v", *currents] if rng.random() < 0.5 else []
    everything = GoldenModel(network).run(spikes, record=["all", "all.v", "all.i", "all.x"])
    kept = parse_records(network, record)
    expected = dataclasses.replace(everything, records={n: {v: everything.records[n][v] for v in kept[n]} for n in kept})
    device.load(program)
    if inject is not None:
        space = FAULTS[inject]
        image = program.images[space]
        word = program.populations[0].address + 2 if inject == "descriptor" else int(rng.integers(len(image)))
        device.link.write(address(space, word), [int(image[word]) ^ (1 << int(rng.integers(3)))])
    for option in _coverage(program, with_output(network, kept), expected):
        if option in coverage:
            coverage[option] += 1
    board.trace()  # whatever an injected fault did before
    result = device.run(spikes, record=record)
    return differs(expected, result) or bool(trace.differs(everything, board.trace(), program, config))
