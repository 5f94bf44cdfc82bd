"""Random networks on the simulated board against the golden model, and faults that must be found."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from lifline.arch.config import preset
from lifline.arch.errors import InputError
from lifline.arch.program import Mode
from lifline.arch.registers import Space, address
from lifline.compiler.compile import compile_network
from lifline.driver import device as devices
from lifline.driver import trace
from lifline.driver.link import Link
from lifline.network.model import Network
from lifline.network.result import RunResult
from lifline.sim.board import CompiledBoard
from lifline.sim.golden import GoldenModel
from lifline.sim.random_network import random_network, random_spikes

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


def _coverage(network: Network, modes: dict[tuple[str, str], Mode], expected: RunResult) -> set[str]:
    """Options that this program has exercised."""
    seen = {f"mode {m.name.lower()}" for m in modes.values()}
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
    return seen


def verify_random(config_name: str, count: int, seed: int, inject: str | None, advance: Callable[[], None]) -> dict[str, Any]:
    """Run ``count`` random programs; with ``inject`` each has one bit flipped after loading.

    Returns ``programs``, ``mismatches`` (programs that differ), ``seed`` of the first one that differs (or the first
    seed), and ``coverage``, how many programs exercised each option.

    Raises
    ------
    InputError   for an unknown fault.
    """
    if inject is not None and inject not in FAULTS:
        raise InputError(f"cannot inject {inject!r}; choose one of {', '.join(FAULTS)}")
    config = preset(config_name)
    mismatches, failing = 0, seed
    coverage: dict[str, int] = {}
    board = CompiledBoard(config, trace=True)
    with devices.LinkedDevice(Link(board), url=f"sim:{config_name}") as device:
        for current in range(seed, seed + count):
            rng = np.random.default_rng(current)
            network = random_network(rng, config=config)
            modes = {(p.source, p.target): Mode(int(rng.integers(2))) for p in network.projections}
            spikes = random_spikes(rng, network, int(rng.integers(2, 40)))
            program = compile_network(network, config, modes)
            # Recording slows the steps down, so that every other program runs without; the trace shows its states all the same.
            record = ["all", "all.v"] if current % 2 else []
            everything = GoldenModel(network).run(spikes, record=["all", "all.v", "all.i"])
            expected = dataclasses.replace(everything, records={n: {v: r[v] for v in ("spikes", "v") if record} for n, r in everything.records.items()})
            device.load(program)
            if inject is not None:
                space = FAULTS[inject]
                image = program.images[space]
                word = program.populations[0].address + 2 if inject == "descriptor" else int(rng.integers(len(image)))
                device.link.write(address(space, word), [int(image[word]) ^ (1 << int(rng.integers(3)))])
            for option in _coverage(network, modes, expected):
                coverage[option] = coverage.get(option, 0) + 1
            board.trace()  # whatever an injected fault did before
            result = device.run(spikes, record=record)
            if differs(expected, result) or trace.differs(everything, board.trace(), program):
                failing = current if not mismatches else failing
                mismatches += 1
            advance()
    return {"programs": count, "mismatches": mismatches, "seed": failing, "config": config_name, "coverage": dict(sorted(coverage.items()))}
