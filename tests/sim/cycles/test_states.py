"""The cycle model's machines are the gateware's: no state, and no way between two, on one side only."""

from __future__ import annotations

import ast
import inspect
from enum import IntEnum
from types import ModuleType
from typing import get_type_hints

import numpy as np
import pytest
from amaranth.hdl import Fragment
from amaranth.lib.wiring import Component

from lifline.arch import states
from lifline.arch.program import Mode
from lifline.arch.timing import WALK_STAGES
from lifline.compiler.compile import compile_network
from lifline.driver.predict import predict, record_activity
from lifline.network.connections.fully_connected import FullyConnected
from lifline.network.connections.pooling import Pooling
from lifline.network.model import Network, Neurons, Population, Projection
from lifline.rtl.cells.states import States
from lifline.rtl.control import sequencer as rtl_sequencer
from lifline.rtl.spikes import router as rtl_router
from lifline.sim.cycles import core, model, router, sequencer, walk
from lifline.sim.random.variants import VARIANTS

CONFIG = VARIANTS["maps"]
BETWEEN_PASSES = {*sequencer.BETWEEN_RUNS, *sequencer.PER_WINDOW, *sequencer.PER_RING, *sequencer.PER_LOOP_STEP, *sequencer.BEFORE_HEAD}


def handled(module: ModuleType, machine: type[IntEnum]) -> list[IntEnum]:
    """States that a branch of the engine's ``step`` compares with, as often as it does."""
    comparisons = [node for node in ast.walk(ast.parse(inspect.getsource(module.step.py_func))) if isinstance(node, ast.Compare)]
    compared = [ast.unparse(right).split(".") for node in comparisons for right in node.comparators]
    return [machine[names[1]] for names in compared if names[0] == "State"]


def test_the_model_handles_every_state_of_the_router_once() -> None:
    assert sorted(handled(router, states.Router)) == list(states.Router)


def test_the_model_handles_every_state_of_a_pass_once_and_counts_the_others() -> None:
    within = handled(sequencer, states.Sequencer)
    assert len(set(within)) == len(within) and not BETWEEN_PASSES & set(within)
    assert BETWEEN_PASSES | set(within) == set(states.Sequencer)


def followers(
    monkeypatch: pytest.MonkeyPatch, component: type[Component], module: ModuleType, machine: type[IntEnum]
) -> set[tuple[IntEnum, IntEnum]]:
    """Pairs of different states, one after the other, that the gateware describes."""
    found = set()

    class Watched(States):
        def next(self, name: str) -> None:
            assert self.open is not None
            found.add(tuple(machine(self.names.index(state)) for state in (self.open, name)))
            super().next(name)

    monkeypatch.setattr(module, "States", Watched)
    Fragment.get(component(CONFIG), None)
    return {pair for pair in found if pair[0] != pair[1]}


def network(rng: np.random.Generator) -> Network:
    """A hidden population with a ring of many delays and one of a single delay, a population that two others lead to, and one behind a pooling."""
    hidden, side, out = (Population(name, shape, Neurons(threshold=40)) for name, shape in (("hidden", (5, 8)), ("side", (8,)), ("out", (9,))))
    pooled = Population("pooled", (5, 4), Neurons(threshold=1))
    return Network(
        name="ways", state_bits=CONFIG.state_bits, output="out", populations=(Population("in", (20,)), hidden, pooled, side, out),
        projections=(
            Projection(source="in", target="hidden", weights=rng.integers(-9, 60, (40, 20))),
            Projection(source="hidden", target="pooled", weights=[3], delays=2, connection=Pooling(2)),
            Projection(source="hidden", target="side", weights=rng.integers(-9, 60, (8, 40)), delays=2),
            Projection(source="hidden", target="out", weights=rng.integers(-9, 60, (9, 40)), delays=rng.integers(0, 4, 40)),
            Projection(source="side", target="out", weights=rng.integers(-9, 60, (9, 8))),
        ),
    )  # fmt: skip


@pytest.fixture(scope="module")
def walked() -> tuple[set[tuple[IntEnum, IntEnum]], set[tuple[IntEnum, IntEnum]]]:
    """Pairs of different states that follow each other in the model, of the sequencer and of the router, in passes of all kinds."""
    seen: tuple[set[tuple[IntEnum, IntEnum]], ...] = (set(), set())

    def cycles(
        own: np.ndarray, target: np.ndarray, count: int, active: np.ndarray, fired: np.ndarray, walks: core.Walks, kernels: core.Kernels
    ) -> tuple[int, int]:
        one = np.zeros(1, core.CORE)
        one["sequencer"]["state"] = states.Sequencer.PASS_HEAD
        counted = 0
        while one[0]["sequencer"]["state"] != states.Sequencer.DECODE:
            before = one[0]["sequencer"]["state"], one[0]["router"]["state"]
            core.cycle(one[0], own[0], target[0], count, active, fired, walks, kernels)
            after = one[0]["sequencer"]["state"], one[0]["router"]["state"]
            for pairs, machine, old, new in zip(seen, (states.Sequencer, states.Router), before, after, strict=True):
                if old != new:
                    pairs.add((machine(old), machine(new)))
            counted += 1
        return counted, 0

    rng = np.random.default_rng(0)
    net, spikes = network(rng), (rng.random((20, 20)) < 0.1).astype(np.uint8)
    activity, compiled = record_activity(net, spikes), model.pass_cycles
    for mode in Mode:
        modes = {(p.source, p.target): mode if isinstance(p.connection, FullyConnected) else Mode.EVENT for p in net.projections}
        program = compile_network(net, CONFIG, modes)
        for record in ([], ["all"]):
            [expected] = predict(program, CONFIG, activity, record=record)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(model, "pass_cycles", cycles)
                [found] = predict(program, CONFIG, activity, record=record)
            assert found.busy_cycles == expected.busy_cycles
    assert model.pass_cycles is compiled
    return seen[0], seen[1]


def test_the_sequencer_goes_every_way_within_a_pass(monkeypatch: pytest.MonkeyPatch, walked: tuple[set, set]) -> None:
    within = set(handled(sequencer, states.Sequencer))
    described = followers(monkeypatch, rtl_sequencer.Sequencer, rtl_sequencer, states.Sequencer)
    assert walked[0] == {(old, new) for old, new in described if old in within}


def test_the_router_goes_every_way(monkeypatch: pytest.MonkeyPatch, walked: tuple[set, set]) -> None:
    assert walked[1] == followers(monkeypatch, rtl_router.Router, rtl_router, states.Router)


def test_the_model_has_the_stages_of_the_walk() -> None:
    stages = [name for name in get_type_hints(walk.Walk) if name.startswith("stage_")]
    assert stages == [f"stage_{k + 1}" for k in range(WALK_STAGES)]
