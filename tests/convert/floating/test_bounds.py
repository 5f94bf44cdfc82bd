"""Bounds of membranes: never too low, and a layer that cannot fire is named with what it reaches."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lifline.convert.floating.bounds import LONG_RUN, membrane_reach, silent_notes
from lifline.convert.floating.evaluate import evaluate
from lifline.convert.floating.network import FloatNetwork, FloatNeurons, FloatPopulation, FloatProjection
from lifline.convert.floating.operators import Dense, Offset
from lifline.convert.nir.dialects import Reset
from lifline.convert.nir.import_graph import import_nir
from lifline.convert.quantisation.fidelity import fidelity
from lifline.convert.quantisation.quantise import quantise

from ..nir.test_export_graph import random_floats

nir = pytest.importorskip("nir")


@settings(max_examples=100, deadline=None)
@example(seed=100797, steps=3)  # a bias behind a population whose bounds have no end
@given(seed=st.integers(0, 1 << 40), steps=st.integers(1, 30))
def test_no_run_leaves_the_bounds(seed: int, steps: int) -> None:
    """Also signed and graded inputs. Before its first spike a membrane stays inside; a neuron that cannot fire never does."""
    rng = np.random.default_rng(seed)
    network = random_floats(rng).replace(precision="float64")
    low, high = [(0.0, 1.0), (-1.0, 0.5), (0.0, 4.0)][int(rng.integers(3))]
    x = rng.choice([low, 0.0, high], (3, steps, *network.input.shape), p=[0.2, 0.2, 0.6])
    result = evaluate(network, x, record="all")
    for name, reach in membrane_reach(network, steps=steps, inputs=(low, high)).items():
        neurons = network.population(name).neurons
        assert neurons is not None
        v = result.v[name]
        if neurons.threshold is None:
            seen = np.ones(v.shape, bool)
        else:
            fired = result.spikes[name].any(axis=(0, 1))
            assert reach.fires[fired].all()
            seen = np.cumsum(result.spikes[name], axis=1) == 0
        assert (v <= reach.highest + 1e-9 + 1e-9 * np.abs(reach.highest))[seen].all()
        assert (v >= reach.lowest - 1e-9 - 1e-9 * np.abs(reach.lowest))[seen].all()


def one(**changes: Any) -> FloatNetwork:
    fields: dict[str, Any] = {"keep_v": 0.9, "gain_v": 1.0, "gain_i": 1.0, "drive": 0.0, "threshold": 1.0, "reset": Reset.NOW_VALUE, "v_reset": 0.0, "strict": True, "cap": 1, "v_min": None}
    neurons = FloatNeurons(**(fields | changes))
    return FloatNetwork(
        name="one", populations=(FloatPopulation("in", (2,)), FloatPopulation("out", (2,), neurons)),
        projections=(FloatProjection(source="in", target="out", operators=(Dense(np.array([[0.06, 0.02], [0.05, -0.5]])),)),), output="out", precision="float64",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "steps", "highest"),
    [
        ({}, None, [0.8, 0.5]),
        ({}, 1, [0.08, 0.05]),
        ({}, 2, [0.152, 0.095]),
        ({"keep_v": 1.0}, 1000, [80.0, 50.0]),
        ({"drive": 0.05}, None, [1.3, 1.0]),
        ({"gain_v": 0.5}, None, [0.4, 0.25]),
        ({"gain_v": -1.0}, None, [0.0, 5.0]),
        ({"keep_i": 0.5}, None, [1.6, 1.0]),
        ({"keep_v": 0.0}, None, [0.08, 0.05]),
        ({"v_start": 0.7}, 1, [0.71, 0.68]),
        ({"v_start": 9.0}, None, [8.18, 8.15]),
        ({"v_start": -0.9, "v_min": -0.1}, 2, [0.071, 0.014]),  # the clamp lifts it in the first step
    ],
)
def test_bounds_are_reached(changes: dict[str, Any], steps: int | None, highest: list[float]) -> None:
    """The largest membrane is the one that the best input gives in every step."""
    np.testing.assert_allclose(membrane_reach(one(**changes), steps=steps)["out"].highest, highest)


@pytest.mark.parametrize(("threshold", "strict", "fires"), [(0.8, False, True), (0.81, False, False), (0.79, True, True), (0.9, True, False)])
def test_a_threshold_at_the_bound(threshold: float, strict: bool, fires: bool) -> None:
    reach = membrane_reach(one(threshold=threshold, strict=strict), steps=None)["out"]
    assert reach.fires.tolist() == [fires, False]
    assert bool(silent_notes(one(threshold=threshold, strict=strict))) is not fires


def test_a_layer_behind_a_silent_one_is_silent_but_for_its_bias() -> None:
    """Recurrence does not wake it either."""
    rng = np.random.default_rng(0)

    def network(bias: float) -> FloatNetwork:
        first, second = one().population("out").neurons, one(threshold=0.5).population("out").neurons
        chain = (Dense(rng.uniform(0, 5, (2, 2)), np.full(2, bias)),)
        return FloatNetwork(
            name="two", populations=(FloatPopulation("in", (2,)), FloatPopulation("a", (2,), first), FloatPopulation("b", (2,), second)),
            projections=(
                *(FloatProjection(source="in", target="a", operators=(Dense(np.full((2, 2), 0.01)),)),),
                FloatProjection(source="a", target="b", operators=chain),
                FloatProjection(source="b", target="b", operators=(Dense(np.full((2, 2), 9.0)),), delays=np.asarray(1)),
            ), output="b", precision="float64",
        )  # fmt: skip

    assert [note.split("`")[1] for note in silent_notes(network(0.0))] == ["a", "b"]
    assert [note.split("`")[1] for note in silent_notes(network(0.1))] == ["a"]
    assert not evaluate(network(0.0), np.ones((1, 500, 2))).output.any()
    assert evaluate(network(0.1), np.ones((1, 500, 2))).output.any()


@pytest.mark.parametrize(("dialect", "changes", "dead"), [("snntorch", {}, False), ("snntorch", {"dt": 1e-9}, True), ("sinabs", {"dt": 1e-9}, True), ("norse", {}, True), ("norse", {"dt": 1e-4}, False)])
def test_a_time_step_that_kills_a_network_is_noted(dialect: str, changes: dict[str, float], dead: bool) -> None:
    """Time constants that are 1e8 steps long: a run of any length that happens ends before the first spike."""
    lif = nir.LIF(tau=np.full(2, 1e-2), r=np.full(2, 1.02), v_leak=np.zeros(2), v_threshold=np.ones(2), v_reset=np.zeros(2))
    network = import_nir(nir.NIRGraph.from_list(nir.Linear(np.full((2, 4), 0.25)), lif), dialect, **changes)
    notes = [note for note in network.notes if "can never fire" in note]
    assert bool(notes) is dead
    if dead:
        assert f"`lif` can never fire: in {LONG_RUN:,} steps" in notes[0] and f"dialect `{dialect}`" in notes[0] and "check dt" in notes[0]
    else:
        assert evaluate(network, np.ones((1, LONG_RUN, 4))).output.any()


@pytest.mark.parametrize("cap", [1, 3])
def test_several_spikes_raise_the_next_layer_by_as_many(cap: int) -> None:
    first, second = one(cap=cap, threshold=0.1).population("out").neurons, one(keep_v=0.0).population("out").neurons
    network = FloatNetwork(
        name="two", populations=(FloatPopulation("in", (2,)), FloatPopulation("a", (2,), first), FloatPopulation("b", (2,), second)), output="b", precision="float64",
        projections=(
            FloatProjection(source="in", target="a", operators=(Dense(np.ones((2, 2))),)),
            FloatProjection(source="a", target="b", operators=(Dense(np.array([[0.2, 0.1], [-1.0, 0.1]])),)),
        ),
    )  # fmt: skip
    np.testing.assert_allclose(membrane_reach(network)["b"].highest, [0.3 * cap, 0.1 * cap])


def test_offsets_move_both_bounds() -> None:
    base = one(keep_v=0.0)
    (projection,) = base.projections
    moved = base.replace(projections=(dataclasses.replace(projection, operators=(*projection.operators, Offset(np.array([-0.5, 0.25])))),))
    reach = membrane_reach(moved)["out"]
    np.testing.assert_allclose(reach.highest, [-0.42, 0.3])
    np.testing.assert_allclose(reach.lowest, [-0.5, -0.25])


def test_membranes_around_a_cycle_have_no_bound() -> None:
    li = one(threshold=None, reset=Reset.NONE).population("out").neurons
    loop = FloatNetwork(
        name="loop", populations=(FloatPopulation("in", (2,)), FloatPopulation("out", (2,), li)), output="out", precision="float64",
        projections=(
            FloatProjection(source="in", target="out", operators=(Dense(np.eye(2)),)),
            FloatProjection(source="out", target="out", operators=(Dense(2 * np.eye(2)),), delays=np.asarray(1)),
        ),
    )  # fmt: skip
    assert (membrane_reach(loop, steps=None)["out"].highest > 1e20).all()


def test_a_fidelity_report_on_a_silent_layer_repeats_what_the_import_noted() -> None:
    lif = nir.LIF(tau=np.full(2, 2.5e-4), r=np.ones(2), v_leak=np.zeros(2), v_threshold=np.full(2, 0.3), v_reset=np.zeros(2))
    graph = nir.NIRGraph.from_list(nir.Linear(np.random.default_rng(0).normal(0.3, 0.5, (2, 8))), lif)
    x = (np.random.default_rng(1).random((4, 30, 8)) < 0.3).astype(np.uint8)
    silent = import_nir(graph, "norse")
    assert not evaluate(silent, x).output.any()
    assert any("the import noted: Norse's exporter" in line for line in fidelity(silent, quantise(silent, x), x).advice)
    right = import_nir(graph, "norse", dt=2.5e-5)
    assert evaluate(right, x).output.any() and not any("noted" in line for line in fidelity(right, quantise(right, x), x).advice)
